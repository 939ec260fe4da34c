// SPDX-License-Identifier: GPL-2.0-only
/* The managers and the node. */
#include "roam_sim_internal_test.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <endian.h>
#include <setjmp.h>
#include <string.h>

#include "mnat/clock.h"

struct sim_domain sim[N_DOMAINS];
struct sim_node sim_node;
bool sim_translate;
bool sim_links[N_DOMAINS][N_DOMAINS];
uint64_t sim_clock_ns;

/* sim_kill_at() */
static jmp_buf death;
static int mortal = -1;
static unsigned int things_left;
static bool alive; /* within something that may be ended by death */

static uint64_t virtual_clock(void)
{
	return sim_clock_ns;
}

/* Where tunnels to a gateway of the domain end. */
struct in_addr sim_tunnel_of(int domain, unsigned int gateway)
{
	static const char *const addrs[N_DOMAINS][SIM_MAX_GATEWAYS] = {
		{"135.180.32.4", "135.180.32.5"}, {"143.32.2.70", "143.32.2.71"},
		{"151.1.1.1", "151.1.1.2"}};

	return (struct in_addr){inet_addr(addrs[domain][gateway])};
}

struct in_addr sim_tunnel(int domain)
{
	return sim_tunnel_of(domain, 0);
}

int sim_domain_of_peer(int self, unsigned int peer)
{
	return (int)peer + ((int)peer >= self);
}

unsigned int sim_peer_of_domain(int self, int domain)
{
	return (unsigned int)(domain - (domain > self));
}

/* ---- death in the middle ---- */

void sim_kill_at(int domain, unsigned int n)
{
	mortal = domain;
	things_left = n;
}

bool sim_was_killed(void)
{
	return mortal < 0;
}

void sim_may_die(int self)
{
	if (self != mortal || !alive || things_left--)
		return;
	mortal = -1;
	longjmp(death, self + 1);
}

void sim_mortally(void (*work)(int arg), int arg)
{
	int dead = setjmp(death);

	alive = !dead;
	if (dead)
		sim_restart(dead - 1);
	else
		work(arg);
	alive = false;
}

/* ---- the managers ---- */

static void start_manager(int self, struct state *state)
{
	struct sim_domain *d = &sim[self];

	d->roam = (struct roam){
		.domain = (uint32_t)self + 1,
		.tunnel_addr = sim_tunnel(self),
		.ticket_s = SIM_TICKET_S,
		.n_peers = N_DOMAINS - 1,
		.ops = &sim_ops,
		.user = d,
		.state = state,
	};
	d->roam.secret.bytes[0] = (uint8_t)(self + 1);
	for (unsigned int i = 1; i < d->n_gateways; i++)
		d->roam.others.addr[d->roam.others.n++] = sim_tunnel_of(self, i);
	for (unsigned int i = 0; i < N_DOMAINS - 1; i++)
		d->roam.peers[i] = (struct roam_peer){
			.domain = (uint32_t)sim_domain_of_peer(self, i) + 1,
			.max_visitors = 10,
			.max_flows = 1000,
			.rate = 1000,
			.translate = sim_translate,
		};
	cr_assert_eq(roam_start(&d->roam), 0);
}

void sim_start(void)
{
	sim_clock_ns = MNAT_NS_PER_SEC;
	mnat_clock_replace(virtual_clock);
	sim_node = (struct sim_node){.at = -1};
	memset(sim_links, 0, sizeof(sim_links));
	mortal = -1;
	sim_n_queue = 0;
	for (int i = 0; i < N_DOMAINS; i++) {
		struct state *state;

		sim[i] = (struct sim_domain){
			.complete = true, .n_flows = 5, .n_gateways = i == B ? 1 : 2};
		sim[i].identity.s_addr = inet_addr(i == B ? "10.128.0.5" : "10.128.0.2");
		cr_assert_eq(state_open(":memory:", &state), 0);
		start_manager(i, state);
	}
	for (int i = 0; i < N_DOMAINS; i++)
		for (int j = 0; j < i; j++)
			sim_link(i, j, true);
}

void sim_stop(void)
{
	for (int i = 0; i < N_DOMAINS; i++) {
		if (!sim[i].down)
			roam_free(&sim[i].roam);
		state_close(sim[i].roam.state);
	}
	mnat_clock_replace(NULL);
}

static void set_lease(int self, bool bound, uint32_t generation)
{
	struct sim_lease *lease = &sim[self].lease;

	lease->known = true;
	lease->bound = bound;
	lease->told = generation;
	if (bound)
		lease->issued = generation;
}

/* As the manager's apply_event() does. */
static void lease_event(int self, bool bound, uint32_t generation,
			const struct dhcp_mnat_arrival *arrivals, unsigned int n)
{
	struct sim_domain *d = &sim[self];

	if (d->lease.known && generation < d->lease.told)
		return;
	if (!d->lease.known && !bound)
		return;
	set_lease(self, bound, generation);
	if (bound)
		roam_bound(&d->roam, d->identity, generation, arrivals, n);
	else
		roam_gone(&d->roam, d->identity, generation);
	roam_announce(&d->roam, d->identity);
}

