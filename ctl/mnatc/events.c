// SPDX-License-Identifier: GPL-2.0-only
/* What the uplinks bring: carriers come and go, DHCP and ARP arrive. */
#include "actions.h"

#include <errno.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/log.h"
#include "mnat/peering.h"
#include "visit_public.h"

#define RECEIVE_BATCH 32
#define REBIND_WITHIN (30 * MNAT_NS_PER_MS) /* of recognizing the network; then DHCP */
#define REBOUND_S     60 /* a lease whose confirmation by DHCP is on its way */

static struct in_addr current_actual(const struct engine *e)
{
	return e->fsm.have_lease ? e->fsm.lease.actual : (struct in_addr){0};
}

static void link_lost(struct uplink *uplink, void *user)
{
	struct engine *e = user;
	struct move *move = recorder_current(&e->recorder);

	log_info("uplink %s lost its carrier", uplink->name);
	if (uplink != e->links.current) {
		if (!overlap_other(e)) /* it was the one left: no time to wait */
			action_take_over(e);
		return;
	}
	wake_silent(e, mnat_clock_now());
	if (!move || move_has(move, MOVE_LINK_UP))
		recorder_begin(&e->recorder, current_actual(e));
	action_record(e, MOVE_LINK_DOWN);
}

static void link_use(struct uplink *uplink, void *user)
{
	struct engine *e = user;
	struct move *move = recorder_current(&e->recorder);

	if (e->fsm.released)
		return;
	log_debug("using uplink %s", uplink->name);
	if (!move || move_has(move, MOVE_LINK_UP))
		recorder_begin(&e->recorder, current_actual(e));
	memcpy(recorder_current(&e->recorder)->uplink, uplink->name, IF_NAMESIZE);
	action_record(e, MOVE_LINK_UP);
	resolver_reset(&e->resolver);
	e->lease_by_ns = mnat_clock_now() + LEASE_WITHIN;
	conflict_end(&e->conflict);
	overlap_begin(e);
	if (!e->overlap.on) {
		rebind_begin(&e->rebind, &e->state);
		rebind_tick(&e->rebind, &e->state.roam);
	}
	e->fsm.rapid = e->conf.rapid_commit && !e->overlap.on; /* an offer says what to expect */
	fsm_link_up(&e->fsm);
	visit_begin(e);
	engine_rearm(e);
}

/* Above, nothing is to be noticed (seed paragraph 135): device and addresses stay. */
static void link_none(void *user)
{
	struct engine *e = user;

	resolver_reset(&e->resolver);
	conflict_end(&e->conflict);
	overlap_end(e);
	rebind_end(&e->rebind);
	e->lease_by_ns = NEVER;
	fsm_link_down(&e->fsm);
	engine_rearm(e);
}

static void link_changed(struct uplink *uplink, void *user)
{
	struct engine *e = user;

	if (uplink != e->links.current || !uplink->link.carrier || !fsm_is_bound(&e->fsm))
		return;
	action_set_mtu(e);
	action_install_lease(e); /* its MAC address may be another */
}

/* A server has us renew (RFC 3203); its nonce, not our key, proves that. */
static const char *take_forcerenew(struct engine *e, const struct dhcp_message *message)
{
	const char *why = reconfigure_check(&e->reconfigure, message);

	if (why)
		return why;
	return fsm_renew(&e->fsm) ? "there is no lease to renew" : NULL;
}

static const char *take_answer(struct engine *e, const struct dhcp_message *message)
{
	const char *why =
		auth_check(&e->auth, &e->identity.codec, message, &e->state.dhcp_replay);
	struct reply reply;

	if (why || reply_decode(message, &reply, &why))
		return why;
	if (!fsm_receive(&e->fsm, &reply))
		return "belongs to no exchange of ours";
	if (reply.type == DHCP_ACK)
		reconfigure_learn(&e->reconfigure, message, reply.server);
	return NULL;
}

/* Whatever is wrong with a message, it is dropped and the exchange goes on. */
static void take_message(struct engine *e, const struct uplink *uplink, const uint8_t *payload,
			 size_t len)
{
	struct dhcp_message message;
	const char *why;
	enum dhcp_error error;

	error = dhcp_parse(&e->identity.codec, DHCP_BOOTREPLY, payload, len, &message);
	if (error)
		why = dhcp_error_text(error);
	else if (memcmp(message.header.chaddr, uplink->port.mac, 6))
		return; /* a neighbour's */
	else if (message.type == DHCP_FORCERENEW)
		why = take_forcerenew(e, &message);
	else
		why = take_answer(e, &message);
	if (why)
		log_debug("message on %s ignored: %s", uplink->name, why);
}

