// SPDX-License-Identifier: GPL-2.0-only
/* Sessions that go to ports of the visited gateway instead of through tunnels. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>

#include "roam_sim_test.h"

static void start_translating(void)
{
	sim_translate = true;
	sim_start();
}

static void stop_translating(void)
{
	sim_stop();
	sim_translate = false;
}

TestSuite(roam_translate, .init = start_translating, .fini = stop_translating, .timeout = 60);

Test(roam_translate, all_sessions_of_each_home)
{
	static const int path[] = {A, B, C, B, A, C, A, B};

	for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
		char when[32];

		snprintf(when, sizeof(when), "move %zu", i);
		sim_move(path[i]);
		sim_deliver_all();
		sim_check(when);
	}
	cr_assert_gt(sim_count(A, ROAM_C_FLOWS_FORWARDED), 5);
	cr_assert_eq(sim[A].rule.forward_flags, 0, "with the gateway as source");
}

Test(roam_translate, import_does_not_wait_for_it)
{
	sim_move(A);
	sim_move(B);
	while (sim[B].rule.importing)
		sim_deliver(0);
	cr_assert_eq(sim[A].rule.forwarded, 0);
	sim_deliver_all();
	sim_check("after it");
}

Test(roam_translate, only_where_both_want_it)
{
	for (int who = A; who <= B; who++) {
		sim[who].roam.peers[0].translate = false;
		sim_move(A);
		sim_move(B);
		sim_deliver_all();
		cr_assert_eq(sim[A].rule.forwarded, 0);
		cr_assert(sim[A].rule.away);
		cr_assert_eq(sim[B].anchors[0].flags & SIMCO_HANC_TRANSLATE, 0);
		sim[who].roam.peers[0].translate = true;
	}
}

Test(roam_translate, source_is_by_the_homes_policy)
{
	sim[A].roam.peers[0].correspondent = true;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(sim[A].rule.forward_flags, SIMCO_HFWD_KEEP_SOURCE);
	cr_assert_eq(sim[B].anchors[0].flags,
		     SIMCO_HANC_DEFAULT | SIMCO_HANC_TRANSLATE | SIMCO_HANC_CORRESPONDENT);
}

/* In the tunnel too (C1): what the visited gateway admits so. */
Test(roam, source_of_tunnels_is_by_the_homes_policy)
{
	sim[A].roam.peers[0].correspondent = true;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(sim[A].rule.forward_flags, SIMCO_HFWD_KEEP_SOURCE);
	cr_assert_eq(sim[A].rule.forwarded, (1u << sim[A].n_flows) - 1);
	cr_assert_eq(sim[B].anchors[0].flags, SIMCO_HANC_DEFAULT | SIMCO_HANC_CORRESPONDENT);
	cr_assert_eq(sim[B].roam.visits->r.state, VISIT_SERVED);
}

static struct peering_message forward(int at, uint64_t counter, const struct simco_flow *flow)
{
	return (struct peering_message){
		.basic = SIMCO_REQUEST,
		.subtype = PEERING_FORWARD,
		.transaction = 4711,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER | PEERING_HAS_FLOWS,
		.virt = sim[at].identity,
		.counter = counter,
		.flows = flow,
		.n_flows = 1,
	};
}

Test(roam_translate, believed_only_of_who_has_the_node)
{
	const struct simco_flow good = {.proto = 1, .external = sim[B].roam.tunnel_addr.s_addr,
					.external_port = htons(PORTS_FROM)};
	const struct simco_flow nowhere = {.proto = 1, .external = inet_addr("127.0.0.1")};
	uint64_t counter;

	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	counter = sim_node.counter;
	cr_assert_eq(sim_ask(A, C, forward(A, counter, &good)).subtype, PEERING_E_UNKNOWN);
	cr_assert_eq(sim_ask(A, B, forward(A, counter - 1, &good)).subtype, PEERING_E_UNKNOWN);
	cr_assert_eq(sim_ask(A, B, forward(A, counter, &nowhere)).subtype, PEERING_E_POLICY);
	sim[A].roam.peers[0].translate = false;
	cr_assert_eq(sim_ask(A, B, forward(A, counter, &good)).subtype, PEERING_E_POLICY);
	sim[A].roam.peers[0].translate = true;
	cr_assert_eq(sim_ask(A, B, forward(A, counter, &good)).basic, 0, "answered later");
}

/* A domain that does not know FORWARD, or has no use for it any more. */
Test(roam_translate, refused_it_stays_with_the_tunnel)
{
	sim_move(A);
	sim_move(B);
	while (sim[B].roam.visits->r.state != VISIT_FORWARDING)
		sim_deliver(0);
	sim[A].roam.peers[0].translate = false;
	sim_deliver_all();
	cr_assert_eq(sim[B].roam.visits->r.state, VISIT_SERVED);
	cr_assert_eq(sim[A].rule.forwarded, 0);
	cr_assert(sim[A].rule.away);
}
