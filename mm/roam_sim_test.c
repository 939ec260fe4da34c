// SPDX-License-Identifier: GPL-2.0-only
#include "roam_sim_test.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "mnat/clock.h"

#define MAX_QUEUE 4096
#define BATCH	  2 /* sessions in one message */
#define EPOCH_S	  1700000000u

struct packet {
	int from, to;
	int len; /* 0: an export that the gateway of "to" has still to answer */
	uint8_t buf[512];
	struct roam_query query;
	uint64_t cursor;
	bool relay; /* of ports for the sessions of an anchor, in: */
	struct in_addr end;
	uint32_t forward; /* of so many sessions forwarded */
};

struct sim_domain sim[N_DOMAINS];
struct sim_node sim_node;
bool sim_translate;
static struct packet queue[MAX_QUEUE];
static unsigned int n_queue;
static bool links[N_DOMAINS][N_DOMAINS];
static uint64_t clock_ns;
static struct peering_message last_answer;
static bool asking;

/* sim_kill_at() */
static jmp_buf death;
static int mortal = -1;
static unsigned int things_left;
static bool alive; /* within something that may be ended by death */

static uint64_t virtual_clock(void)
{
	return clock_ns;
}

/* Where tunnels to a gateway of the domain end. */
static struct in_addr tunnel_of(int domain, unsigned int gateway)
{
	static const char *const addrs[N_DOMAINS][SIM_MAX_GATEWAYS] = {
		{"135.180.32.4", "135.180.32.5"}, {"143.32.2.70", "143.32.2.71"},
		{"151.1.1.1", "151.1.1.2"}};

	return (struct in_addr){inet_addr(addrs[domain][gateway])};
}

static struct in_addr tunnel(int domain)
{
	return tunnel_of(domain, 0);
}

static int domain_of_peer(int self, unsigned int peer)
{
	return (int)peer + ((int)peer >= self);
}

static unsigned int peer_of_domain(int self, int domain)
{
	return (unsigned int)(domain - (domain > self));
}

