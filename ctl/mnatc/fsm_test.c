// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine on virtual time, with the test as network and server. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fsm.h"
#include "mnat/addr.h"

#define MS	 MNAT_NS_PER_MS
#define SEC	 MNAT_NS_PER_SEC
#define MAX_SENT 64

static uint64_t now;
static struct fsm fsm;
static struct {
	struct fsm_message sent[MAX_SENT];
	uint64_t sent_at[MAX_SENT];
	int n_sent;
	int n_accepted;
	int n_bound;
	int n_unbound;
	int n_arriving;
	struct lease bound;
} world;

static uint64_t virtual_clock(void)
{
	return now;
}

static void on_send(const struct fsm_message *message, void *user)
{
	cr_assert_lt(world.n_sent, MAX_SENT);
	world.sent_at[world.n_sent] = now;
	world.sent[world.n_sent++] = *message;
}

static void on_accepted(const struct reply *reply, void *user)
{
	world.n_accepted++;
}

static void on_bound(const struct lease *lease, void *user)
{
	world.n_bound++;
	world.bound = *lease;
}

static void on_unbound(const char *why, void *user)
{
	cr_assert_not_null(why);
	world.n_unbound++;
}

/* In the middle of the jitter's range: waits are what the table says, to 1 ms. */
static uint32_t next_random;

static uint32_t on_random(void *user)
{
	return next_random++;
}

static void on_arriving(const struct reply *offer, void *user)
{
	world.n_arriving++;
}

static const struct fsm_ops ops = {on_send,    on_accepted, on_bound,
				   on_unbound, on_random,   on_arriving};

static void setup(void)
{
	now = 1000 * SEC;
	next_random = 7;
	memset(&world, 0, sizeof(world));
	mnat_clock_replace(virtual_clock);
	fsm_init(&fsm, &ops, NULL);
}

static struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

#define assert_ip(addr, text) cr_assert_eq((addr).s_addr, ip(text).s_addr, "expected %s", text)

static void assert_state(enum fsm_state state)
{
	cr_assert_eq(fsm.state, state, "state %s, expected %s", fsm_state_name(fsm.state),
		     fsm_state_name(state));
}

static const struct fsm_message *last(void)
{
	cr_assert_gt(world.n_sent, 0);
	return &world.sent[world.n_sent - 1];
}

/* A server's answer to the last message; virt NULL: a server without MobileNAT. */
static struct reply answer(enum dhcp_type type, const char *actual, const char *virt)
{
	struct reply reply = {.type = type, .xid = last()->xid, .server = ip("10.0.0.1")};

	if (type == DHCP_NAK)
		return reply;
	reply.lease = (struct lease){
		.actual = ip(actual),
		.mask = ip("255.255.255.0"),
		.router = {(ip(actual).s_addr & ip("255.255.255.0").s_addr) | htonl(1)},
		.server = reply.server,
		.manager = ip("10.0.0.1"),
		.mobile = virt != NULL,
		.virt = ip(virt ? virt : actual),
		.lease_s = 3600,
		.t1_s = 1800,
		.t2_s = 3150,
	};
	return reply;
}

static bool receive(enum dhcp_type type, const char *actual, const char *virt)
{
	struct reply reply = answer(type, actual, virt);

	return fsm_receive(&fsm, &reply);
}

/* Let time pass to the next deadline. */
static void wait_deadline(void)
{
	uint64_t deadline = fsm_deadline(&fsm);

	cr_assert_neq(deadline, NEVER);
	if (deadline > now)
		now = deadline;
	fsm_tick(&fsm);
}

static void boot(void)
{
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	cr_assert(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_BOUND);
	world.n_sent = 0;
	world.n_bound = 0;
}

TestSuite(fsm, .init = setup);

/* Seed figure 5, paragraph 66. */
Test(fsm, first_boot_asks_for_any_virtual_address)
{
	fsm_link_up(&fsm);
	assert_state(FSM_SELECTING);
	cr_assert_eq(last()->type, DHCP_DISCOVER);
	assert_ip(last()->shim, "0.0.0.0");
	assert_ip(last()->requested, "0.0.0.0");

	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_REQUESTING);
	cr_assert_eq(last()->type, DHCP_REQUEST);
	cr_assert_eq(last()->xid, world.sent[0].xid);
	assert_ip(last()->requested, "10.0.1.5");
	assert_ip(last()->shim, "10.128.0.2");
	assert_ip(last()->server, "10.0.0.1");
	assert_ip(last()->ciaddr, "0.0.0.0");

	cr_assert(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_BOUND);
	cr_assert_eq(world.n_bound, 1);
	assert_ip(world.bound.virt, "10.128.0.2");
	assert_ip(world.bound.actual, "10.0.1.5");
	cr_assert(world.bound.mobile);
	cr_assert_eq(world.n_sent, 2);
}

