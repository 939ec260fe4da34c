/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DHCP client's state machine (RFC 2131 4.4, figure 5), without sockets: events
 * go in by function calls, actions come out through struct fsm_ops, time is
 * mnat_clock_now(). One machine a node; it works on one uplink at a time.
 *
 * Departures from the RFC's timers, so that a move is quick (seed paragraphs 137,
 * 170): no random wait before the first message, retransmission from 100 ms up, and
 * after a link event the lease is verified at once (INIT-REBOOT) even though it has
 * not been used up.
 */
#ifndef MNATC_FSM_H
#define MNATC_FSM_H

#include "lease.h"
#include "reply.h"

#define FSM_STATES(X)                                                                          \
	X(INIT, "INIT")		      /* no lease, waits for a link */                        \
	X(SELECTING, "SELECTING")     /* DISCOVER sent */                                      \
	X(REQUESTING, "REQUESTING")   /* an offer was taken */                                 \
	X(INIT_REBOOT, "INIT-REBOOT") /* a lease, waits for a link */                          \
	X(REBOOTING, "REBOOTING")     /* asks whether the lease is good on this link */        \
	X(BOUND, "BOUND")                                                                      \
	X(RENEWING, "RENEWING")	  /* after T1 */                                               \
	X(REBINDING, "REBINDING") /* after T2 */

enum fsm_state {
#define X(name, text) FSM_##name,
	FSM_STATES(X)
#undef X
	FSM_N_STATES,
};

/* A message to send; unset addresses are 0.0.0.0 and their options left out. */
struct fsm_message {
	enum dhcp_type type;
	uint32_t xid;
	uint16_t secs;
	struct in_addr ciaddr;
	struct in_addr requested; /* option 50 */
	struct in_addr server;	  /* option 54 */
	struct in_addr shim;	  /* 0.0.0.0: allocate one */
	struct in_addr dest;	  /* 0.0.0.0: broadcast; else by the gateway, from ciaddr */
	bool rapid_commit;	  /* DISCOVER: an ACK is as good as an OFFER (RFC 4039) */
	struct in_addr link;	  /* option 118: for the link of this address (RFC 3011) */
};

struct fsm_ops {
	void (*send)(const struct fsm_message *message, void *user);
	/* a reply that fits the exchange, before it is acted upon */
	void (*accepted)(const struct reply *reply, void *user);
	/* an ACK: the lease is in force (and may be the one already in force) */
	void (*bound)(const struct lease *lease, void *user);
	/* the actual address must not be used any more; the virtual one is kept */
	void (*unbound)(const char *why, void *user);
	uint32_t (*random)(void *user);
	/* the offer prepared for the next link is tried on this one */
	void (*arriving)(const struct reply *offer, void *user);
};

struct fsm {
	const struct fsm_ops *ops;
	void *user;
	enum fsm_state state;
	uint32_t xid;
	uint64_t started_ns;  /* of the exchange */
	uint64_t sent_ns;     /* the last request */
	uint64_t deadline_ns; /* of the state */
	uint64_t hold_until_ns; /* no offer is taken before; 0: at once */
	uint64_t end_ns;      /* of the lease: its expiry, or soon after it was refused */
	unsigned int tries;   /* transmissions in this state */
	unsigned int naks;    /* in a row */
	uint64_t declined_ns; /* when the last one was; 0: none was */
	unsigned int tokenless; /* ACKs in a row without the token that was due */
	bool have_lease;
	bool have_offer;
	bool released; /* by command: idle until told otherwise */
	bool rapid;    /* RFC 4039: two messages instead of four, where the server can */
	struct lease lease;
	struct reply offer;
	struct in_addr virt; /* asked for in every message; 0.0.0.0 at first */
	/* for the next link, asked from this one */
	struct {
		uint32_t xid; /* of the question; 0: none is open */
		struct reply offer;
		uint64_t until_ns; /* 0: there is no offer */
	} prepared;
};

void fsm_init(struct fsm *fsm, const struct fsm_ops *ops, void *user);

/* What the state file remembers. lease NULL: only the virtual address. */
void fsm_restore(struct fsm *fsm, struct in_addr virt, const struct lease *lease);

/* The uplink to use has a carrier now, or is another one: verify or get a lease. */
void fsm_link_up(struct fsm *fsm);
/*
 * The lease is in force on this link, as somebody who knows has said: it is used at once,
 * and the server asked to confirm it.
 */
void fsm_adopt(struct fsm *fsm, const struct lease *lease);

/*
 * Somebody is about to tell us where we are: for so long from now no offer is taken, as the
 * lease would be committed for nothing. Until the next fsm_link_up().
 */
void fsm_hold(struct fsm *fsm, uint64_t for_ns);

/*
 * Have the server keep an address on another link, which has this router: when a link is up
 * next, that address is requested there at once, in place of the one held. -ENOTCONN: no
 * lease is in force to ask by.
 */
int fsm_prepare(struct fsm *fsm, struct in_addr router);

/* No uplink has a carrier. */
void fsm_link_down(struct fsm *fsm);

/* A reply from the uplink in use. False: it belongs to no exchange of ours. */
bool fsm_receive(struct fsm *fsm, const struct reply *reply);

/* Call at or after fsm_deadline() (NEVER: no need to). */
void fsm_tick(struct fsm *fsm);
uint64_t fsm_deadline(const struct fsm *fsm);

/* Renew now. -ENOTCONN: there is no lease to renew. */
int fsm_renew(struct fsm *fsm);
/*
 * Somebody else uses the lease's address: tell the server and get another. False: it is
 * kept, that was so a moment ago already.
 */
bool fsm_decline(struct fsm *fsm);
/* Give the lease back and stay idle until fsm_link_up(). -ENOTCONN: there is none. */
int fsm_release(struct fsm *fsm);

/* BOUND, RENEWING or REBINDING: the lease is known to be good on this uplink. */
bool fsm_is_bound(const struct fsm *fsm);

const char *fsm_state_name(enum fsm_state state); /* as in RFC 2131 */

#endif
