// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>

#include "ctl.h"

static int parse(struct ctl *ctl, char **argv, int *ret_first)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return ctl_options_parse(ctl, argc, argv, ret_first);
}

#define PARSE(ctl, first, ...) parse(ctl, (char *[]){"mnatctl", __VA_ARGS__, NULL}, first)

Test(options, anywhere_among_the_words)
{
	char *argv[] = {"mnatctl", "dump", "-j", "hosts", "--from", "mmd", "-w50", NULL};
	struct ctl ctl = {.wait_ms = 2000};
	int first;

	cr_assert_eq(parse(&ctl, argv, &first), 0);
	cr_assert(ctl.json);
	cr_assert_str_eq(ctl.from, "mmd");
	cr_assert_eq(ctl.wait_ms, 50);
	cr_assert_eq(first, 5);
	cr_assert_str_eq(argv[5], "dump");
	cr_assert_str_eq(argv[6], "hosts");
}

Test(options, wrong_ones, .init = cr_redirect_stderr)
{
	struct ctl ctl = {.wait_ms = 2000};
	int first = 99;

	cr_assert_eq(PARSE(&ctl, &first, "--jsn"), -EINVAL);
	cr_assert_eq(PARSE(&ctl, &first, "-x"), -EINVAL);
	cr_assert_eq(PARSE(&ctl, &first, "dump", "-o"), -EINVAL);
	cr_assert_eq(PARSE(&ctl, &first, "-w", "0"), -EINVAL);
	cr_assert_eq(PARSE(&ctl, &first, "-w", "5s"), -EINVAL);
	cr_assert_eq(PARSE(&ctl, &first, "-w", "99999999999"), -EINVAL);
	cr_assert_eq(ctl.wait_ms, 2000);
	cr_assert_eq(first, 99);
}

Test(options, belong_to_their_command)
{
	struct ctl ctl = {};
	int first;

	cr_assert_eq(PARSE(&ctl, &first, "--last", "3"), 0);
	cr_assert_null(ctl_options_misplaced(&ctl, "handover"));
	cr_assert_str_eq(ctl_options_misplaced(&ctl, "status"), "last");
}

Test(options, usage_errors_exit_2, .init = cr_redirect_stderr)
{
	struct ctl ctl = {.out = stdout, .run_dir = "/nonexistent", .wait_ms = 100};

	cr_assert_eq(ctl_run(&ctl, 1, (char *[]){"dupm", NULL}), CTL_USAGE);
	cr_assert_eq(ctl_run(&ctl, 1, (char *[]){"dump", NULL}), CTL_USAGE);
	cr_assert_eq(ctl_run(&ctl, 3, (char *[]){"dump", "hosts", "x", NULL}), CTL_USAGE);
	cr_assert_eq(ctl_run(&ctl, 2, (char *[]){"dump", "hots", NULL}), CTL_USAGE);
	cr_assert_eq(ctl_run(&ctl, 2, (char *[]){"replace", "10.0.1.5", NULL}), CTL_USAGE);
	cr_assert_eq(ctl_run(&ctl, 3, (char *[]){"replace", "10.0.1.5", "x", NULL}), CTL_USAGE);
}
