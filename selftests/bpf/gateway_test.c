// SPDX-License-Identifier: GPL-2.0-only
/* What the gateway does with each kind of packet: verdict, counter, bytes. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "gateway.h"
#include "xdp.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"
#define NODE "10.0.1.5"

static struct packet udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_UDP, .payload = 20 };
}

static uint16_t port_at(const struct run *run, size_t offset)
{
	return (uint16_t)(run->frame[offset] << 8 | run->frame[offset + 1]);
}

static uint16_t source_port(const struct run *run)
{
	return port_at(run, 34);
}

/* ---- every refusal: one row each ---- */

struct row {
	const char *what;
	struct packet packet;
	bool outside;
	int verdict;
	enum mnat_counter_id counter;
};

static const struct row rows[] = {
	{ "broadcast from inside", { .src = NODE, .dst = "255.255.255.255", .proto = IPPROTO_UDP },
	  false, OK, MNAT_C_TO_GATEWAY },
	{ "multicast from inside", { .src = NODE, .dst = "224.0.0.251", .proto = IPPROTO_UDP },
	  false, OK, MNAT_C_TO_GATEWAY },
	{ "DHCP discover", { .src = "0.0.0.0", .dst = "255.255.255.255", .sport = 68, .dport = 67,
			     .proto = IPPROTO_UDP }, false, OK, MNAT_C_TO_GATEWAY },
	{ "to the gateway's external address", { .src = NODE, .dst = EXTERNAL, .proto = IPPROTO_UDP },
	  false, OK, MNAT_C_TO_GATEWAY },
	{ "to the gateway's inside address", { .src = NODE, .dst = "10.0.0.1", .proto = IPPROTO_UDP },
	  false, OK, MNAT_C_INTRA_DOMAIN },
	{ "to another inside host", { .src = NODE, .dst = "10.0.4.9", .proto = IPPROTO_UDP }, false,
	  OK, MNAT_C_INTRA_DOMAIN },
	{ "source outside the prefixes", { .src = "192.168.1.1", .dst = CN, .proto = IPPROTO_UDP },
	  false, SHOT, MNAT_C_NO_HOST },
	{ "TTL 1 out", { .src = NODE, .dst = CN, .proto = IPPROTO_UDP, .ttl = 1 }, false, OK,
	  MNAT_C_TTL_EXPIRED },
	{ "later fragment out", { .src = NODE, .dst = CN, .proto = IPPROTO_UDP, .frag = 100 }, false,
	  SHOT, MNAT_C_FRAGMENT_HELD },
	{ "UDP-Lite out", { .src = NODE, .dst = CN, .proto = IPPROTO_UDPLITE, .payload = 20 }, false,
	  SHOT, MNAT_C_PROTO_UNSUPPORTED },
	{ "AH out", { .src = NODE, .dst = CN, .proto = IPPROTO_AH, .payload = 20 }, false, SHOT,
	  MNAT_C_AH },
	{ "SCTP without its ports", { .src = NODE, .dst = CN, .proto = IPPROTO_SCTP, .payload = 7 },
	  false, SHOT, MNAT_C_SHORT_PACKET },
	{ "GRE of nobody", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_GRE, .payload = 20 }, true,
	  OK, MNAT_C_NO_BINDING },
	{ "ESP nobody waits for", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_ESP,
				     .payload = 20 }, true, OK, MNAT_C_NO_BINDING },
	{ "LAND", { .src = EXTERNAL, .dst = EXTERNAL, .proto = IPPROTO_TCP, .tcp_flags = F_SYN },
	  true, SHOT, MNAT_C_MARTIAN },
	{ "an inside source, from outside", { .src = NODE, .dst = EXTERNAL, .proto = IPPROTO_UDP },
	  true, SHOT, MNAT_C_MARTIAN },
	{ "a broadcast source, from outside", { .src = "255.255.255.255", .dst = EXTERNAL,
						 .proto = IPPROTO_UDP }, true, SHOT, MNAT_C_MARTIAN },
	{ "a loopback source, from outside", { .src = "127.0.0.1", .dst = EXTERNAL,
						.proto = IPPROTO_UDP }, true, SHOT, MNAT_C_MARTIAN },
	{ "multicast from outside", { .src = CN, .dst = "224.0.0.251", .proto = IPPROTO_UDP }, true,
	  OK, MNAT_C_OTHER_ADDRESS },
	{ "broadcast from outside", { .src = CN, .dst = "255.255.255.255", .proto = IPPROTO_UDP },
	  true, OK, MNAT_C_OTHER_ADDRESS },
	{ "TCP without a session", { .src = NODE, .dst = CN, .proto = IPPROTO_TCP,
				     .tcp_flags = F_ACK }, false, SHOT, MNAT_C_NO_SESSION },
	{ "RST without a session", { .src = NODE, .dst = CN, .proto = IPPROTO_TCP,
				     .tcp_flags = F_RST | F_SYN }, false, SHOT, MNAT_C_NO_SESSION },
	{ "echo reply without a session", { .src = NODE, .dst = CN, .proto = IPPROTO_ICMP,
					    .icmp_type = 0 }, false, SHOT, MNAT_C_ICMP_UNSUPPORTED },
	{ "ICMP error that quotes no IP packet", { .src = NODE, .dst = CN, .proto = IPPROTO_ICMP,
						    .icmp_type = 3, .payload = 28 },
	  false, SHOT, MNAT_C_BAD_HEADER },
	{ "ICMP error that quotes half a packet", { .src = NODE, .dst = CN, .proto = IPPROTO_ICMP,
						     .icmp_type = 3, .payload = 10 },
	  false, SHOT, MNAT_C_SHORT_PACKET },
	{ "ICMP error about no session", { .src = NODE, .dst = CN, .proto = IPPROTO_ICMP,
					    .icmp_type = 3,
					    .inner = &(const struct packet){ .src = CN, .dst = NODE,
									     .proto = IPPROTO_UDP } },
	  false, SHOT, MNAT_C_ICMP_UNSUPPORTED },
	{ "ICMP timestamp out", { .src = NODE, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 13 },
	  false, SHOT, MNAT_C_ICMP_UNSUPPORTED },
	{ "outside, port nobody holds", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_TCP,
					  .dport = 7090, .tcp_flags = F_SYN }, true, SHOT,
	  MNAT_C_SYN_UNSOLICITED },
	{ "outside, port below the pool", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_UDP,
					    .dport = 22 }, true, OK, MNAT_C_NO_BINDING },
	{ "outside, port above the pool", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_UDP,
					    .dport = 65535 }, true, OK, MNAT_C_NO_BINDING },
	{ "outside to an inside address", { .src = CN, .dst = NODE, .proto = IPPROTO_UDP }, true,
	  SHOT, MNAT_C_INSIDE_FROM_OUTSIDE },
	{ "outside to another address", { .src = CN, .dst = "135.180.32.9", .proto = IPPROTO_UDP },
	  true, OK, MNAT_C_OTHER_ADDRESS },
	{ "ping of the gateway from outside", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_ICMP,
						.icmp_type = 8 }, true, OK, MNAT_C_TO_GATEWAY },
	{ "ICMP error from outside about no session",
	  { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_ICMP, .icmp_type = 3,
	    .inner = &(const struct packet){ .src = EXTERNAL, .dst = CN, .sport = 7090,
					     .proto = IPPROTO_UDP } },
	  true, OK, MNAT_C_ICMP_ERROR_UNKNOWN },
	{ "tunnel packet of nobody",
	  { .src = "143.32.2.70", .dst = EXTERNAL, .proto = IPPROTO_IPIP,
	    .inner = &(const struct packet){ .src = CN, .dst = "10.128.0.2", .proto = IPPROTO_UDP } },
	  true, SHOT, MNAT_C_TUNNEL_UNKNOWN },
	{ "tunnel packet without a packet",
	  { .src = "143.32.2.70", .dst = EXTERNAL, .proto = IPPROTO_IPIP, .payload = 19 }, true, SHOT,
	  MNAT_C_TUNNEL_MALFORMED },
	{ "tunnel packet with rubbish in it",
	  { .src = "143.32.2.70", .dst = EXTERNAL, .proto = IPPROTO_IPIP, .payload = 40 }, true, SHOT,
	  MNAT_C_TUNNEL_MALFORMED },
	{ "frame of a host for another machine", { .src = NODE, .dst = CN, .proto = IPPROTO_UDP,
						   .dmac = mac_another }, false, OK,
	  MNAT_C_OTHER_MACHINE },
	{ "frame from outside for another machine",
	  { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_TCP, .dport = 7090, .tcp_flags = F_SYN,
	    .dmac = mac_another }, true, OK, MNAT_C_OTHER_MACHINE },
	{ "first fragment from outside to nobody", { .src = CN, .dst = EXTERNAL,
						       .proto = IPPROTO_UDP, .frag = 0x2000 },
	  true, OK, MNAT_C_NO_BINDING },
	{ "later fragment of the same", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_UDP,
					   .frag = 100 }, true, OK, MNAT_C_FRAGMENT_STACK },
	{ "later fragment from outside", { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_UDP,
					    .frag = 100, .id_zero = 1 }, true, SHOT,
	  MNAT_C_FRAGMENT_HELD },
};