static void dhcp_readable(struct uplink *uplink, void *user)
{
	uint8_t buf[DHCP_MAX_MESSAGE + PACKET_UDP_HEADERS + 40];
	struct engine *e = user;
	const uint8_t *payload;
	int n;

	for (int i = 0; i < RECEIVE_BATCH; i++) {
		n = port_receive_dhcp(&uplink->port, buf, sizeof(buf), &payload);
		if (n == -EBADMSG)
			continue;
		if (n < 0)
			break;
		if (uplink == e->links.current)
			take_message(e, uplink, payload, (size_t)n);
	}
	engine_rearm(e);
}

/* RFC 5227 2.1.1, after the fact: it is not ours to use. */
static void address_taken(struct engine *e, const uint8_t mac[6])
{
	char addr[MNAT_IP_LEN], owner[MNAT_MAC_LEN];

	mnat_ip(e->fsm.lease.actual, addr);
	if (fsm_decline(&e->fsm))
		log_warn("%s on %s is used by %s already: declined", addr, e->links.current->name,
			 mnat_mac(mac, owner));
}

static void gateway_answered(struct engine *e)
{
	action_record(e, MOVE_GATEWAY_MAC);
	action_take_over(e);
	if (!fsm_is_bound(&e->fsm))
		return;
	action_install_lease(e);
	wake_now(e);
	visit_reachable(e);
	action_remember(e);
}

static void arp_readable(struct uplink *uplink, void *user)
{
	struct engine *e = user;
	struct in_addr owner;
	uint8_t mac[6];
	int r;

	while ((r = port_receive_arp(&uplink->port, &owner, mac)) == 0 || r == -EBADMSG) {
		if (r || uplink != e->links.current)
			continue;
		if (rebind_knows(&e->rebind, owner, shim_mac_word(mac)))
			fsm_hold(&e->fsm, REBIND_WITHIN);
		if (resolver_take(&e->resolver, owner, mac))
			gateway_answered(e);
		else if (conflict_is(&e->conflict, owner, mac, uplink->port.mac))
			address_taken(e, mac);
	}
	engine_rearm(e);
}

/*
 * To that network's gateway alone. The question for it goes first, from the address we
 * want to be reached at: so the gateway knows the way back (RFC 4436 2.1).
 */
static void rebind_send(const struct network *network, struct in_addr manager, const void *datagram,
			size_t len, void *user)
{
	struct engine *e = user;
	const struct uplink *uplink = e->links.current;
	uint8_t mac[6];
	int r;

	shim_mac_bytes(network->gateway_mac, mac);
	r = port_send_arp_to(&uplink->port, mac, network->actual, network->router);
	if (!r)
		r = port_send_udp(uplink->rebind_fd, uplink->link.index, network->actual,
				  PEERING_PORT, manager, PEERING_PORT, mac, datagram, len);
	if (r)
		log_debug("rebind cannot be sent on %s: %s", uplink->name, strerror(-r));
	action_record(e, MOVE_REBIND);
}

static void rebind_accepted(const struct network *network, void *user)
{
	struct engine *e = user;
	struct lease lease = e->fsm.lease;

	action_record(e, MOVE_REBOUND);
	if (!e->fsm.have_lease)
		return; /* not even a name: DHCP is quick enough */
	lease.actual = network->actual;
	lease.mask = network->mask;
	lease.router = network->router;
	lease.since_ns = mnat_clock_now();
	lease.lease_s = REBOUND_S;
	lease.t1_s = lease.lease_s / 2;
	lease.t2_s = lease.lease_s * 7 / 8;
	resolver_know(&e->resolver, network->actual, network->router, network->gateway_mac);
	fsm_adopt(&e->fsm, &lease);
}

static void rebind_readable(struct uplink *uplink, void *user)
{
	uint8_t buf[1500];
	struct engine *e = user;
	const uint8_t *datagram;
	int n;

	for (int i = 0; i < RECEIVE_BATCH; i++) {
		n = port_receive_udp(uplink->rebind_fd, PEERING_PORT, buf, sizeof(buf), &datagram);
		if (n == -EBADMSG)
			continue;
		if (n < 0)
			break;
		if (uplink == e->links.current &&
		    !rebind_receive(&e->rebind, &e->state.roam, datagram, (size_t)n))
			log_debug("datagram on %s ignored: no answer to a rebind", uplink->name);
	}
	engine_rearm(e);
}

const struct rebind_ops engine_rebind_ops = {
	.send = rebind_send,
	.count = visit_count,
	.accepted = rebind_accepted,
};

const struct links_ops engine_links_ops = {
	.lost = link_lost,
	.use = link_use,
	.none = link_none,
	.changed = link_changed,
	.dhcp_readable = dhcp_readable,
	.arp_readable = arp_readable,
	.rebind_readable = rebind_readable,
};
