// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine: an address for the next link, asked for on this one. */
#include "fsm_world_test.h"

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