/* Seed figure 7, paragraph 68; features 6.4, rows 701-704. */
Test(fsm, move_is_request_nak_discover_and_a_new_address)
{
	boot();
	fsm_link_down(&fsm);
	assert_state(FSM_INIT_REBOOT);
	cr_assert_eq(world.n_unbound, 0);

	fsm_link_up(&fsm);
	assert_state(FSM_REBOOTING);
	cr_assert_eq(last()->type, DHCP_REQUEST);
	assert_ip(last()->requested, "10.0.1.5");
	assert_ip(last()->shim, "10.128.0.2");
	assert_ip(last()->server, "0.0.0.0");
	assert_ip(last()->ciaddr, "0.0.0.0");
	assert_ip(last()->dest, "0.0.0.0");

	cr_assert(receive(DHCP_NAK, NULL, NULL));
	assert_state(FSM_SELECTING);
	cr_assert_eq(last()->type, DHCP_DISCOVER);
	cr_assert_eq(world.sent_at[1], world.sent_at[0], "DISCOVER does not wait after a NAK");
	assert_ip(last()->requested, "0.0.0.0");
	assert_ip(last()->shim, "10.128.0.2");

	cr_assert(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2"));
	assert_ip(last()->requested, "10.0.2.7");
	assert_ip(last()->shim, "10.128.0.2");
	cr_assert(receive(DHCP_ACK, "10.0.2.7", "10.128.0.2"));
	assert_state(FSM_BOUND);
	assert_ip(world.bound.actual, "10.0.2.7");
	assert_ip(world.bound.virt, "10.128.0.2");
	cr_assert_eq(world.n_unbound, 0, "the old path stays until the new one is there");
	cr_assert_eq(world.n_sent, 3);
}

Test(fsm, back_on_the_same_network_is_one_exchange)
{
	boot();
	fsm_link_down(&fsm);
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_BOUND);
	cr_assert_eq(world.n_sent, 1);
	assert_ip(world.bound.actual, "10.0.1.5");
}

/* Moved, refused, and back before the new network answered: the old lease serves. */
Test(fsm, ping_pong_during_a_move)
{
	boot();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	now += 500 * MS;
	fsm_link_up(&fsm);
	assert_state(FSM_REBOOTING);
	assert_ip(last()->requested, "10.0.1.5");
	cr_assert(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_BOUND);
	cr_assert_eq(world.n_unbound, 0);
}

Test(fsm, a_refused_lease_ends_when_no_other_comes)
{
	boot();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	while (!world.n_unbound)
		wait_deadline();
	cr_assert_leq(now - world.sent_at[0], 2 * SEC);
	assert_state(FSM_SELECTING);
	cr_assert_not(fsm.have_lease);
	assert_ip(last()->shim, "10.128.0.2");
}

static void assert_gap(int n, uint64_t wait_ms)
{
	uint64_t gap = (world.sent_at[n] - world.sent_at[n - 1]) / MS;

	cr_assert_leq(gap, wait_ms + wait_ms / 8, "wait %d was %lu ms", n, gap);
	cr_assert_geq(gap, wait_ms - wait_ms / 8, "wait %d was %lu ms", n, gap);
}

Test(fsm, discover_is_repeated_from_100_ms_to_64_s)
{
	static const unsigned int waits[] = {100,  200,	  400,	 800,	1600,  3200,
					     6400, 12800, 25600, 51200, 64000, 64000};
	const int n = sizeof(waits) / sizeof(waits[0]);

	fsm_link_up(&fsm);
	for (int i = 1; i <= n; i++) {
		wait_deadline();
		cr_assert_eq(world.n_sent, i + 1);
		cr_assert_eq(last()->type, DHCP_DISCOVER);
		cr_assert_eq(last()->xid, world.sent[0].xid);
		assert_gap(i, waits[i - 1]);
	}
	cr_assert_gt(last()->secs, 100, "secs counts from the first DISCOVER");
}

Test(fsm, jitter_differs_from_node_to_node)
{
	uint64_t first;

	fsm_link_up(&fsm);
	first = fsm_deadline(&fsm) - now;
	next_random = 20;
	fsm_init(&fsm, &ops, NULL);
	fsm_link_up(&fsm);
	cr_assert_neq(fsm_deadline(&fsm) - now, first);
}

Test(fsm, lost_request_is_repeated_then_given_up)
{
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	for (int i = 0; i < 3; i++) {
		wait_deadline();
		assert_state(FSM_REQUESTING);
		assert_gap(world.n_sent - 1, 100u << i);
	}
	wait_deadline();
	assert_state(FSM_SELECTING);
	cr_assert_eq(last()->type, DHCP_DISCOVER);
	cr_assert_neq(last()->xid, world.sent[0].xid);
}

