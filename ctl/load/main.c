// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "mnat/log.h"

static const char usage_text[] =
	"Usage: mnat-load gateway|node load|unload|show [options]\n"
	"Load, attach, replace and detach MobileNAT's BPF programs.\n\n"
	"  load          attach the programs; where they are attached already, replace them in\n"
	"                place: maps, and with them all sessions, are kept\n"
	"  unload        detach the programs and remove the maps: ends all sessions\n"
	"  show          what is attached where\n\n"
	"  -c, --config FILE   default /etc/mobilenat/gateway.conf or node.conf\n"
	"  -m, --mode MODE     gateway load: auto, tc or xdp, instead of the configuration's\n"
	"  -j, --json          show: as JSON\n"
	"  -t, --test          check the configuration and exit\n"
	"  -v, --verbose       what libbpf and the verifier say, too\n"
	"  -h, --help    -V, --version\n";

static const struct role *const roles[] = { &role_gateway, &role_node };

static int run_load(const struct role *role, struct plan *plan, bool json)
{
	return cmd_load(role, plan);
}

static int run_unload(const struct role *role, struct plan *plan, bool json)
{
	return cmd_unload(role, plan);
}

static int run_show(const struct role *role, struct plan *plan, bool json)
{
	return cmd_show(role, plan, json);
}

static const struct {
	const char *name;
	int (*run)(const struct role *role, struct plan *plan, bool json);
} commands[] = {
	{ "load", run_load },
	{ "unload", run_unload },
	{ "show", run_show },
};

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return vfprintf(stderr, fmt, ap);
}

static int usage_error(const char *what, const char *word)
{
	fprintf(stderr, "mnat-load: %s%s%s\n%s", what, word ? " " : "", word ? word : "",
		usage_text);
	return 2;
}

/* What the command line says. */
struct arguments {
	const char *role;
	const char *command;
	const char *config;
	const char *mode;
	bool test;
	bool json;
};

static int override_mode(struct plan *plan, const struct role *role, const char *mode)
{
	int value = mnat_gateway_mode(mode);

	if (role->id != MNAT_ROLE_GATEWAY)
		return usage_error("a mode is for the gateway only: --mode", mode);
	if (value < 0)
		return usage_error("expected auto, tc or xdp, not --mode", mode);
	plan->mode = (enum mnat_gateway_mode)value;
	return 0;
}

static int run(const struct arguments *args)
{
	static struct plan plan;
	int status;

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(args->role, roles[i]->name))
			continue;
		for (size_t j = 0; j < sizeof(commands) / sizeof(commands[0]); j++) {
			if (strcmp(args->command, commands[j].name))
				continue;
			if (roles[i]->configure(args->config ? args->config :
							       roles[i]->config_path, &plan))
				return 1;
			status = args->mode ? override_mode(&plan, roles[i], args->mode) : 0;
			if (status || args->test)
				return status;
			return commands[j].run(roles[i], &plan, args->json) ? 1 : 0;
		}
		return usage_error("unknown command", args->command);
	}
	return usage_error("expected gateway or node, not", args->role);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "mode", required_argument, NULL, 'm' },   { "json", no_argument, NULL, 'j' },
		{ "test", no_argument, NULL, 't' },	    { "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },	    { "version", no_argument, NULL, 'V' },
		{},
	};
	struct arguments args = {};
	bool verbose = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:m:jtvhV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			args.config = optarg;
			break;
		case 'm':
			args.mode = optarg;
			break;
		case 'j':
			args.json = true;
			break;
		case 't':
			args.test = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		case 'V':
			puts("mnat-load " MNAT_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	if (argc - optind != 2)
		return usage_error("expected a role and a command", NULL);
	mnat_log_init("mnat-load", verbose ? MNAT_LOG_DEBUG : MNAT_LOG_INFO);
	libbpf_set_print(verbose ? print_libbpf : NULL);
	args.role = argv[optind];
	args.command = argv[optind + 1];
	return run(&args);
}
