// SPDX-License-Identifier: GPL-2.0-only
/* What the state machine wants done: messages, the shim, the stack, the state file. */
#include "actions.h"

#include <string.h>
#include <sys/random.h>

#include "mnat/addr.h"
#include "mnat/log.h"
#include "visit_public.h"

#define SAVE_AFTER   (50 * MNAT_NS_PER_MS) /* off the path of a move; a disk may be slow */
#define STAMPS_FIRST (2 * MNAT_NS_PER_MS)
#define STAMPS_FOR   (10 * MNAT_NS_PER_SEC)
#define IP_IN_IP     20 /* bytes more of a packet in a tunnel */

void action_record(struct engine *e, enum move_event what)
{
	recorder_event(&e->recorder, what, mnat_clock_now());
}

static void watch_stamps(struct engine *e)
{
	uint64_t now = mnat_clock_now();

	e->stamps_wait_ns = STAMPS_FIRST;
	e->stamps_at_ns = now + STAMPS_FIRST;
	e->stamps_until_ns = now + STAMPS_FOR;
}

static enum mnat_shim_mode mode_under(const struct engine *e, const struct lease *lease)
{
	if (e->passthrough)
		return MNAT_MODE_PASSTHRU;
	if (e->visit.public)
		return MNAT_MODE_PUBLIC;
	return lease->tunnel.s_addr ? MNAT_MODE_TUNNEL : MNAT_MODE_TRANSLATE;
}

static struct mnat_shim slot_for(const struct engine *e, const struct lease *lease,
				 const struct uplink *uplink)
{
	struct mnat_shim slot = {
		.mode = mode_under(e, lease),
		.tunnel = lease->tunnel.s_addr,
		.tunnel_out = e->conf.tunnel_out,
		.virt = visit_virtual(e, lease).s_addr,
		.actual = lease->actual.s_addr,
		.mask = lease->mask.s_addr,
		.gateway = lease->router.s_addr,
		.virt_gateway = e->conf.virt_gateway.s_addr,
		.virt_mask = e->conf.virt_mask.s_addr,
		.consumer = 1,
		.uplink = (uint32_t)uplink->link.index,
		.device = (uint32_t)e->stack.device.index,
	};

	if (e->resolver.target.s_addr == lease->router.s_addr)
		slot.gateway_mac = e->resolver.mac;
	slot.arp_pending = e->resolver.asking;
	slot.homes = e->visit.homes_used;
	if (lease->domain == e->conf.direct_domain && !e->visit.public) {
		memcpy(slot.direct, e->conf.direct, sizeof(slot.direct));
		slot.n_direct = (uint8_t)e->conf.n_direct;
	}
	memcpy(slot.uplink_mac, uplink->link.mac, 6);
	memcpy(slot.device_mac, e->stack.device.mac, 6);
	return slot;
}

int action_install(struct engine *e, const struct mnat_shim *slot)
{
	int r = shim_install(&e->shim, slot, e->conf.old_grace_ms * MNAT_NS_PER_MS);

	if (r < 0)
		log_err("the shim's maps cannot be written: %s", strerror(-r));
	return r;
}

int action_install_lease(struct engine *e)
{
	struct mnat_shim slot = slot_for(e, &e->fsm.lease, e->links.current);

	if (e->overlap.flip_by_ns != NEVER)
		return SHIM_UNCHANGED;
	return action_install(e, &slot);
}

void action_disable(struct engine *e)
{
	struct mnat_shim slot = {
		.mode = MNAT_MODE_TRANSLATE,
		.virt = e->fsm.virt.s_addr,
		.virt_gateway = e->conf.virt_gateway.s_addr,
		.virt_mask = e->conf.virt_mask.s_addr,
		.consumer = 1,
		.device = (uint32_t)e->stack.device.index,
	};

	memcpy(slot.device_mac, e->stack.device.mac, 6);
	action_install(e, &slot);
}

static int sign(struct engine *e, enum dhcp_type type, uint8_t *buf, size_t *len)
{
	uint64_t counter = 0;

	if (!auth_is_on(&e->auth))
		return 0;
	if (auth_counts(&e->auth, type) && !visit_count(&counter, e))
		return -EIO; /* the state file cannot be written, which is logged */
	return auth_sign(&e->auth, &e->identity.codec, counter, buf, len);
}

