// SPDX-License-Identifier: GPL-2.0-only
/* Tunnel mode at the node (figure 3A, features 6.7; seed paragraph 56). */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "node.h"

#define V "10.128.0.2"
#define A "10.0.1.5"
#define CN "128.59.16.149"
#define GATEWAY "135.180.32.4"
#define ROUTER "10.0.9.1"

static struct packet udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_UDP, .payload = 100, .smac = mac_device,
				.dmac = mac_gateway };
}

static struct node *start(bool out)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);

	shim.mode = MNAT_MODE_TUNNEL;
	shim.tunnel = ip4(GATEWAY);
	shim.tunnel_out = out;
	node_put(n, &shim);
	return n;
}

static struct run run(struct node *n, const struct packet *p, bool out)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p, frame);

	return out ? node_out(n, frame, len) : node_in(n, frame, len);
}

/* The gateway speaks as itself, or as the correspondent. */
Test(node_tunnel, in)
{
	static const char *const ends[] = { GATEWAY, CN };
	struct packet inner = udp(CN, 80, V, 1756), want = inner;
	struct node *n = start(false);

	want.smac = NULL, want.dmac = mac_device;
	for (int i = 0; i < 2; i++) {
		struct packet in = ipip(ends[i], A, &inner);
		struct run r = run(n, &in, false);

		cr_expect_eq(r.verdict, REDIRECT);
		expect_frame(&r, &want, ends[i]);
	}
	cr_expect_eq(node_count(n, MNAT_C_NODE_TUNNEL_IN), 2);
}

Test(node_tunnel, strangers_are_refused)
{
	struct packet good = udp(CN, 80, V, 1756), other = udp(CN, 80, "10.128.0.3", 1756);
	struct packet rows[] = { ipip("10.0.1.9", A, &good), ipip(GATEWAY, A, &other) };
	struct node *n = start(false);

	for (int i = 0; i < 2; i++)
		cr_expect_eq(run(n, &rows[i], false).verdict, SHOT);
	cr_expect_eq(node_count(n, MNAT_C_TUNNEL_UNKNOWN), 2);
}

/* The way out is plain by default: the link carries nothing more. */
Test(node_tunnel, out_plain)
{
	struct packet out = udp(V, 1756, CN, 80), want = udp(A, 1756, CN, 80);
	struct node *n = start(false);
	struct run r = run(n, &out, true);

	want.smac = mac_node;
	cr_expect_eq(r.verdict, REDIRECT);
	expect_frame(&r, &want, "out");
	cr_expect_eq(node_count(n, MNAT_C_NODE_OUT), 1);
}

/* The seed's G.729 call: 20 bytes of voice, RTP, UDP and IP are 60 bytes, by tunnel 80. */
Test(node_tunnel, out_by_tunnel_g729)
{
	struct packet out = udp(V, 1756, CN, 5004), want = ipip(A, GATEWAY, &out);
	struct node *n = start(true);
	struct run r;

	out.payload = 12 + 20;
	want.smac = mac_node, want.dmac = mac_gateway;
	r = run(n, &out, true);
	cr_expect_eq(r.verdict, REDIRECT);
	cr_expect_eq(r.len, 14 + 80);
	expect_frame(&r, &want, "tunnel");
	cr_expect_eq(node_count(n, MNAT_C_NODE_TUNNEL_OUT), 1);
	n = start(false);
	cr_expect_eq(run(n, &out, true).len, 14 + 60);
}

/* Groups are the link's: no gateway would know what to do with them. */
Test(node_tunnel, groups_stay_on_the_link)
{
	static const char *const groups[] = { "224.0.0.251", "255.255.255.255", "10.255.255.255" };
	struct node *n = start(true);

	for (int i = 0; i < 3; i++) {
		struct packet out = udp(V, 5353, groups[i], 5353);

		cr_expect_eq(run(n, &out, true).verdict, REDIRECT);
	}
	cr_expect_eq(node_count(n, MNAT_C_NODE_OUT), 3);
}

/* A narrow link between us and the gateway: the stack learns what fits into the tunnel. */
Test(node_tunnel, too_big_on_the_way)
{
	struct packet sent = udp(V, 1756, CN, 80), outer = ipip(A, GATEWAY, &sent);
	struct packet told = { .src = ROUTER, .dst = A, .proto = IPPROTO_ICMP, .icmp_type = 3,
			       .icmp_code = 4, .mtu = 1400, .inner = &outer, .quote = 28,
			       .smac = mac_gateway };
	struct packet want = told, foreign = told, other = ipip(A, "135.180.32.9", &sent);
	struct node *n = start(true);
	struct run r = run(n, &told, false);

	want.dst = V, want.mtu = 1380, want.inner = &sent, want.quote = 8, want.dmac = mac_device;
	cr_expect_eq(r.verdict, REDIRECT);
	expect_frame(&r, &want, "told");
	cr_expect_eq(node_count(n, MNAT_C_NODE_TUNNEL_ERROR), 1);

	foreign.inner = &other;
	cr_expect_eq(run(n, &foreign, false).verdict, SHOT);
	cr_expect_eq(node_count(n, MNAT_C_TUNNEL_UNKNOWN), 1);
}
