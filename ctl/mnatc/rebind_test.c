// SPDX-License-Identifier: GPL-2.0-only
/* Direct rebinds on virtual time, with the test as network and manager. */
#include <criterion/criterion.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/peering.h"
#include "rebind.h"

#define MS   MNAT_NS_PER_MS
#define SEC  MNAT_NS_PER_SEC

static uint64_t now;
static struct state state;
static struct rebind rebind;
static struct {
	uint8_t datagrams[64][512];
	size_t lens[64];
	struct in_addr from[64];
	int sent;
	int accepted;
	struct in_addr actual;
	uint64_t counter;
} world;

static uint64_t virtual_clock(void)
{
	return now;
}

static struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

static void on_send(const struct network *network, struct in_addr manager, const void *datagram,
		    size_t len, void *user)
{
	cr_assert_lt(world.sent, 64);
	cr_expect_eq(manager.s_addr, ip("10.0.0.1").s_addr);
	memcpy(world.datagrams[world.sent], datagram, len);
	world.lens[world.sent] = len;
	world.from[world.sent++] = network->actual;
}

static bool on_count(uint64_t *ret_counter, void *user)
{
	*ret_counter = ++world.counter;
	return true;
}

static void on_accepted(const struct network *network, void *user)
{
	world.accepted++;
	world.actual = network->actual;
}

static const struct rebind_ops ops = {on_send, on_count, on_accepted};

static void remember(uint64_t mac, const char *actual, uint32_t domain, uint64_t until_ns)
{
	struct network network = {mac,	  ip(actual), ip("255.255.255.0"), ip("10.0.2.1"),
				  domain, until_ns};

	state_remember_network(&state, &network);
}

static void setup(void)
{
	struct lease lease = {.manager = ip("10.0.0.1"), .virt = ip("10.128.0.2"), .mobile = true,
			      .domain = 1, .have_token = true};

	now = 1000 * SEC;
	memset(&state, 0, sizeof(state));
	memset(&world, 0, sizeof(world));
	mnat_clock_replace(virtual_clock);
	memset(&lease.token, 7, sizeof(lease.token));
	roam_enter(&state.roam, &lease, 0);
	rebind_init(&rebind, &ops, NULL);
	remember(3, "10.0.3.4", 1, now - 1); /* its lease has run out */
	remember(5, "10.5.7.9", 2, now + 9); /* another domain's */
	remember(1, "10.0.1.5", 1, now + 9);
	remember(2, "10.0.2.7", 1, now + 9);
}

TestSuite(rebind, .init = setup);

static void begin(void)
{
	rebind_begin(&rebind, &state);
	rebind_tick(&rebind, &state.roam);
}

static struct peering_message sent(int i)
{
	struct peering_message message;
	size_t skip;

	cr_assert_eq(peering_decode(world.datagrams[i], world.lens[i], &message, &skip),
		     (int)world.lens[i]);
	return message;
}

static struct peering_message positive(int i)
{
	return (struct peering_message){
		.basic = SIMCO_POSITIVE,
		.subtype = PEERING_REBIND,
		.transaction = sent(i).transaction,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_ENDPOINT | PEERING_HAS_PROOF,
		.virt = ip("10.128.0.2"),
		.endpoint = world.from[i],
	};
}

static bool answer(const struct peering_message *message, uint8_t key_byte)
{
	uint8_t datagram[512], key[PEERING_MAC_LEN];
	int len = peering_encode(message, datagram, sizeof(datagram));

	cr_assert_gt(len, 0);
	memset(key, key_byte, sizeof(key));
	peering_seal(key, datagram, (size_t)len);
	return rebind_receive(&rebind, &state.roam, datagram, (size_t)len);
}

/* All networks of our domain whose leases live are asked about at once, sealed. */
Test(rebind, asks_for_every_network_it_may_be)
{
	uint8_t key[PEERING_MAC_LEN];

	begin();
	cr_assert_eq(world.sent, 2);
	memset(key, 7, sizeof(key));
	for (int i = 0; i < 2; i++) {
		cr_expect(peering_is_sealed(key, world.datagrams[i], world.lens[i]));
		cr_expect_eq(sent(i).endpoint.s_addr, world.from[i].s_addr);
		cr_expect_eq(sent(i).counter, (uint64_t)i + 1);
	}
	cr_expect_eq(world.from[0].s_addr, ip("10.0.2.7").s_addr);
	cr_expect_eq(world.from[1].s_addr, ip("10.0.1.5").s_addr);
}

Test(rebind, an_answer_says_where_we_are)
{
	struct peering_message reply;

	begin();
	reply = positive(1);
	cr_expect(answer(&reply, 7));
	cr_expect_eq(world.accepted, 1);
	cr_expect_eq(world.actual.s_addr, ip("10.0.1.5").s_addr);
	cr_expect_not(answer(&reply, 7), "said twice");
	cr_expect_eq(rebind_deadline(&rebind), NEVER);
}

/* Repeated with a new number each time, then left to DHCP. */
Test(rebind, silence)
{
	begin();
	for (int i = 0; i < 10; i++) {
		now += 100 * MS;
		rebind_tick(&rebind, &state.roam);
	}
	cr_expect_eq(world.sent, 3 * 2);
	cr_expect_eq(world.counter, 6);
	cr_expect_eq(rebind_deadline(&rebind), NEVER);
}

Test(rebind, answers_that_are_none)
{
	struct peering_message reply, other;

	begin();
	reply = positive(0);
	cr_expect_not(answer(&reply, 8), "another's seal");
	other = reply, other.endpoint = ip("10.0.1.5");
	cr_expect_not(answer(&other, 7), "another address than asked for");
	other = reply, other.virt = ip("10.128.0.3");
	cr_expect_not(answer(&other, 7), "another host's");
	other = reply, other.transaction += 2;
	cr_expect_not(answer(&other, 7), "of a question not asked");
	other = reply, other.basic = SIMCO_NEGATIVE, other.subtype = PEERING_E_REPLAY;
	cr_expect_not(answer(&other, 7), "a refusal");
	begin(); /* another link meanwhile: what answered the last one's is late */
	cr_expect_not(answer(&reply, 7), "an earlier link's");
	cr_expect_eq(world.accepted, 0);
}

/* Nothing to prove it with, or away from home: DHCP it is. */
Test(rebind, without_a_token)
{
	state.roam.homes[0].have_token = false;
	begin();
	cr_expect_eq(world.sent, 0);
	state.roam.homes[0].have_token = true;
	state.roam.here = false;
	begin();
	cr_expect_eq(world.sent, 0);
}
