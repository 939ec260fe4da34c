// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine: from boot to a lease, moves, retransmission. */
#include "fsm_world_test.h"

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
	fsm_init(&fsm, &world_ops, NULL);
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

Test(fsm, restart_with_a_lease_verifies_it)
{
	struct lease lease;

	boot();
	lease = world.bound;
	fsm_init(&fsm, &world_ops, NULL);
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
