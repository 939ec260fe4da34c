// SPDX-License-Identifier: GPL-2.0-only
/*
 * The seed's figures 6 and 8 at the gateway (features 6.6, 6.7) and the example of
 * paragraph 34 (6.5): addresses, ports, every byte.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "gateway.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"

static struct packet small(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			 uint8_t flags)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_TCP, .tcp_flags = flags, .payload = 32 };
}

/* As it leaves the gateway: one hop further, with the next link's MAC addresses. */
static struct packet sent(struct packet p, const uint8_t *smac, const uint8_t *dmac)
{
	p.ttl = 63;
	p.smac = smac;
	p.dmac = dmac;
	return p;
}

static void exchange(struct gateway *g, const char *actual, uint8_t flags)
{
	struct packet out = small(actual, 1756, CN, 80, flags);
	struct packet out_sent = sent(small(EXTERNAL, 7088, CN, 80, flags), mac_out, mac_isp);
	struct packet in = small(CN, 80, EXTERNAL, 7088, F_ACK);
	struct packet in_sent = sent(small(CN, 80, actual, 1756, F_ACK), mac_in, mac_router);
	struct run run = from_inside(g, &out);

	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &out_sent, "inside to outside");
	run = from_outside(g, &in);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &in_sent, "outside to inside");
}

Test(figures, fig6_before_the_move)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });

	gateway_place(g, TEST_HOST, "10.0.1.5", 1);
	exchange(g, "10.0.1.5", F_SYN);
	exchange(g, "10.0.1.5", F_ACK);
	cr_assert_eq(gateway_count(g, MNAT_C_SESSION_NEW), 1);
	cr_assert_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 2);
	cr_assert_eq(gateway_count(g, MNAT_C_IN_TRANSLATED), 2);
}

/* Figure 8: only the middle row changes; no session, binding or port is touched. */
Test(figures, fig8_after_the_move)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });

	gateway_place(g, TEST_HOST, "10.0.1.5", 1);
	exchange(g, "10.0.1.5", F_SYN);
	gateway_place(g, TEST_HOST, "10.0.2.7", 2);
	gateway_leave(g, "10.0.1.5", TEST_HOST, gateway_now() + 10);
	exchange(g, "10.0.2.7", F_ACK);
	cr_assert_eq(gateway_count(g, MNAT_C_SESSION_NEW), 1);
	cr_assert_eq(gateway_count(g, MNAT_C_BINDING_NEW), 1);
	cr_assert_eq(gateway_sessions(g), 1);
}

/* Its external address, 135.180.132.24, is not the other figures' (ruling C7). */
Test(figures, paragraph34_plain_napt)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 1734, 1, "135.180.132.24" });
	struct packet out = small("10.0.1.23", 1987, CN, 80, F_SYN);
	struct packet out_sent = sent(small("135.180.132.24", 1734, CN, 80, F_SYN), mac_out, mac_isp);
	struct packet in = small(CN, 80, "135.180.132.24", 1734, F_SYN | F_ACK);
	struct packet in_sent =
		sent(small(CN, 80, "10.0.1.23", 1987, F_SYN | F_ACK), mac_in, mac_router);
	struct run run = from_inside(g, &out);

	expect_frame(&run, &out_sent, "inside to outside");
	run = from_outside(g, &in);
	expect_frame(&run, &in_sent, "outside to inside");
}
