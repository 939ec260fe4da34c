// SPDX-License-Identifier: GPL-2.0-only
/* The commands as a table; help and usage follow from it. */
#include "ctl.h"
#include "mnat/log.h"

static void help_nouns(FILE *out)
{
	fputs("\nNouns:\n", out);
	for (size_t i = 0; i < ctl_n_nouns; i++)
		fprintf(out, "  %-10s  %s\n", ctl_nouns[i].name, ctl_nouns[i].help);
}

const struct ctl_command ctl_commands[] = {
	{"status", cmd_status, "", "health and state of the daemons here (the default)", 0, 0},
	{"dump", cmd_dump, "NOUN", "list hosts, sessions, leases, counters ...", 1, 1, help_nouns},
	{"doctor", cmd_doctor, "", "node: what is wrong here, and what to do", 0, 0},
	{"handover", cmd_handover, "", "time line of each of this node's moves", 0, 0},
	{"history", cmd_history, "ADDRESS [TIME]", "who held an address, then or ever", 1, 2},
	{"top", cmd_top, "", "gateway: the hosts that use most", 0, 0},
	{"monitor", cmd_monitor, "[HOST]", "gateway: what happens there, as it happens", 0, 1},
	{"whohad", cmd_whohad, "ADDR:PORT [TIME]", "gateway: which host had an external port then",
	 1, 2},
	{"replace", cmd_verb, "OLD NEW", "gateway: move a host between actual addresses", 2, 2},
	{"sweep", cmd_verb, "", "gateway: remove expired sessions now", 0, 0},
	{"revoke", cmd_verb, "VIRTUAL|DOMAIN", "manager: a node's tickets, or a domain", 1, 1},
	{"reload", cmd_verb, "", "DHCP server: read its configuration again", 0, 0},
	{"forcerenew", cmd_verb, "ADDRESS|MAC|ID", "DHCP server: have a client renew now", 1, 1},
	{"export", cmd_export, "leases [FILE]", "DHCP server: all leases, as lines of JSON", 1, 2},
	{"import", cmd_import, "leases FILE", "DHCP server: take over another one's leases", 2, 2},
	{"renew", cmd_verb, "", "node: renew the leases with their server", 0, 0},
	{"rebind", cmd_verb, "", "node: renew the leases with any server", 0, 0},
	{"prepare", cmd_verb, "ROUTER", "node: have an address ready on the next link", 1, 1},
	{"mode", cmd_verb, "MODE", "node: either, translate, tunnel or passthrough", 1, 1},
	{"release", cmd_verb, "", "node: give the leases back", 0, 0},
	{"help", cmd_help, "[COMMAND]", "this text, or a command's", 0, 1},
};
const size_t ctl_n_commands = CTL_COUNT(ctl_commands);

static void help_command(FILE *out, const struct ctl_command *command)
{
	fprintf(out, "Usage: mnatctl [OPTION]... %s%s%s\n\n  %s\n", command->name,
		*command->args ? " " : "", command->args, command->help);
	if (command->more_help)
		command->more_help(out);
	fputs("\nOptions:\n", out);
	ctl_options_help(out, command->name);
	ctl_options_help(out, NULL);
}

static void help_all(FILE *out)
{
	fputs("Usage: mnatctl [OPTION]... [COMMAND [ARGUMENT]...]\n\nCommands:\n", out);
	for (size_t i = 0; i < ctl_n_commands; i++)
		fprintf(out, "  %-10s %-10s %s\n", ctl_commands[i].name, ctl_commands[i].args,
			ctl_commands[i].help);
	fputs("\nOptions:\n", out);
	ctl_options_help(out, NULL);
	fputs("\nCommands and nouns may be shortened while they stay unambiguous.\n"
	      "mnatctl help COMMAND tells its own options. Exit status: 0 done (status:\n"
	      "healthy), 1 failed (status: problems), 2 usage.\n",
	      out);
}

int cmd_help(struct ctl *ctl, int argc, char **argv)
{
	int i;

	if (argc < 2) {
		help_all(ctl->out);
		return CTL_DONE;
	}
	i = ctl_pick("command", argv[1], CTL_WORDS(ctl_commands, ctl_n_commands));
	if (i < 0)
		return CTL_USAGE;
	help_command(ctl->out, &ctl_commands[i]);
	return CTL_DONE;
}

static int check_usage(const struct ctl *ctl, const struct ctl_command *command, int words)
{
	const char *option = ctl_options_misplaced(ctl, command->name);

	if (option)
		log_err("%s does not take --%s: see mnatctl help %s", command->name, option,
			command->name);
	else if (words < command->min_args)
		log_err("%s needs %s: see mnatctl help %s", command->name, command->args,
			command->name);
	else if (words > command->max_args)
		log_err("%s: more words than it takes: usage is mnatctl %s %s", command->name,
			command->name, command->args);
	else
		return CTL_DONE;
	return CTL_USAGE;
}

int ctl_run(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *command = &ctl_commands[0];
	char *no_words[] = {(char *)command->name, NULL};
	int i;

	if (argc && ctl->help)
		return cmd_help(ctl, 2, (char *[]){"help", argv[0], NULL});
	if (ctl->help)
		return cmd_help(ctl, 1, (char *[]){"help", NULL});
	if (argc) {
		i = ctl_pick("command", argv[0], CTL_WORDS(ctl_commands, ctl_n_commands));
		if (i < 0)
			return CTL_USAGE;
		command = &ctl_commands[i];
		argv[0] = (char *)command->name;
	} else {
		argv = no_words;
		argc = 1;
	}
	if (check_usage(ctl, command, argc - 1))
		return CTL_USAGE;
	return command->run(ctl, argc, argv);
}
