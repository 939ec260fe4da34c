// SPDX-License-Identifier: GPL-2.0-only
/* Protocols whose ports, if any, stay: SCTP, ESP, GRE, IP-in-IP. */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "gateway.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"
#define OTHER_EXTERNAL "135.180.32.5"
#define NODE "10.0.1.5"
#define OTHER "10.0.1.6"
#define ELSEWHERE "10.0.2.7"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* A frame whose first word is word: SCTP's ports, ESP's SPI. */
struct frame {
	size_t len;
	uint8_t bytes[PACKET_MAX];
};

static struct frame frame(uint8_t proto, const char *src, const char *dst, uint32_t word)
{
	struct packet p = { .src = src, .dst = dst, .proto = proto, .payload = 40 };
	struct frame f = {};

	f.len = packet_build(&p, f.bytes);
	for (int i = 0; i < 4; i++)
		f.bytes[34 + i] = (uint8_t)(word >> (24 - 8 * i));
	return f;
}

static struct run send_in(struct gateway *g, const struct frame *f)
{
	return harness_run(gateway_program(g, "gw_outside"), harness_out(), f->bytes, f->len);
}

static struct run send_out(struct gateway *g, const struct frame *f)
{
	return harness_run(gateway_program(g, "gw_inside"), harness_in(), f->bytes, f->len);
}

/* What leaves is the packet with this source or destination, a hop further. */
static void expect_hop(const struct run *run, uint8_t proto, const char *src, const char *dst,
		       uint32_t word, bool out)
{
	struct packet p = { .src = src, .dst = dst, .proto = proto, .payload = 40, .ttl = 63 };
	struct frame f = {};

	p.smac = out ? mac_out : mac_in, p.dmac = out ? mac_isp : mac_router;
	p = with_id_of(run, &p);
	f.len = packet_build(&p, f.bytes);
	for (int i = 0; i < 4; i++)
		f.bytes[34 + i] = (uint8_t)(word >> (24 - 8 * i));
	cr_expect_eq(run->verdict, REDIRECT, "protocol %d", proto);
	cr_expect_eq(run->len, f.len);
	cr_expect_arr_eq(run->frame, f.bytes, f.len, "protocol %d", proto);
}

static struct gateway *start(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 8, OTHER_EXTERNAL });

	gateway_place(g, TEST_HOST, NODE, 1);
	gateway_place(g, TEST_HOST + 1, OTHER, 1);
	return g;
}

static const struct {
	uint8_t proto;
	uint32_t out, back; /* first words */
} flows[] = {
	{ IPPROTO_SCTP, 5000u << 16 | 2905, 2905u << 16 | 5000 },
	{ IPPROTO_ESP, 0x11111111, 0x22222222 },
	{ IPPROTO_GRE, 0x00000800, 0x00000800 },
	{ IPPROTO_GRE, 0x3001880b, 0x3081880b }, /* PPTP's (RFC 2637): the call id stays */
};

Test(carried, both_ways_and_over_a_move)
{
	for (size_t i = 0; i < N(flows); i++) {
		struct gateway *g = start();
		uint8_t proto = flows[i].proto;
		struct frame out = frame(proto, NODE, CN, flows[i].out);
		struct frame back = frame(proto, CN, OTHER_EXTERNAL, flows[i].back);
		struct run run = send_out(g, &out);

		expect_hop(&run, proto, OTHER_EXTERNAL, CN, flows[i].out, true);
		run = send_in(g, &back);
		expect_hop(&run, proto, CN, NODE, flows[i].back, false);
		gateway_leave(g, NODE, TEST_HOST, gateway_now() + 10);
		gateway_place(g, TEST_HOST, ELSEWHERE, 2);
		run = send_in(g, &back);
		expect_hop(&run, proto, CN, ELSEWHERE, flows[i].back, false);
		out = frame(proto, ELSEWHERE, CN, flows[i].out);
		run = send_out(g, &out);
		expect_hop(&run, proto, OTHER_EXTERNAL, CN, flows[i].out, true);
		cr_expect_eq(gateway_count(g, MNAT_C_CARRIED_NEW), 1);
		cr_expect_eq(gateway_sessions(g), 0);
	}
}

/* Where nothing tells two hosts' flows with one peer apart, the second is refused and told. */
Test(carried, one_host_a_peer)
{
	for (size_t i = 0; i < N(flows); i++) {
		struct gateway *g = start();
		uint8_t proto = flows[i].proto;
		struct frame first = frame(proto, NODE, CN, flows[i].out);
		struct frame second = frame(proto, OTHER, CN, flows[i].out);
		struct run run;

		cr_expect_eq(send_out(g, &first).verdict, REDIRECT);
		run = send_out(g, &second);
		cr_expect_eq(run.verdict, REDIRECT);
		cr_expect_eq(run.frame[34] << 8 | run.frame[35], 3 << 8 | 13);
		cr_expect_eq(gateway_count(g, MNAT_C_PEER_TAKEN), 1);
		second = frame(proto, OTHER, "128.59.16.150", flows[i].out);
		cr_expect_eq(send_out(g, &second).verdict, REDIRECT);
		cr_expect_eq(gateway_count(g, MNAT_C_PEER_TAKEN), 1, "another peer is free");
	}
}

