// SPDX-License-Identifier: GPL-2.0-only
/* Moves between domains, and everything that can go wrong with them. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/clock.h"
#include "roam_sim_test.h"

#define SETTLE_MS (3 * ROAM_RENEW_S * 1000)

TestSuite(roam, .init = sim_start, .fini = sim_stop, .timeout = 60);

static uint64_t count(int domain, enum roam_counter which)
{
	return sim[domain].roam.counters[which];
}

Test(roam, the_last_domain_is_the_default)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_move(C);
	sim_deliver_all();
	sim_check("at C");
	for (int i = 0; i < SIM_MAX_ANCHORS; i++)
		if (sim[C].anchors[i].gateway.s_addr)
			cr_assert_eq(sim[C].anchors[i].flags & SIMCO_HANC_DEFAULT,
				     sim[C].anchors[i].gateway.s_addr ==
						     sim[B].roam.tunnel_addr.s_addr
					     ? SIMCO_HANC_DEFAULT
					     : 0);
}

Test(roam, a_move_within_the_visited_domain_does_not_import_again)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_move(B);
	cr_assert_not(sim[B].rule.importing);
	sim_deliver_all();
	sim_check("again");
	cr_assert_eq(count(A, ROAM_C_ARRIVED), 2);
}

Test(roam, direct_is_by_the_homes_policy)
{
	sim[A].roam.peers[0].direct = true;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(sim[B].anchors[0].flags, SIMCO_HANC_DEFAULT | SIMCO_HANC_DIRECT);
	sim_move(B);
	cr_assert_eq(sim[B].anchors[0].flags, SIMCO_HANC_DEFAULT | SIMCO_HANC_DIRECT);
}

/* ---- ports instead of tunnels ---- */

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
	cr_assert_gt(count(A, ROAM_C_FLOWS_FORWARDED), 5);
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

/* The messages on their way, delivered from the last to the first. */
static void deliver_backwards(void)
{
	for (unsigned int n = sim_queued(); n > 0; n--)
		sim_deliver(n - 1);
	sim_deliver_all();
}

Test(roam, a_late_left_says_nothing_of_the_next_arrival)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_expire(B);
	cr_assert_eq(sim_queued(), 1);
	sim_move(B);
	deliver_backwards();
	sim_check("after LEFT");
	cr_assert_eq(count(A, ROAM_C_LEFT), 0);
}

/* ---- faults at every step ---- */

static const int tour[] = {A, B, C, B, A};
#define TOUR (sizeof(tour) / sizeof(tour[0]))

/* The tour, with fault(arg) after the n-th delivery; false: there was no n-th. */
static bool tour_with(unsigned int n, void (*fault)(int arg), int arg)
{
	unsigned int step = 0;

	for (size_t i = 0; i < TOUR; i++) {
		sim_move(tour[i]);
		if (step++ == n)
			fault(arg);
		while (sim_queued()) {
			sim_deliver(0);
			if (step++ == n)
				fault(arg);
		}
	}
	return step > n;
}

static void at_every_step(const char *what, void (*fault)(int arg), int arg)
{
	for (unsigned int n = 0;; n++) {
		bool reached = tour_with(n, fault, arg);
		char when[64];

		sim_pass_ms(SETTLE_MS);
		snprintf(when, sizeof(when), "%s %d at step %u", what, arg, n);
		sim_check(when);
		sim_stop();
		sim_start();
		if (!reached)
			return;
		cr_assert_lt(n, 1000);
	}
}

static void lose_next(int arg)
{
	if (sim_queued())
		sim_drop(0);
}

static void repeat_next(int arg)
{
	if (sim_queued())
		sim_repeat(0);
}

static void reverse(int arg)
{
	deliver_backwards();
}

static void restart_all(int arg)
{
	for (int i = 0; i < N_DOMAINS; i++)
		sim_restart(i);
}

static void cut(int arg)
{
	sim_link(arg, (arg + 1) % N_DOMAINS, false);
	sim_link(arg, (arg + 1) % N_DOMAINS, true);
}

Test(roam, a_lost_message)
{
	at_every_step("lost", lose_next, 0);
}

Test(roam, a_repeated_message)
{
	at_every_step("repeated", repeat_next, 0);
}

Test(roam, reordered_messages)
{
	at_every_step("reordered", reverse, 0);
}