void sim_kill(int self)
{
	struct sim_domain *d = &sim[self];

	if (d->down)
		return;
	for (int i = 0; i < N_DOMAINS; i++)
		if (i != self)
			sim_link(self, i, false);
	for (unsigned int i = sim_n_queue; i-- > 0;)
		if (sim_queue[i].to == self && sim_queue[i].from == self)
			sim_drop(i);
	roam_free(&d->roam);
	d->lease.known = d->lease.bound = false;
	d->lease.issued = 0;
	d->complete = false;
	d->down = true;
}

void sim_revive_mute(int self)
{
	struct sim_domain *d = &sim[self];

	if (!d->down)
		return;
	d->down = false;
	d->mute = true;
	start_manager(self, d->roam.state);
	roam_tell_gateway(&d->roam);
	roam_gateway_up(&d->roam);
	for (int i = 0; i < N_DOMAINS; i++)
		if (i != self)
			sim_link(self, i, true);
}

void sim_snapshot(int self)
{
	struct sim_domain *d = &sim[self];

	if (d->down || !d->mute)
		return;
	d->mute = false;
	if (d->lease.leased)
		lease_event(self, true, d->lease.generation, d->lease.arrivals,
			    d->lease.n_arrivals);
	d->complete = true;
	roam_drop_absent(&d->roam);
	if (!d->lease.known && d->rule.bound)
		d->rule.bound = false; /* HSYNC unbinds who was not named */
}

void sim_revive(int self)
{
	sim_revive_mute(self);
	sim_snapshot(self);
}

void sim_restart(int self)
{
	sim_kill(self);
	sim_revive(self);
}

void sim_link(int a, int b, bool up)
{
	if (sim_links[a][b] == up || (up && (sim[a].down || sim[b].down)))
		return;
	sim_links[a][b] = sim_links[b][a] = up;
	if (!up)
		for (unsigned int i = sim_n_queue; i-- > 0;)
			if ((sim_queue[i].from == a && sim_queue[i].to == b) ||
			    (sim_queue[i].from == b && sim_queue[i].to == a))
				sim_drop(i);
	(up ? roam_peer_up : roam_peer_down)(&sim[a].roam, sim_peer_of_domain(a, b));
	(up ? roam_peer_up : roam_peer_down)(&sim[b].roam, sim_peer_of_domain(b, a));
}

/* ---- the node ---- */

struct dhcp_mnat_arrival sim_prove(int of)
{
	struct dhcp_mnat_arrival a = {.manager = sim_tunnel(of), .counter = htobe64(sim_node.counter)};

	memcpy(a.ticket, sim_node.tokens[of].ticket, sizeof(a.ticket));
	peering_prove(sim_node.tokens[of].key, a.ticket, sim_node.counter, a.proof);
	return a;
}

/* Last visited first; also of the domain it comes to. */
static unsigned int make_arrivals(struct dhcp_mnat_arrival *ret_arrivals)
{
	bool done[N_DOMAINS] = {0};
	unsigned int n = 0;

	for (;;) {
		int best = -1;

		for (int i = 0; i < N_DOMAINS; i++)
			if (!done[i] && sim_node.visited[i] &&
			    (best < 0 || sim_node.visited[i] > sim_node.visited[best]))
				best = i;
		if (best < 0)
			return n;
		done[best] = true;
		ret_arrivals[n++] = sim_prove(best);
	}
}

static bool has_token(int at)
{
	static const struct dhcp_mnat_token none;

	return memcmp(&sim_node.tokens[at], &none, sizeof(none));
}

static void enter_domain(int at)
{
	struct sim_domain *d = &sim[at];
	struct sim_lease *lease = &d->lease;

	lease_event(at, true, lease->generation, lease->arrivals, lease->n_arrivals);
	cr_assert_eq(roam_token(&d->roam, d->identity, lease->generation, &sim_node.tokens[at]), 0);
}

void sim_move(int at)
{
	struct sim_domain *d = &sim[at];
	struct sim_lease *lease = &d->lease;

	sim_node.counter++;
	lease->n_arrivals = make_arrivals(lease->arrivals);
	lease->leased = true;
	lease->generation++;
	sim_node.at = at;
	if (!d->down && !d->mute)
		sim_mortally(enter_domain, at);
	if (has_token(at))
		sim_node.visited[at] = ++sim_node.visits;
}

void sim_expire(int at)
{
	struct sim_lease *lease = &sim[at].lease;

	lease->leased = false;
	lease->generation++;
	if (!sim[at].down && !sim[at].mute)
		lease_event(at, false, lease->generation, NULL, 0);
	if (sim_node.at == at)
		sim_node.at = -1;
}

struct peering_message sim_arrive(int of, int at)
{
	struct dhcp_mnat_arrival a = sim_prove(of);
	struct peering_message m = {
		.basic = SIMCO_REQUEST,
		.subtype = PEERING_ARRIVE,
		.transaction = 99999,
		.has = PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_PROOF |
		       PEERING_HAS_ENDPOINT,
		.counter = sim_node.counter,
		.endpoint = sim_tunnel(at),
	};

	memcpy(m.ticket, a.ticket, sizeof(m.ticket));
	memcpy(m.proof, a.proof, sizeof(m.proof));
	return m;
}
