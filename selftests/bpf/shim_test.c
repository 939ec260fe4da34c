// SPDX-License-Identifier: GPL-2.0-only
/* The shim's rows for IPv4 (features 6.3), figures 6 and 8 at the node. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "node.h"

#define V "10.128.0.2"
#define A "10.0.1.5"
#define CN "128.59.16.149"

static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };

struct row {
	const char *what;
	struct packet packet;
	struct packet want; /* src NULL: unchanged */
	int verdict;
	enum mnat_counter_id counter;
};

static void check(struct node *n, const struct row *row, bool out)
{
	uint64_t before = node_count(n, row->counter), all = node_count_all(n);
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(&row->packet, frame);
	struct run run = out ? node_out(n, frame, len) : node_in(n, frame, len);

	cr_expect_eq(run.verdict, row->verdict, "%s: verdict %d", row->what, run.verdict);
	cr_expect_eq(node_count(n, row->counter), before + 1, "%s: not counted", row->what);
	cr_expect_eq(node_count_all(n), all + 1, "%s: counted twice", row->what);
	expect_frame(&run, row->want.src ? &row->want : &row->packet, row->what);
}

/* Figure 6, left: 10.128.0.2:1756 -> CN:80 on mnat0 is 10.0.1.5:1756 -> CN:80 on the wire. */
Test(shim, fig6_out)
{
	struct row row = { "out", ack(V, 1756, CN, 80), ack(A, 1756, CN, 80), REDIRECT,
			   MNAT_C_NODE_OUT };

	row.want.smac = mac_node;
	check(node_start(), &row, true);
}

/* Figure 9, route 901: to a host of the domain the virtual address stays. */
Test(shim, fig9_direct)
{
	struct row direct = { "direct", ack(V, 1756, "10.0.4.9", 80), ack(V, 1756, "10.0.4.9", 80),
			      REDIRECT, MNAT_C_NODE_DIRECT };
	struct row other = { "other", ack(V, 1756, "10.0.5.9", 80), ack(A, 1756, "10.0.5.9", 80),
			     REDIRECT, MNAT_C_NODE_OUT };
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);

	shim.n_direct = 1;
	shim.direct[0] = (struct mnat_net){ ip4("10.0.4.0"), ip4("255.255.255.0") };
	node_put(n, &shim);
	direct.want.smac = other.want.smac = mac_node;
	check(n, &direct, true);
	check(n, &other, true);
}

Test(shim, fig6_in)
{
	struct row row = { "in", ack(CN, 80, A, 1756), ack(CN, 80, V, 1756), REDIRECT,
			   MNAT_C_NODE_IN };

	row.packet.dmac = mac_node;
	row.want.dmac = mac_device;
	check(node_start(), &row, false);
}

/* Figure 8: after the move the same application packet leaves with the new address. */
Test(shim, fig8_after_the_move)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct row out = { "out", ack(V, 1756, CN, 80), ack("10.0.2.7", 1756, CN, 80), REDIRECT,
			   MNAT_C_NODE_OUT };
	struct row in = { "in", ack(CN, 80, "10.0.2.7", 1756), ack(CN, 80, V, 1756), REDIRECT,
			  MNAT_C_NODE_IN };

	shim.actual = ip4("10.0.2.7");
	shim.gateway = ip4("10.0.2.1");
	memcpy(&shim.gateway_mac, mac_neighbour, 6);
	node_put(n, &shim);
	out.want.smac = mac_node;
	out.want.dmac = mac_neighbour;
	in.want.dmac = mac_device;
	check(n, &out, true);
	check(n, &in, false);
}

/* S5: what is not on the link goes to the gateway's MAC, whatever the stack believes. */
Test(shim, link_addresses)
{
	struct node *n = node_start();
	struct row rows[] = {
		{ "off the link", ack(V, 1, "10.0.2.9", 2), ack(A, 1, "10.0.2.9", 2), REDIRECT,
		  MNAT_C_NODE_OUT },
		{ "on the link", ack(V, 1, "10.0.1.9", 2), ack(A, 1, "10.0.1.9", 2), REDIRECT,
		  MNAT_C_NODE_OUT },
		{ "broadcast", ack(V, 1, "255.255.255.255", 2), ack(A, 1, "255.255.255.255", 2),
		  REDIRECT, MNAT_C_NODE_OUT },
		{ "multicast", ack(V, 1, "224.0.0.251", 2), ack(A, 1, "224.0.0.251", 2), REDIRECT,
		  MNAT_C_NODE_OUT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i].packet.dmac = rows[i].want.dmac = i < 2 ? mac_neighbour : broadcast;
		if (!i)
			rows[i].want.dmac = mac_gateway;
		rows[i].want.smac = mac_node;
		check(n, &rows[i], true);
	}
}

