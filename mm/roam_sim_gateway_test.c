// SPDX-License-Identifier: GPL-2.0-only
/* What managers do to gateways, DHCP servers and each other. */
#include "roam_sim_internal_test.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>

#include "mnat/clock.h"

#define EPOCH_S 1700000000u

static int self_of(void *user)
{
	return (int)((struct sim_domain *)user - sim);
}

static uint64_t wall_s(void *user)
{
	return EPOCH_S + sim_clock_ns / MNAT_NS_PER_SEC;
}

static int send_message(unsigned int peer, const struct peering_message *m, void *user)
{
	int self = self_of(user), to = sim_domain_of_peer(self, peer);
	struct sim_packet *p = &sim_queue[sim_n_queue];

	sim_may_die(self);
	if (sim_asking && m->basic != SIMCO_REQUEST) {
		sim_last_answer = *m;
		return 0;
	}
	if (!sim_links[self][to])
		return -ENOTCONN;
	cr_assert_lt(sim_n_queue, SIM_MAX_QUEUE);
	*p = (struct sim_packet){.from = self, .to = to};
	p->len = peering_encode(m, p->buf, sizeof(p->buf));
	cr_assert_gt(p->len, 0);
	sim_n_queue++;
	return 0;
}

/* The gateway takes a rule only if its generation is new, or all but importing is the same. */
static void set_rule(struct sim_domain *d, struct sim_rule rule)
{
	struct sim_rule *old = &d->rule;
	bool same = old->known && old->bound == rule.bound && old->away == rule.away &&
		    old->endpoint.s_addr == rule.endpoint.s_addr;

	rule.known = true;
	if (same && rule.away) { /* as long as it is behind that tunnel */
		rule.forwarded = old->forwarded;
		rule.forward_flags = old->forward_flags;
	}
	if (old->known && !same)
		cr_assert_gt(rule.generation, old->generation, "a rule the gateway would refuse");
	if (old->known && same)
		cr_assert_geq(rule.generation, old->generation, "a stale rule");
	*old = rule;
}

static void locate(struct in_addr identity, const struct roam_location *location,
		   uint32_t generation, void *user)
{
	struct sim_domain *d = user;

	sim_may_die(self_of(user));
	cr_assert_eq(identity.s_addr, d->identity.s_addr);
	if (!d->lease.known && !location->away)
		return;
	if (!d->lease.known) {
		d->lease.known = true;
		d->lease.told = generation;
	}
	set_rule(d, (struct sim_rule){
			    .bound = d->lease.bound && !location->away,
			    .away = location->away,
			    .endpoint = location->away ? location->endpoint : (struct in_addr){0},
			    .importing = location->importing,
			    .generation = d->lease.told + location->shift,
		    });
}

struct sim_anchor *sim_find_anchor(struct sim_domain *d, struct in_addr gateway)
{
	for (int i = 0; i < SIM_MAX_ANCHORS; i++)
		if (d->anchors[i].gateway.s_addr == gateway.s_addr)
			return &d->anchors[i];
	return NULL;
}

static void anchor(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
		   uint32_t flags, void *user)
{
	struct sim_domain *d = user;
	struct sim_anchor *a = sim_find_anchor(d, gateway);

	sim_may_die(self_of(user));
	if (flags & SIMCO_REMOVE) {
		if (a)
			*a = (struct sim_anchor){0};
		return;
	}
	if (!a)
		a = sim_find_anchor(d, (struct in_addr){0});
	cr_assert(a);
	a->gateway = gateway;
	a->virt = virt;
	a->flags = flags;
}

static void arrival(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
		    uint32_t flags, void *user)
{
	struct sim_domain *d = user;
	int at = -1;

	sim_may_die(self_of(user));
	cr_assert_eq(virt.s_addr, identity.s_addr);
	for (int i = SIM_MAX_ANCHORS - 1; i >= 0; i--)
		if (d->arrivals[i].s_addr == gateway.s_addr)
			at = i;
	for (int i = 0; at < 0 && i < SIM_MAX_ANCHORS; i++)
		if (!d->arrivals[i].s_addr)
			at = i;
	cr_assert_geq(at, 0);
	d->arrivals[at].s_addr = flags & SIMCO_REMOVE ? 0 : gateway.s_addr;
}

