/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the manager must not forget when it dies: which arrivals it has believed (so
 * that none is believed twice), where departed hosts are, and who visits. SQLite; a
 * function that returns 0 has it on disk.
 */
#ifndef MM_STATE_H
#define MM_STATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "mnat/peering.h"

/* A virtual address of ours whose host has been away. */
struct home_record {
	struct in_addr virt;
	uint32_t generation; /* of the ticket of the last arrival believed */
	uint64_t counter;    /* and its counter: the pair only rises */
	uint32_t base;	     /* generation of the last lease event */
	uint32_t proved;     /* that with which it proved to be the host it was before */
	uint32_t shift;	     /* what gateways are told is base plus this */
	uint64_t since_s;    /* when it left home, seconds since 1970; 0: it is there */
	bool away;
	uint32_t domain; /* where; 0: in public space */
	struct in_addr endpoint;
	struct peering_others others; /* its packets may come from there too */
};

enum visit_state {
	VISIT_ARRIVING,	 /* its home has not yet answered */
	VISIT_IMPORTING, /* its sessions are being fetched */
	VISIT_SERVED,
	VISIT_LEAVING, /* gone from here; its home does not know yet */
	VISIT_FORWARDING, /* its sessions are known; home is told their ports here */
};

/* A host here with sessions anchored in another domain. */
struct visit_record {
	uint32_t domain;
	struct in_addr virt;	 /* there */
	struct in_addr identity; /* here */
	struct in_addr gateway;
	struct peering_others others; /* its home's other gateways, as far as they are known */
	uint32_t flags; /* SIMCO_HANC_* */
	enum visit_state state;
	uint64_t counter;
	uint8_t ticket[PEERING_TICKET_LEN];
	uint8_t proof[PEERING_MAC_LEN];
};

struct state;

struct state_loader {
	int (*home)(const struct home_record *record, void *user);
	int (*visit)(const struct visit_record *record, void *user);
};

/* All return 0 or -errno, the reason logged. path ":memory:": nothing is kept. */
int state_open(const char *path, struct state **ret_state);
int state_load(struct state *state, const struct state_loader *loader, void *user);
int state_put_home(struct state *state, const struct home_record *record);
int state_put_visit(struct state *state, const struct visit_record *record);
int state_drop_visit(struct state *state, uint32_t domain, struct in_addr virt);
void state_close(struct state *state); /* NULL: nothing */

#endif