Test(fsm, unanswered_reboot_becomes_discover_after_two_tries)
{
	boot();
	fsm_link_up(&fsm);
	wait_deadline();
	assert_state(FSM_REBOOTING);
	assert_gap(1, 100);
	wait_deadline();
	assert_state(FSM_SELECTING);
	cr_assert_eq(world.n_sent, 3);
	assert_gap(2, 200);
	assert_ip(last()->shim, "10.128.0.2");
	cr_assert(fsm.have_lease, "the lease is not refused, only unconfirmed");
	cr_assert_eq(world.n_unbound, 0);
}

Test(fsm, renews_at_t1_by_unicast_and_rebinds_at_t2_by_broadcast)
{
	uint64_t bound_at = now;

	boot();
	wait_deadline();
	cr_assert_eq(now, bound_at + 1800 * SEC);
	assert_state(FSM_RENEWING);
	assert_ip(last()->ciaddr, "10.0.1.5");
	assert_ip(last()->dest, "10.0.0.1");
	assert_ip(last()->requested, "0.0.0.0");
	assert_ip(last()->server, "0.0.0.0");
	assert_ip(last()->shim, "10.128.0.2");

	while (fsm.state == FSM_RENEWING) {
		uint64_t before = now;

		wait_deadline();
		cr_assert(now - before >= 60 * SEC || now == bound_at + 3150 * SEC);
	}
	assert_state(FSM_REBINDING);
	cr_assert_eq(now, bound_at + 3150 * SEC);
	assert_ip(last()->dest, "0.0.0.0");
	assert_ip(last()->ciaddr, "10.0.1.5");

	while (fsm.state == FSM_REBINDING)
		wait_deadline();
	cr_assert_eq(now, bound_at + 3600 * SEC);
	assert_state(FSM_SELECTING);
	cr_assert_eq(world.n_unbound, 1);
	assert_ip(last()->shim, "10.128.0.2");
}

Test(fsm, renewal_counts_from_the_request)
{
	uint64_t renewed_at;

	boot();
	wait_deadline();
	renewed_at = now;
	now += 3 * SEC;
	cr_assert(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_BOUND);
	cr_assert_eq(fsm_deadline(&fsm), renewed_at + 1800 * SEC);
	cr_assert_eq(world.bound.since_ns, renewed_at);
}

Test(fsm, short_lease_is_renewed_in_time)
{
	struct reply ack;

	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	ack = answer(DHCP_ACK, "10.0.1.5", "10.128.0.2");
	ack.lease.lease_s = 20;
	ack.lease.t1_s = 10;
	ack.lease.t2_s = 17;
	cr_assert(fsm_receive(&fsm, &ack));
	world.n_sent = 0;
	while (!world.n_unbound)
		wait_deadline();
	cr_assert_eq(now, 1020 * SEC);
	cr_assert_geq(world.n_sent, 5, "several tries in the ten seconds left");
}

/* The manager is away: its token, and our arrivals, cannot wait for T1. */
Test(fsm, an_ack_without_the_token_due_is_renewed_soon)
{
	struct reply ack;

	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	ack = answer(DHCP_ACK, "10.0.1.5", "10.128.0.2");
	ack.lease.domain = 2;
	cr_assert(fsm_receive(&fsm, &ack));
	for (uint64_t wait = 500 * MS; wait <= 4000 * MS; wait *= 2) {
		cr_assert_eq(fsm_deadline(&fsm), now + wait);
		wait_deadline();
		assert_state(FSM_RENEWING);
		ack.xid = last()->xid;
		cr_assert(fsm_receive(&fsm, &ack));
	}
	wait_deadline();
	ack.xid = last()->xid;
	ack.lease.have_token = true;
	cr_assert(fsm_receive(&fsm, &ack));
	cr_assert_eq(fsm_deadline(&fsm), now + 1800 * SEC);
}

Test(fsm, infinite_lease_has_no_timers)
{
	struct reply ack;

	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	ack = answer(DHCP_ACK, "10.0.1.5", "10.128.0.2");
	ack.lease.lease_s = LEASE_INFINITE;
	cr_assert(fsm_receive(&fsm, &ack));
	cr_assert_eq(fsm_deadline(&fsm), NEVER);
}