/* S1: no checksum stays none; later fragments have no transport header; others no checksum. */
Test(shim, kinds_of_payload)
{
	static const struct {
		const char *what;
		uint8_t proto;
		uint16_t frag;
		uint8_t no_checksum;
	} kinds[] = {
		{ "UDP", IPPROTO_UDP, 0, 0 },	       { "UDP without checksum", IPPROTO_UDP, 0, 1 },
		{ "ICMP", IPPROTO_ICMP, 0, 0 },	       { "ESP", IPPROTO_ESP, 0, 0 },
		{ "GRE", IPPROTO_GRE, 0, 0 },	       { "SCTP", IPPROTO_SCTP, 0, 0 },
		{ "later fragment", IPPROTO_ESP, 100, 0 },
	};
	struct node *n = node_start();

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct row out = { kinds[i].what, ack(V, 1756, CN, 80), ack(A, 1756, CN, 80),
				   REDIRECT, MNAT_C_NODE_OUT };
		struct row in = { kinds[i].what, ack(CN, 80, A, 1756), ack(CN, 80, V, 1756),
				  REDIRECT, MNAT_C_NODE_IN };

		out.packet.proto = out.want.proto = in.packet.proto = in.want.proto =
			kinds[i].proto;
		out.packet.frag = out.want.frag = in.packet.frag = in.want.frag = kinds[i].frag;
		out.packet.no_udp_checksum = out.want.no_udp_checksum = kinds[i].no_checksum;
		in.packet.no_udp_checksum = in.want.no_udp_checksum = kinds[i].no_checksum;
		out.want.smac = mac_node;
		in.want.dmac = mac_device;
		check(n, &out, true);
		check(n, &in, false);
	}
}

/* A later fragment of UDP: the bytes where a checksum would be are payload and stay. */
Test(shim, later_udp_fragment)
{
	struct packet p = { .src = V, .dst = CN, .proto = IPPROTO_ESP, .frag = 100, .payload = 64,
			    .smac = mac_device, .dmac = mac_gateway };
	struct packet want = p;
	struct node *n = node_start();
	uint8_t frame[PACKET_MAX], expected[PACKET_MAX];
	size_t len = packet_build(&p, frame);
	struct run run;

	/* built as ESP, so that the builder leaves the payload alone, then relabelled */
	want.src = A, want.smac = mac_node;
	packet_build(&want, expected);
	for (int i = 0; i < 2; i++) {
		uint8_t *f = i ? expected : frame;
		uint32_t check = (uint32_t)(f[24] << 8 | f[25]) + (IPPROTO_ESP - IPPROTO_UDP);

		f[23] = IPPROTO_UDP;
		check = (check & 0xffff) + (check >> 16);
		f[24] = (uint8_t)(check >> 8), f[25] = (uint8_t)check;
	}
	run = node_out(n, frame, len);
	cr_assert_eq(run.verdict, REDIRECT);
	cr_assert_arr_eq(run.frame, expected, len);
}

/* S3, S4: with a daemon that takes DHCP it goes there, the stack's own too; else it passes. */
Test(shim, dhcp_and_its_consumer)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct row out = { "out", ack("0.0.0.0", 68, "255.255.255.255", 67), {}, OK,
			   MNAT_C_NODE_DHCP_STACK };
	struct row in = { "in", ack("10.0.1.1", 67, "255.255.255.255", 68), {}, OK,
			  MNAT_C_NODE_DHCP };

	out.packet.proto = in.packet.proto = IPPROTO_UDP;
	out.packet.dmac = in.packet.dmac = broadcast;
	check(n, &out, true);
	check(n, &in, false);
	shim.consumer = 0;
	node_put(n, &shim);
	out.want = out.packet, in.want = in.packet;
	out.verdict = in.verdict = REDIRECT;
	out.counter = MNAT_C_NODE_OUT, in.counter = MNAT_C_NODE_GROUP_IN;
	out.want.smac = mac_node;
	check(n, &out, true);
	check(n, &in, false);
}

/* To the address of before, still in its grace: the daemon asked from there. */
Test(shim, answer_to_a_rebind)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct row row = { "answer", ack("10.0.0.1", 7627, "10.0.9.9", 7627), {}, OK,
			   MNAT_C_NODE_REBIND };

	row.packet.proto = IPPROTO_UDP;
	shim.old_actual = ip4("10.0.9.9");
	shim.old_until_ns = UINT64_MAX;
	node_put(n, &shim);
	check(n, &row, false);
}

/* The stack's DHCP reaches the daemon before there is any lease; nothing else leaves. */
Test(shim, no_uplink_yet)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct row dhcp = { "DHCP", ack("0.0.0.0", 68, "255.255.255.255", 67), {}, OK,
			    MNAT_C_NODE_DHCP_STACK };
	struct row other = { "other", ack(V, 68, CN, 67), {}, SHOT, MNAT_C_NODE_NO_LINK };

	dhcp.packet.proto = IPPROTO_UDP;
	shim.uplink = 0;
	node_put(n, &shim);
	check(n, &dhcp, true);
	check(n, &other, true);
}