Test(roam, a_manager_killed)
{
	for (int i = 0; i < N_DOMAINS; i++)
		at_every_step("killed", sim_restart, i);
}

Test(roam, a_manager_that_is_down_when_the_node_comes_home)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_kill(A);
	sim_move(A);
	sim_revive(A);
	sim_deliver_all();
	sim_check("the DHCP server has told again what the node proved");
	sim_move(C);
	sim_deliver_all();
	sim_check("with the ticket it had before");
	sim_restart(A);
	sim_deliver_all();
	sim_check("still");
	sim_move(A);
	sim_deliver_all();
	sim_check("home");
}

Test(roam, all_managers_killed)
{
	at_every_step("all killed", restart_all, 0);
}

/* In the middle of whatever they do: before each message, rule and notice. */
static void kill_between_any_two_actions(void)
{
	for (int i = 0; i < N_DOMAINS; i++) {
		bool killed = true;

		for (unsigned int n = 0; killed; n++) {
			char when[64];

			sim_kill_at(i, n);
			for (size_t k = 0; k < TOUR; k++) {
				sim_move(tour[k]);
				sim_deliver_all();
			}
			killed = sim_was_killed();
			sim_pass_ms(SETTLE_MS);
			snprintf(when, sizeof(when), "domain %d at action %u", i + 1, n);
			sim_check(when);
			sim_stop();
			sim_start();
			cr_assert_lt(n, 1000);
		}
	}
}

Test(roam, a_manager_killed_between_any_two_actions)
{
	kill_between_any_two_actions();
}

Test(roam_translate, a_manager_killed_between_any_two_actions)
{
	kill_between_any_two_actions();
}

Test(roam, a_connection_cut)
{
	for (int i = 0; i < N_DOMAINS; i++)
		at_every_step("cut", cut, i);
}

Test(roam_translate, faults_at_every_step)
{
	at_every_step("lost", lose_next, 0);
	at_every_step("repeated", repeat_next, 0);
	at_every_step("reordered", reverse, 0);
	at_every_step("all killed", restart_all, 0);
	for (int i = 0; i < N_DOMAINS; i++) {
		at_every_step("killed", sim_restart, i);
		at_every_step("cut", cut, i);
	}
}

/* ---- whatever comes ---- */

static void disturb(unsigned int *seed)
{
	int i = rand_r(seed) % N_DOMAINS, j = (i + 1) % N_DOMAINS;
	unsigned int n = sim_queued() ? (unsigned int)rand_r(seed) % sim_queued() : 0;

	switch (rand_r(seed) % 46) {
	case 40:
		sim_kill(i);
		break;
	case 41:
		sim_revive(i);
		break;
	case 42:
		sim_revive_mute(i);
		break;
	case 43:
		sim[i].mute = !sim[i].down;
		break;
	case 44 ... 45:
		sim_snapshot(i);
		break;
	case 0 ... 3:
		if (sim_queued())
			sim_drop(n);
		break;
	case 4 ... 7:
		if (sim_queued())
			sim_repeat(n);
		break;
	case 8:
		sim_restart(i);
		break;
	case 9 ... 10:
		sim_link(i, j, false);
		break;
	case 11 ... 12:
		sim_link(i, j, true);
		break;
	case 13 ... 15:
		sim_move(i);
		break;
	case 16:
		sim_pass_ms(700);
		break;
	case 17:
		if (i != sim_node.at && sim[i].lease.leased)
			sim_expire(i);
		break;
	default:
		if (sim_queued())
			sim_deliver(n);
		break;
	}
}

/* A node whose sessions a domain could not take along is not there any more for it. */
static void forget_refused(void)
{
	for (int i = 0; i < N_DOMAINS; i++)
		if (i != sim_node.at && !sim[i].rule.away)
			sim_node.visited[i] = 0;
}

static void disturb_and_check(void)
{
	for (unsigned int run = 0; run < 400; run++) {
		unsigned int seed = run;
		char when[32];

		sim_move(A);
		for (int i = 0; i < 300; i++)
			disturb(&seed);
		for (int i = 0; i < N_DOMAINS; i++) {
			sim_revive(i);
			sim_snapshot(i);
		}
		for (int i = 0; i < N_DOMAINS; i++)
			sim_link(i, (i + 1) % N_DOMAINS, true);
		sim_pass_ms(SETTLE_MS);
		sim_move(rand_r(&seed) % N_DOMAINS);
		sim_pass_ms(SETTLE_MS);
		forget_refused();
		snprintf(when, sizeof(when), "seed %u", run);
		sim_check(when);
		sim_stop();
		sim_start();
	}
}

