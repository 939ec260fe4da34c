// SPDX-License-Identifier: GPL-2.0-only
/* The client's state machine on virtual time, with the test as network and server. */
#include "fsm_world_test.h"

#include "mnat/addr.h"

uint64_t now;
struct fsm fsm;
struct world world;
uint32_t next_random;

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

static uint32_t on_random(void *user)
{
	return next_random++;
}

static void on_arriving(const struct reply *offer, void *user)
{
	world.n_arriving++;
}

const struct fsm_ops world_ops = {on_send,    on_accepted, on_bound,
				  on_unbound, on_random,   on_arriving};

void world_begin(void)
{
	now = 1000 * SEC;
	next_random = 7;
	memset(&world, 0, sizeof(world));
	mnat_clock_replace(virtual_clock);
	fsm_init(&fsm, &world_ops, NULL);
}

struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

void assert_state(enum fsm_state state)
{
	cr_assert_eq(fsm.state, state, "state %s, expected %s", fsm_state_name(fsm.state),
		     fsm_state_name(state));
}

const struct fsm_message *last(void)
{
	cr_assert_gt(world.n_sent, 0);
	return &world.sent[world.n_sent - 1];
}

struct reply answer(enum dhcp_type type, const char *actual, const char *virt)
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

bool receive(enum dhcp_type type, const char *actual, const char *virt)
{
	struct reply reply = answer(type, actual, virt);

	return fsm_receive(&fsm, &reply);
}

void wait_deadline(void)
{
	uint64_t deadline = fsm_deadline(&fsm);

	cr_assert_neq(deadline, NEVER);
	if (deadline > now)
		now = deadline;
	fsm_tick(&fsm);
}

void boot(void)
{
	fsm_link_up(&fsm);
	cr_assert(receive(DHCP_OFFER, "10.0.1.5", "10.128.0.2"));
	cr_assert(receive(DHCP_ACK, "10.0.1.5", "10.128.0.2"));
	assert_state(FSM_BOUND);
	world.n_sent = 0;
	world.n_bound = 0;
}

struct reply with_xid(struct reply reply, uint32_t xid)
{
	reply.xid = xid;
	return reply;
}

struct reply rapid_ack(const char *actual, const char *virt)
{
	struct reply ack = answer(DHCP_ACK, actual, virt);

	ack.rapid_commit = true;
	return ack;
}

TestSuite(fsm, .init = world_begin);