static int self_of(void *user)
{
	return (int)((struct sim_domain *)user - sim);
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

static void may_die(int self)
{
	if (self != mortal || !alive || things_left--)
		return;
	mortal = -1;
	longjmp(death, self + 1);
}

/* Runs what follows; after a death the manager is started again. */
#define MORTALLY(work)                                                                             \
	do {                                                                                       \
		int dead = setjmp(death);                                                          \
                                                                                                   \
		alive = !dead;                                                                     \
		if (dead)                                                                          \
			sim_restart(dead - 1);                                                     \
		else                                                                               \
			work;                                                                      \
		alive = false;                                                                     \
	} while (0)

/* ---- ops ---- */

static uint64_t wall_s(void *user)
{
	return EPOCH_S + clock_ns / MNAT_NS_PER_SEC;
}

static int send_message(unsigned int peer, const struct peering_message *m, void *user)
{
	int self = self_of(user), to = domain_of_peer(self, peer);
	struct packet *p = &queue[n_queue];

	may_die(self);
	if (asking && m->basic != SIMCO_REQUEST) {
		last_answer = *m;
		return 0;
	}
	if (!links[self][to])
		return -ENOTCONN;
	cr_assert_lt(n_queue, MAX_QUEUE);
	*p = (struct packet){.from = self, .to = to};
	p->len = peering_encode(m, p->buf, sizeof(p->buf));
	cr_assert_gt(p->len, 0);
	n_queue++;
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

	may_die(self_of(user));
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

static struct sim_anchor *find_anchor(struct sim_domain *d, struct in_addr gateway)
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
	struct sim_anchor *a = find_anchor(d, gateway);

	may_die(self_of(user));
	if (flags & SIMCO_REMOVE) {
		if (a)
			*a = (struct sim_anchor){0};
		return;
	}
	if (!a)
		a = find_anchor(d, (struct in_addr){0});
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

	may_die(self_of(user));
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

	may_die(self);
	for (unsigned int i = 0; i < sim[self].n_gateways; i++)
		if (tunnel_of(self, i).s_addr == query->gateway.s_addr && sim[self].deaf[i])
			return -ENOTCONN;
	cr_assert_lt(n_queue, MAX_QUEUE);
	queue[n_queue++] =
		(struct packet){.from = self, .to = self, .query = *query, .cursor = cursor};
	return 0;
}

static void import_flows(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
			 const struct simco_flow *flows, uint32_t n, void *user)
{
	struct sim_anchor *a = find_anchor(user, gateway);

	may_die(self_of(user));
	cr_assert(a, "sessions for an anchor that is not there");
	for (uint32_t i = 0; i < n; i++)
		a->imported |= 1u << ntohs(flows[i].port);
}

static void keep(struct in_addr virt, uint32_t seconds, void *user)
{
	struct sim_domain *d = user;

	may_die(self_of(user));
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

	may_die(self);
	cr_assert_lt(n_queue, MAX_QUEUE);
	queue[n_queue++] = (struct packet){
		.from = self, .to = self, .relay = true, .query = *query, .cursor = cursor,
		.end = gateway};
}

static int forward_flows(const struct roam_query *query, struct in_addr endpoint, uint32_t flags,
			 const struct simco_flow *flows, uint32_t n, void *user)
{
	struct sim_domain *d = user;
	int self = self_of(user);

	may_die(self);
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
	cr_assert_lt(n_queue, MAX_QUEUE);
	queue[n_queue++] = (struct packet){
		.from = self, .to = self, .forward = n, .query = *query};
	return 0;
}

static const struct roam_ops ops = {
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

/* ---- the managers ---- */

static void start_manager(int self, struct state *state)
{
	struct sim_domain *d = &sim[self];

	d->roam = (struct roam){
		.domain = (uint32_t)self + 1,
		.tunnel_addr = tunnel(self),
		.ticket_s = SIM_TICKET_S,
		.n_peers = N_DOMAINS - 1,
		.ops = &ops,
		.user = d,
		.state = state,
	};
	d->roam.secret.bytes[0] = (uint8_t)(self + 1);
	for (unsigned int i = 1; i < d->n_gateways; i++)
		d->roam.others.addr[d->roam.others.n++] = tunnel_of(self, i);
	for (unsigned int i = 0; i < N_DOMAINS - 1; i++)
		d->roam.peers[i] = (struct roam_peer){
			.domain = (uint32_t)domain_of_peer(self, i) + 1,
			.max_visitors = 10,
			.max_flows = 1000,
			.rate = 1000,
			.translate = sim_translate,
		};
	cr_assert_eq(roam_start(&d->roam), 0);
}

void sim_start(void)
{
	clock_ns = MNAT_NS_PER_SEC;
	mnat_clock_replace(virtual_clock);
	sim_node = (struct sim_node){.at = -1};
	memset(links, 0, sizeof(links));
	mortal = -1;
	n_queue = 0;
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
	for (unsigned int i = n_queue; i-- > 0;)
		if (queue[i].to == self && queue[i].from == self)
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
	if (links[a][b] == up || (up && (sim[a].down || sim[b].down)))
		return;
	links[a][b] = links[b][a] = up;
	if (!up)
		for (unsigned int i = n_queue; i-- > 0;)
			if ((queue[i].from == a && queue[i].to == b) ||
			    (queue[i].from == b && queue[i].to == a))
				sim_drop(i);
	(up ? roam_peer_up : roam_peer_down)(&sim[a].roam, peer_of_domain(a, b));
	(up ? roam_peer_up : roam_peer_down)(&sim[b].roam, peer_of_domain(b, a));
}

/* ---- the node ---- */

static struct dhcp_mnat_arrival prove(int of)
{
	struct dhcp_mnat_arrival a = {.manager = tunnel(of), .counter = htobe64(sim_node.counter)};

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
		ret_arrivals[n++] = prove(best);
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
		MORTALLY(enter_domain(at));
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

/* ---- the network ---- */

unsigned int sim_queued(void)
{
	return n_queue;
}

void sim_describe(unsigned int n, char ret_text[32])
{
	static const char *const names[] = {
		[PEERING_HELLO] = "HELLO", [PEERING_ARRIVE] = "ARRIVE", [PEERING_FLOWS] = "FLOWS",
		[PEERING_RENEW] = "RENEW", [PEERING_LEFT] = "LEFT",	[PEERING_MOVED] = "MOVED",
		[PEERING_ENDED] = "ENDED"};
	const struct packet *p = &queue[n];
	struct peering_message m;
	size_t skip;

	if (!p->len) {
		snprintf(ret_text, 32, "%c:sessions", 'A' + p->from);
		return;
	}
	cr_assert_eq(peering_decode(p->buf, (size_t)p->len, &m, &skip), p->len);
	snprintf(ret_text, 32, "%c>%c:%s%s", 'A' + p->from, 'A' + p->to,
		 m.basic == SIMCO_NEGATIVE ? "" : names[m.subtype],
		 m.basic == SIMCO_REQUEST    ? ""
		 : m.basic == SIMCO_POSITIVE ? "+"
					     : "-");
}

void sim_drop(unsigned int n)
{
	n_queue--;
	memmove(&queue[n], &queue[n + 1], (n_queue - n) * sizeof(queue[0]));
}

void sim_repeat(unsigned int n)
{
	if (!queue[n].len)
		return; /* gateways answer once */
	cr_assert_lt(n_queue, MAX_QUEUE);
	queue[n_queue] = queue[n];
	n_queue++;
}

static void export(const struct packet *p)
{
	struct sim_domain *d = &sim[p->to];
	struct simco_flow flows[BATCH];
	uint32_t n = 0;
	uint64_t i = p->cursor;

	for (; n < BATCH && i < d->n_flows; i++)
		flows[n++] = (struct simco_flow){.proto = 1, .port = htons((uint16_t)i)};
	roam_exported(&d->roam, &p->query, true, flows, n, i < d->n_flows ? i : 0);
}

/* Ports for what was imported; none if the anchor has gone meanwhile. */
static void relay(const struct packet *p)
{
	struct sim_domain *d = &sim[p->to];
	const struct sim_anchor *a = find_anchor(d, p->end);
	bool gives_ports = a && a->flags & SIMCO_HANC_TRANSLATE;
	bool translates = gives_ports || (a && a->flags & SIMCO_HANC_CORRESPONDENT);
	struct simco_flow flows[BATCH];
	uint32_t n = 0;
	uint64_t i = p->cursor;

	for (; translates && n < BATCH && a->imported >> i; i++)
		if (a->imported >> i & 1)
			flows[n++] = (struct simco_flow){
				.proto = 1,
				.port = htons((uint16_t)i),
				.external = tunnel(p->to).s_addr,
				.external_port = htons((uint16_t)(gives_ports ? PORTS_FROM + i : 0)),
			};
	roam_relayed(&d->roam, &p->query, a, flows, n,
		     translates && a->imported >> i ? i : 0);
}

static void deliver(unsigned int n)
{
	struct packet p = queue[n];
	struct peering_message m;
	size_t skip;

	sim_drop(n);
	if (!p.len) {
		if (p.relay)
			relay(&p);
		else if (p.forward)
			roam_forwarded(&sim[p.to].roam, &p.query, true, p.forward);
		else
			export(&p);
		return;
	}
	cr_assert_eq(peering_decode(p.buf, (size_t)p.len, &m, &skip), p.len);
	roam_message(&sim[p.to].roam, peer_of_domain(p.to, p.from), &m);
}

void sim_deliver(unsigned int n)
{
	MORTALLY(deliver(n));
}

void sim_deliver_all(void)
{
	while (n_queue)
		sim_deliver(0);
}

void sim_pass_ms(uint64_t ms)
{
	for (uint64_t step; ms; ms -= step) {
		step = ms > 500 ? 500 : ms;
		clock_ns += step * MNAT_NS_PER_MS;
		for (int i = 0; i < N_DOMAINS; i++)
			if (!sim[i].down)
				roam_tick(&sim[i].roam);
		sim_deliver_all();
	}
}

void sim_skip_s(uint64_t s)
{
	clock_ns += s * MNAT_NS_PER_SEC;
}

/* ---- what is right ---- */

uint64_t sim_count(int domain, enum roam_counter which)
{
	return sim[domain].roam.counters[which];
}

static bool anchored(int i)
{
	return sim_node.visited[i] && i != sim_node.at;
}

static void check_home(int i, const char *when)
{
	const struct sim_domain *d = &sim[i];
	unsigned int n = 0;

	for (int k = 0; k < SIM_MAX_ANCHORS; k++)
		n += d->arrivals[k].s_addr != 0;
	if (!anchored(i) || sim_node.at < 0) {
		cr_assert_not(d->rule.away, "%s: domain %d forwards for no reason", when, i + 1);
		cr_assert_eq(n, 0, "%s: domain %d admits tunnels for no reason", when, i + 1);
		return;
	}
	cr_assert(d->rule.away, "%s: domain %d does not forward", when, i + 1);
	cr_assert_eq(d->rule.endpoint.s_addr, tunnel(sim_node.at).s_addr,
		     "%s: domain %d forwards elsewhere", when, i + 1);
	cr_assert_eq(n, sim[sim_node.at].n_gateways, "%s: domain %d admits %u tunnels", when,
		     i + 1, n);
	if (sim_translate)
		cr_assert_eq(d->rule.forwarded, (1u << d->n_flows) - 1,
			     "%s: domain %d does not translate all", when, i + 1);
	else
		cr_assert_eq(d->rule.forwarded, 0);
}

/* At domain i, that in gateway g of domain k. */
static void check_anchor(int i, int k, unsigned int g, const char *when)
{
	const struct sim_anchor *a = find_anchor(&sim[i], tunnel_of(k, g));

	cr_assert(a, "%s: domain %d has no anchor in %d, gateway %u", when, i + 1, k + 1, g);
	cr_assert_eq(a->virt.s_addr, sim[k].identity.s_addr);
	cr_assert_eq(a->imported, (1u << sim[k].n_flows) - 1,
		     "%s: domain %d does not know all sessions of %d, gateway %u", when, i + 1, k + 1,
		     g);
}

static void check_visited(int i, const char *when)
{
	struct sim_domain *d = &sim[i];
	unsigned int n = 0, expected = 0;

	for (int k = 0; k < SIM_MAX_ANCHORS; k++)
		n += d->anchors[k].gateway.s_addr != 0;
	for (int k = 0; k < N_DOMAINS && i == sim_node.at; k++)
		for (unsigned int g = 0; anchored(k) && g < sim[k].n_gateways; g++) {
			expected++;
			check_anchor(i, k, g, when);
		}
	cr_assert_eq(n, expected, "%s: domain %d has %u anchors, not %u", when, i + 1, n, expected);
	if (i == sim_node.at)
		cr_assert_not(d->rule.importing, "%s: domain %d imports for ever", when, i + 1);
}

void sim_check(const char *when)
{
	for (int i = 0; i < N_DOMAINS; i++) {
		check_home(i, when);
		check_visited(i, when);
	}
}

/* ---- by hand ---- */

struct peering_message sim_arrive(int of, int at)
{
	struct dhcp_mnat_arrival a = prove(of);
	struct peering_message m = {
		.basic = SIMCO_REQUEST,
		.subtype = PEERING_ARRIVE,
		.transaction = 99999,
		.has = PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_PROOF |
		       PEERING_HAS_ENDPOINT,
		.counter = sim_node.counter,
		.endpoint = tunnel(at),
	};

	memcpy(m.ticket, a.ticket, sizeof(m.ticket));
	memcpy(m.proof, a.proof, sizeof(m.proof));
	return m;
}

struct peering_message sim_ask(int domain, int from, struct peering_message m)
{
	memset(&last_answer, 0, sizeof(last_answer));
	asking = true;
	roam_message(&sim[domain].roam, peer_of_domain(domain, from), &m);
	asking = false;
	return last_answer;
}
