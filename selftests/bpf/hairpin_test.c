// SPDX-License-Identifier: GPL-2.0-only
/* From inside to an external port of an inside host: RFC 4787 REQ-9, RFC 5382 REQ-8. */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "accounts.h"
#include "gateway.h"

#define A1 "10.0.1.5"
#define A2 "10.0.2.7"
#define PLAIN "10.0.3.9"
#define CN "128.59.16.149"
#define GATEWAY "135.180.32.4"
#define HOST_1 TEST_HOST
#define HOST_2 (TEST_HOST + 1)
#define FIRST 7088 /* of two ports, each a block: who comes first gets it, the other the next */

static struct packet make(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			  uint16_t dport, uint8_t flags)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = proto, .tcp_flags = flags, .payload = 30 };
}

/* Host 2 has an external port: FIRST, for the other was somebody's a moment ago. */
static struct gateway *start(uint8_t proto)
{
	struct gateway *g = gateway_start((struct gateway_setup){ FIRST, 2, .block = 1 });
	struct packet out = make(proto, A2, 4000, CN, 80, F_SYN);
	struct mnat_block *blocks = accounts_blocks(g);

	gateway_place(g, HOST_1, A1, 1);
	gateway_place(g, HOST_2, A2, 1);
	blocks[1] = (struct mnat_block){ .word = 1, .released = gateway_now() };
	cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
	blocks[1] = (struct mnat_block){};
	return g;
}

static void pass(struct gateway *g, struct packet in, struct packet want, const char *what)
{
	struct run run = from_inside(g, &in);

	want.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	cr_assert_eq(run.verdict, REDIRECT, "%s: verdict %d", what, run.verdict);
	expect_frame(&run, &want, what);
}

static void both_ways(uint8_t proto)
{
	struct gateway *g = start(proto);

	pass(g, make(proto, A1, 3001, GATEWAY, FIRST, F_SYN),
	     make(proto, GATEWAY, FIRST + 1, A2, 4000, F_SYN), "there");
	pass(g, make(proto, A2, 4000, GATEWAY, FIRST + 1, F_SYN | F_ACK),
	     make(proto, GATEWAY, FIRST, A1, 3001, F_SYN | F_ACK), "back");
	cr_expect_eq(gateway_count(g, MNAT_C_HAIRPINNED), 2);
	cr_expect_eq(gateway_sessions(g), 3, "each host has its own, and host 2 that of before");
}

Test(hairpin, tcp)
{
	both_ways(IPPROTO_TCP);
}

Test(hairpin, udp)
{
	both_ways(IPPROTO_UDP);
}

/* Endpoint-independent mapping: it is the port the world sees. */
Test(hairpin, same_mapping)
{
	struct gateway *g = start(IPPROTO_UDP);
	struct packet out = make(IPPROTO_UDP, A1, 3001, CN, 53, 0);
	struct run run;

	pass(g, make(IPPROTO_UDP, A1, 3001, GATEWAY, FIRST, 0),
	     make(IPPROTO_UDP, GATEWAY, FIRST + 1, A2, 4000, 0), "there");
	run = from_inside(g, &out);
	cr_assert_eq(run.verdict, REDIRECT);
	cr_expect_eq(run.frame[34] << 8 | run.frame[35], FIRST + 1);
}

Test(hairpin, to_itself)
{
	struct gateway *g = start(IPPROTO_UDP);

	pass(g, make(IPPROTO_UDP, A2, 4000, GATEWAY, FIRST, 0),
	     make(IPPROTO_UDP, GATEWAY, FIRST, A2, 4000, 0), "to itself");
}

Test(hairpin, after_a_move)
{
	struct gateway *g = start(IPPROTO_TCP);

	gateway_place(g, HOST_2, "10.0.9.9", 2);
	pass(g, make(IPPROTO_TCP, A1, 3001, GATEWAY, FIRST, F_SYN),
	     make(IPPROTO_TCP, GATEWAY, FIRST + 1, "10.0.9.9", 4000, F_SYN), "there");
}

