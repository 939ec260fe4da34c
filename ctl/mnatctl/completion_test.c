// SPDX-License-Identifier: GPL-2.0-only
/* The completion script, run by bash, offers what the tables have. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl.h"

/* mnatctl itself, which the script asks for columns, is a stand-in here. */
#define HARNESS                                                                                    \
	"exec 2>&1; . '%.*s/../completion/mnatctl' || exit; "                                      \
	"mnatctl() { printf '%%s\\n' \"$2-one\" proto port; }; "                                   \
	"COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "                                 \
	"_mnatctl; echo \" ${COMPREPLY[*]} \""

/* What is offered, with spaces around, when words have been typed. */
static char *offered(const char *words)
{
	static char line[1024];
	char script[1536];
	const char *here = __FILE__;
	FILE *bash;

	snprintf(script, sizeof(script), HARNESS, (int)(strrchr(here, '/') - here), here, words);
	setenv("SCRIPT", script, 1);
	bash = popen("bash -c \"$SCRIPT\"", "r");
	cr_assert_not_null(bash);
	cr_assert_not_null(fgets(line, sizeof(line), bash));
	pclose(bash);
	return line;
}

static void expect_offered(const char *words, const char *choice)
{
	char spaced[128];

	snprintf(spaced, sizeof(spaced), " %s ", choice);
	cr_assert_not_null(strstr(offered(words), spaced), "\"%s\" does not offer %s: %s", words,
			   choice, offered(words));
}

Test(completion, commands)
{
	for (size_t i = 0; i < ctl_n_commands; i++) {
		expect_offered("mnatctl ''", ctl_commands[i].name);
		expect_offered("mnatctl -j -r /x ''", ctl_commands[i].name);
		expect_offered("mnatctl help ''", ctl_commands[i].name);
	}
	cr_assert_str_eq(offered("mnatctl repl"), " replace \n");
}

Test(completion, nouns)
{
	for (size_t i = 0; i < ctl_n_nouns; i++) {
		expect_offered("mnatctl dump ''", ctl_nouns[i].name);
		expect_offered("mnatctl du -j ''", ctl_nouns[i].name);
	}
	cr_assert_str_eq(offered("mnatctl dump hosts ''"), "  \n");
}

Test(completion, leases)
{
	cr_assert_str_eq(offered("mnatctl export ''"), " leases \n");
	cr_assert_str_eq(offered("mnatctl import l"), " leases \n");
	cr_assert_str_eq(offered("mnatctl imp leases /etc/hostn"), " /etc/hostname \n");
}

Test(completion, daemons)
{
	for (size_t i = 0; i < ctl_n_daemons; i++) {
		expect_offered("mnatctl dump counters --from ''", ctl_daemons[i].name);
		expect_offered("mnatctl dump counters --from = ''", ctl_daemons[i].name);
	}
}

/* "  -j, --json ..." is how help lists an option. */
static void expect_options(const char *words, const char *command)
{
	char *help = NULL, *at, option[64];
	size_t size;
	FILE *out = open_memstream(&help, &size);

	ctl_options_help(out, command);
	fclose(out);
	for (at = help; (at = strstr(at, "--")); at += 2)
		if (sscanf(at, "%63[a-z-]", option) == 1)
			expect_offered(words, option);
	free(help);
}

Test(completion, options)
{
	expect_options("mnatctl -", NULL);
	expect_options("mnatctl dump -", "dump");
	expect_options("mnatctl dump -", NULL);
	expect_options("mnatctl hand -", "handover");
	expect_options("mnatctl hist -", "history");
	expect_options("mnatctl imp leases -", "import");
}

Test(completion, columns)
{
	cr_assert_str_eq(offered("mnatctl dump hosts -o po"), " port \n");
	cr_assert_str_eq(offered("mnatctl du ho --output = hosts-one,pr"), " hosts-one,proto \n");
	cr_assert_str_eq(offered("mnatctl dump -o po"), "  \n");
}