Test(roam, random_disturbances_converge)
{
	disturb_and_check();
}

Test(roam_translate, random_disturbances_converge)
{
	disturb_and_check();
}

/* ---- bad input ---- */

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
	cr_assert_eq(count(A, ROAM_C_REFUSED_REPLAY), 3);
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
	cr_assert_eq(count(A, ROAM_C_REFUSED_POLICY), 1);
	cr_assert_eq(count(B, ROAM_C_VISITS_REFUSED), 1);
	cr_assert_not(sim[B].rule.importing);
	cr_assert_eq(sim[B].anchors[0].gateway.s_addr, 0);
	cr_assert_not(sim[A].rule.away);
	sim[C].roam.peers[0].max_visitors = 0;
	sim_move(C);
	cr_assert_eq(count(C, ROAM_C_VISITS_TOO_MANY), 1);
}

Test(roam, caps_on_sessions)
{
	sim[B].roam.peers[0].max_flows = 3;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(count(B, ROAM_C_FLOWS_TOO_MANY), 1);
	cr_assert_eq(count(B, ROAM_C_FLOWS_IMPORTED), 2);
	cr_assert_not(sim[B].rule.importing);
}

/* ---- several gateways ---- */

Test(roam, a_gateway_of_home_that_is_down_does_not_hold_up_the_other)
{
	sim[A].deaf[0] = true;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(count(B, ROAM_C_FLOWS_IMPORTED), 5);
	cr_assert(sim[B].rule.importing);
	sim_pass_ms(ROAM_IMPORT_MS + 500);
	cr_assert_not(sim[B].rule.importing, "and new sessions not for ever");
	sim[A].deaf[0] = false;
	sim_pass_ms(ROAM_RETRY_MS + 500);
	sim_check("it is back");
	cr_assert_eq(count(B, ROAM_C_FLOWS_IMPORTED), 10);
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

Test(roam, a_domain_gets_another_gateway)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_kill(B);
	sim[B].n_gateways = 2;
	sim_revive(B);
	sim_pass_ms(100);
	sim_move(B);
	sim_deliver_all();
	sim_check("with the next arrival");
	sim_kill(B);
	sim[B].n_gateways = 1;
	sim_revive(B);
	sim_pass_ms(100);
	sim_move(B);
	sim_deliver_all();
	sim_check("and loses it");
}

Test(roam, what_was_imported_when_the_manager_died_is_imported_still)
{
	sim_move(A);
	sim_move(B);
	cr_assert(sim[B].rule.importing);
	sim[B].lease.n_arrivals = 0; /* the DHCP server dies too, and knows less */
	sim_restart(B);
	cr_assert(sim[B].rule.importing, "unknown sessions are not taken for new ones");
	sim_pass_ms(ROAM_IMPORT_MS + 500);
	sim_check("and not for ever");
}

/* ---- revocation ---- */

Test(roam, a_host_revoked_at_home)
{
	sim_move(A);
	cr_assert_eq(roam_revoke_host(&sim[A].roam, sim[A].identity), 0);
	sim_node.counter++;
	expect_refusal(A, B, sim_arrive(A, B), PEERING_E_REPLAY, "its ticket");
	cr_assert_eq(roam_revoke_host(&sim[A].roam, (struct in_addr){inet_addr("10.128.9.9")}),
		     -ENOENT);
}

/* ---- ends ---- */

Test(roam, a_home_lease_that_ends_meanwhile)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_expire(A);
	sim_check("the actual lease is over");
	sim_restart(A);
	sim_deliver_all();
	sim_check("and the manager has started again");
	sim_move(A);
	sim_deliver_all();
	sim_check("home");
}

Test(roam, a_gateway_with_empty_maps)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	memset(sim[B].anchors, 0, sizeof(sim[B].anchors));
	memset(sim[A].arrivals, 0, sizeof(sim[A].arrivals));
	roam_gateway_reset(&sim[B].roam);
	cr_assert(sim[B].rule.importing);
	roam_tell_gateway(&sim[B].roam);
	roam_gateway_up(&sim[B].roam);
	roam_gateway_reset(&sim[A].roam);
	roam_tell_gateway(&sim[A].roam);
	roam_gateway_up(&sim[A].roam);
	sim_deliver_all();
	sim_check("rebooted");
}

