// SPDX-License-Identifier: GPL-2.0-only
/* Messages on their way, and time. */
#include "roam_sim_internal_test.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mnat/clock.h"

struct sim_packet sim_queue[SIM_MAX_QUEUE];
unsigned int sim_n_queue;
bool sim_asking;
struct peering_message sim_last_answer;

unsigned int sim_queued(void)
{
	return sim_n_queue;
}

void sim_describe(unsigned int n, char ret_text[32])
{
	static const char *const names[] = {
		[PEERING_HELLO] = "HELLO", [PEERING_ARRIVE] = "ARRIVE", [PEERING_FLOWS] = "FLOWS",
		[PEERING_RENEW] = "RENEW", [PEERING_LEFT] = "LEFT",	[PEERING_MOVED] = "MOVED",
		[PEERING_ENDED] = "ENDED"};
	const struct sim_packet *p = &sim_queue[n];
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
	sim_n_queue--;
	memmove(&sim_queue[n], &sim_queue[n + 1], (sim_n_queue - n) * sizeof(sim_queue[0]));
}

void sim_repeat(unsigned int n)
{
	if (!sim_queue[n].len)
		return; /* gateways answer once */
	cr_assert_lt(sim_n_queue, SIM_MAX_QUEUE);
	sim_queue[sim_n_queue] = sim_queue[n];
	sim_n_queue++;
}

static void export(const struct sim_packet *p)
{
	struct sim_domain *d = &sim[p->to];
	struct simco_flow flows[SIM_BATCH];
	uint32_t n = 0;
	uint64_t i = p->cursor;

	for (; n < SIM_BATCH && i < d->n_flows; i++)
		flows[n++] = (struct simco_flow){.proto = 1, .port = htons((uint16_t)i)};
	roam_exported(&d->roam, &p->query, true, flows, n, i < d->n_flows ? i : 0);
}

/* Ports for what was imported; none if the anchor has gone meanwhile. */
static void relay(const struct sim_packet *p)
{
	struct sim_domain *d = &sim[p->to];
	const struct sim_anchor *a = sim_find_anchor(d, p->end);
	bool gives_ports = a && a->flags & SIMCO_HANC_TRANSLATE;
	bool translates = gives_ports || (a && a->flags & SIMCO_HANC_CORRESPONDENT);
	struct simco_flow flows[SIM_BATCH];
	uint32_t n = 0;
	uint64_t i = p->cursor;

	for (; translates && n < SIM_BATCH && a->imported >> i; i++)
		if (a->imported >> i & 1)
			flows[n++] = (struct simco_flow){
				.proto = 1,
				.port = htons((uint16_t)i),
				.external = sim_tunnel(p->to).s_addr,
				.external_port = htons((uint16_t)(gives_ports ? PORTS_FROM + i : 0)),
			};
	roam_relayed(&d->roam, &p->query, a, flows, n,
		     translates && a->imported >> i ? i : 0);
}

static void deliver(int n)
{
	struct sim_packet p = sim_queue[n];
	struct peering_message m;
	size_t skip;

	sim_drop((unsigned int)n);
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
	roam_message(&sim[p.to].roam, sim_peer_of_domain(p.to, p.from), &m);
}

void sim_deliver(unsigned int n)
{
	sim_mortally(deliver, (int)n);
}

void sim_deliver_all(void)
{
	while (sim_n_queue)
		sim_deliver(0);
}

void sim_pass_ms(uint64_t ms)
{
	for (uint64_t step; ms; ms -= step) {
		step = ms > 500 ? 500 : ms;
		sim_clock_ns += step * MNAT_NS_PER_MS;
		for (int i = 0; i < N_DOMAINS; i++)
			if (!sim[i].down)
				roam_tick(&sim[i].roam);
		sim_deliver_all();
	}
}

void sim_skip_s(uint64_t s)
{
	sim_clock_ns += s * MNAT_NS_PER_SEC;
}

struct peering_message sim_ask(int domain, int from, struct peering_message m)
{
	memset(&sim_last_answer, 0, sizeof(sim_last_answer));
	sim_asking = true;
	roam_message(&sim[domain].roam, sim_peer_of_domain(domain, from), &m);
	sim_asking = false;
	return sim_last_answer;
}