Test(gateway, refusals)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 64 });

	gateway_place(g, TEST_HOST, NODE, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		uint64_t before = gateway_count(g, row->counter), all = gateway_count_all(g);
		uint8_t frame[PACKET_MAX];
		size_t len = packet_build(&row->packet, frame);
		struct run run = row->outside ? from_outside(g, &row->packet) :
						from_inside(g, &row->packet);

		cr_expect_eq(run.verdict, row->verdict, "%s: verdict %d", row->what, run.verdict);
		cr_expect_eq(gateway_count(g, row->counter), before + 1, "%s: not counted as %d",
			     row->what, row->counter);
		cr_expect_eq(gateway_count_all(g), all + 1, "%s: counted twice", row->what);
		cr_expect(run.len == len && !memcmp(run.frame, frame, len), "%s: was changed",
			  row->what);
	}
	cr_expect_eq(gateway_sessions(g), 0);
	cr_expect_eq(gateway_bindings(g), 0);
}

/* ---- protocols ---- */

Test(gateway, udp_both_ways)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53), in = udp(CN, 53, EXTERNAL, 9000);
	struct packet want = udp(EXTERNAL, 9000, CN, 53);
	struct run run;

	gateway_place(g, TEST_HOST, NODE, 1);
	want.ttl = 63, want.smac = mac_out, want.dmac = mac_isp;
	run = from_inside(g, &out);
	expect_frame(&run, &want, "out");
	want = udp(CN, 53, NODE, 5004);
	want.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	run = from_outside(g, &in);
	expect_frame(&run, &want, "in");
}

