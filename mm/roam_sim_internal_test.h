/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of the simulation. */
#ifndef MM_ROAM_SIM_INTERNAL_TEST_H
#define MM_ROAM_SIM_INTERNAL_TEST_H

#include "roam_sim_test.h"

#define SIM_MAX_QUEUE 4096
#define SIM_BATCH     2 /* sessions in one message */

struct sim_packet {
	int from, to;
	int len; /* 0: an export that the gateway of "to" has still to answer */
	uint8_t buf[512];
	struct roam_query query;
	uint64_t cursor;
	bool relay; /* of ports for the sessions of an anchor, in: */
	struct in_addr end;
	uint32_t forward; /* of so many sessions forwarded */
};

extern struct sim_packet sim_queue[SIM_MAX_QUEUE];
extern unsigned int sim_n_queue;
extern bool sim_links[N_DOMAINS][N_DOMAINS];
extern uint64_t sim_clock_ns;
/* What a manager answers to sim_ask() does not go into the queue. */
extern bool sim_asking;
extern struct peering_message sim_last_answer;

/* What the managers do to their gateways, their DHCP servers and each other. */
extern const struct roam_ops sim_ops;

/* Where tunnels to a gateway of the domain end; to its first one. */
struct in_addr sim_tunnel_of(int domain, unsigned int gateway);
struct in_addr sim_tunnel(int domain);

int sim_domain_of_peer(int self, unsigned int peer);
unsigned int sim_peer_of_domain(int self, int domain);

struct sim_anchor *sim_find_anchor(struct sim_domain *d, struct in_addr gateway);

/* Do the work; if the manager dies of it (sim_kill_at) it is started again. */
void sim_mortally(void (*work)(int arg), int arg);
/* Before each thing that a manager does. */
void sim_may_die(int self);

/* The node's proof for its ticket of that domain. */
struct dhcp_mnat_arrival sim_prove(int of);

#endif
