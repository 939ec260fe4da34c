// SPDX-License-Identifier: GPL-2.0-only
/* A node in public space and its home managers, on virtual time. */
#include <criterion/criterion.h>
#include <string.h>

#include "hail.h"
#include "mnat/addr.h"
#include "mnat/peering.h"

#define MS  MNAT_NS_PER_MS
#define SEC MNAT_NS_PER_SEC

static uint64_t now;
static struct roam roam;
static struct hails hails;
static struct {
	uint8_t datagram[512];
	size_t len;
	struct in_addr manager;
	int sent;
	int answered;
	int first;
	int refused;
	uint64_t counter;
} world;

static uint64_t virtual_clock(void)
{
	return now;
}

static void on_send(struct in_addr manager, const void *datagram, size_t len, void *user)
{
	memcpy(world.datagram, datagram, len);
	world.len = len;
	world.manager = manager;
	world.sent++;
}

static bool on_count(uint64_t *ret_counter, void *user)
{
	*ret_counter = ++world.counter;
	return true;
}

static void on_answered(struct home *home, bool first, void *user)
{
	world.answered++;
	world.first += first;
}

static void on_refused(struct home *home, uint8_t error, void *user)
{
	world.refused++;
}

static const struct hail_ops ops = {on_send, on_count, on_answered, on_refused};

static struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

static void visit(uint32_t domain, const char *manager, const char *virt)
{
	struct lease lease = {
		.manager = ip(manager),
		.virt = ip(virt),
		.mobile = true,
		.domain = domain,
		.have_token = true,
	};

	memset(&lease.token, (int)domain, sizeof(lease.token));
	roam_enter(&roam, &lease, 0);
}

static void setup(void)
{
	const struct lease stock = {};

	now = 1000 * SEC;
	memset(&roam, 0, sizeof(roam));
	memset(&world, 0, sizeof(world));
	mnat_clock_replace(virtual_clock);
	hails_init(&hails, &ops, NULL);
	visit(1, "135.180.32.4", "10.128.0.2");
	roam_enter(&roam, &stock, 0);
	hails_start(&hails, &roam, ip("198.51.100.7"));
}

TestSuite(hail, .init = setup);

static struct peering_message sent(void)
{
	struct peering_message message;
	size_t skip;

	cr_assert_eq(peering_decode(world.datagram, world.len, &message, &skip), (int)world.len);
	return message;
}

static struct peering_message positive(void)
{
	return (struct peering_message){
		.basic = SIMCO_POSITIVE,
		.subtype = PEERING_ARRIVE,
		.transaction = sent().transaction,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_GATEWAY | PEERING_HAS_LIFETIME |
		       PEERING_HAS_PROOF,
		.virt = ip("10.128.0.2"),
		.gateway = ip("135.180.32.4"),
		.lifetime = 3600,
	};
}

static bool answer(const struct peering_message *message, uint8_t key_byte)
{
	uint8_t buf[512], key[16];
	int len = peering_encode(message, buf, sizeof(buf));

	cr_assert_gt(len, 0);
	memset(key, key_byte, sizeof(key));
	peering_seal(key, buf, (size_t)len);
	return hails_receive(&hails, &roam, buf, (size_t)len);
}

static void tick_at(uint64_t at)
{
	now = at;
	hails_tick(&hails, &roam);
}

Test(hail, says_where_we_are_sealed_with_the_nodes_key)
{
	uint8_t key[16];

	hails_tick(&hails, &roam);
	cr_assert_eq(world.sent, 1);
	cr_assert_eq(world.manager.s_addr, ip("135.180.32.4").s_addr);
	cr_assert_eq(sent().basic, SIMCO_REQUEST);
	cr_assert_eq(sent().subtype, PEERING_ARRIVE);
	cr_assert_eq(sent().endpoint.s_addr, ip("198.51.100.7").s_addr);
	memset(key, 1, sizeof(key));
	cr_assert(peering_is_sealed(key, world.datagram, world.len));
}