Test(fsm, nak_while_in_use_ends_the_lease_at_once)
{
	struct reply nak;

	boot();
	wait_deadline();
	nak = answer(DHCP_NAK, NULL, NULL);
	nak.server = ip("10.0.1.66");
	cr_assert_not(fsm_receive(&fsm, &nak), "another server's word does not count at T1");
	nak.server = ip("10.0.0.1");
	cr_assert(fsm_receive(&fsm, &nak));
	cr_assert_eq(world.n_unbound, 1);
	assert_state(FSM_SELECTING);
}

Test(fsm, a_server_that_only_refuses_is_asked_ever_less_often)
{
	boot();
	fsm_link_up(&fsm);
	for (int i = 0; i < 10; i++) {
		cr_assert(receive(DHCP_NAK, NULL, NULL));
		while (last()->type != DHCP_DISCOVER || fsm.tries == 0)
			wait_deadline();
		cr_assert(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2"));
	}
	cr_assert_gt(now, 1025 * SEC);
}

static struct reply with_xid(struct reply reply, uint32_t xid)
{
	reply.xid = xid;
	return reply;
}

Test(fsm, answers_to_other_exchanges_are_ignored)
{
	struct reply stale, other;

	fsm_link_up(&fsm);
	stale = answer(DHCP_OFFER, "10.0.1.5", "10.128.0.2");
	other = with_xid(stale, stale.xid + 1000);
	cr_assert_not(fsm_receive(&fsm, &other));
	assert_state(FSM_SELECTING);

	fsm_link_up(&fsm); /* a new exchange: the first one's offer is too late */
	cr_assert_not(fsm_receive(&fsm, &stale));
	assert_state(FSM_SELECTING);
	cr_assert_eq(world.n_accepted, 0);
}

Test(fsm, duplicates_change_nothing)
{
	struct reply offer, ack;

	fsm_link_up(&fsm);
	offer = answer(DHCP_OFFER, "10.0.1.5", "10.128.0.2");
	cr_assert(fsm_receive(&fsm, &offer));
	cr_assert_not(fsm_receive(&fsm, &offer));
	cr_assert_eq(world.n_sent, 2);
	ack = answer(DHCP_ACK, "10.0.1.5", "10.128.0.2");
	cr_assert(fsm_receive(&fsm, &ack));
	cr_assert_not(fsm_receive(&fsm, &ack));
	cr_assert_eq(world.n_bound, 1);
}

Test(fsm, an_ack_of_a_server_not_chosen_is_ignored)
{
	struct reply ack;

	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	ack = answer(DHCP_ACK, "10.0.1.9", "10.128.0.2");
	ack.server = ip("10.0.1.66");
	cr_assert_not(fsm_receive(&fsm, &ack));
	ack.type = DHCP_NAK;
	cr_assert_not(fsm_receive(&fsm, &ack));
	assert_state(FSM_REQUESTING);
}

Test(fsm, nothing_is_accepted_in_states_that_asked_nothing)
{
	struct reply nak;

	boot();
	nak = (struct reply){.type = DHCP_NAK, .xid = fsm.xid, .server = ip("10.0.0.1")};
	cr_assert_not(fsm_receive(&fsm, &nak));
	fsm_link_down(&fsm);
	cr_assert_not(fsm_receive(&fsm, &nak));
	cr_assert(fsm.have_lease);
}

Test(fsm, an_offer_of_our_virtual_address_wins_over_an_earlier_one)
{
	struct reply plain, ours;

	boot();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	plain = answer(DHCP_OFFER, "192.168.1.9", NULL);
	plain.server = ip("192.168.1.1");
	ours = answer(DHCP_OFFER, "10.0.2.7", "10.128.0.2");
	cr_assert(fsm_receive(&fsm, &plain));
	assert_state(FSM_SELECTING);
	now += 10 * MS;
	cr_assert(fsm_receive(&fsm, &ours));
	assert_state(FSM_REQUESTING);
	assert_ip(last()->requested, "10.0.2.7");
	assert_ip(last()->server, "10.0.0.1");
}

/* Sessions cannot survive, but the node works as an ordinary host. */
Test(fsm, a_server_without_mobilenat)
{
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "192.168.1.9", NULL));
	assert_state(FSM_SELECTING);
	cr_assert_eq(fsm_deadline(&fsm), now + 50 * MS, "a better offer may come");
	wait_deadline();
	assert_state(FSM_REQUESTING);
	assert_ip(last()->shim, "0.0.0.0");
	cr_assert(receive(DHCP_ACK, "192.168.1.9", NULL));
	assert_state(FSM_BOUND);
	cr_assert_not(world.bound.mobile);
	assert_ip(world.bound.virt, "192.168.1.9");
	assert_ip(fsm.virt, "0.0.0.0");
}