static void fsm_send(const struct fsm_message *message, void *user)
{
	struct engine *e = user;
	const struct uplink *uplink = e->links.current;
	uint8_t buf[DHCP_MAX_MESSAGE], mac[6];
	struct arrivals arrivals;
	size_t len;
	int r;

	if (!uplink)
		return;
	if (message->type == DHCP_REQUEST)
		overlap_expect(e, message->requested);
	shim_mac_bytes(e->resolver.mac, mac);
	visit_arrivals(e, message, &arrivals);
	if (arrivals.n > auth_max_arrivals(&e->auth))
		arrivals.n = auth_max_arrivals(&e->auth);
	r = message_build(&e->identity, message, &arrivals, uplink->port.mac, buf, &len);
	if (!r)
		r = sign(e, message->type, buf, &len);
	if (!r)
		r = port_send_dhcp(&uplink->port, message->ciaddr, message->dest,
				   e->resolver.mac ? mac : NULL, buf, len);
	if (r)
		log_warn("%s cannot be sent on %s: %s", dhcp_type_name(message->type), uplink->name,
			 strerror(-r));
	else
		log_debug("%s sent on %s in %s", dhcp_type_name(message->type), uplink->name,
			  fsm_state_name(e->fsm.state));
	action_record(e, message->type == DHCP_DISCOVER ? MOVE_DISCOVER : MOVE_REQUEST);
}

/* Send the question for the gateway's MAC address if there is a new one. */
static void send_question(struct engine *e, bool is_new)
{
	if (!is_new)
		return;
	resolver_tick(&e->resolver, &e->links.current->port);
	action_record(e, MOVE_GATEWAY_ARP);
}

static void fsm_accepted(const struct reply *reply, void *user)
{
	static const enum move_event events[] = {
		[DHCP_OFFER] = MOVE_OFFER,
		[DHCP_ACK] = MOVE_ACK,
		[DHCP_NAK] = MOVE_NAK,
	};
	struct engine *e = user;
	char server[MNAT_IP_LEN];

	action_record(e, events[reply->type]);
	log_debug("%s from %s in %s %s", dhcp_type_name(reply->type),
		  mnat_ip(reply->server, server), fsm_state_name(e->fsm.state), reply->text);
	/* asked now, answered when the ACK is there (seed paragraph 130) */
	if (reply->type == DHCP_OFFER)
		send_question(e,
			      resolver_ask(&e->resolver, (struct in_addr){0}, reply->lease.router));
}

/* As with an offer: who the router is there we know. */
static void fsm_arriving(const struct reply *offer, void *user)
{
	struct engine *e = user;

	action_record(e, MOVE_PREPARED);
	send_question(e, resolver_ask(&e->resolver, (struct in_addr){0}, offer->lease.router));
}

void action_set_mtu(struct engine *e)
{
	bool tunnel = e->visit.public || e->fsm.lease.tunnel.s_addr;
	uint32_t mtu = e->links.current->link.mtu;

	stack_set_mtu(&e->stack, tunnel && mtu > IP_IN_IP ? mtu - IP_IN_IP : mtu);
}

static void tell_stack(struct engine *e)
{
	const struct lease *lease = &e->fsm.lease;
	const struct local_offer offer = {
		.virt = visit_virtual(e, lease),
		.mask = e->conf.virt_mask,
		.gateway = e->conf.virt_gateway,
		.server = lease->server,
		.mtu = e->stack.device.mtu,
		.dns = lease->dns,
	};

	local_dhcp_set(&e->local_dhcp, &offer);
}

void action_set_stack(struct engine *e)
{
	struct stack_addresses want;

	visit_addresses(e, &e->fsm.lease, &want);
	if (e->conf.stack_dhcp)
		stack_set_old(&e->stack, &want);
	else
		stack_set_addresses(&e->stack, &want);
	action_set_mtu(e);
	tell_stack(e);
	names_apply(&e->names, &e->fsm.lease.dns);
}

