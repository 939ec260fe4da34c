// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine: rapid commit (RFC 4039). */
#include "fsm_world_test.h"

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