Test(fsm, the_virtual_address_is_asked_for_again_after_a_plain_network)
{
	boot();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	cr_assert(receive(DHCP_OFFER, "192.168.1.9", NULL));
	wait_deadline();
	cr_assert(receive(DHCP_ACK, "192.168.1.9", NULL));
	assert_ip(world.bound.virt, "192.168.1.9");
	fsm_link_up(&fsm);
	assert_ip(last()->shim, "10.128.0.2");
}

Test(fsm, a_renewal_without_the_option_keeps_the_virtual_address)
{
	boot();
	wait_deadline();
	cr_assert(receive(DHCP_ACK, "10.0.1.5", NULL));
	cr_assert(world.bound.mobile);
	assert_ip(world.bound.virt, "10.128.0.2");
	assert_ip(world.bound.manager, "10.0.0.1");
}

Test(fsm, the_server_may_change_the_virtual_address)
{
	boot();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	cr_assert(receive(DHCP_OFFER, "10.5.7.19", "10.128.0.5"));
	wait_deadline();
	assert_ip(last()->shim, "10.128.0.5");
	cr_assert(receive(DHCP_ACK, "10.5.7.19", "10.128.0.5"));
	assert_ip(world.bound.virt, "10.128.0.5");
	fsm_link_up(&fsm);
	assert_ip(last()->shim, "10.128.0.5");
}

Test(fsm, restart_with_a_lease_verifies_it)
{
	struct lease lease;

	boot();
	lease = world.bound;
	fsm_init(&fsm, &ops, NULL);
	fsm_restore(&fsm, ip("10.128.0.2"), &lease);
	assert_state(FSM_INIT_REBOOT);
	fsm_link_up(&fsm);
	assert_state(FSM_REBOOTING);
	assert_ip(last()->requested, "10.0.1.5");
}

Test(fsm, restart_without_a_lease_asks_for_the_old_virtual_address)
{
	fsm_restore(&fsm, ip("10.128.0.2"), NULL);
	fsm_link_up(&fsm);
	assert_state(FSM_SELECTING);
	assert_ip(last()->shim, "10.128.0.2");
}

Test(fsm, lease_that_ran_out_without_a_link)
{
	boot();
	fsm_link_down(&fsm);
	cr_assert_eq(fsm_deadline(&fsm), 4600 * SEC);
	wait_deadline();
	assert_state(FSM_INIT);
	cr_assert_eq(world.n_unbound, 1);
	cr_assert_eq(fsm_deadline(&fsm), NEVER);
	fsm_link_up(&fsm);
	assert_state(FSM_SELECTING);
	assert_ip(last()->shim, "10.128.0.2");
}

Test(fsm, release_gives_the_lease_back_and_rests)
{
	boot();
	cr_assert_eq(fsm_release(&fsm), 0);
	cr_assert_eq(last()->type, DHCP_RELEASE);
	assert_ip(last()->ciaddr, "10.0.1.5");
	assert_ip(last()->server, "10.0.0.1");
	assert_ip(last()->dest, "10.0.0.1");
	assert_state(FSM_INIT);
	cr_assert_eq(world.n_unbound, 1);
	cr_assert_eq(fsm_deadline(&fsm), NEVER);
	cr_assert_eq(fsm_release(&fsm), -ENOTCONN);
	cr_assert_eq(fsm_renew(&fsm), -ENOTCONN);
}

Test(fsm, renew_by_command)
{
	boot();
	cr_assert_eq(fsm_renew(&fsm), 0);
	assert_state(FSM_RENEWING);
	assert_ip(last()->ciaddr, "10.0.1.5");
}

/* 1,000 moves between two networks: the virtual address never changes (D32). */
Test(fsm, a_thousand_moves_keep_the_virtual_address)
{
	boot();
	for (int i = 0; i < 1000; i++) {
		const char *actual = i % 2 ? "10.0.1.5" : "10.0.2.7";

		world.n_sent = 0;
		fsm_link_down(&fsm);
		now += SEC;
		fsm_link_up(&fsm);
		cr_assert(receive(DHCP_NAK, NULL, NULL));
		cr_assert(receive(DHCP_OFFER, actual, "10.128.0.2"));
		cr_assert(receive(DHCP_ACK, actual, "10.128.0.2"));
		assert_ip(world.bound.virt, "10.128.0.2");
		assert_ip(world.bound.actual, actual);
	}
	cr_assert_eq(world.n_unbound, 0);
}

/* ---- between domains ---- */

static struct reply answer_of_domain(enum dhcp_type type, const char *actual, const char *virt,
				     uint32_t domain)
{
	struct reply reply = answer(type, actual, virt);

	reply.lease.domain = domain;
	return reply;
}

