// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine: how a lease is kept, lost and asked for again. */
#include "fsm_world_test.h"

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

/* By this ACK, of a domain that gives tokens. */
static struct reply bound_without_token(void)
{
	struct reply ack;

	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	ack = answer(DHCP_ACK, "10.0.1.5", "10.128.0.2");
	ack.lease.domain = 2;
	cr_assert(fsm_receive(&fsm, &ack));
	return ack;
}

/* The manager is away: its token, and our arrivals, cannot wait for T1. */
Test(fsm, an_ack_without_the_token_due_is_renewed_soon)
{
	struct reply ack = bound_without_token();

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

/* Nor can they wait for a minute if that renewal is lost. */
Test(fsm, a_renewal_for_the_token_is_repeated_soon)
{
	bound_without_token();
	wait_deadline();
	for (uint64_t wait = 1000 * MS; wait <= 32000 * MS; wait *= 2) {
		assert_state(FSM_RENEWING);
		cr_assert_eq(fsm_deadline(&fsm), now + wait);
		wait_deadline();
	}
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