/*
 * PPTP: one host a server. A second one's control connection is as any, but its GRE is
 * refused: only the call ids, which that connection negotiates, would tell the two apart.
 */
Test(carried, pptp)
{
	static const char *const hosts[] = { NODE, OTHER };
	struct gateway *g = start();

	for (int i = 0; i < 2; i++) {
		struct packet syn = { .src = hosts[i], .dst = CN, .sport = 1030, .dport = 1723,
				      .proto = IPPROTO_TCP, .tcp_flags = F_SYN };
		struct frame call = frame(IPPROTO_GRE, hosts[i], CN, 0x3001880b);
		struct run run;

		cr_expect_eq(from_inside(g, &syn).verdict, REDIRECT);
		run = send_out(g, &call);
		cr_expect_eq(run.verdict, REDIRECT);
		if (i)
			cr_expect_eq(run.frame[34] << 8 | run.frame[35], 3 << 8 | 13);
		else
			expect_hop(&run, IPPROTO_GRE, OTHER_EXTERNAL, CN, 0x3001880b, true);
		cr_expect_eq(gateway_count(g, MNAT_C_PEER_TAKEN), i);
	}
}

/* SCTP has ports: another pair is another flow. */
Test(carried, sctp_ports)
{
	struct gateway *g = start();
	struct frame first = frame(IPPROTO_SCTP, NODE, CN, 5000u << 16 | 2905);
	struct frame second = frame(IPPROTO_SCTP, OTHER, CN, 5001u << 16 | 2905);
	struct frame back = frame(IPPROTO_SCTP, CN, OTHER_EXTERNAL, 2905u << 16 | 5001);
	struct frame nobody = frame(IPPROTO_SCTP, CN, OTHER_EXTERNAL, 2905u << 16 | 5002);
	struct run run;

	send_out(g, &first);
	send_out(g, &second);
	run = send_in(g, &back);
	expect_hop(&run, IPPROTO_SCTP, CN, OTHER, 2905u << 16 | 5001, false);
	cr_expect_eq(send_in(g, &nobody).verdict, OK);
}

/* A peer's SPIs go to who waited for them, one at a time; strangers' to nobody. */
Test(carried, esp_spis)
{
	struct gateway *g = start();
	struct frame a = frame(IPPROTO_ESP, NODE, CN, 0xa1), b = frame(IPPROTO_ESP, OTHER, CN, 0xb1);
	struct frame to_a = frame(IPPROTO_ESP, CN, OTHER_EXTERNAL, 0xa2);
	struct frame to_b = frame(IPPROTO_ESP, CN, OTHER_EXTERNAL, 0xb2);
	struct frame stranger = frame(IPPROTO_ESP, "128.59.16.150", OTHER_EXTERNAL, 0xa2);
	struct run run;

	send_out(g, &a);
	send_out(g, &b);
	cr_expect_eq(gateway_count(g, MNAT_C_PEER_TAKEN), 1, "while a waits b does not");
	cr_expect_eq(send_in(g, &stranger).verdict, OK);
	run = send_in(g, &to_a);
	expect_hop(&run, IPPROTO_ESP, CN, NODE, 0xa2, false);
	cr_expect_eq(send_in(g, &to_b).verdict, OK, "nobody waits");
	cr_expect_eq(send_out(g, &b).verdict, REDIRECT);
	run = send_in(g, &to_b);
	expect_hop(&run, IPPROTO_ESP, CN, OTHER, 0xb2, false);
	run = send_in(g, &to_a);
	expect_hop(&run, IPPROTO_ESP, CN, NODE, 0xa2, false);
}

/* An idle flow is no longer in another's way. */
Test(carried, idle)
{
	struct gateway *g = start();
	struct frame a = frame(IPPROTO_GRE, NODE, CN, 0), b = frame(IPPROTO_GRE, OTHER, CN, 0);
	struct mnat_carried_key key = { .external = ip4(OTHER_EXTERNAL), .remote = ip4(CN),
					.ip_proto = IPPROTO_GRE };
	struct mnat_carried c = { TEST_HOST, gateway_now() - 601 };

	send_out(g, &a);
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, "carried"), &key, &c, BPF_EXIST), 0);
	cr_expect_eq(send_out(g, &b).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_PEER_TAKEN), 0);
}