/* RFC 768: a checksum of 0 means none and stays. */
Test(gateway, udp_without_checksum)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53), want = udp(EXTERNAL, 9000, CN, 53);
	struct run run;

	gateway_place(g, TEST_HOST, NODE, 1);
	out.no_udp_checksum = want.no_udp_checksum = 1;
	want.ttl = 63, want.smac = mac_out, want.dmac = mac_isp;
	run = from_inside(g, &out);
	expect_frame(&run, &want, "out");
}

Test(gateway, icmp_echo)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = { .src = NODE, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 8,
			      .sport = 77, .payload = 56 };
	struct packet in = { .src = CN, .dst = EXTERNAL, .proto = IPPROTO_ICMP, .icmp_type = 0,
			     .sport = 9000, .payload = 56 };
	struct packet want = out;
	struct run run;

	gateway_place(g, TEST_HOST, NODE, 1);
	want.src = EXTERNAL, want.sport = 9000, want.ttl = 63;
	want.smac = mac_out, want.dmac = mac_isp;
	run = from_inside(g, &out);
	expect_frame(&run, &want, "request");
	want = in;
	want.dst = NODE, want.sport = 77, want.ttl = 63;
	want.smac = mac_in, want.dmac = mac_router;
	run = from_outside(g, &in);
	expect_frame(&run, &want, "reply");
}