static void boot_in_domain(uint32_t domain)
{
	struct reply reply;

	fsm_link_up(&fsm);
	reply = answer_of_domain(DHCP_OFFER, "10.0.1.5", "10.128.0.2", domain);
	cr_assert(fsm_receive(&fsm, &reply));
	reply.type = DHCP_ACK;
	cr_assert(fsm_receive(&fsm, &reply));
}

/* Seed paragraph 76: our virtual address is taken there. */
Test(fsm, another_domains_other_virtual_address_is_taken_at_once)
{
	struct reply reply;

	boot_in_domain(1);
	fsm_link_down(&fsm);
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	reply = answer_of_domain(DHCP_OFFER, "10.5.7.19", "10.128.0.5", 2);
	cr_assert(fsm_receive(&fsm, &reply));
	assert_state(FSM_REQUESTING);
	assert_ip(last()->shim, "10.128.0.5");
	reply.type = DHCP_ACK;
	cr_assert(fsm_receive(&fsm, &reply));
	assert_ip(fsm.virt, "10.128.0.5");
	assert_ip(world.bound.virt, "10.128.0.5");
	cr_assert_eq(world.bound.domain, 2);
}

Test(fsm, in_our_domain_a_better_offer_than_another_address_is_waited_for)
{
	struct reply reply;

	boot_in_domain(1);
	fsm_link_down(&fsm);
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	reply = answer_of_domain(DHCP_OFFER, "10.0.2.7", "10.128.0.5", 1);
	cr_assert(fsm_receive(&fsm, &reply));
	assert_state(FSM_SELECTING);
}

/* Seed paragraph 82: a stock server; the virtual address is asked for wherever we go. */
Test(fsm, public_space_does_not_make_us_forget_the_virtual_address)
{
	boot_in_domain(1);
	fsm_link_down(&fsm);
	fsm_link_up(&fsm);
	wait_deadline();
	wait_deadline();
	assert_state(FSM_SELECTING);
	cr_assert(receive(DHCP_OFFER, "198.51.100.7", NULL));
	wait_deadline();
	cr_assert(receive(DHCP_ACK, "198.51.100.7", NULL));
	assert_state(FSM_BOUND);
	cr_assert_not(world.bound.mobile);
	assert_ip(fsm.virt, "10.128.0.2");
	fsm_link_down(&fsm);
	fsm_link_up(&fsm);
	assert_ip(last()->shim, "10.128.0.2");
}

/* ---- rapid commit (RFC 4039) ---- */

static struct reply rapid_ack(const char *actual, const char *virt)
{
	struct reply ack = answer(DHCP_ACK, actual, virt);

	ack.rapid_commit = true;
	return ack;
}

Test(fsm, rapid_commit_is_two_messages)
{
	struct reply ack;

	fsm.rapid = true;
	fsm_link_up(&fsm);
	cr_assert(last()->rapid_commit);
	ack = rapid_ack("10.0.1.5", "10.128.0.2");
	cr_assert(fsm_receive(&fsm, &ack));
	assert_state(FSM_BOUND);
	cr_assert_eq(world.n_sent, 1);
	cr_assert_eq(world.n_bound, 1);
	cr_assert_eq(world.bound.since_ns, world.sent_at[0]);
	cr_assert_eq(fsm_deadline(&fsm), now + 1800 * SEC);
	cr_assert_not(fsm_receive(&fsm, &ack), "once");
}

Test(fsm, a_move_by_rapid_commit)
{
	struct reply ack;

	fsm.rapid = true;
	boot();
	fsm_link_up(&fsm);
	cr_assert_not(last()->rapid_commit, "in a DISCOVER only");
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	cr_assert(last()->rapid_commit);
	ack = rapid_ack("10.0.2.7", "10.128.0.2");
	cr_assert(fsm_receive(&fsm, &ack));
	assert_state(FSM_BOUND);
	cr_assert_eq(world.n_sent, 2);
	assert_ip(world.bound.actual, "10.0.2.7");
	cr_assert_eq(world.n_unbound, 0);
}

/* RFC 4039 3.1: without the option it is not an answer to a DISCOVER. */
Test(fsm, an_ack_in_selecting_needs_the_option_and_the_question)
{
	struct reply ack;

	fsm.rapid = true;
	fsm_link_up(&fsm);
	cr_assert_not(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_SELECTING);
	fsm.rapid = false;
	fsm_link_up(&fsm);
	cr_assert_not(last()->rapid_commit);
	ack = rapid_ack("10.0.1.5", "10.128.0.2");
	cr_assert_not(fsm_receive(&fsm, &ack));
	assert_state(FSM_SELECTING);
}

