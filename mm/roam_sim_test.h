/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Three managers with their gateways and DHCP servers, a node that moves between them, and
 * a network that loses, repeats and reorders, all on virtual time in one process.
 */
#ifndef MM_ROAM_SIM_TEST_H
#define MM_ROAM_SIM_TEST_H

#include "roam.h"

enum { A, B, C, N_DOMAINS };

#define SIM_TICKET_S (30 * 86400)
#define SIM_MAX_ANCHORS 8
#define SIM_MAX_GATEWAYS 2
#define PORTS_FROM	40000 /* at a visited gateway, by session */

/* What a gateway has been told of one host. */
struct sim_rule {
	bool known;
	bool bound;
	bool away;
	struct in_addr endpoint;
	bool importing;
	uint32_t generation;
	unsigned int forwarded; /* a bit a session: to its port there */
	uint32_t forward_flags;
};

struct sim_anchor {
	struct in_addr gateway; /* 0: free */
	struct in_addr virt;
	uint32_t flags;
	unsigned int imported; /* a bit a session */
};

/* A DHCP server's lease and the manager's registry entry. */
struct sim_lease {
	bool leased; /* at the server */
	uint32_t generation;
	bool known; /* to the manager */
	bool bound;
	uint32_t told;
	uint32_t issued;
	struct dhcp_mnat_arrival arrivals[N_DOMAINS]; /* as the server remembers them */
	unsigned int n_arrivals;
};

struct sim_domain {
	struct roam roam;
	bool down;
	bool mute;     /* its DHCP server does not reach it */
	bool complete; /* the manager has had a snapshot */
	struct in_addr identity; /* the node's, here */
	struct sim_lease lease;
	struct sim_rule rule;
	struct sim_anchor anchors[SIM_MAX_ANCHORS];
	struct in_addr arrivals[SIM_MAX_ANCHORS];
	unsigned int n_gateways;
	bool deaf[SIM_MAX_GATEWAYS]; /* a gateway that answers nothing */
	unsigned int n_flows; /* the node's sessions anchored at each of them, at most 32 */
	unsigned int renewals;
	unsigned int releases;
};

struct sim_node {
	int at; /* -1: nowhere */
	uint64_t counter;
	struct dhcp_mnat_token tokens[N_DOMAINS];
	uint64_t visited[N_DOMAINS]; /* when last: greater is later; 0: no sessions there */
	uint64_t visits;
};

extern struct sim_domain sim[N_DOMAINS];
extern struct sim_node sim_node;
extern bool sim_translate; /* all domains do; before sim_start() */

void sim_start(void);
void sim_stop(void);

/*
 * The node comes to that domain, proves itself, and opens sessions there. If the manager
 * is down it gets no token.
 */
void sim_move(int domain);
/* Its lease there ends. */
void sim_expire(int domain);
/* The manager dies, and is started again with what it had on disk. */
void sim_kill(int domain);
void sim_revive(int domain);
void sim_revive_mute(int domain); /* its DHCP server is not there yet */
void sim_snapshot(int domain);	  /* now it is */
void sim_restart(int domain); /* both */
void sim_link(int a, int b, bool up);
/*
 * It dies when it is about to do the n-th thing from now on, in the middle of whatever it
 * does, and is started again at once. False after a run: it never did so many.
 */
void sim_kill_at(int domain, unsigned int n);
bool sim_was_killed(void);

/* Messages on their way. */
unsigned int sim_queued(void);
/* "A>B:ARRIVE", with "+" or "-" behind a positive or negative reply; "A:sessions": its gateway's. */
void sim_describe(unsigned int n, char ret_text[32]);
void sim_drop(unsigned int n);      /* the n-th */
void sim_repeat(unsigned int n);    /* once more, at the end */
void sim_deliver(unsigned int n);   /* before those in front of it */
void sim_deliver_all(void);         /* also those that come of it */
void sim_pass_ms(uint64_t ms);	    /* and deliver all, by and by */
void sim_skip_s(uint64_t s);	    /* nothing happens meanwhile */

uint64_t sim_count(int domain, enum roam_counter which);

/* Are all gateways told what they should be, and nothing else? */
void sim_check(const char *when);

/* The ARRIVE the node's last move made of its sessions in that domain. */
struct peering_message sim_arrive(int of, int at);
/* Give it a message as if it came from that peer, and return the answer. */
struct peering_message sim_ask(int domain, int from, struct peering_message m);

#endif
