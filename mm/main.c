// SPDX-License-Identifier: GPL-2.0-only
/* mnat-mmd: the mobility manager of a domain. */
#include "leasequery.h"
#include "lease.h"
#include "link.h"
#include "manager.h"
#include "mmd_conf.h"
#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/daemon.h"
#include "mnat/log.h"
#include "report.h"

struct mmd {
	uv_loop_t loop;
	struct mmd_conf conf;
	struct manager manager;
	struct mnat_control *control;
	struct mnat_tls *tls;
};

static const struct mnat_control_command commands[] = {
	{"status", true, report_on_status},
	{"dump", true, report_on_dump},
	{"revoke", false, report_on_revoke},
	{"lease", false, lease_on_batch},
	{"snapshot", false, lease_on_snapshot},
	{"snapshot-end", false, lease_on_snapshot_end},
	{0},
};

static void stop(void *user)
{
	struct mmd *mmd = user;

	feed_close(TAKE_PTR(mmd->manager.feed));
	links_close(mmd->manager.links);
	mmd->manager.links = NULL;
	manager_close(&mmd->manager);
	mnat_control_close(mmd->control);
}

/* Renewed certificates and revocation lists. */
static void reload(void *user)
{
	struct mmd *mmd = user;

	if (mmd->tls)
		mnat_tls_reload(mmd->tls);
}

static int prepare_tls(struct mmd *mmd)
{
	const struct mmd_conf *conf = &mmd->conf;
	const struct mnat_tls_conf tls = {
		.ca = conf->ca, .cert = conf->cert, .key = conf->key, .crl = conf->crl};

	return conf->ca && conf->cert && conf->key ? mnat_tls_new(&tls, &mmd->tls) : 0;
}

static int prepare_roam(const struct mmd_conf *conf, struct roam *roam)
{
	int r = secret_load(conf->secret, &roam->secret);

	if (!r)
		r = state_open(conf->state, &roam->state);
	if (r)
		return r;
	roam->domain = conf->domain;
	roam->ticket_s = conf->ticket_s;
	roam->serve_s = conf->serve_s;
	roam->tunnel_addr = conf->gateways[0].tunnel_addr;
	for (unsigned int i = 1; i < conf->n_gateways; i++)
		roam->others.addr[roam->others.n++] = conf->gateways[i].tunnel_addr;
	roam->n_peers = conf->n_peers;
	for (unsigned int i = 0; i < conf->n_peers; i++)
		roam->peers[i] = (struct roam_peer){
			.domain = conf->peers[i].domain,
			.max_visitors = conf->peers[i].max_visitors,
			.max_flows = conf->peers[i].max_flows,
			.rate = conf->peers[i].rate,
			.serve_s = conf->peers[i].serve,
			.direct = conf->peers[i].direct,
			.translate = conf->peers[i].translate,
			.correspondent = conf->peers[i].correspondent,
		};
	return 0;
}

static int open_links(struct mmd *mmd)
{
	const struct mmd_conf *conf = &mmd->conf;
	struct link_conf peers[ROAM_MAX_PEERS];

	for (unsigned int i = 0; i < conf->n_peers; i++)
		peers[i] = (struct link_conf){conf->peers[i].manager, conf->peers[i].name};
	return links_open(&mmd->loop, &mmd->manager.roam, peers, conf->n_peers ? mmd->tls : NULL,
			  conf->listen, &mmd->manager.links);
}

static int start(struct mmd *mmd)
{
	const struct mmd_conf *conf = &mmd->conf;
	struct manager *m = &mmd->manager;
	int r = prepare_tls(mmd);

	if (!r && conf->domain)
		r = prepare_roam(conf, &m->roam);
	if (r)
		return r;
	for (unsigned int i = 0; i < conf->n_gateways; i++) {
		m->gateways[i].name = conf->gateways[i].name;
		m->gateways[i].path = conf->gateways[i].socket;
		m->gateways[i].address = conf->gateways[i].address;
		m->gateways[i].certificate = conf->gateways[i].certificate;
		m->gateways[i].tls = mmd->tls;
		m->gateways[i].tunnel_addr = conf->gateways[i].tunnel_addr;
	}
	m->n_gateways = conf->n_gateways;
	r = manager_start(m, &mmd->loop);
	if (!r && conf->feed.server.sin_port)
		r = feed_start(&mmd->loop, m, &conf->feed, &m->feed);
	return !r && conf->domain ? open_links(mmd) : r;
}

/* A second manager must not touch the first one's state: the control socket comes first. */
static int run(struct mmd *mmd)
{
	int r;

	uv_loop_init(&mmd->loop);
	r = mnat_control_listen(&mmd->loop, mmd->conf.run_dir, "mmd", "mnat-mmd", commands,
				&mmd->manager, &mmd->control);
	if (!r)
		r = start(mmd);
	if (r)
		return r;
	log_info("serving %u gateways", mmd->conf.n_gateways);
	mnat_daemon_run(&mmd->loop, reload, stop, mmd);
	manager_free(&mmd->manager);
	state_close(mmd->manager.roam.state);
	mnat_tls_free(mmd->tls);
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