/* Between plain hosts, and mobile and plain, all the same. */
Test(hairpin, plain)
{
	struct gateway *g = start(IPPROTO_UDP);

	pass(g, make(IPPROTO_UDP, PLAIN, 3001, GATEWAY, FIRST, 0),
	     make(IPPROTO_UDP, GATEWAY, FIRST + 1, A2, 4000, 0), "plain to mobile");
	pass(g, make(IPPROTO_UDP, A2, 4000, GATEWAY, FIRST + 1, 0),
	     make(IPPROTO_UDP, GATEWAY, FIRST, PLAIN, 3001, 0), "mobile to plain");
}

/* The target is elsewhere: through the tunnel, its sender as the world sees it. */
Test(hairpin, to_a_departed_host)
{
	struct gateway *g = start(IPPROTO_UDP);
	struct packet in = make(IPPROTO_UDP, A1, 3001, GATEWAY, FIRST, 0);
	struct packet inner = make(IPPROTO_UDP, GATEWAY, FIRST + 1, "10.128.0.3", 4000, 0);
	struct packet want = { .src = GATEWAY, .dst = "143.32.2.70", .proto = IPPROTO_IPIP,
			       .frag = 0x4000, .id_zero = 1, .inner = &inner, .smac = mac_out,
			       .dmac = mac_isp };
	struct run run;

	gateway_send_away(g, HOST_2, "10.128.0.3", "143.32.2.70");
	inner.ttl = 63;
	run = from_inside(g, &in);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "to the visited gateway");
}

/* And from one, as what it sends to the world. */
Test(hairpin, from_a_departed_host)
{
	struct gateway *g = start(IPPROTO_UDP);
	struct packet inner = make(IPPROTO_UDP, "10.128.0.2", 3001, GATEWAY, FIRST, 0);
	struct packet in = { .src = "143.32.2.70", .dst = GATEWAY, .proto = IPPROTO_IPIP,
			     .inner = &inner };
	struct packet want = make(IPPROTO_UDP, GATEWAY, FIRST + 1, A2, 4000, 0);
	struct run run;

	gateway_send_away(g, HOST_1, "10.128.0.2", "143.32.2.70");
	gateway_admit(g, "143.32.2.70", "10.128.0.2", HOST_1);
	want.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	run = from_outside(g, &in);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "from the visited gateway");
}

/* RFC 5508 REQ-7: of the receiver, or of a router on the way to it. */
Test(hairpin, icmp_error)
{
	struct gateway *g = start(IPPROTO_UDP);
	struct packet got = make(IPPROTO_UDP, GATEWAY, FIRST + 1, A2, 4000, 0);
	struct packet sent = make(IPPROTO_UDP, A1, 3001, GATEWAY, FIRST, 0);
	struct packet in = { .src = A2, .dst = GATEWAY, .proto = IPPROTO_ICMP, .icmp_type = 3,
			     .icmp_code = 3, .inner = &got };
	struct packet want = { .src = GATEWAY, .dst = A1, .proto = IPPROTO_ICMP, .icmp_type = 3,
			       .icmp_code = 3, .inner = &sent };
	uint64_t before;

	pass(g, sent, got, "there");
	before = (uint64_t)gateway_sessions(g);
	pass(g, in, want, "of the receiver");
	in.src = "10.0.2.1";
	pass(g, in, want, "of its router");
	cr_expect_eq(gateway_sessions(g), before);
}

Test(hairpin, refusals)
{
	struct gateway *g = start(IPPROTO_UDP);
	struct packet nobody = make(IPPROTO_UDP, A1, 3001, GATEWAY, FIRST + 1, 0);
	struct packet ping = { .src = A1, .dst = GATEWAY, .sport = FIRST, .proto = IPPROTO_ICMP,
			       .icmp_type = 8, .payload = 56 };
	struct packet to_gone = make(IPPROTO_UDP, A1, 3001, GATEWAY, FIRST, 0);
	uint64_t gone = 0;
	uint32_t host = HOST_2;

	cr_expect_eq(from_inside(g, &nobody).verdict, OK, "is the gateway's own");
	cr_expect_eq(from_inside(g, &ping).verdict, OK, "the gateway answers itself");
	cr_expect_eq(gateway_count(g, MNAT_C_TO_GATEWAY), 2);
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, "hosts"), &host, &gone, 0), 0);
	cr_expect_eq(from_inside(g, &to_gone).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_HOST_GONE), 1);
	cr_expect_eq(gateway_sessions(g), 1);
}