Test(fsm, rapid_commit_falls_back)
{
	fsm.rapid = true;
	fsm_link_up(&fsm);
	for (int i = 0; i < 6; i++) {
		cr_assert_eq(world.sent[i].rapid_commit, i < 3, "DISCOVER %d", i);
		wait_deadline();
	}
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_REQUESTING);
	cr_assert_not(last()->rapid_commit);
	cr_assert(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_BOUND);
}

/* A stock server was faster: ours may still answer, else its lease is asked for. */
Test(fsm, a_rapid_ack_of_another_server_waits_for_a_better_one)
{
	struct reply plain, ours;

	fsm.rapid = true;
	boot();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	plain = rapid_ack("192.168.1.9", NULL);
	plain.server = ip("192.168.1.1");
	cr_assert(fsm_receive(&fsm, &plain));
	assert_state(FSM_SELECTING);
	now += 10 * MS;
	ours = rapid_ack("10.0.2.7", "10.128.0.2");
	cr_assert(fsm_receive(&fsm, &ours));
	assert_state(FSM_BOUND);
	assert_ip(world.bound.actual, "10.0.2.7");

	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	plain.xid = last()->xid;
	cr_assert(fsm_receive(&fsm, &plain));
	wait_deadline();
	assert_state(FSM_REQUESTING);
	assert_ip(last()->server, "192.168.1.1");
	assert_ip(last()->requested, "192.168.1.9");
}

