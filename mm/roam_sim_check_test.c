// SPDX-License-Identifier: GPL-2.0-only
/* What is right. */
#include "roam_sim_internal_test.h"

#include <criterion/criterion.h>

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
	cr_assert_eq(d->rule.endpoint.s_addr, sim_tunnel(sim_node.at).s_addr,
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
	const struct sim_anchor *a = sim_find_anchor(&sim[i], sim_tunnel_of(k, g));

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