Test(gateway, ip_options)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53), want = udp(EXTERNAL, 9000, CN, 53);
	struct run run;

	gateway_place(g, TEST_HOST, NODE, 1);
	for (uint8_t words = 0; words <= 10; words++) {
		out.options = want.options = words;
		want.ttl = 63, want.smac = mac_out, want.dmac = mac_isp;
		run = from_inside(g, &out);
		expect_frame(&run, &want, "options");
	}
}

/* Every truncation is refused. Shorter ones than an IP header BPF_PROG_TEST_RUN does not take. */
Test(gateway, truncated)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 16 });

	gateway_place(g, TEST_HOST, NODE, 1);
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct packet p = { .src = NODE, .dst = CN, .proto = protocols[i], .icmp_type = 8,
				    .tcp_flags = F_SYN };
		uint8_t frame[PACKET_MAX];
		size_t len = packet_build(&p, frame);

		for (size_t cut = 34; cut < len; cut++) {
			uint64_t before = gateway_count(g, MNAT_C_SHORT_PACKET);
			struct run run = from_inside_frame(g, frame, cut);

			cr_expect_eq(run.verdict, SHOT, "protocol %d cut to %zu", protocols[i], cut);
			cr_expect_eq(gateway_count(g, MNAT_C_SHORT_PACKET), before + 1);
		}
	}
	cr_expect_eq(gateway_sessions(g), 0);
}

Test(gateway, impossible_headers)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 16 });
	struct packet p = { .src = NODE, .dst = CN, .proto = IPPROTO_TCP, .tcp_flags = F_SYN };
	static const struct {
		size_t offset;
		uint8_t value;
		enum mnat_counter_id counter;
	} edits[] = {
		{ 14, 0x65, MNAT_C_BAD_HEADER },   /* version 6 */
		{ 14, 0x44, MNAT_C_BAD_HEADER },   /* header of 16 bytes */
		{ 14, 0x4f, MNAT_C_SHORT_PACKET }, /* header longer than the packet */
		{ 17, 0x10, MNAT_C_SHORT_PACKET }, /* total length below the header's */
		{ 16, 0xff, MNAT_C_SHORT_PACKET }, /* total length beyond the frame */
		{ 46, 0x40, MNAT_C_BAD_HEADER },   /* TCP offset 4 */
	};

	gateway_place(g, TEST_HOST, NODE, 1);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		uint64_t before = gateway_count(g, edits[i].counter);
		uint8_t frame[PACKET_MAX];
		size_t len = packet_build(&p, frame);
		struct run run;

		frame[edits[i].offset] = edits[i].value;
		run = from_inside_frame(g, frame, len);
		cr_expect_eq(run.verdict, SHOT, "edit %zu", i);
		cr_expect_eq(gateway_count(g, edits[i].counter), before + 1, "edit %zu", i);
	}
}

/* ---- hosts ---- */

Test(gateway, old_address_has_a_grace_period)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet old = udp(NODE, 5004, CN, 53), now = udp("10.0.2.7", 5004, CN, 53);

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_expect_eq(from_inside(g, &old).verdict, REDIRECT);
	gateway_place(g, TEST_HOST, "10.0.2.7", 2);
	gateway_leave(g, NODE, TEST_HOST, gateway_now() + 10);
	cr_expect_eq(from_inside(g, &now).verdict, REDIRECT);
	cr_expect_eq(from_inside(g, &old).verdict, REDIRECT, "within its grace");
	gateway_leave(g, NODE, TEST_HOST, gateway_now() - 1);
	cr_expect_eq(from_inside(g, &old).verdict, SHOT, "after its grace");
	cr_expect_eq(gateway_count(g, MNAT_C_OLD_ACTUAL), 1);
	cr_expect_eq(gateway_sessions(g), 1, "all three were one session");
}

