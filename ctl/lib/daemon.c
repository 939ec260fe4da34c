// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/daemon.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "mnat/log.h"

static void usage(FILE *out, const struct mnat_daemon_info *info)
{
	fprintf(out,
		"Usage: %s [-c FILE] [-v] [-t]\n"
		"%s\n\n"
		"  -c, --config FILE  configuration, default %s\n"
		"  -v, --verbose      log more\n"
		"  -t, --test         check the configuration and exit\n"
		"  -h, --help         show this\n"
		"  -V, --version      show the version\n",
		info->name, info->summary, info->conf);
	if (info->flag)
		fprintf(out, "  -%c, --%-12s %s\n", info->flag, info->flag_name, info->flag_text);
}

bool mnat_daemon_args(int argc, char **argv, const struct mnat_daemon_info *info,
		      struct mnat_daemon_args *ret_args, int *ret_status)
{
	const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"verbose", no_argument, NULL, 'v'},
		{"test", no_argument, NULL, 't'},	  {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},	  {info->flag_name, no_argument, NULL, info->flag},
		{0},
	};
	const char shorts[] = {'c', ':', 'v', 't', 'h', 'V', info->flag, '\0'};
	struct mnat_daemon_args args = {.conf = info->conf};
	enum mnat_log_level level = MNAT_LOG_INFO;
	int c;

	while ((c = getopt_long(argc, argv, shorts, options, NULL)) != -1) {
		if (c == 'c') {
			args.conf = optarg;
		} else if (c == 'v') {
			level = MNAT_LOG_DEBUG;
		} else if (c == 't') {
			args.check = true;
		} else if (info->flag && c == info->flag) {
			args.flag = true;
		} else if (c == 'h' || c == 'V') {
			if (c == 'h')
				usage(stdout, info);
			else
				printf("%s %s\n", info->name, MNAT_VERSION);
			*ret_status = 0;
			return false;
		} else {
			usage(stderr, info);
			*ret_status = 2;
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument \"%s\"\n", info->name, argv[optind]);
		*ret_status = 2;
		return false;
	}
	/* whoever reads the log, or a socket, may go */
	signal(SIGPIPE, SIG_IGN);
	mnat_log_init(info->name, level);
	*ret_args = args;
	return true;
}

enum { ON_TERM, ON_INT, ON_HUP, N_SIGNALS };

struct run {
	uv_signal_t signals[N_SIGNALS];
	void (*reload)(void *user);
	void (*stop)(void *user);
	void *user;
};

static void on_signal(uv_signal_t *handle, int signum)
{
	struct run *run = handle->data;

	if (signum == SIGHUP) {
		if (run->reload)
			run->reload(run->user);
		return;
	}
	sd_notify(0, "STOPPING=1");
	for (int i = 0; i < N_SIGNALS; i++)
		uv_close((uv_handle_t *)&run->signals[i], NULL);
	run->stop(run->user);
}

void mnat_daemon_run(uv_loop_t *loop, void (*reload)(void *user), void (*stop)(void *user),
		     void *user)
{
	static const int numbers[N_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
	struct run run = {.reload = reload, .stop = stop, .user = user};

	for (int i = 0; i < N_SIGNALS; i++) {
		uv_signal_init(loop, &run.signals[i]);
		run.signals[i].data = &run;
		uv_signal_start(&run.signals[i], on_signal, numbers[i]);
	}
	sd_notify(0, "READY=1");
	uv_run(loop, UV_RUN_DEFAULT);
}
