/* SPDX-License-Identifier: GPL-2.0-only */
/* Between roam.c, roam_home.c and roam_visit.c only. */
#ifndef MM_ROAM_INTERNAL_H
#define MM_ROAM_INTERNAL_H

#include "roam.h"

struct roam_peer *roam_peer_of(struct roam *roam, uint32_t domain); /* NULL: none */
unsigned int roam_peer_index(const struct roam *roam, const struct roam_peer *peer);

/* Tell ops where the host is, if it has a rule besides its lease. */
void roam_locate(struct roam *roam, struct in_addr identity);

/* A request of ours; *ret_transaction never 0. */
int roam_request(struct roam *roam, struct roam_peer *peer, struct peering_message *message,
		 uint32_t *ret_transaction);
void roam_reply(struct roam *roam, struct roam_peer *peer, uint32_t transaction,
		struct peering_message *message);
/* Counted, by name and for the peer. */
void roam_refuse(struct roam *roam, struct roam_peer *peer, uint32_t transaction, uint8_t error);
void roam_count_refusal(struct roam *roam, struct roam_peer *peer, uint8_t error);

/* ---- roam_home.c ---- */

struct roam_home *home_find(const struct roam *roam, struct in_addr virt);
int home_load(const struct home_record *record, void *roam);
void home_bound(struct roam *roam, struct in_addr virt, uint32_t generation,
		const struct dhcp_mnat_arrival *arrivals, unsigned int n);
void home_on_event(struct roam *roam, struct in_addr virt, uint32_t generation);
void home_gateway_up(struct roam *roam);
void home_tick(struct roam *roam);
uint8_t home_on_arrive(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);
uint8_t home_on_flows(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);
uint8_t home_on_renew(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);
uint8_t home_on_left(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);

/* ---- roam_visit.c ---- */

bool guest_is_importing(const struct roam *roam, struct in_addr identity);
int visit_load(const struct visit_record *record, void *roam);
void visit_admit(struct roam *roam, struct in_addr identity,
		 const struct dhcp_mnat_arrival *arrivals, unsigned int n);
void visit_gone(struct roam *roam, struct in_addr identity);
void visit_gateway_up(struct roam *roam);
void visit_peer_up(struct roam *roam, const struct roam_peer *peer);
void visit_peer_down(struct roam *roam, const struct roam_peer *peer);
void visit_tick(struct roam *roam);
void visit_on_reply(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);
uint8_t visit_on_end(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);

#endif