Test(gateway, host_that_left)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53), in = udp(CN, 53, EXTERNAL, 9000);
	uint32_t host = TEST_HOST;
	uint64_t gone = 0;

	gateway_place(g, TEST_HOST, NODE, 1);
	from_inside(g, &out);
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, "hosts"), &host, &gone, 0), 0);
	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_HOST_GONE), 1);
}

Test(gateway, plain_host_needs_no_lease)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp("10.0.1.77", 5004, CN, 53), in = udp(CN, 53, EXTERNAL, 9000);
	struct packet want = udp(CN, 53, "10.0.1.77", 5004);
	struct run run;

	cr_expect_eq(from_inside(g, &out).verdict, REDIRECT);
	want.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	run = from_outside(g, &in);
	expect_frame(&run, &want, "in");
}

Test(gateway, plain_hosts_refused_by_configuration)
{
	struct gateway *g = gateway_start(
		(struct gateway_setup){ .port_first = 9000, .n_ports = 1, .refuse_plain = true });
	struct packet out = udp("10.0.1.77", 5004, CN, 53);

	cr_expect_eq(from_inside(g, &out).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_NO_HOST), 1);
}

Test(gateway, guard_stops_inside_sources)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet leak = udp(NODE, 5004, CN, 53), fine = udp(EXTERNAL, 9000, CN, 53);

	cr_expect_eq(through_guard(g, &leak).verdict, SHOT);
	cr_expect_eq(through_guard(g, &fine).verdict, OK);
	cr_expect_eq(gateway_count(g, MNAT_C_UNTRANSLATED), 1);
}

/* ---- bindings ---- */

/* RFC 4787 REQ-1: one inside endpoint, one external port, whatever the remote. */
Test(gateway, mapping_is_endpoint_independent)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 1024, 30000 });
	struct packet a = udp(NODE, 5004, CN, 53), b = udp(NODE, 5004, "64.236.16.20", 99);
	struct run first, second;

	gateway_place(g, TEST_HOST, NODE, 1);
	first = from_inside(g, &a);
	second = from_inside(g, &b);
	cr_expect_eq(source_port(&first), source_port(&second));
	cr_expect_eq(gateway_sessions(g), 2);
	cr_expect_eq(gateway_bindings(g), 1);
}

/* RFC 4787 REQ-8: and any remote reaches it there. */
Test(gateway, filtering_is_endpoint_independent)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet out = udp(NODE, 5004, CN, 53), in = udp("64.236.16.20", 99, EXTERNAL, 9000);

	gateway_place(g, TEST_HOST, NODE, 1);
	from_inside(g, &out);
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
	cr_expect_eq(gateway_sessions(g), 1, "packets from outside make no state");
}

/* RFC 4787 REQ-3: no port is ever shared; REQ-4: parity is kept while it can be. */
Test(gateway, ports_are_unique_to_the_last)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 8000, 64, .max_sessions = 256 });
	uint8_t taken[65536] = {};
	struct run run;

	gateway_place(g, TEST_HOST, NODE, 1);
	for (uint16_t i = 0; i < 64; i++) {
		struct packet p = udp(NODE, (uint16_t)(2000 + i), CN, 53);

		run = from_inside(g, &p);
		cr_assert_eq(run.verdict, REDIRECT, "session %d", i);
		cr_assert(source_port(&run) >= 8000 && source_port(&run) < 8064);
		cr_assert_eq(taken[source_port(&run)]++, 0, "port given twice");
		if (i < 8)
			cr_assert_eq(source_port(&run) & 1, i & 1, "parity of session %d", i);
	}
	for (uint16_t i = 0; i < 100; i++) {
		struct packet p = udp(NODE, (uint16_t)(3000 + i), CN, 53);
		/* RFC 5508 REQ-8: the sender is told */
		struct packet want = { .src = EXTERNAL, .dst = NODE, .proto = IPPROTO_ICMP,
				       .icmp_type = 3, .icmp_code = 13, .id_zero = 1, .ours = 1,
				       .smac = mac_in,
				       .inner = &p };

		run = from_inside(g, &p);
		cr_assert_eq(run.verdict, REDIRECT);
		expect_frame(&run, &want, "ICMP 3/13");
	}
	cr_expect_eq(gateway_count(g, MNAT_C_PORTS_EXHAUSTED), 100);
	cr_expect_eq(gateway_count(g, MNAT_C_PROHIBITED_TOLD), 100);
	cr_expect_eq(gateway_count(g, MNAT_C_BINDING_NEW), 64);
	cr_expect_eq(gateway_sessions(g), 64);
}

