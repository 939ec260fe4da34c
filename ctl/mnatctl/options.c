// SPDX-License-Identifier: GPL-2.0-only
/* The options as a table: getopt's strings, help and hints follow from it. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "ctl.h"
#include "mnat/log.h"

/* Where in struct ctl the option goes, and as what. */
enum kind { FLAG, TEXT, NUMBER };

static const struct option_row {
	const char *name;
	char letter;
	const char *arg; /* NULL: takes none */
	const char *help;
	enum kind kind;
	size_t offset;
	const char *command; /* NULL: any */
} options[] = {
#define FIELD(kind, field) kind, offsetof(struct ctl, field)
	{"run-dir", 'r', "DIR", "the daemons' sockets (default $MNAT_RUN_DIR, /run/mobilenat)",
	 FIELD(TEXT, run_dir)},
	{"json", 'j', NULL, "JSON, whose keys stay the same between versions", FIELD(FLAG, json)},
	{"no-headings", 'n', NULL, "rows only", FIELD(FLAG, no_headings)},
	{"wait", 'w', "MS", "give up on a daemon silent for so long (default 2000)",
	 FIELD(NUMBER, wait_ms)},
	{"help", 'h', NULL, "this text, or the command's", FIELD(FLAG, help)},
	{"version", 'V', NULL, "version", FIELD(FLAG, version)},
	{"output", 'o', "COL,COL", "these columns, in this order", FIELD(TEXT, output), "dump"},
	{"from", 'f', "DAEMON", "ask this one: midcomd, mmd, dhcpd or mnatc", FIELD(TEXT, from),
	 "dump"},
	{"all", 'a', NULL, "counters that are 0 too", FIELD(FLAG, all), "dump"},
	{"columns", 'C', NULL, "name the noun's columns for -o, ask nobody",
	 FIELD(FLAG, list_columns), "dump"},
	{"last", 'l', "N", "the last N moves only", FIELD(NUMBER, last), "handover"},
	{"config", 'c', "FILE", "the node's, if it is not /etc/mobilenat/node.conf",
	 FIELD(TEXT, config), "doctor"},
	{"database", 'd', "FILE", "the DHCP server's", FIELD(TEXT, database), "history"},
	{"by", 'b', "WHAT", "order: rate (the default), sessions or ports", FIELD(TEXT, by), "top"},
	{"rows", 'N', "N", "so many hosts (default 10)", FIELD(NUMBER, rows), "top"},
	{"partial", 'p', NULL, "import the others if some are refused", FIELD(FLAG, partial),
	 "import"},
#undef FIELD
};

static int number_of(const struct option_row *row, const char *arg, int *ret_number)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(arg, &end, 10);
	if (errno || end == arg || *end || number < 1 || number > INT_MAX) {
		log_err("--%s %s: expected a number from 1", row->name, arg);
		return -EINVAL;
	}
	*ret_number = (int)number;
	return 0;
}

static int set(struct ctl *ctl, const struct option_row *row, const char *arg)
{
	void *field = (char *)ctl + row->offset;

	ctl->given |= 1u << (row - options);
	switch (row->kind) {
	case FLAG:
		*(bool *)field = true;
		return 0;
	case TEXT:
		*(const char **)field = arg;
		return 0;
	case NUMBER:
		return number_of(row, arg, field);
	}
	return -EINVAL;
}

void ctl_options_help(FILE *out, const char *command)
{
	char name[64];

	for (size_t i = 0; i < CTL_COUNT(options); i++) {
		const struct option_row *row = &options[i];

		if (row->command != command &&
		    (!command || !row->command || strcmp(row->command, command)))
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", row->name, row->arg ? " " : "",
			 row->arg ? row->arg : "");
		fprintf(out, "  -%c, %-16s  %s\n", row->letter, name, row->help);
	}
}

const char *ctl_options_misplaced(const struct ctl *ctl, const char *command)
{
	for (size_t i = 0; i < CTL_COUNT(options); i++)
		if (ctl->given & 1u << i && options[i].command &&
		    strcmp(options[i].command, command))
			return options[i].name;
	return NULL;
}

static void report_bad(int code, const char *text)
{
	const char *nearest = NULL;

	if (code == ':') {
		log_err("option %s needs a value: see mnatctl help", text);
		return;
	}
	if (!strncmp(text, "--", 2))
		nearest = ctl_nearest(text + 2, CTL_WORDS(options, CTL_COUNT(options)));
	if (nearest)
		log_err("unknown option \"%s\": did you mean \"--%s\"?", text, nearest);
	else if (!strncmp(text, "--", 2))
		log_err("unknown option \"%s\": see mnatctl help", text);
	else
		log_err("unknown option \"-%c\": see mnatctl help", optopt);
}

int ctl_options_parse(struct ctl *ctl, int argc, char **argv, int *ret_first)
{
	struct option longs[CTL_COUNT(options) + 1] = {};
	char shorts[2 * CTL_COUNT(options) + 2] = ":";
	int code, index;

	for (size_t i = 0; i < CTL_COUNT(options); i++) {
		char one[3] = {options[i].letter, options[i].arg ? ':' : '\0', '\0'};

		longs[i] = (struct option){options[i].name, options[i].arg ? 1 : 0, NULL,
					   options[i].letter};
		strcat(shorts, one);
	}
	optind = 0; /* afresh: tests call this more than once */
	opterr = 0;
	while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		for (index = 0; index < (int)CTL_COUNT(options); index++)
			if (options[index].letter == code)
				break;
		if (index == (int)CTL_COUNT(options)) {
			report_bad(code, argv[optind - 1]);
			return -EINVAL;
		}
		if (set(ctl, &options[index], optarg))
			return -EINVAL;
	}
	*ret_first = optind;
	return 0;
}
