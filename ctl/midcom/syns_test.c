// SPDX-License-Identifier: GPL-2.0-only
#include "syns.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#define EXTERNAL 0x87b42004

static struct mnat_binding bindings[MNAT_N_PROTO * 4];
static struct mnat_gateway gateway = {
	.bindings = bindings,
	.config = { .external = { { EXTERNAL, EXTERNAL, 9000, 9003 } }, .n_external = 1,
		    .block_shift = 2 },
};
static struct syn_answer sent[SYNS_MAX + 1];
static uint32_t n_sent, clock_s;

static uint32_t now(void)
{
	return clock_s;
}

static void note(struct syns *syns, const struct syn_answer *answer, __be32 addr)
{
	cr_assert_eq(addr, htonl(0x803b1095));
	sent[n_sent++] = *answer;
}

static struct syns *start(void)
{
	static struct syns syns = { .gateway = &gateway, .now = now, .send = note };

	clock_s = 1000;
	mnat_lay_out(&gateway.config);
	return &syns;
}

/* 128.59.16.149:80 to 135.180.32.4:port, sequence number 1 */
static struct mnat_syn syn(uint16_t port)
{
	const uint8_t bytes[28] = { 0x45, 0, 0, 40, 0x12, 0x67, 0, 0, 64, 6, 0, 0, 128, 59, 16, 149,
				    135, 180, 32, 4, 0, 80, (uint8_t)(port >> 8), (uint8_t)port,
				    0, 0, 0, 1 };
	struct mnat_syn s = { .at = clock_s };

	memcpy(s.quote, bytes, sizeof(bytes));
	return s;
}

static uint32_t sum(const uint8_t *p, size_t len)
{
	uint32_t total = 0;

	for (size_t i = 0; i < len; i += 2)
		total += (uint32_t)p[i] << 8 | p[i + 1];
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

Test(syns, answered_after_six_seconds)
{
	static const uint8_t want[] = { 0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1 };
	static const uint8_t rest[] = { 135, 180, 32, 4, 128, 59, 16, 149, 3, 3 };
	struct syns *syns = start();
	struct mnat_syn s = syn(9001);

	syns_add(syns, &s);
	clock_s += 5;
	syns_run(syns);
	cr_expect_eq(n_sent, 0);
	clock_s += 1;
	syns_run(syns);
	cr_assert_eq(n_sent, 1);
	cr_expect_arr_eq(sent[0].bytes, want, sizeof(want));
	cr_expect_arr_eq(sent[0].bytes + 12, rest, sizeof(rest));
	cr_expect_arr_eq(sent[0].bytes + 28, s.quote, sizeof(s.quote));
	cr_expect_eq(sum(sent[0].bytes, 20), 0xffff);
	cr_expect_eq(sum(sent[0].bytes + 20, 36), 0xffff);
	syns_run(syns);
	cr_expect_eq(n_sent, 1, "once");
	cr_expect_eq(syns->answered, 1);
}

/* A host has the port now: its SYN and the other's have crossed, or it will answer itself. */
Test(syns, silent_when_a_binding_came)
{
	struct syns *syns = start();
	struct mnat_syn taken = syn(9002), free_one = syn(9003);

	syns_add(syns, &taken);
	syns_add(syns, &free_one);
	bindings[MNAT_TCP * 4 + 2].owner = 1ull << 32;
	clock_s += 6;
	syns_run(syns);
	cr_expect_eq(n_sent, 1);
	cr_expect_eq(sent[0].bytes[28 + 23], 9003 & 0xff);
	cr_expect_eq(syns->n, 0);
}

Test(syns, bounded)
{
	struct syns *syns = start();

	for (uint32_t i = 0; i < SYNS_MAX + 7; i++) {
		struct mnat_syn s = syn(9000);

		syns_add(syns, &s);
	}
	cr_expect_eq(syns->dropped, 7);
	clock_s += 6;
	syns_run(syns);
	cr_expect_eq(n_sent, SYNS_MAX);
}
