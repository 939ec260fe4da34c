// SPDX-License-Identifier: GPL-2.0-only
/* mnatc: the client daemon of a mobile node. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "engine.h"
#include "mnat/log.h"

#define DEFAULT_CONF "/etc/mobilenat/node.conf"

static const char usage[] =
	"Usage: mnatc [OPTION...]\n"
	"The mobile node's daemon: gets addresses by DHCP and drives the shim.\n"
	"\n"
	"  -c, --config FILE  configuration (default " DEFAULT_CONF ")\n"
	"  -r, --release      when ending, give the lease back and clear the shim\n"
	"  -t, --test         check the configuration and exit\n"
	"  -v, --verbose      say every message sent and received\n"
	"  -h, --help         this text\n"
	"  -V, --version      the version\n"
	"\n"
	"mnat-load node must have been run before. Signals: TERM and INT end it (traffic\n"
	"goes on), HUP reads the configuration again.\n";

struct options {
	const char *conf;
	bool release;
	bool test;
	bool verbose;
};

struct daemon {
	struct options options;
	struct engine engine;
	uv_signal_t terminate;
	uv_signal_t interrupt;
	uv_signal_t hangup;
};

/* Returns -1 to go on, or the exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'}, {"release", no_argument, NULL, 'r'},
		{"test", no_argument, NULL, 't'},	  {"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},	  {"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	*options = (struct options){.conf = DEFAULT_CONF};
	while ((c = getopt_long(argc, argv, "c:rtvhV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->conf = optarg;
			break;
		case 'r':
			options->release = true;
			break;
		case 't':
			options->test = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("mnatc " MNAT_VERSION);
			return 0;
		default:
			fputs("Try 'mnatc --help'.\n", stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "mnatc: unexpected argument '%s'. Try 'mnatc --help'.\n", argv[optind]);
	return 2;
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;
	struct mnat_node_conf conf;

	if (mnat_node_conf_load(daemon->options.conf, &conf)) {
		log_err("the configuration in force is kept");
		return;
	}
	engine_reload(&daemon->engine, &conf);
}

static void on_end(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;

	sd_notify(0, "STOPPING=1");
	engine_stop(&daemon->engine, daemon->options.release);
	uv_close((uv_handle_t *)&daemon->terminate, NULL);
	uv_close((uv_handle_t *)&daemon->interrupt, NULL);
	uv_close((uv_handle_t *)&daemon->hangup, NULL);
}

static void catch_signal(uv_loop_t *loop, uv_signal_t *handle, int number, uv_signal_cb fn,
			 struct daemon *daemon)
{
	uv_signal_init(loop, handle);
	handle->data = daemon;
	uv_signal_start(handle, fn, number);
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	static struct daemon daemon;
	struct mnat_node_conf conf;
	int status = parse_options(argc, argv, &daemon.options);

	if (status >= 0)
		return status;
	mnat_log_init("mnatc", daemon.options.verbose ? MNAT_LOG_DEBUG : MNAT_LOG_INFO);
	if (mnat_node_conf_load(daemon.options.conf, &conf))
		return 1;
	if (daemon.options.test)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	if (engine_start(loop, &conf, &daemon.engine) < 0) {
		uv_run(loop, UV_RUN_DEFAULT);
		return 1;
	}
	catch_signal(loop, &daemon.terminate, SIGTERM, on_end, &daemon);
	catch_signal(loop, &daemon.interrupt, SIGINT, on_end, &daemon);
	catch_signal(loop, &daemon.hangup, SIGHUP, on_hangup, &daemon);
	sd_notify(0, "READY=1");
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	return 0;
}
