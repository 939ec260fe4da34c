// SPDX-License-Identifier: GPL-2.0-only
/* The first and the last of every range, and the compares whose failing nothing else shows. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "gateway.h"
#include "node.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"
#define NODE "10.0.1.5"

static struct packet udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_UDP, .payload = 20 };
}

static struct packet echo(const char *src, const char *dst, uint8_t type, uint16_t id)
{
	return (struct packet){ .src = src, .dst = dst, .proto = IPPROTO_ICMP, .icmp_type = type,
				.sport = id };
}

Test(edges, ttl_on_the_way_in)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53), in = udp(CN, 53, EXTERNAL, 9000);

	gateway_place(g, TEST_HOST, NODE, 1);
	from_inside(g, &out);
	in.ttl = 2;
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
	in.ttl = 1;
	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TTL_EXPIRED_IN), 1);
}

Test(edges, ttl_on_the_way_out)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53);

	gateway_place(g, TEST_HOST, NODE, 1);
	out.ttl = 2;
	cr_expect_eq(from_inside(g, &out).verdict, REDIRECT);
}

/* 10.0.0.0/16: its first and last address are inside, their neighbours are not. */
Test(edges, inside_prefix)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 64 });
	static const struct {
		const char *src;
		int verdict, guard;
	} rows[] = {
		{ "10.0.0.0", REDIRECT, SHOT },
		{ "10.0.255.255", REDIRECT, SHOT },
		{ "9.255.255.255", SHOT, OK },
		{ "10.1.0.0", SHOT, OK },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet p = udp(rows[i].src, 5004, CN, 53);

		cr_expect_eq(from_inside(g, &p).verdict, rows[i].verdict, "%s", rows[i].src);
		cr_expect_eq(through_guard(g, &p).verdict, rows[i].guard, "%s", rows[i].src);
	}
}

Test(edges, external_addresses)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 8, .n_ext = 2 });
	static const struct {
		const char *dst;
		enum mnat_counter_id counter;
	} rows[] = {
		{ "135.180.32.3", MNAT_C_OTHER_ADDRESS },
		{ "135.180.32.4", MNAT_C_NO_BINDING },
		{ "135.180.32.5", MNAT_C_NO_BINDING },
		{ "135.180.32.6", MNAT_C_OTHER_ADDRESS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet p = udp(CN, 53, rows[i].dst, 9000);
		uint64_t before = gateway_count(g, rows[i].counter);

		cr_expect_eq(from_outside(g, &p).verdict, OK);
		cr_expect_eq(gateway_count(g, rows[i].counter), before + 1, "%s", rows[i].dst);
	}
}

/* The port behind the last is not the first of the next protocol's. */
Test(edges, external_ports)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet ping = echo(NODE, CN, 8, 77), behind = udp(CN, 53, EXTERNAL, 9001);
	struct packet before = udp(CN, 53, EXTERNAL, 8999);

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_assert_eq(from_inside(g, &ping).verdict, REDIRECT);
	cr_expect_eq(from_outside(g, &behind).verdict, OK);
	cr_expect_eq(from_outside(g, &before).verdict, OK);
	cr_expect_eq(gateway_count(g, MNAT_C_NO_BINDING), 2);
}

/* A sweep whose clock is behind a packet's finds its session fresh, not four billion s old. */
Test(edges, sweep_behind_the_last_packet)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53);

	gateway_place(g, TEST_HOST, NODE, 1);
	from_inside(g, &out);
	cr_expect_eq(gateway_sweep(g, gateway_now() - 5).marked, 0);
	cr_expect_eq(gateway_sweep(g, gateway_now() - 5).live, 1);
}

static uint32_t last_seen(struct gateway *g)
{
	struct mnat_session_key key;

	return gateway_session(g, &key).last_seen;
}

/* Each packet from inside renews the time the sweep goes by; one from outside does not. */
Test(edges, last_seen)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53), in = udp(CN, 53, EXTERNAL, 9000);
	uint32_t first;

	gateway_place(g, TEST_HOST, NODE, 1);
	from_inside(g, &out);
	first = last_seen(g);
	while (gateway_now() <= first)
		usleep(10000);
	from_outside(g, &in);
	cr_expect_eq(last_seen(g), first);
	from_inside(g, &out);
	cr_expect_gt(last_seen(g), first);
}

/* bib may still name a port that has passed to another endpoint: it is not joined. */
Test(edges, binding_of_another_endpoint)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct mnat_bib_key key = { .host = TEST_HOST, .port = htons(6006), .proto = MNAT_UDP };
	struct packet first = udp(NODE, 5004, CN, 53), second = udp(NODE, 6006, CN, 53);
	uint32_t index = MNAT_UDP * 64 + 9000 % 64; /* UDP's only port, in its block */
	struct mnat_binding b;

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_assert_eq(from_inside(g, &first).verdict, REDIRECT);
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, "bib"), &key, &index, 0), 0);
	cr_expect_eq(from_inside(g, &second).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_BINDING_DYING), 1);
	cr_assert_eq(bpf_map_lookup_elem(gateway_map(g, "bindings"), &index, &b), 0);
	cr_expect_eq(b.refs, 1, "no reference is left behind");
	cr_expect_eq(from_inside(g, &first).verdict, REDIRECT);
}

/* The actual address counts on its own uplink only. */
Test(edges, another_uplink)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct packet in = udp(CN, 53, NODE, 5004);
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(&in, frame);

	cr_expect_eq(node_in(n, frame, len).verdict, REDIRECT);
	shim.uplink = shim.device;
	node_put(n, &shim);
	cr_expect_eq(node_in(n, frame, len).verdict, OK);
	cr_expect_eq(node_count(n, MNAT_C_NODE_NOT_OURS), 1);
}
