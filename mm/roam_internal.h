/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of roam.h only. */
#ifndef MM_ROAM_INTERNAL_H
#define MM_ROAM_INTERNAL_H

#include "roam.h"

struct roam_peer *roam_peer_of(struct roam *roam, uint32_t domain); /* NULL: none */
unsigned int roam_peer_index(const struct roam *roam, const struct roam_peer *peer);

/* One of so many a second; up to a second's worth may come at once. */
bool roam_afford(struct roam_credit *credit, unsigned int a_second);

/* Is it a tunnel address of one of our gateways? */
bool roam_is_ours(const struct roam *roam, struct in_addr gateway);
/* May another domain's gateway, or a node, be there? */
bool roam_is_endpoint(const struct roam *roam, struct in_addr addr);
/* ... and all of these */
bool roam_are_endpoints(const struct roam *roam, const struct peering_others *others);

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
/* If it is in that peer's domain. */
struct roam_home *home_there(struct roam *roam, const struct roam_peer *peer, struct in_addr virt);
struct roam_home *home_add(struct roam *roam, const struct home_record *record);
/* On disk first: what cannot be kept is not done. 0 or -errno. */
int home_update(struct roam *roam, struct roam_home *home, const struct home_record *record);
/* Tell where it was; a message that is lost is made up for by the peer's next RENEW. */
void home_bid_farewell(struct roam *roam, const struct home_record *was, uint8_t subtype,
		       const char *reason);
/* flags: 0 or SIMCO_REMOVE. */
void home_admit(struct roam *roam, const struct home_record *record, uint32_t flags);
bool home_is_served_out(const struct roam *roam, const struct roam_peer *peer,
			const struct home_record *home);
/* Seconds until it must be renewed; peer NULL: it is in public space. */
uint32_t home_lifetime(const struct roam *roam, const struct roam_peer *peer,
		       const struct roam_home *home);
int home_revoke(struct roam *roam, struct in_addr virt);
void home_revoke_peer(struct roam *roam, const struct roam_peer *peer);
void home_keep_lease(struct roam *roam, const struct roam_home *home);
int home_load(const struct home_record *record, void *roam);
void home_bound(struct roam *roam, struct in_addr virt, uint32_t generation,
		const struct dhcp_mnat_arrival *arrivals, unsigned int n);
void home_on_event(struct roam *roam, struct in_addr virt, uint32_t generation);
void home_tell_gateway(struct roam *roam);
void home_tick(struct roam *roam);
uint8_t home_on_flows(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);
uint8_t home_on_renew(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);
uint8_t home_on_left(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);

/* ---- roam_arrive.c ---- */

/* Is what the host showed with a lease older than the arrival that is believed of it? */
bool home_is_overtaken(const struct roam *roam, const struct roam_home *home,
		       const struct dhcp_mnat_arrival *arrivals, unsigned int n);

/*
 * Back home a host shows its last ticket once more: it is the one that had the address
 * before, not a new holder, and that ticket stays good, should the next one be lost.
 */
void home_prove(struct roam *roam, struct in_addr virt, uint32_t generation,
		const struct dhcp_mnat_arrival *arrival);
uint8_t home_on_arrive(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);

/* ---- roam_visit.c ---- */

bool guest_is_importing(const struct roam *roam, struct in_addr identity);
int visit_load(const struct visit_record *record, void *roam);
void visit_admit(struct roam *roam, struct in_addr identity,
		 const struct dhcp_mnat_arrival *arrivals, unsigned int n);
void visit_gone(struct roam *roam, struct in_addr identity);
void visit_tell_gateway(struct roam *roam);
void visit_gateway_up(struct roam *roam);
void visit_peer_up(struct roam *roam, const struct roam_peer *peer);
void visit_peer_down(struct roam *roam, const struct roam_peer *peer);
void visit_revoke_peer(struct roam *roam, const struct roam_peer *peer);
void visit_tick(struct roam *roam);

struct roam_visit *visit_find(const struct roam *roam, uint32_t domain, struct in_addr virt);
/* Ask what its state wants to know, if the peer is there. */
void visit_ask(struct roam *roam, struct roam_visit *visit);
void visit_ask_later(struct roam *roam, struct roam_visit *visit, uint64_t ms);
void visit_send(struct roam *roam, struct roam_visit *visit, struct roam_peer *peer,
		struct peering_message *message);
/* The answer to what was asked is of no more interest. */
void visit_unask(struct roam *roam, struct roam_visit *visit);
void visit_enter(struct roam *roam, struct roam_visit *visit, enum visit_state state);
/* Of all gateways there. */
void visit_send_anchors(struct roam *roam, const struct roam_visit *visit);
void visit_remove_anchors(struct roam *roam, const struct roam_visit *visit);
struct in_addr visit_source(const struct roam_visit *visit);
/* All that its home's gateways have told is to be told again. */
void visit_import_anew(struct roam_visit *visit);
/* The gateway that is being asked has told all, or does not answer. False: none is left. */
bool visit_next_source(struct roam_visit *visit, bool fetched);
void visit_stop_import(struct roam *roam, struct roam_visit *visit);
/* Forget the anchor, here and on disk; the visit is freed. */
void visit_forget(struct roam *roam, struct roam_visit *visit);

/* ---- roam_answer.c ---- */

/* All that had to be done when it came is done. */
void visit_serve(struct roam *roam, struct roam_visit *visit);

void visit_on_reply(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);
uint8_t visit_on_end(struct roam *roam, struct roam_peer *peer, const struct peering_message *m);

/* ---- roam_forward.c ---- */

uint8_t home_on_forward(struct roam *roam, struct roam_peer *peer,
			const struct peering_message *m);
/* SIMCO_HANC_* by the flags of ARRIVE's reply and our own policy. */
uint32_t visit_policy(const struct roam_peer *peer, uint32_t home_flags);
#define VISIT_POLICY (SIMCO_HANC_DIRECT | SIMCO_HANC_TRANSLATE | SIMCO_HANC_CORRESPONDENT)
void visit_begin_forwarding(struct roam *roam, struct roam_visit *visit);
void visit_ask_ports(struct roam *roam, struct roam_visit *visit, const struct roam_peer *peer);
void visit_forwarded(struct roam *roam, struct roam_visit *visit);
/* Home will not translate: true, and the tunnel stays. */
bool visit_keeps_tunnel(struct roam *roam, struct roam_visit *visit, uint8_t error);

#endif
