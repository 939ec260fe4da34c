// SPDX-License-Identifier: GPL-2.0-only
/* mnatc: the client daemon of a mobile node. */
#include "engine.h"
#include "mnat/daemon.h"
#include "mnat/log.h"
#include "rights.h"

struct daemon {
	struct mnat_daemon_args args;
	struct engine engine;
};

static void reload(void *user)
{
	struct daemon *daemon = user;
	struct mnat_node_conf conf;

	if (mnat_node_conf_load(daemon->args.conf, &conf))
		log_err("the configuration in force is kept");
	else
		engine_reload(&daemon->engine, &conf);
}

static void stop(void *user)
{
	struct daemon *daemon = user;

	engine_stop(&daemon->engine, daemon->args.flag);
}

int main(int argc, char **argv)
{
	static const struct mnat_daemon_info info = {
		.name = "mnatc",
		.summary = "The mobile node's daemon: gets its addresses by DHCP, drives the shim.",
		.conf = "/etc/mobilenat/node.conf",
		.flag = 'r',
		.flag_name = "release",
		.flag_text = "when ended, give the lease back and clear the shim",
	};
	uv_loop_t *loop = uv_default_loop();
	static struct daemon daemon;
	struct mnat_node_conf conf;
	int status;

	if (!mnat_daemon_args(argc, argv, &info, &daemon.args, &status))
		return status;
	if (mnat_node_conf_load(daemon.args.conf, &conf))
		return 1;
	if (daemon.args.check)
		return 0;
	if (engine_start(loop, &conf, &daemon.engine) < 0) {
		uv_run(loop, UV_RUN_DEFAULT); /* what was opened is closing */
		return 1;
	}
	rights_keep();
	mnat_daemon_run(loop, reload, stop, &daemon);
	uv_loop_close(loop);
	return 0;
}