/* While refused DISCOVERs are held back there is none that an ACK could answer. */
Test(fsm, no_rapid_ack_before_the_discover)
{
	struct reply ack;

	fsm.rapid = true;
	boot();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	cr_assert(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2"));
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	assert_state(FSM_SELECTING);
	ack = rapid_ack("10.0.2.7", "10.128.0.2");
	ack.xid = fsm.xid;
	cr_assert_not(fsm_receive(&fsm, &ack));
	wait_deadline();
	cr_assert(last()->rapid_commit);
	ack.xid = fsm.xid;
	cr_assert(fsm_receive(&fsm, &ack));
}

/* ---- conflicts (RFC 2131 3.1, 5; RFC 5227) ---- */

Test(fsm, a_taken_address_is_declined_once_a_minute)
{
	boot();
	cr_assert(fsm_decline(&fsm));
	cr_assert_eq(world.sent[0].type, DHCP_DECLINE);
	assert_ip(world.sent[0].requested, "10.0.1.5");
	assert_ip(world.sent[0].server, "10.0.0.1");
	assert_ip(world.sent[0].ciaddr, "0.0.0.0");
	cr_assert_eq(world.n_unbound, 1);
	assert_state(FSM_SELECTING);
	cr_assert_eq(last()->type, DHCP_DISCOVER);
	cr_assert_neq(last()->xid, world.sent[0].xid);
	assert_ip(last()->shim, "10.128.0.2");
	cr_assert(receive(DHCP_OFFER, "10.0.1.6", "10.128.0.2"));
	cr_assert(receive(DHCP_ACK, "10.0.1.6", "10.128.0.2"));
	cr_assert_not(fsm_decline(&fsm), "forged ARP must not keep us from our sessions");
	assert_state(FSM_BOUND);
	now += 60 * SEC;
	cr_assert(fsm_decline(&fsm));
}

/* ---- what a network may do to us ---- */

/* Faster than leases are answered: answers to older questions change nothing. */
Test(fsm, moving_faster_than_leases_are_answered)
{
	struct reply late[4];

	boot();
	for (int i = 0; i < 100; i++) {
		fsm_link_down(&fsm);
		fsm_link_up(&fsm);
		late[0] = answer(DHCP_NAK, NULL, NULL);
		late[1] = answer(DHCP_OFFER, "10.0.2.7", "10.128.0.2");
		late[2] = answer(DHCP_ACK, "10.0.2.7", "10.128.0.2");
		late[3] = rapid_ack("10.0.2.7", "10.128.0.2");
		world.n_sent = 0;
		now += MS;
		fsm_link_down(&fsm);
		fsm_link_up(&fsm);
		for (int j = 0; j < 4; j++)
			cr_assert_not(fsm_receive(&fsm, &late[j]));
		assert_state(FSM_REBOOTING);
	}
	cr_assert_eq(world.n_bound, 0);
	cr_assert_eq(world.n_unbound, 0);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	cr_assert(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2"));
	cr_assert(receive(DHCP_ACK, "10.0.2.7", "10.128.0.2"));
	assert_ip(world.bound.virt, "10.128.0.2");
}

/* Every order and number of a move's answers: at the end the lease, or a question open. */
Test(fsm, answers_in_any_order)
{
	static const enum dhcp_type types[] = {DHCP_NAK, DHCP_OFFER, DHCP_ACK};

	for (int order = 0; order < 3 * 3 * 3 * 3 * 3 * 3; order++) {
		setup();
		boot();
		fsm_link_up(&fsm);
		for (int i = 0, rest = order; i < 6; i++, rest /= 3)
			receive(types[rest % 3], "10.0.2.7", "10.128.0.2");
		if (fsm_is_bound(&fsm))
			assert_ip(fsm.lease.virt, "10.128.0.2");
		else
			cr_assert_neq(fsm_deadline(&fsm), NEVER);
		for (int i = 0; !fsm_is_bound(&fsm) && i < 20; i++) {
			wait_deadline();
			if (fsm.state == FSM_SELECTING && fsm.tries)
				receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2");
			if (fsm.state == FSM_REQUESTING || fsm.state == FSM_REBOOTING)
				receive(DHCP_ACK, "10.0.2.7", "10.128.0.2");
		}
		assert_state(FSM_BOUND);
		assert_ip(fsm.virt, "10.128.0.2");
	}
}

/* A rebind is on its way: an offer waits, and is taken if nothing comes of that. */
Test(fsm, an_offer_waits_while_a_rebind_is_under_way)
{
	boot();
	fsm_link_up(&fsm);
	fsm_hold(&fsm, 30 * MS);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	cr_assert(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2"));
	assert_state(FSM_SELECTING);
	cr_assert_eq(fsm_deadline(&fsm), now + 30 * MS);
	wait_deadline();
	assert_state(FSM_REQUESTING);
	assert_ip(last()->requested, "10.0.2.7");

	fsm_link_up(&fsm); /* another link: nobody has said anything of it */
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	cr_assert(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2"));
	assert_state(FSM_REQUESTING);
}

/* ---- an address for the next link, asked for on this one ---- */

static void prepare(void)
{
	boot();
	cr_assert_eq(fsm_prepare(&fsm, ip("10.0.2.1")), 0);
	cr_assert_eq(last()->type, DHCP_DISCOVER);
	assert_ip(last()->link, "10.0.2.1");
	assert_ip(last()->shim, "10.128.0.2");
	cr_assert(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.2"));
	assert_state(FSM_BOUND);
	cr_assert_eq(world.n_sent, 1);
	cr_assert_eq(world.n_accepted, 2, "nothing of the lease in force has changed");
}

Test(fsm, a_prepared_move_is_one_exchange)
{
	prepare();
	now += SEC;
	fsm_link_up(&fsm);
	assert_state(FSM_REQUESTING);
	cr_assert_eq(world.n_arriving, 1);
	cr_assert_eq(last()->type, DHCP_REQUEST);
	cr_assert_eq(last()->xid, world.sent[0].xid);
	assert_ip(last()->requested, "10.0.2.7");
	assert_ip(last()->server, "10.0.0.1");
	assert_ip(last()->link, "0.0.0.0");
	cr_assert(receive(DHCP_ACK, "10.0.2.7", "10.128.0.2"));
	assert_state(FSM_BOUND);
	assert_ip(world.bound.actual, "10.0.2.7");
	cr_assert_eq(world.n_sent, 2);
	fsm_link_up(&fsm);
	assert_state(FSM_REBOOTING);
	assert_ip(last()->requested, "10.0.2.7");
}

Test(fsm, a_prepared_move_that_goes_elsewhere)
{
	prepare();
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_NAK, NULL, NULL));
	assert_state(FSM_SELECTING);
	cr_assert_eq(last()->type, DHCP_DISCOVER);
	assert_ip(last()->shim, "10.128.0.2");
	cr_assert(receive(DHCP_OFFER, "10.0.3.4", "10.128.0.2"));
	cr_assert(receive(DHCP_ACK, "10.0.3.4", "10.128.0.2"));
	assert_ip(world.bound.actual, "10.0.3.4");
}

Test(fsm, what_was_prepared_is_kept_for_25_s)
{
	prepare();
	now += 25 * SEC;
	fsm_link_up(&fsm);
	assert_state(FSM_REBOOTING);
	assert_ip(last()->requested, "10.0.1.5");
}

Test(fsm, only_an_offer_of_our_virtual_address_prepares)
{
	cr_assert_eq(fsm_prepare(&fsm, ip("10.0.2.1")), -ENOTCONN);
	boot();
	cr_assert_eq(fsm_prepare(&fsm, ip("10.0.2.1")), 0);
	cr_assert_not(receive(DHCP_ACK, "10.0.2.7", "10.128.0.2"));
	cr_assert_not(receive(DHCP_NAK, NULL, NULL));
	cr_assert_not(receive(DHCP_OFFER, "10.0.2.7", "10.128.0.9"));
	assert_state(FSM_BOUND);
	fsm_link_up(&fsm);
	assert_state(FSM_REBOOTING);
}
