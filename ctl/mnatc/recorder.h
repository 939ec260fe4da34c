/* SPDX-License-Identifier: GPL-2.0-only */
/* The flight recorder: what happened when in each of the last moves. */
#ifndef MNATC_RECORDER_H
#define MNATC_RECORDER_H

#include <jansson.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORDER_MOVES 64
#define RECORDER_EVENTS 32 /* of a move; further retransmissions are not recorded */

#define MOVE_EVENTS(X)                                                                         \
	X(LINK_DOWN, "link-down")                                                              \
	X(LINK_UP, "link-up")                                                                  \
	X(PREPARED, "prepared")                                                                \
	X(REQUEST, "request")                                                                  \
	X(NAK, "nak")                                                                          \
	X(DISCOVER, "discover")                                                                \
	X(OFFER, "offer")                                                                      \
	X(ACK, "ack")                                                                          \
	X(REBIND, "rebind")                                                                    \
	X(REBOUND, "rebound")                                                                  \
	X(GATEWAY_ARP, "gateway-arp")                                                          \
	X(GATEWAY_MAC, "gateway-mac")                                                          \
	X(SHIM_SET, "shim-set")                                                                \
	X(FIRST_OUT, "first-out")                                                              \
	X(FIRST_IN, "first-in")                                                                \
	X(TCP_WOKEN, "tcp-woken")

/* Upper ends of the histogram's buckets, in ms; beyond the last is one more. */
#define OUTAGE_ENDS {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}
#define OUTAGE_BUCKETS 11

enum move_event {
#define X(name, text) MOVE_##name,
	MOVE_EVENTS(X)
#undef X
	MOVE_N_EVENTS,
};

struct move {
	uint32_t n; /* from 1 */
	char uplink[IF_NAMESIZE];
	struct in_addr from; /* 0.0.0.0: none */
	struct in_addr to;   /* 0.0.0.0: not there yet */
	unsigned int n_events;
	struct {
		enum move_event what;
		uint64_t at_ns; /* CLOCK_BOOTTIME */
	} events[RECORDER_EVENTS];
};

struct recorder {
	struct move moves[RECORDER_MOVES];
	uint32_t n; /* moves so far */
	bool open;  /* the last one is still going on */
	uint32_t outages[OUTAGE_BUCKETS]; /* of all moves by which the carrier was lost */
};

/* Begin a move, which ends one that is open. */
void recorder_begin(struct recorder *recorder, struct in_addr from);

/* An event of the open move, in its place by time; without one, nothing. */
void recorder_event(struct recorder *recorder, enum move_event what, uint64_t at_ns);

/* The open move, or NULL. */
struct move *recorder_current(struct recorder *recorder);
void recorder_end(struct recorder *recorder);

bool move_has(const struct move *move, enum move_event what);

/* Moves still kept are n - count + 1 .. n; a row for the dump (new reference). */
uint32_t recorder_count(const struct recorder *recorder);
/* The histogram: upper end in ms -> moves; only buckets that have any (new reference). */
json_t *recorder_outages(const struct recorder *recorder);
json_t *recorder_row(const struct recorder *recorder, uint32_t n);

#endif
