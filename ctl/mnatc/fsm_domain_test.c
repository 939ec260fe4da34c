// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine: between domains. */
#include "fsm_world_test.h"

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
