// SPDX-License-Identifier: GPL-2.0-only
/* What managers refuse each other: forged, late, too much. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>

#include "roam_sim_test.h"

static void expect_refusal(int domain, int from, struct peering_message m, uint8_t error,
			   const char *what)
{
	struct peering_message answer = sim_ask(domain, from, m);

	cr_expect_eq(answer.basic, SIMCO_NEGATIVE, "%s", what);
	cr_expect_eq(answer.subtype, error, "%s: %s", what, peering_error_text(answer.subtype));
	cr_expect_eq(answer.transaction, m.transaction, "%s", what);
}

Test(roam, forged_expired_and_replayed_arrivals)
{
	struct peering_message good, m;
	struct sim_rule before;

	sim_move(A);
	before = sim[A].rule;
	sim_node.counter++;
	good = m = sim_arrive(A, B);
	m.ticket[5] ^= 1;
	expect_refusal(A, B, m, PEERING_E_TICKET, "a changed ticket");
	m = good;
	m.proof[0] ^= 1;
	expect_refusal(A, B, m, PEERING_E_PROOF, "a changed proof");
	m = good;
	m.counter++;
	expect_refusal(A, B, m, PEERING_E_PROOF, "a changed counter");
	m = good;
	m.endpoint.s_addr = inet_addr("127.0.0.1");
	expect_refusal(A, B, m, PEERING_E_POLICY, "an impossible endpoint");
	m = good;
	m.has &= ~(uint32_t)PEERING_HAS_PROOF;
	expect_refusal(A, B, m, PEERING_E_MALFORMED, "no proof");
	expect_refusal(C, B, good, PEERING_E_TICKET, "another domain's ticket");
	cr_assert_arr_eq(&before, &sim[A].rule, sizeof(before));
	cr_assert_eq(sim_ask(A, B, good).basic, SIMCO_POSITIVE);
	cr_assert_eq(sim_ask(A, B, good).basic, SIMCO_POSITIVE, "repeated by the same peer");
	m = good;
	m.endpoint.s_addr = inet_addr("192.0.2.66");
	expect_refusal(A, B, m, PEERING_E_REPLAY, "repeated with another endpoint");
	expect_refusal(A, C, good, PEERING_E_REPLAY, "repeated by another peer");
	sim_move(A);
	expect_refusal(A, B, good, PEERING_E_REPLAY, "repeated after it came home");
	cr_assert_eq(sim_count(A, ROAM_C_REFUSED_REPLAY), 3);
	cr_assert_not(sim[A].rule.away);
}

Test(roam, an_arrival_held_back_until_the_node_is_home)
{
	struct peering_message late;

	sim_move(A);
	sim_node.counter += 7;
	late = sim_arrive(A, B); /* with the ticket it had before it came home */
	sim_move(A);
	expect_refusal(A, B, late, PEERING_E_REPLAY, "held back");
	sim_restart(A);
	expect_refusal(A, B, late, PEERING_E_REPLAY, "held back over a restart");
}

Test(roam, replays_are_refused_after_a_restart)
{
	struct peering_message first;

	sim_move(A);
	sim_move(B);
	first = sim_arrive(A, B);
	sim_deliver_all();
	sim_move(C);
	sim_deliver_all();
	sim_restart(A);
	sim_deliver_all();
	expect_refusal(A, B, first, PEERING_E_REPLAY, "the first arrival");
	sim_check("at C");
}

Test(roam, peers_may_ask_only_about_who_is_with_them)
{
	struct peering_message m = {.basic = SIMCO_REQUEST,
				    .transaction = 7,
				    .has = PEERING_HAS_VIRTUAL | PEERING_HAS_CURSOR |
					   PEERING_HAS_COUNTER,
				    .counter = UINT64_MAX};

	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	m.virt = sim[A].identity;
	for (m.subtype = PEERING_FLOWS; m.subtype <= PEERING_LEFT; m.subtype++)
		expect_refusal(A, C, m, PEERING_E_UNKNOWN, "about a host with another");
	m.subtype = PEERING_MOVED;
	cr_assert_eq(sim_ask(B, C, m).basic, SIMCO_POSITIVE, "means nothing");
	m.subtype = 0x55;
	expect_refusal(A, B, m, PEERING_E_MALFORMED, "an unknown request");
	sim_check("untouched");
	m.virt.s_addr = inet_addr("10.128.9.9");
	m.subtype = PEERING_FLOWS;
	expect_refusal(A, B, m, PEERING_E_UNKNOWN, "about nobody");
}

Test(roam, a_peer_that_asks_too_much)
{
	struct peering_message m = {
		.basic = SIMCO_REQUEST, .subtype = PEERING_RENEW, .has = PEERING_HAS_VIRTUAL};
	int busy = 0;

	for (int i = 0; i < 1500; i++)
		busy += sim_ask(A, B, m).subtype == PEERING_E_BUSY;
	cr_assert_eq(busy, 500);
	cr_assert_eq(sim_ask(A, C, m).subtype, PEERING_E_UNKNOWN, "another is not slowed");
	sim_pass_ms(100);
	cr_assert_eq(sim_ask(A, B, m).subtype, PEERING_E_UNKNOWN);
}

Test(roam, caps_on_visitors)
{
	sim[A].roam.peers[0].max_visitors = 0;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(sim_count(A, ROAM_C_REFUSED_POLICY), 1);
	cr_assert_eq(sim_count(B, ROAM_C_VISITS_REFUSED), 1);
	cr_assert_not(sim[B].rule.importing);
	cr_assert_eq(sim[B].anchors[0].gateway.s_addr, 0);
	cr_assert_not(sim[A].rule.away);
	sim[C].roam.peers[0].max_visitors = 0;
	sim_move(C);
	cr_assert_eq(sim_count(C, ROAM_C_VISITS_TOO_MANY), 1);
}

Test(roam, caps_on_sessions)
{
	sim[B].roam.peers[0].max_flows = 3;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(sim_count(B, ROAM_C_FLOWS_TOO_MANY), 1);
	cr_assert_eq(sim_count(B, ROAM_C_FLOWS_IMPORTED), 2);
	cr_assert_not(sim[B].rule.importing);
}

Test(roam, gateways_that_cannot_be)
{
	struct peering_message m = {.basic = SIMCO_REQUEST,
				    .subtype = PEERING_FLOWS,
				    .has = PEERING_HAS_VIRTUAL | PEERING_HAS_CURSOR |
					   PEERING_HAS_GATEWAY};

	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	m.virt = sim[A].identity;
	m.gateway.s_addr = inet_addr("135.180.32.99");
	expect_refusal(A, B, m, PEERING_E_UNKNOWN, "sessions of a gateway that is not there");
	sim_node.counter++;
	m = sim_arrive(A, C);
	m.has |= PEERING_HAS_OTHER;
	m.others = (struct peering_others){1, {{inet_addr("127.0.0.1")}}};
	expect_refusal(A, C, m, PEERING_E_POLICY, "a gateway on the loopback");
	m.others.addr[0] = sim[A].roam.others.addr[0];
	expect_refusal(A, C, m, PEERING_E_POLICY, "our own gateway as theirs");
	sim_check("untouched");
}

Test(roam, a_host_revoked_at_home)
{
	sim_move(A);
	cr_assert_eq(roam_revoke_host(&sim[A].roam, sim[A].identity), 0);
	sim_node.counter++;
	expect_refusal(A, B, sim_arrive(A, B), PEERING_E_REPLAY, "its ticket");
	cr_assert_eq(roam_revoke_host(&sim[A].roam, (struct in_addr){inet_addr("10.128.9.9")}),
		     -ENOENT);
}
