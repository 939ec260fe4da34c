// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>

#include "ctl.h"
#include "mnat/clock.h"

static const struct ctl_column columns[] = {
	{"proto", "PROTO"},
	{"port", "PORT", .right = true},
	{"virtual", "VIRTUAL", .null = "plain"},
	{"age_s", "AGE", ctl_format_seconds},
	{},
};

static void expect_cell(const struct ctl_column *column, const char *row_text, const char *expected)
{
	json_t *row = json_loads(row_text, 0, NULL);
	char text[CTL_CELL];

	ctl_cell(column, row, text, sizeof(text));
	cr_assert_str_eq(text, expected);
	json_decref(row);
}

Test(cell, values)
{
	expect_cell(&columns[0], "{\"proto\":\"tcp\"}", "tcp");
	expect_cell(&columns[1], "{\"port\":1756}", "1756");
	expect_cell(&columns[0], "{\"proto\":true}", "yes");
	expect_cell(&columns[0], "{\"proto\":[1,2]}", "[1,2]");
}

Test(cell, null_and_absent)
{
	expect_cell(&columns[0], "{}", "-");
	expect_cell(&columns[2], "{\"virtual\":null}", "plain");
	expect_cell(&columns[2], "{}", "plain");
}

Test(cell, control_characters_do_not_reach_the_terminal)
{
	expect_cell(&columns[0], "{\"proto\":\"a\\u001b[2Jb\\n\"}", "a?[2Jb?");
}

Test(cell, durations)
{
	expect_cell(&columns[3], "{\"age_s\":0}", "0s");
	expect_cell(&columns[3], "{\"age_s\":192}", "3m12s");
	expect_cell(&columns[3], "{\"age_s\":7384}", "2h03m");
	expect_cell(&columns[3], "{\"age_s\":356400}", "4d03h");
	expect_cell(&columns[3], "{\"age_s\":-5}", "-5s");
}

static uint64_t one_hundred_seconds(void)
{
	return 100 * MNAT_NS_PER_SEC;
}

Test(cell, since_boot)
{
	const struct ctl_column column = {"at", "AT", ctl_format_since};

	mnat_clock_replace(one_hundred_seconds);
	expect_cell(&column, "{\"at\":10000000}", "1m30s");
	expect_cell(&column, "{\"at\":0}", "-");
	mnat_clock_replace(NULL);
}

Test(columns, all_by_default)
{
	struct ctl_columns chosen;

	cr_assert_eq(ctl_columns_select(columns, NULL, &chosen), 0);
	cr_assert_eq(chosen.n, 4);
	cr_assert_eq(chosen.column[3], &columns[3]);
}

Test(columns, chosen_in_their_order)
{
	struct ctl_columns chosen;

	cr_assert_eq(ctl_columns_select(columns, "virtual,proto,age", &chosen), 0);
	cr_assert_eq(chosen.n, 3);
	cr_assert_eq(chosen.column[0], &columns[2]);
	cr_assert_eq(chosen.column[1], &columns[0]);
	cr_assert_eq(chosen.column[2], &columns[3]);
}

Test(columns, unknown_ambiguous_empty, .init = cr_redirect_stderr)
{
	struct ctl_columns chosen = {.n = 99};

	cr_assert_eq(ctl_columns_select(columns, "prto", &chosen), -EINVAL);
	cr_assert_eq(ctl_columns_select(columns, "p", &chosen), -EINVAL);
	cr_assert_eq(ctl_columns_select(columns, "proto,,port", &chosen), -EINVAL);
	cr_assert_eq(ctl_columns_select(columns, "", &chosen), -EINVAL);
	cr_assert_eq(chosen.n, 99);
}

Test(columns, too_many, .init = cr_redirect_stderr)
{
	struct ctl_columns chosen;

	cr_assert_eq(ctl_columns_select(columns,
					"port,port,port,port,port,port,port,port,port,port,port,"
					"port,port,port,port,port,port",
					&chosen),
		     -EINVAL);
}

Test(columns, every_noun_fits)
{
	for (size_t i = 0; i < ctl_n_nouns; i++) {
		for (const struct ctl_source *s = ctl_nouns[i].sources; s->daemon; s++) {
			struct ctl_columns chosen;

			cr_assert_eq(ctl_columns_select(s->columns, NULL, &chosen), 0);
			cr_assert(chosen.n < CTL_MAX_COLUMNS);
		}
	}
}
