/* SPDX-License-Identifier: GPL-2.0-only */
/* The client's state machine on virtual time, with the test as network and server. */
#ifndef FSM_WORLD_TEST_H
#define FSM_WORLD_TEST_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fsm.h"

#define MS	 MNAT_NS_PER_MS
#define SEC	 MNAT_NS_PER_SEC
#define MAX_SENT 64

struct world {
	struct fsm_message sent[MAX_SENT];
	uint64_t sent_at[MAX_SENT];
	int n_sent;
	int n_accepted;
	int n_bound;
	int n_unbound;
	int n_arriving;
	struct lease bound;
};

extern uint64_t now;
extern struct fsm fsm;
extern struct world world; /* what the machine did */
extern const struct fsm_ops world_ops;
/* In the middle of the jitter's range: waits are what the table says, to 1 ms. */
extern uint32_t next_random;

/* All of it as at first; each test of suite "fsm" begins so. */
void world_begin(void);

struct in_addr ip(const char *text);

#define assert_ip(addr, text) cr_assert_eq((addr).s_addr, ip(text).s_addr, "expected %s", text)
void assert_state(enum fsm_state state);

/* The last message sent. */
const struct fsm_message *last(void);

/* A server's answer to the last message; virt NULL: a server without MobileNAT. */
struct reply answer(enum dhcp_type type, const char *actual, const char *virt);
struct reply with_xid(struct reply reply, uint32_t xid);
struct reply rapid_ack(const char *actual, const char *virt);
bool receive(enum dhcp_type type, const char *actual, const char *virt);

/* Let time pass to the next deadline. */
void wait_deadline(void);

/* To BOUND, at 10.0.1.5 as 10.128.0.2; what was done so far is forgotten. */
void boot(void);

#endif
