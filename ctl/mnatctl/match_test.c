// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <errno.h>

#include "ctl.h"

#define COMMANDS CTL_WORDS(ctl_commands, ctl_n_commands)

static void expect_match(const char *text, const char *word)
{
	int i = ctl_match(text, COMMANDS);

	cr_assert(i >= 0, "%s matches nothing", text);
	cr_assert_str_eq(ctl_word(COMMANDS, (size_t)i), word);
}

Test(match, whole_words_and_prefixes)
{
	expect_match("dump", "dump");
	expect_match("du", "dump");
	expect_match("sw", "sweep");
	expect_match("rep", "replace");
	expect_match("rele", "release"); /* "rel" may be reload */
}

Test(match, a_whole_word_wins_over_longer_ones)
{
	static const struct {
		const char *name;
	} words[] = {{"host"}, {"hosts"}};

	cr_assert_eq(ctl_match("host", CTL_WORDS(words, 2)), 0);
	cr_assert_eq(ctl_match("hos", CTL_WORDS(words, 2)), -EEXIST);
}

Test(match, ambiguous_and_unknown)
{
	cr_assert_eq(ctl_match("re", COMMANDS), -EEXIST);
	cr_assert_eq(ctl_match("x", COMMANDS), -ENOENT);
	cr_assert_eq(ctl_match("dumps", COMMANDS), -ENOENT);
	cr_assert_eq(ctl_match("", COMMANDS), -ENOENT);
}

Test(match, nearest_forgives_slips)
{
	cr_assert_str_eq(ctl_nearest("stauts", COMMANDS), "status");
	cr_assert_str_eq(ctl_nearest("dmup", COMMANDS), "dump");
	cr_assert_str_eq(ctl_nearest("handovr", COMMANDS), "handover");
	cr_assert_str_eq(ctl_nearest("relaese", COMMANDS), "release");
}

Test(match, nearest_does_not_guess_wildly)
{
	cr_assert_null(ctl_nearest("frobnicate", COMMANDS));
	cr_assert_null(ctl_nearest("", COMMANDS));
	cr_assert_null(ctl_nearest("a-word-much-longer-than-any-command-there-is", COMMANDS));
}

Test(match, every_table_has_distinct_words)
{
	const struct ctl_words tables[] = {
		COMMANDS,
		CTL_WORDS(ctl_nouns, ctl_n_nouns),
		CTL_WORDS(ctl_daemons, ctl_n_daemons),
	};

	for (size_t t = 0; t < CTL_COUNT(tables); t++)
		for (size_t i = 0; i < tables[t].n; i++)
			cr_assert_eq(ctl_match(ctl_word(tables[t], i), tables[t]), (int)i);
}
