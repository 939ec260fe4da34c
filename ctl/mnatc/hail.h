/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node in public space tells its home managers itself where it is, by ARRIVE
 * datagrams (peering.h), until they answer, and again every now and then. No sockets:
 * datagrams go out by hail_ops and come in by hail_receive(); time is mnat_clock_now().
 */
#ifndef MNATC_HAIL_H
#define MNATC_HAIL_H

#include "roam.h"

#define HAIL_REFRESH (30 * MNAT_NS_PER_SEC)

struct hail_ops {
	/* to the manager's UDP port PEERING_PORT */
	void (*send)(struct in_addr manager, const void *datagram, size_t len, void *user);
	/* the next proof's number; false: none can be had now */
	bool (*count)(uint64_t *ret_counter, void *user);
	/* a sealed answer: home->gateway forwards to us (first: it did not before) */
	void (*answered)(struct home *home, bool first, void *user);
	/* a sealed refusal */
	void (*refused)(struct home *home, uint8_t error, void *user);
};

/* What goes on with one manager. */
struct hail {
	uint32_t home; /* serial */
	uint32_t transaction;
	uint64_t due_ns;
	uint64_t wait_ns;
	unsigned int tries; /* since the last answer */
	bool answered;
	uint8_t error; /* of the last answer; 0: it was positive, or there is none */
};

struct hails {
	const struct hail_ops *ops;
	void *user;
	struct in_addr endpoint; /* our public address; 0.0.0.0: not in public space */
	uint32_t last_transaction;
	struct hail hails[DHCP_MNAT_MAX_ARRIVALS];
	int n;
};

void hails_init(struct hails *hails, const struct hail_ops *ops, void *user);

/* We are at endpoint now: hail all whom an arrival is due to, at once. */
void hails_start(struct hails *hails, struct roam *roam, struct in_addr endpoint);
void hails_stop(struct hails *hails);

/* What was sent up to now may have been lost: those not answered are hailed at once. */
void hails_again(struct hails *hails);

void hails_tick(struct hails *hails, struct roam *roam);
uint64_t hails_deadline(const struct hails *hails);

/* False: the datagram is no answer to us. */
bool hails_receive(struct hails *hails, struct roam *roam, const void *datagram, size_t len);

/* NULL: this home is not being hailed. */
const struct hail *hail_of(const struct hails *hails, uint32_t home);
bool hails_all_answered(const struct hails *hails);

#endif
