// SPDX-License-Identifier: GPL-2.0-only
/* mnat-mmd: the mobility manager of a domain. */
#include "lease.h"
#include "manager.h"
#include "mmd_conf.h"
#include "mnat/control.h"
#include "mnat/daemon.h"
#include "mnat/log.h"
#include "report.h"

struct mmd {
	uv_loop_t loop;
	struct mmd_conf conf;
	struct manager manager;
	struct mnat_control *control;
};

static const struct mnat_control_command commands[] = {
	{"status", true, report_on_status},
	{"dump", true, report_on_dump},
	{"lease", false, lease_on_batch},
	{"snapshot", false, lease_on_snapshot},
	{"snapshot-end", false, lease_on_snapshot_end},
	{0},
};

static void stop(void *user)
{
	struct mmd *mmd = user;

	manager_close(&mmd->manager);
	mnat_control_close(mmd->control);
}

static int run(struct mmd *mmd)
{
	int r;

	uv_loop_init(&mmd->loop);
	r = mnat_control_listen(&mmd->loop, mmd->conf.run_dir, "mmd", "mnat-mmd", commands,
				&mmd->manager, &mmd->control);
	if (r)
		return r;
	for (unsigned int i = 0; i < mmd->conf.n_gateways; i++) {
		mmd->manager.gateways[i].name = mmd->conf.gateways[i].name;
		mmd->manager.gateways[i].path = mmd->conf.gateways[i].socket;
	}
	mmd->manager.n_gateways = mmd->conf.n_gateways;
	manager_start(&mmd->manager, &mmd->loop);
	log_info("serving %u gateways", mmd->conf.n_gateways);
	mnat_daemon_run(&mmd->loop, NULL, stop, mmd);
	manager_free(&mmd->manager);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct mnat_daemon_info info = {
		.name = "mnat-mmd",
		.summary = "MobileNAT mobility manager: tells gateways where mobile nodes are.",
		.conf = "/etc/mobilenat/mmd.conf",
	};
	static struct mmd mmd;
	struct mnat_daemon_args args;
	int status;

	if (!mnat_daemon_args(argc, argv, &info, &args, &status))
		return status;
	if (mmd_conf_load(args.conf, &mmd.conf))
		return 1;
	status = args.check || !run(&mmd) ? 0 : 1;
	mmd_conf_free(&mmd.conf);
	return status;
}
