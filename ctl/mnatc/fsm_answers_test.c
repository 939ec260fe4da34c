// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine: which answers count, and what a network may do to us. */
#include "fsm_world_test.h"

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
		world_begin();
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
