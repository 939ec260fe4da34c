// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <string.h>

#include "ctl.h"

static const struct ctl_daemon mmd = {"mmd", "mnat-mmd"};
static const struct ctl_daemon midcomd = {"midcomd", "mnat-midcomd"};

static void add(json_t *status, const struct ctl_daemon *daemon, const char *answer_text)
{
	json_t *answer = json_loads(answer_text, 0, NULL);

	cr_assert_not_null(answer);
	ctl_status_add(status, daemon, answer, NULL);
	json_decref(answer);
}

static const char *problem(const json_t *status, size_t i)
{
	return json_string_value(json_array_get(json_object_get(status, "problems"), i));
}

static bool healthy(const json_t *status)
{
	return json_is_true(json_object_get(status, "healthy"));
}

Test(status, all_well)
{
	json_t *status = ctl_status_new();

	add(status, &mmd, "{\"code\":0,\"healthy\":true,\"problems\":[],\"hosts\":3}");
	add(status, &midcomd, "{\"code\":0,\"healthy\":true,\"problems\":[]}");
	cr_assert(healthy(status));
	cr_assert_eq(json_array_size(json_object_get(status, "problems")), 0);
	cr_assert_eq(json_object_size(json_object_get(status, "daemons")), 2);
	json_decref(status);
}

Test(status, problems_name_their_daemon)
{
	json_t *status = ctl_status_new();

	add(status, &mmd, "{\"code\":0,\"healthy\":false,\"problems\":[\"no gateway\",\"late\"]}");
	add(status, &midcomd, "{\"code\":0,\"healthy\":true,\"problems\":[]}");
	cr_assert(!healthy(status));
	cr_assert_str_eq(problem(status, 0), "mnat-mmd: no gateway");
	cr_assert_str_eq(problem(status, 1), "mnat-mmd: late");
	json_decref(status);
}

Test(status, silence_is_a_problem)
{
	json_t *status = ctl_status_new();

	ctl_status_add(status, &mmd, NULL, "mnat-mmd did not answer");
	cr_assert(!healthy(status));
	cr_assert_str_eq(problem(status, 0), "mnat-mmd did not answer");
	cr_assert_eq(json_object_size(json_object_get(status, "daemons")), 0);
	json_decref(status);
}

Test(status, unhealthy_without_a_reason_and_errors)
{
	json_t *status = ctl_status_new();

	add(status, &mmd, "{\"code\":0,\"healthy\":false}");
	add(status, &midcomd, "{\"code\":200,\"error\":\"maps are gone\"}");
	cr_assert(!healthy(status));
	cr_assert_str_eq(problem(status, 0), "mnat-mmd: not healthy, and gives no reason");
	cr_assert_str_eq(problem(status, 1), "mnat-midcomd: maps are gone");
	json_decref(status);
}

static void expect_text(json_t *status, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ctl_status_print(out, status);
	fclose(out);
	cr_assert_str_eq(text, expected);
	free(text);
	json_decref(status);
}

Test(status, text)
{
	json_t *status = ctl_status_new();

	add(status, &midcomd,
	    "{\"code\":0,\"daemon\":\"mnat-midcomd\",\"uptime_s\":7384,\"healthy\":true,"
	    "\"problems\":[],\"sessions\":340,\"max_sessions\":65536,\"last_sweep_us\":512,"
	    "\"oldest_s\":61,\"sweep\":{\"runs\":3,\"worst_us\":1500}}");
	expect_text(status, "healthy\n\n"
			    "mnat-midcomd, up 2h03m\n"
			    "    sessions    340 of 65536\n"
			    "    last sweep  0.51 ms\n"
			    "    oldest      1m01s\n"
			    "    sweep       runs 3, worst 1.50 ms\n");
}

Test(status, text_of_problems)
{
	json_t *status = ctl_status_new();

	ctl_status_add(status, &mmd, NULL, "mnat-mmd did not answer");
	ctl_status_add(status, &midcomd, NULL, "mnat-midcomd did not answer");
	expect_text(status,
		    "2 problems\n  mnat-mmd did not answer\n  mnat-midcomd did not answer\n");
}