/* The stack's network is 10/8, the link's 10.0.1.0/24: so are their broadcast addresses. */
Test(shim, broadcasts_and_groups)
{
	struct node *n = node_start();
	struct row rows[] = {
		{ "directed out", ack(V, 1, "10.255.255.255", 2), ack(A, 1, "10.0.1.255", 2),
		  REDIRECT, MNAT_C_NODE_OUT },
		{ "directed in", ack("10.0.1.9", 1, "10.0.1.255", 2),
		  ack("10.0.1.9", 1, "10.255.255.255", 2), REDIRECT, MNAT_C_NODE_GROUP_IN },
		{ "limited in", ack("10.0.1.9", 1, "255.255.255.255", 2), {}, REDIRECT,
		  MNAT_C_NODE_GROUP_IN },
		{ "multicast in", ack("10.0.1.9", 1, "224.0.0.251", 2), {}, REDIRECT,
		  MNAT_C_NODE_GROUP_IN },
		{ "another link's", ack("10.0.2.9", 1, "10.0.2.255", 2), {}, OK,
		  MNAT_C_NODE_NOT_OURS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i].packet.proto = IPPROTO_UDP;
		rows[i].packet.dmac = broadcast;
		if (rows[i].want.src)
			rows[i].want.proto = IPPROTO_UDP, rows[i].want.dmac = broadcast;
		if (!i)
			rows[i].want.smac = mac_node;
		check(n, &rows[i], !i);
	}
}

Test(shim, refusals_out)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct row source = { "source is not V", ack("10.128.0.9", 1, CN, 2), {}, SHOT,
			      MNAT_C_NODE_SOURCE };
	struct row none = { "no uplink", ack(V, 1, CN, 2), {}, SHOT, MNAT_C_NODE_NO_LINK };
	struct row gateway = { "no gateway", ack(V, 1, CN, 2), {}, SHOT, MNAT_C_NODE_NO_GATEWAY };

	check(n, &source, true);
	shim.gateway_mac = 0;
	node_put(n, &shim);
	gateway.want = gateway.packet;
	gateway.want.smac = mac_node; /* dropped half addressed: nobody sees it */
	check(n, &gateway, true);
	shim.uplink = 0;
	node_put(n, &shim);
	check(n, &none, true);
}

Test(shim, not_for_this_node)
{
	struct node *n = node_start();
	struct row other = { "another address", ack(CN, 80, "10.0.1.6", 1), {}, OK,
			     MNAT_C_NODE_NOT_OURS };
	struct row virtual = { "V on the wire", ack(CN, 80, V, 1), {}, OK, MNAT_C_NODE_NOT_OURS };
	struct row dhcp = { "DHCP answer", ack("10.0.1.1", 67, A, 68), {}, OK, MNAT_C_NODE_DHCP };

	struct row flooded = { "frame for another machine", ack(CN, 80, A, 1), {}, OK,
			       MNAT_C_OTHER_MACHINE };

	dhcp.packet.proto = IPPROTO_UDP;
	flooded.packet.dmac = mac_another;
	check(n, &flooded, false);
	check(n, &other, false);
	check(n, &virtual, false);
	check(n, &dhcp, false);
}

/* Packets to the address just left are accepted for the grace period, then not. */
Test(shim, old_address_has_a_grace_period)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct row old = { "within", ack(CN, 80, "10.0.9.9", 1), ack(CN, 80, V, 1), REDIRECT,
			   MNAT_C_NODE_IN_OLD };
	struct row late = { "after", ack(CN, 80, "10.0.9.9", 1), {}, OK, MNAT_C_NODE_NOT_OURS };
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	shim.old_actual = ip4("10.0.9.9");
	shim.old_until_ns = ((uint64_t)now.tv_sec + 10) * 1000000000u;
	node_put(n, &shim);
	old.want.dmac = mac_device;
	check(n, &old, false);
	shim.old_until_ns = ((uint64_t)now.tv_sec - 1) * 1000000000u;
	node_put(n, &shim);
	check(n, &late, false);
}

/* Passthrough is bit-exact, both ways. */
Test(shim, passthrough)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	struct row out = { "out", ack(V, 1, CN, 2), {}, REDIRECT, MNAT_C_NODE_PASS };
	struct row in = { "in", ack(CN, 2, A, 1), {}, OK, MNAT_C_NODE_PASS };

	shim.mode = MNAT_MODE_PASSTHRU;
	node_put(n, &shim);
	check(n, &out, true);
	check(n, &in, false);
}

/* The flight recorder's marks: the first packet each way under a slot, not later ones. */
Test(shim, first_packets_are_noted)
{
	struct node *n = node_start();
	struct packet out = ack(V, 1, CN, 2), in = ack(CN, 2, A, 1);
	uint8_t frame[PACKET_MAX];
	struct mnat_shim first;

	node_out(n, frame, packet_build(&out, frame));
	node_in(n, frame, packet_build(&in, frame));
	first = node_shim(n);
	cr_assert(first.first_out_ns && first.first_in_ns > first.first_out_ns);
	node_out(n, frame, packet_build(&out, frame));
	node_in(n, frame, packet_build(&in, frame));
	cr_expect_eq(node_shim(n).first_out_ns, first.first_out_ns);
	cr_expect_eq(node_shim(n).first_in_ns, first.first_in_ns);
}
