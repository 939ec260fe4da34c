/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Midcom agent proper: SIMCO sessions of mobility managers on a Unix socket, and by
 * TLS for those on other machines.
 * All requests of one read are handled before their replies leave in one write.
 */
#ifndef MIDCOM_AGENT_H
#define MIDCOM_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "anchors.h"
#include "hosts.h"
#include "mnat/role_conf.h"
#include "mnat/simco.h"
#include "mnat/tls.h"

struct agent_session;
struct rule;
struct rules;

struct agent {
	uv_loop_t *loop;
	struct hosts *hosts;
	struct anchors *anchors;
	struct rules *rules;
	uint32_t (*now)(void); /* seconds of CLOCK_MONOTONIC */
	struct mnat_listener *listener;
	struct mnat_tls *tls; /* NULL: no managers elsewhere */
	struct mnat_tls_listener *remote;
	const char *peers[MNAT_MAX_MANAGERS];
	struct agent_session *sessions;
	unsigned int n_sessions;
	struct agent_session *syncing; /* whose HSYNC is on */
	uint64_t rebinds;
	uint64_t refused;
	struct simco_flow flows[SIMCO_FLOWS_MAX]; /* of the reply being made */
};

/* Listen on run_dir/midcom.sock. loop, hosts, anchors, rules and now are set by the caller. */
int agent_listen(struct agent *agent, const char *run_dir);

/* ... and as the configuration, which must stay, says. 0 or -errno, printed. */
int agent_listen_remote(struct agent *agent, const struct mnat_midcom_conf *conf);
void agent_close(struct agent *agent);

/* A manager's connection; takes fd over. For agent_listen() and tests. */
void agent_accept(int fd, void *agent);

/* HEND to all managers; user is the agent. False: there is none. */
bool agent_tell_end(__be32 virt, void *agent);

/* ARE to the rule's owner; user is the agent. */
void agent_tell_rule_ended(const struct rule *rule, void *agent);

#endif