Test(gateway, protocols_have_ports_of_their_own)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet u = udp(NODE, 5004, CN, 53);
	struct packet t = { .src = NODE, .dst = CN, .sport = 5004, .dport = 53,
			    .proto = IPPROTO_TCP, .tcp_flags = F_SYN };

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_expect_eq(from_inside(g, &u).verdict, REDIRECT);
	cr_expect_eq(from_inside(g, &t).verdict, REDIRECT);
}

/* RFC 4787 REQ-2: all sessions of a host use one external address. */
Test(gateway, pooling_is_paired)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 8000, 100, .n_ext = 4 });
	uint8_t address[4];

	gateway_place(g, TEST_HOST, NODE, 1);
	for (uint16_t i = 0; i < 20; i++) {
		struct packet p = udp(NODE, (uint16_t)(2000 + i), CN, 53);
		struct run run = from_inside(g, &p);

		if (!i)
			memcpy(address, run.frame + 26, 4);
		cr_assert_arr_eq(run.frame + 26, address, 4);
	}
}

/* A full table refuses, and gives the port back that it had taken. */
Test(gateway, full_session_table)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 8000, 1000, .max_sessions = 16 });
	uint64_t made, refused;

	gateway_place(g, TEST_HOST, NODE, 1);
	for (uint16_t i = 0; i < 200; i++) {
		struct packet p = udp(NODE, (uint16_t)(2000 + i), CN, 53);

		from_inside(g, &p);
	}
	made = gateway_count(g, MNAT_C_OUT_TRANSLATED);
	refused = gateway_count(g, MNAT_C_SESSIONS_FULL);
	cr_expect_eq(made + refused, 200);
	cr_expect(made >= 16 && made <= 32, "%lu found room", made);
	cr_expect_eq((uint64_t)gateway_sessions(g), made);
	cr_expect_eq((uint64_t)gateway_bindings(g), made);
	/* in XDP mode both programs try, and the one beneath tells the sender */
	cr_expect_eq(gateway_count(g, MNAT_C_BINDING_FREED), refused * (xdp_wanted() ? 2 : 1));
}

/* RFC 1122 3.2.2, RFC 1812 4.3.2: about what no ICMP error is sent, and how many are. */
Test(gateway, prohibited_is_told_sparingly)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet first = udp(NODE, 5004, CN, 53), other = udp(NODE, 5005, CN, 53);
	struct packet want = { .src = EXTERNAL, .dst = NODE, .proto = IPPROTO_ICMP, .icmp_type = 3,
			       .icmp_code = 13, .id_zero = 1, .ours = 1, .smac = mac_in, .inner = &other };
	uint64_t told;
	struct run run;

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_assert_eq(from_inside(g, &first).verdict, REDIRECT);
	other.options = 2;
	cr_expect_eq(from_inside(g, &other).verdict, SHOT, "with options");
	other.options = 0;
	other.payload = 0; /* its 8 bytes are quoted, and zeros */
	run = from_inside(g, &other);
	cr_expect_eq(run.len, 14 + 20 + 8 + 40);
	cr_expect(packet_checksums_ok(run.frame, run.len));
	other.payload = 20;
	for (int i = 0; i < 5000; i++) {
		run = from_inside(g, &other);
		if (run.verdict == REDIRECT)
			expect_frame(&run, &want, "told");
	}
	told = gateway_count(g, MNAT_C_PROHIBITED_TOLD);
	cr_expect_eq(gateway_count(g, MNAT_C_PORTS_EXHAUSTED), 5002);
	cr_expect(told >= 1000, "%lu told", told);
}