/* ---- public space ---- */

static size_t report(const char *from, bool seal, struct peering_message *ret_answer)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
	struct peering_message m = sim_arrive(A, B);
	uint8_t buf[SIMCO_MAX_MESSAGE], reply[SIMCO_MAX_MESSAGE];
	size_t skip, n;
	int len;

	m.endpoint.s_addr = inet_addr("198.51.100.7");
	len = peering_encode(&m, buf, sizeof(buf));
	if (seal)
		peering_seal(sim_node.tokens[A].key, buf, (size_t)len);
	n = roam_datagram(&sim[A].roam, buf, (size_t)len, &source, reply);
	if (n) {
		cr_assert(peering_is_sealed(sim_node.tokens[A].key, reply, n));
		cr_assert_eq(peering_decode(reply, n, ret_answer, &skip), (int)n);
	}
	return n;
}

Test(roam, public_space)
{
	struct peering_message answer;

	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_node.counter++;
	cr_assert_eq(report("198.51.100.7", false, &answer), 0, "not sealed: silence");
	cr_assert_eq(count(A, ROAM_C_DATAGRAMS_SILENT), 1);
	cr_assert_gt(report("198.51.100.9", true, &answer), 0);
	cr_assert_eq(answer.subtype, PEERING_E_POLICY, "from elsewhere than it says");
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.basic, SIMCO_POSITIVE);
	cr_assert_eq(answer.gateway.s_addr, sim[A].roam.tunnel_addr.s_addr);
	cr_assert_eq(answer.lifetime, ROAM_SILENCE_S);
	cr_assert_eq(sim[A].rule.endpoint.s_addr, inet_addr("198.51.100.7"));
	sim_deliver_all();
	cr_assert_eq(sim[B].anchors[0].gateway.s_addr, 0, "B was told that it moved on");
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.basic, SIMCO_POSITIVE, "the same once more");
	sim_node.counter--;
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.subtype, PEERING_E_REPLAY);
	sim_node.counter++;
	sim_node.visited[B] = 0;
	sim[B].rule.away = false;
	sim_move(A);
	sim_deliver_all();
	sim_check("home");
}

Test(roam, datagrams_are_limited)
{
	struct peering_message answer;
	int answered = 0;

	sim_move(A);
	sim_node.counter++;
	sim_pass_ms(5000);
	for (int i = 0; i < 300; i++)
		answered += report("198.51.100.7", true, &answer) > 0;
	cr_assert_eq(answered, ROAM_PREFIX_RATE);
	cr_assert_eq(count(A, ROAM_C_DATAGRAMS_TOO_MANY), 300 - ROAM_PREFIX_RATE);
	cr_assert_gt(report("198.51.101.7", true, &answer), 0, "another network is not held up");
	cr_assert_eq(report("198.51.100.250", true, &answer), 0, "the same network is");
	sim_pass_ms(1000 / ROAM_PREFIX_RATE);
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
}

Test(roam, flooders_of_all_networks_together)
{
	struct sockaddr_in source = {.sin_family = AF_INET};
	uint8_t junk[8] = {0}, reply[SIMCO_MAX_MESSAGE];

	sim_pass_ms(5000);
	for (uint32_t i = 0; i < 2 * ROAM_DATAGRAM_RATE; i++) {
		source.sin_addr.s_addr = htonl(0x0b000000 + (i << 8));
		cr_assert_eq(roam_datagram(&sim[A].roam, junk, sizeof(junk), &source, reply), 0);
	}
	cr_assert_leq(count(A, ROAM_C_DATAGRAMS_SILENT), ROAM_DATAGRAM_RATE);
	cr_assert_gt(count(A, ROAM_C_DATAGRAMS_SILENT), ROAM_DATAGRAM_RATE / 2);
}

Test(roam, service_in_public_space_has_a_limit)
{
	struct peering_message answer;

	sim[A].roam.serve_s = 100;
	sim_move(A);
	sim_node.counter++;
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.lifetime, 100);
	sim_pass_ms(99000);
	cr_assert(sim[A].rule.away);
	sim_pass_ms(2000);
	cr_assert_not(sim[A].rule.away);
	cr_assert_eq(count(A, ROAM_C_SERVED_OUT), 1);
	sim_node.counter++;
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.subtype, PEERING_E_POLICY, "it hears why");
}