static int export_flows(const struct roam_query *query, uint64_t cursor, void *user)
{
	int self = self_of(user);

	sim_may_die(self);
	for (unsigned int i = 0; i < sim[self].n_gateways; i++)
		if (sim_tunnel_of(self, i).s_addr == query->gateway.s_addr && sim[self].deaf[i])
			return -ENOTCONN;
	cr_assert_lt(sim_n_queue, SIM_MAX_QUEUE);
	sim_queue[sim_n_queue++] =
		(struct sim_packet){.from = self, .to = self, .query = *query, .cursor = cursor};
	return 0;
}

static void import_flows(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
			 const struct simco_flow *flows, uint32_t n, void *user)
{
	struct sim_anchor *a = sim_find_anchor(user, gateway);

	sim_may_die(self_of(user));
	cr_assert(a, "sessions for an anchor that is not there");
	for (uint32_t i = 0; i < n; i++)
		a->imported |= 1u << ntohs(flows[i].port);
}

static void keep(struct in_addr virt, uint32_t seconds, void *user)
{
	struct sim_domain *d = user;

	sim_may_die(self_of(user));
	cr_assert_eq(virt.s_addr, d->identity.s_addr);
	if (seconds)
		d->renewals++;
	else
		d->releases++;
}

static int lookup(struct in_addr identity, struct roam_lease *ret_lease, void *user)
{
	struct sim_domain *d = user;

	if (d->lease.known && !d->lease.issued && !d->complete)
		return -EAGAIN;
	if (identity.s_addr != d->identity.s_addr || !d->lease.known ||
	    (!d->lease.bound && !d->rule.away))
		return d->complete ? -ENOENT : -EAGAIN;
	*ret_lease = (struct roam_lease){d->lease.told, d->lease.issued};
	return 0;
}

/* Both gateways answer later, as for an export. */
static void relay_flows(const struct roam_query *query, struct in_addr identity,
			struct in_addr gateway, uint64_t cursor, void *user)
{
	int self = self_of(user);

	sim_may_die(self);
	cr_assert_lt(sim_n_queue, SIM_MAX_QUEUE);
	sim_queue[sim_n_queue++] = (struct sim_packet){
		.from = self, .to = self, .relay = true, .query = *query, .cursor = cursor,
		.end = gateway};
}

static int forward_flows(const struct roam_query *query, struct in_addr endpoint, uint32_t flags,
			 const struct simco_flow *flows, uint32_t n, void *user)
{
	struct sim_domain *d = user;
	int self = self_of(user);

	sim_may_die(self);
	cr_assert(d->rule.away);
	cr_assert_eq(endpoint.s_addr, d->rule.endpoint.s_addr, "forwarded to another gateway");
	for (uint32_t i = 0; i < n; i++) {
		cr_assert_eq(flows[i].external, endpoint.s_addr);
		if (d->roam.peers[0].translate)
			cr_assert_eq(ntohs(flows[i].external_port),
				     PORTS_FROM + ntohs(flows[i].port));
		else
			cr_assert_eq(flows[i].external_port, 0);
		d->rule.forwarded |= 1u << ntohs(flows[i].port);
	}
	d->rule.forward_flags = flags;
	cr_assert_lt(sim_n_queue, SIM_MAX_QUEUE);
	sim_queue[sim_n_queue++] = (struct sim_packet){
		.from = self, .to = self, .forward = n, .query = *query};
	return 0;
}

const struct roam_ops sim_ops = {
	.wall_s = wall_s,
	.send = send_message,
	.locate = locate,
	.anchor = anchor,
	.arrival = arrival,
	.export_flows = export_flows,
	.import_flows = import_flows,
	.relay_flows = relay_flows,
	.forward_flows = forward_flows,
	.keep = keep,
	.lookup = lookup,
};