/* Where we may be again: what it takes to be there without asking who we are. */
static void remember_network(struct engine *e)
{
	const struct lease *lease = &e->fsm.lease;
	struct network network = {
		.gateway_mac = e->resolver.mac,
		.actual = lease->actual,
		.mask = lease->mask,
		.router = lease->router,
		.domain = lease->mobile ? lease->domain : 0,
		.until_ns = lease_expiry(lease),
	};

	state_remember_network(&e->state, &network);
}

void action_remember(struct engine *e)
{
	e->state.virt = e->fsm.virt;
	e->state.have_lease = e->fsm.have_lease;
	e->state.lease = e->fsm.lease;
	if (e->fsm.have_lease && e->resolver.mac)
		remember_network(e);
	e->save_at_ns = mnat_clock_now() + SAVE_AFTER;
}

int action_save(struct engine *e)
{
	e->save_at_ns = NEVER;
	return state_save(e->conf.state_file, &e->state);
}

static void tell_lease(const struct engine *e, const struct lease *lease)
{
	char virt[MNAT_IP_LEN], actual[MNAT_IP_LEN], server[MNAT_IP_LEN];

	if (lease->mobile || e->visit.public)
		log_info("virtual address %s is at %s on %s%s",
			 mnat_ip(visit_virtual(e, lease), virt), mnat_ip(lease->actual, actual),
			 e->links.current->name, e->visit.public ? ", public space" : "");
	else
		log_warn("the DHCP server %s does not speak MobileNAT: address %s on %s, sessions "
			 "will not survive moves",
			 mnat_ip(lease->server, server), mnat_ip(lease->actual, actual),
			 e->links.current->name);
}

/*
 * Now that the address is ours, the question for the gateway also tells the gateway
 * where it is. It goes out after the flip, which has the shim expect the answer.
 */
static void take_over(struct engine *e, bool ask)
{
	const struct lease *lease = &e->fsm.lease;
	struct move *move = recorder_current(&e->recorder);
	int change;

	visit_prepare(e, lease);
	change = action_install_lease(e);
	if (change == SHIM_MOVED) {
		action_record(e, MOVE_SHIM_SET);
		watch_stamps(e);
	}
	send_question(e, ask);
	if (move)
		move->to = lease->actual;
	if (change == SHIM_MOVED)
		tell_lease(e, lease);
	else if (e->stamps_at_ns == NEVER)
		recorder_end(&e->recorder);
	action_set_stack(e);
	visit_settle(e);
	if (e->resolver.mac)
		wake_now(e);
	action_remember(e);
	if (e->conf.conflict_check)
		conflict_begin(&e->conflict, lease->actual);
}

void action_take_over(struct engine *e)
{
	if (overlap_end(e) && fsm_is_bound(&e->fsm) && e->links.current)
		take_over(e, false);
}

static void fsm_bound(const struct lease *lease, void *user)
{
	struct engine *e = user;
	bool ask = resolver_ask(&e->resolver, lease->actual, lease->router);

	rebind_end(&e->rebind);
	e->lease_by_ns = NEVER;
	overlap_end(e);
	if (overlap_holds(e))
		send_question(e, ask);
	else
		take_over(e, ask);
}

static void fsm_unbound(const char *why, void *user)
{
	struct engine *e = user;
	char actual[MNAT_IP_LEN];

	conflict_end(&e->conflict);
	log_info("address %s is no longer used: %s", mnat_ip(e->fsm.lease.actual, actual), why);
	if (!overlap_other(e))
		action_disable(e);
	e->lease_by_ns = mnat_clock_now() + LEASE_WITHIN;
	action_remember(e);
}

static uint32_t fsm_random(void *user)
{
	uint32_t value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		value = (uint32_t)(mnat_clock_now() * 2654435761u); /* early boot */
	return value;
}

const struct fsm_ops engine_fsm_ops = {
	.send = fsm_send,
	.accepted = fsm_accepted,
	.bound = fsm_bound,
	.unbound = fsm_unbound,
	.random = fsm_random,
	.arriving = fsm_arriving,
};
