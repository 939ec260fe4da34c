// SPDX-License-Identifier: GPL-2.0-only
/*
 * Over random packets (SEED in the environment repeats a run): what is translated
 * verifies, translation and its reverse are the identity, nothing inside shows
 * outside, and every packet is counted exactly once.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway.h"
#include "node.h"

static unsigned int seed;

static void start_random(void)
{
	const char *given = getenv("SEED");

	seed = given ? (unsigned int)strtoul(given, NULL, 0) : (unsigned int)time(NULL);
	srandom(seed);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)random() % n;
}

static struct packet random_packet(char src[32], char dst[32])
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

	snprintf(src, 32, "10.0.%u.%u", 1 + below(255), 1 + below(254));
	snprintf(dst, 32, "%u.%u.%u.%u", 20 + below(80), below(256), below(256), 1 + below(254));
	return (struct packet){
		.src = src,
		.dst = dst,
		.sport = (uint16_t)random(),
		.dport = (uint16_t)random(),
		.proto = protocols[below(3)],
		.ttl = (uint8_t)(2 + below(254)),
		.tcp_flags = F_SYN,
		.icmp_type = 8,
		.options = (uint8_t)below(11),
		.payload = (uint16_t)below(1200),
		.no_udp_checksum = !below(4),
	};
}

/* The answer to what the gateway sent: endpoints swapped, echo request to reply. */
static struct packet answer(const struct packet *p, const struct run *run, char external[32])
{
	const uint8_t *f = run->frame, *l4 = f + 14 + 4 * (f[14] & 15);
	struct packet a = *p;

	snprintf(external, 32, "%u.%u.%u.%u", f[26], f[27], f[28], f[29]);
	a.src = p->dst, a.dst = external;
	a.sport = p->dport;
	a.dport = (uint16_t)(l4[0] << 8 | l4[1]);
	if (p->proto == IPPROTO_ICMP) {
		a.sport = (uint16_t)(l4[4] << 8 | l4[5]);
		a.icmp_type = 0;
	}
	a.tcp_flags = F_ACK;
	return a;
}

static void round_trip(struct gateway *g, const struct packet *p)
{
	char external[32];
	struct packet back, want;
	struct run run = from_inside(g, p);

	cr_assert_eq(run.verdict, REDIRECT, "seed %u: %s", seed, p->src);
	cr_assert(packet_checksums_ok(run.frame, run.len), "seed %u: checksum out", seed);
	cr_assert_neq(run.frame[26], 10, "seed %u: inside address outside", seed);
	back = answer(p, &run, external);
	run = from_outside(g, &back);
	cr_assert_eq(run.verdict, REDIRECT, "seed %u: answer to %s", seed, p->src);
	want = back;
	want.dst = p->src;
	want.dport = p->sport;
	if (p->proto == IPPROTO_ICMP)
		want.sport = p->sport;
	want.ttl--;
	want.smac = mac_in, want.dmac = mac_router;
	expect_frame(&run, &want, "answer");
}

Test(property, gateway_reverse_is_identity)
{
	struct gateway *g = gateway_start((struct gateway_setup){
		1024, 30000, .n_ext = 3, .max_sessions = 8192, .block = 4, .apart = "135.180.33.9",
		.apart_port_first = 33001, .apart_n_ports = 9999 });
	char src[32], dst[32];

	start_random();
	for (int i = 0; i < 4000; i++) {
		struct packet p = random_packet(src, dst);

		round_trip(g, &p);
	}
	cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 4000);
	cr_expect_eq(gateway_count(g, MNAT_C_IN_TRANSLATED), 4000);
}

/* Bytes changed at random in good packets, and packets of nothing but random bytes. */
static size_t random_frame(uint8_t frame[PACKET_MAX])
{
	char src[32], dst[32];
	struct packet p = random_packet(src, dst);
	size_t len = packet_build(&p, frame);

	if (!below(3))
		for (size_t i = 34; i < len; i++)
			frame[i] = (uint8_t)random();
	for (uint32_t n = below(6); n; n--)
		frame[12 + below((uint32_t)len - 12)] = (uint8_t)random();
	if (!below(4))
		len = 40 + below((uint32_t)len - 40);
	return len;
}

static const int runs = 20000;

Test(property, gateway_counts_every_packet_once)
{
	struct gateway *g = gateway_start(
		(struct gateway_setup){ 1024, 3000, .max_sessions = 2048 });
	uint8_t frame[PACKET_MAX];

	start_random();
	for (int i = 0; i < runs; i++) {
		size_t len = random_frame(frame);
		struct run run = i & 1 ? from_outside_frame(g, frame, len) :
					 from_inside_frame(g, frame, len);

		cr_assert(run.verdict == OK || run.verdict == SHOT || run.verdict == REDIRECT);
	}
	cr_expect_eq(gateway_count_all(g), (uint64_t)runs, "seed %u", seed);
	cr_expect_eq(gateway_count(g, MNAT_C_INTERNAL), 0, "seed %u", seed);
}

Test(property, node_counts_every_packet_once)
{
	struct node *n = node_start();
	uint8_t frame[PACKET_MAX];

	start_random();
	for (int i = 0; i < runs; i++) {
		size_t len = random_frame(frame);

		if (i & 1)
			node_in(n, frame, len);
		else
			node_out(n, frame, len);
	}
	cr_expect_eq(node_count_all(n), (uint64_t)runs, "seed %u", seed);
	cr_expect_eq(node_count(n, MNAT_C_INTERNAL), 0, "seed %u", seed);
}