Test(hail, repeats_from_20_ms_doubling_each_with_a_new_number)
{
	uint64_t start = now, last = 0;

	for (int i = 0; i < 6; i++) {
		hails_tick(&hails, &roam);
		cr_assert_eq(world.sent, i + 1);
		cr_assert_gt(sent().counter, last);
		last = sent().counter;
		cr_assert_eq(hails_deadline(&hails), start + 20 * MS * ((2u << i) - 1));
		tick_at(hails_deadline(&hails) - 1);
		cr_assert_eq(world.sent, i + 1);
		now = hails_deadline(&hails);
	}
	for (int i = 0; i < 20; i++)
		tick_at(hails_deadline(&hails));
	cr_assert_leq(hails_deadline(&hails) - now, 10 * SEC);
}

Test(hail, an_answer_tells_the_gateway_and_is_refreshed)
{
	struct peering_message message;

	hails_tick(&hails, &roam);
	message = positive();
	cr_assert(answer(&message, 1));
	cr_assert_eq(world.first, 1);
	cr_assert_eq(roam.homes[0].gateway.s_addr, ip("135.180.32.4").s_addr);
	cr_assert(hails_all_answered(&hails));
	cr_assert_not(answer(&message, 1), "a repeated answer");
	cr_assert_eq(hails_deadline(&hails), now + HAIL_REFRESH);
	tick_at(now + HAIL_REFRESH);
	cr_assert_eq(world.sent, 2);
	message = positive();
	cr_assert(answer(&message, 1));
	cr_assert_eq(world.answered, 2);
	cr_assert_eq(world.first, 1, "nothing new");
}

Test(hail, a_forged_answer_is_not_believed)
{
	struct peering_message message;

	hails_tick(&hails, &roam);
	message = positive();
	cr_assert_not(answer(&message, 2), "another key");
	message.has &= ~(uint32_t)PEERING_HAS_PROOF;
	cr_assert_not(answer(&message, 1), "no seal");
	message = positive();
	message.virt = ip("10.128.0.3");
	cr_assert_not(answer(&message, 1), "another host");
	message = positive();
	message.transaction++;
	cr_assert_not(answer(&message, 1), "not asked");
	message = positive();
	message.basic = SIMCO_NEGATIVE;
	message.subtype = PEERING_E_TICKET;
	message.has = PEERING_HAS_PROOF;
	cr_assert_not(answer(&message, 2), "a forged refusal");
	cr_assert_eq(world.answered + world.refused, 0);
	cr_assert_eq(roam.homes[0].gateway.s_addr, 0);
	cr_assert_not(hails_receive(&hails, &roam, "x", 1));
	cr_assert_not(hails_receive(&hails, &roam, world.datagram, world.len), "our own words");
}

Test(hail, a_refusal_is_told_and_asked_again_later)
{
	struct peering_message message;

	hails_tick(&hails, &roam);
	message = positive();
	message.basic = SIMCO_NEGATIVE;
	message.subtype = PEERING_E_TICKET;
	message.has = PEERING_HAS_PROOF;
	cr_assert(answer(&message, 1));
	cr_assert_eq(world.refused, 1);
	cr_assert(hails_all_answered(&hails), "one way or the other");
	cr_assert_eq(hail_of(&hails, roam.homes[0].serial)->error, PEERING_E_TICKET);
	cr_assert_eq(hails_deadline(&hails), now + HAIL_REFRESH);
}

Test(hail, what_was_lost_for_want_of_a_gateway_is_said_again_at_once)
{
	for (int i = 0; i < 5; i++)
		tick_at(hails_deadline(&hails));
	hails_again(&hails);
	cr_assert_eq(hails_deadline(&hails), now);
	hails_tick(&hails, &roam);
	cr_assert_eq(hails_deadline(&hails), now + 20 * MS);
}

Test(hail, several_homes_are_hailed_and_one_that_is_dropped_no_more)
{
	const struct lease stock = {};

	visit(2, "143.32.2.70", "10.128.0.5");
	roam_enter(&roam, &stock, 0);
	hails_start(&hails, &roam, ip("198.51.100.8"));
	hails_tick(&hails, &roam);
	cr_assert_eq(world.sent, 2);
	roam_drop(&roam, &roam.homes[0]);
	tick_at(hails_deadline(&hails));
	cr_assert_eq(world.sent, 3);
	cr_assert_eq(world.manager.s_addr, ip("135.180.32.4").s_addr);
	hails_stop(&hails);
	cr_assert_eq(hails_deadline(&hails), NEVER);
}
