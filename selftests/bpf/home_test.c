// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node's older addresses and public space (figure 11, features 6.11; seed
 * paragraphs 77 and 82), and ICMP errors at the shim.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "node.h"

#define V "10.128.0.2"
#define V_OLD "10.160.0.5"
#define A "10.0.1.5"
#define CN "64.236.16.20"
#define HOME "135.180.32.4"

static void add_home(struct node *n, uint8_t proto, uint16_t port, const char *remote,
		     uint16_t remote_port, const char *virt, const char *gateway)
{
	struct mnat_home_key key = { .remote = remote ? ip4(remote) : 0, .port = htons(port),
				     .remote_port = htons(remote_port), .ip_proto = proto };
	struct mnat_home home = { ip4(virt), gateway ? ip4(gateway) : 0 };
	struct mnat_shim shim = node_shim(n);

	cr_assert_eq(bpf_map_update_elem(node_map(n, "homes"), &key, &home, BPF_ANY), 0);
	shim.homes = 1;
	if (gateway)
		shim.mode = MNAT_MODE_PUBLIC;
	node_put(n, &shim);
}

static struct run run(struct node *n, const struct packet *p, bool out)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p, frame);

	return out ? node_out(n, frame, len) : node_in(n, frame, len);
}

/* Two virtual addresses at once: each session keeps its own. */
Test(home, older_address_keeps_its_sessions)
{
	struct node *n = node_start();
	struct packet out = ack(V_OLD, 1756, CN, 80), in = ack(CN, 80, A, 1756);
	struct packet want_out = ack(A, 1756, CN, 80), want_in = ack(CN, 80, V_OLD, 1756);
	struct run r;

	add_home(n, IPPROTO_TCP, 1756, CN, 80, V_OLD, NULL);
	r = run(n, &out, true);
	want_out.smac = mac_node;
	expect_frame(&r, &want_out, "out");
	r = run(n, &in, false);
	want_in.dmac = mac_device;
	expect_frame(&r, &want_in, "in");
}

Test(home, other_sessions_use_the_preferred_address)
{
	struct node *n = node_start();
	struct packet other = ack(CN, 81, A, 1756), want = ack(CN, 81, V, 1756);
	struct packet unknown = ack(V_OLD, 1757, CN, 80);
	struct run r;

	add_home(n, IPPROTO_TCP, 1756, CN, 80, V_OLD, NULL);
	r = run(n, &other, false);
	want.dmac = mac_device;
	expect_frame(&r, &want, "in");
	cr_expect_eq(run(n, &unknown, true).verdict, SHOT);
	cr_expect_eq(node_count(n, MNAT_C_NODE_SOURCE), 1);
}

Test(home, unconnected_udp_socket)
{
	struct node *n = node_start();
	struct packet in = ack(CN, 99, A, 5004), want = ack(CN, 99, V_OLD, 5004);
	struct run r;

	in.proto = want.proto = IPPROTO_UDP;
	add_home(n, IPPROTO_UDP, 5004, NULL, 0, V_OLD, NULL);
	r = run(n, &in, false);
	want.dmac = mac_device;
	expect_frame(&r, &want, "in");
}

/* Figure 11, last row: node to home by tunnel. */
Test(home, public_space_out)
{
	struct node *n = node_start();
	struct packet out = ack(V, 1756, CN, 80), want = ipip(A, HOME, &out);
	struct run r;

	add_home(n, IPPROTO_TCP, 1756, CN, 80, V, HOME);
	r = run(n, &out, true);
	cr_assert_eq(r.verdict, REDIRECT);
	want.smac = mac_node, want.dmac = mac_gateway;
	expect_frame(&r, &want, "out");
	cr_expect_eq(node_count(n, MNAT_C_NODE_TUNNEL_OUT), 1);
}

Test(home, public_space_in)
{
	struct node *n = node_start();
	struct packet inner = ack(CN, 80, V, 1756), in = ipip(HOME, A, &inner);
	struct packet want = inner;
	struct run r;

	add_home(n, IPPROTO_TCP, 1756, CN, 80, V, HOME);
	r = run(n, &in, false);
	cr_assert_eq(r.verdict, REDIRECT);
	want.dmac = mac_device, want.smac = NULL;
	expect_frame(&r, &want, "in");
	cr_expect_eq(node_count(n, MNAT_C_NODE_TUNNEL_IN), 1);
}

/* New sessions in public space are translated as anywhere. */
Test(home, public_space_new_session)
{
	struct node *n = node_start();
	struct packet out = ack(V, 2000, CN, 80), want = ack(A, 2000, CN, 80);
	struct run r;

	add_home(n, IPPROTO_TCP, 1756, CN, 80, V, HOME);
	r = run(n, &out, true);
	want.smac = mac_node;
	expect_frame(&r, &want, "out");
}

Test(home, public_space_believes_only_the_home_gateway)
{
	struct node *n = node_start();
	struct packet inner = ack(CN, 80, V, 1756), forged = ipip("198.51.100.9", A, &inner);
	struct packet stranger = ack(CN, 81, V, 1756), unknown = ipip(HOME, A, &stranger);
	struct packet other = ack(CN, 80, "10.128.0.9", 1756), wrong = ipip(HOME, A, &other);
	struct packet half = ipip(HOME, A, &inner);

	add_home(n, IPPROTO_TCP, 1756, CN, 80, V, HOME);
	cr_expect_eq(run(n, &forged, false).verdict, SHOT);
	cr_expect_eq(run(n, &unknown, false).verdict, SHOT);
	cr_expect_eq(run(n, &wrong, false).verdict, SHOT);
	cr_expect_eq(node_count(n, MNAT_C_TUNNEL_UNKNOWN), 3);
	half.inner = NULL, half.payload = 12;
	cr_expect_eq(run(n, &half, false).verdict, SHOT);
	cr_expect_eq(node_count(n, MNAT_C_TUNNEL_MALFORMED), 1);
}

/* Elsewhere nobody has business tunnelling to a node. */
Test(home, tunnel_packets_outside_public_space)
{
	struct node *n = node_start();
	struct packet inner = ack(CN, 80, V, 1756), in = ipip(HOME, A, &inner), want = in;
	struct run r = run(n, &in, false);

	want.dst = V, want.dmac = mac_device;
	expect_frame(&r, &want, "the stack decides");
}

/* What a router says about our packet names the actual address; the stack knows the other. */
Test(home, icmp_error_in)
{
	struct node *n = node_start();
	struct packet sent = ack(A, 1756, CN, 80), ours = ack(V, 1756, CN, 80);
	struct packet error = { .src = "10.0.1.1", .dst = A, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 4, .mtu = 1400, .inner = &sent };
	struct packet want = error;
	struct run r = run(n, &error, false);

	want.dst = V, want.inner = &ours, want.dmac = mac_device;
	expect_frame(&r, &want, "in");
}

Test(home, icmp_error_out)
{
	struct node *n = node_start();
	struct packet got = { .src = CN, .dst = V, .sport = 53, .dport = 1756, .payload = 20,
			      .proto = IPPROTO_UDP };
	struct packet wire = got;
	struct packet error = { .src = V, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 3, .inner = &got, .smac = mac_device,
				.dmac = mac_gateway };
	struct packet want = error;
	struct run r = run(n, &error, true);

	wire.dst = A;
	want.src = A, want.inner = &wire, want.smac = mac_node;
	expect_frame(&r, &want, "out");
}
