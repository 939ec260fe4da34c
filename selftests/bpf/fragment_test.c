// SPDX-License-Identifier: GPL-2.0-only
/* Fragments (RFC 4787 REQ-14; RFC 1858, 3128): each order, both ways, tunnels, bounds. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fragments.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"
#define NODE "10.0.1.5"
#define ELSEWHERE "10.0.2.7"
#define VISITED "143.32.2.70"
#define V "10.128.0.2"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const size_t pieces[][2] = { { 0, 800 }, { 800, 800 }, { 1600, 408 } };

static struct packet udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_UDP, .payload = 2000 };
}

static struct packet hop(struct packet p, const uint8_t *smac, const uint8_t *dmac)
{
	p.ttl = 63, p.smac = smac, p.dmac = dmac;
	return p;
}

static int send_piece(struct end *end, const struct packet *p, size_t i)
{
	struct frame frame = fragment_cut(p, pieces[i][0], pieces[i][1]);

	return end_run(end, &frame);
}

static struct gateway *start(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });

	gateway_place(g, TEST_HOST, NODE, 1);
	return g;
}

/* ... with a session, from which EXTERNAL:9000 is NODE:5004 */
static struct gateway *start_session(void)
{
	struct gateway *g = start();
	struct packet first = udp(NODE, 5004, CN, 53);

	first.payload = 4;
	cr_assert_eq(from_inside(g, &first).verdict, REDIRECT);
	return g;
}

static const size_t orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
				    { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
/* which pieces leave, in which order: those held follow the first in order of arrival */
static const size_t leaving[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 0, 1, 2 },
				     { 0, 1, 2 }, { 0, 2, 1 }, { 0, 2, 1 } };

static void run_order(struct end *end, const struct packet *p, const struct packet *want, size_t o)
{
	size_t expected[3][2];

	for (size_t i = 0; i < 3; i++) {
		send_piece(end, p, orders[o][i]);
		memcpy(expected[i], pieces[leaving[o][i]], sizeof(expected[i]));
	}
	expect_pieces(end, want, expected, 3);
}

Test(fragment, out_in_every_order)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_TCP };

	for (size_t proto = 0; proto < N(protocols); proto++) {
		for (size_t o = 0; o < N(orders); o++) {
			struct gateway *g = start();
			struct packet p = udp(NODE, 5004, CN, 53), want;

			p.proto = protocols[proto];
			p.icmp_type = 8, p.tcp_flags = F_SYN;
			p.payload = p.proto == IPPROTO_TCP ? 1988 : 2000;
			want = hop(p, mac_out, mac_isp);
			want.src = EXTERNAL, want.sport = 9000, want.id = ID_OF_OURS;
			run_order(end_inside(g), &p, &want, o);
			cr_expect_eq(gateway_sessions(g), 1);
			cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 3);
		}
	}
}

Test(fragment, in_in_every_order)
{
	for (size_t o = 0; o < N(orders); o++) {
		struct gateway *g = start_session();
		struct packet p = udp(CN, 53, EXTERNAL, 9000), want = hop(p, mac_in, mac_router);

		want.dst = NODE, want.dport = 5004;
		run_order(end_outside(g), &p, &want, o);
		cr_expect_eq(gateway_count(g, MNAT_C_IN_TRANSLATED), 3);
	}
}

/* Every run of a program is counted once, those of what was sent round too. */
Test(fragment, counted_once)
{
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53);

	cr_expect_eq(send_piece(end, &p, 2), SHOT);
	cr_expect_eq(send_piece(end, &p, 1), SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_HELD), 2);
	cr_expect_eq(gateway_sessions(g), 0, "a later fragment makes no session");
	cr_expect_eq(send_piece(end, &p, 0), SHOT, "it comes again");
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_AGAIN), 1);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_RELEASED), 2);
	cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 3);
	cr_expect_eq(gateway_count_all(g), 2 + 1 + 3);
}

/* One host's fragments do not answer for another's, nor one packet's for the next. */
Test(fragment, belongs_to_its_packet)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto, id_zero;
	} others[] = {
		{ "10.0.1.6", CN, IPPROTO_UDP, 0 },
		{ NODE, "128.59.16.150", IPPROTO_UDP, 0 },
		{ NODE, CN, IPPROTO_ICMP, 0 },
		{ NODE, CN, IPPROTO_UDP, 1 },
	};
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53);

	cr_assert_eq(send_piece(end, &p, 0), REDIRECT);
	for (size_t i = 0; i < N(others); i++) {
		struct packet other = p;

		other.src = others[i].src, other.dst = others[i].dst;
		other.proto = others[i].proto, other.id_zero = others[i].id_zero;
		cr_expect_eq(send_piece(end, &other, 1), SHOT, "row %zu", i);
	}
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_HELD), N(others));
	/* the same header on the other side is another packet too */
	p = udp(NODE, 5004, EXTERNAL, 9000);
	cr_expect_eq(send_piece(end_outside(g), &p, 1), SHOT);
}

/* Seed paragraph 68: what comes later goes to where the host is by then. */
Test(fragment, host_moves_between_two)
{
	struct gateway *g = start_session();
	struct end *end = end_outside(g);
	struct packet p = udp(CN, 53, EXTERNAL, 9000), want = hop(p, mac_in, mac_router);
	struct frame piece;

	send_piece(end, &p, 0);
	gateway_place(g, TEST_HOST, ELSEWHERE, 2);
	send_piece(end, &p, 1);
	send_piece(end, &p, 2);
	cr_assert_eq(end->n_sent, 3);
	want.dport = 5004;
	for (size_t i = 0; i < 3; i++) {
		want.dst = i ? ELSEWHERE : NODE;
		piece = fragment_cut(&want, pieces[i][0], pieces[i][1]);
		if (i) /* the bytes of the UDP header are in the first one only */
			cr_expect_arr_eq(end->sent[i].bytes, piece.bytes, piece.len, "piece %zu", i);
	}
}

/* ... and from where it was: outside sees one packet. */
Test(fragment, host_moves_between_two_out)
{
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53), want = hop(p, mac_out, mac_isp);

	want.src = EXTERNAL, want.sport = 9000, want.id = ID_OF_OURS;
	send_piece(end, &p, 0);
	gateway_leave(g, NODE, TEST_HOST, gateway_now() + 10);
	gateway_place(g, TEST_HOST, ELSEWHERE, 2);
	send_piece(end, &p, 1);
	send_piece(end, &p, 2);
	expect_pieces(end, &want, pieces, 3);
}

/* ---- identification (RFC 6864, RFC 7857 section 8), and errors that quote it ---- */

/* What two hosts send to one server under one identification leaves under two. */
Test(fragment, two_hosts_of_one_id)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 128 });
	struct end *end = end_inside(g);
	struct packet one = udp(NODE, 5004, CN, 53), other = udp("10.0.1.6", 5004, CN, 53);

	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(send_piece(end, &one, i), REDIRECT);
		cr_assert_eq(send_piece(end, &other, i), REDIRECT);
	}
	for (size_t i = 0; i < 6; i++)
		cr_expect_eq(end_id(end, i), end_id(end, i % 2), "frame %zu", i);
	cr_expect_neq(end_id(end, 0), end_id(end, 1));
}

/* So does what may yet be fragmented on its way; what may not is left as it is. */
Test(fragment, whole_ones)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 128 });
	struct packet p = udp(NODE, 5004, CN, 53);
	uint16_t ids[2];

	p.payload = 4;
	for (int i = 0; i < 4; i++) {
		struct run run;

		p.src = i & 1 ? "10.0.1.6" : NODE;
		p.frag = i & 2 ? 0x4000 : 0;
		run = from_inside(g, &p);
		cr_assert_eq(run.verdict, REDIRECT);
		cr_expect(packet_checksums_ok(run.frame, run.len));
		ids[i & 1] = (uint16_t)(run.frame[18] << 8 | run.frame[19]);
		if (i == 1)
			cr_expect_neq(ids[0], ids[1]);
		if (i & 2)
			cr_expect_eq(ids[i & 1], 4711);
	}
}

/* An ICMP error about a later fragment; its own first bytes are none of our business. */
static struct packet about(const struct packet *quoted, const char *from, const char *to)
{
	return (struct packet){ .src = from, .dst = to, .proto = IPPROTO_ICMP, .icmp_type = 11,
				.icmp_code = 1, .inner = quoted };
}

static struct packet later(const char *src, const char *dst, uint8_t proto, uint16_t id)
{
	return (struct packet){ .src = src, .dst = dst, .proto = proto, .sport = 11, .dport = 12,
				.frag = 100, .id = id, .id_zero = !id, .payload = 800,
				.no_udp_checksum = 1 };
}

Test(fragment, error_about_a_later_one_in)
{
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53), sent, got, error, want;
	struct run run;

	cr_assert_eq(send_piece(end, &p, 0), REDIRECT);
	sent = later(EXTERNAL, CN, IPPROTO_UDP, end_id(end, 0));
	error = about(&sent, "128.59.1.1", EXTERNAL);
	got = sent, got.src = NODE;
	want = about(&got, "128.59.1.1", NODE);
	want = hop(want, mac_in, mac_router);
	run = from_outside(g, &error);
	expect_frame(&run, &want, "the error");
	cr_expect_eq(gateway_count(g, MNAT_C_ICMP_ERROR_IN), 1);
	sent.id ^= 1, sent.id_zero = !sent.id;
	cr_expect_eq(from_outside(g, &error).verdict, SHOT, "of a datagram nobody has sent");
	cr_expect_eq(gateway_count(g, MNAT_C_ICMP_ERROR_FRAGMENT), 1);
}

Test(fragment, error_about_a_later_one_out)
{
	struct gateway *g = start_session();
	struct end *end = end_outside(g);
	struct packet p = udp(CN, 53, EXTERNAL, 9000), got, sent, error, want;
	struct run run;

	cr_assert_eq(send_piece(end, &p, 0), REDIRECT);
	got = later(CN, NODE, IPPROTO_UDP, 4711);
	error = about(&got, NODE, CN);
	sent = got, sent.dst = EXTERNAL;
	want = about(&sent, EXTERNAL, CN);
	want = hop(want, mac_out, mac_isp);
	run = from_inside(g, &error);
	expect_frame(&run, &want, "the error");
	cr_expect_eq(gateway_count(g, MNAT_C_ICMP_ERROR_OUT), 1);
	got.dst = ELSEWHERE;
	cr_expect_eq(from_inside(g, &error).verdict, SHOT, "it never went there");
	cr_expect_eq(gateway_count(g, MNAT_C_ICMP_ERROR_FRAGMENT), 1);
}

/* ---- tunnels ---- */

static struct frame wrap(const char *from, const char *to, const struct frame *inner,
			 const uint8_t *smac, const uint8_t *dmac)
{
	struct packet outer = { .src = from, .dst = to, .proto = IPPROTO_IPIP, .frag = 0x4000,
				.id_zero = 1, .payload = (uint16_t)(inner->len - 14),
				.smac = smac, .dmac = dmac };
	struct frame frame = {};

	frame.len = packet_build(&outer, frame.bytes);
	memcpy(frame.bytes + 34, inner->bytes + 14, inner->len - 14);
	return frame;
}

/* Home, the host away: fragments from the correspondent follow it, each in the tunnel. */
Test(fragment, to_a_visiting_host)
{
	for (size_t o = 0; o < N(orders); o++) {
		struct gateway *g = start_session();
		struct end *end = end_outside(g);
		struct packet p = udp(CN, 53, EXTERNAL, 9000), inner = p;

		gateway_send_away(g, TEST_HOST, V, VISITED);
		inner.dst = V, inner.dport = 5004, inner.ttl = 63;
		for (size_t i = 0; i < 3; i++)
			send_piece(end, &p, orders[o][i]);
		cr_assert_eq(end->n_sent, 3, "order %zu: %zu sent", o, end->n_sent);
		for (size_t i = 0; i < 3; i++) {
			const size_t *at = pieces[leaving[o][i]];
			struct frame piece = fragment_cut(&inner, at[0], at[1]);
			struct frame want = wrap(EXTERNAL, VISITED, &piece, mac_out, mac_isp);

			cr_expect_eq(end->sent[i].len, want.len);
			cr_expect_arr_eq(end->sent[i].bytes, want.bytes, want.len);
		}
	}
}

/* What comes out of a tunnel: from a host of ours that is away, to one that is here. */
static void out_of_a_tunnel(const struct packet *inner, const struct packet *want, bool away,
			    size_t o)
{
	struct gateway *g = start_session();
	struct end *end = end_outside(g);
	size_t expected[3][2];

	gateway_admit(g, VISITED, V, TEST_HOST);
	if (away)
		gateway_send_away(g, TEST_HOST, V, VISITED);
	for (size_t i = 0; i < 3; i++) {
		const size_t *at = pieces[orders[o][i]];
		struct frame piece = fragment_cut(inner, at[0], at[1]);
		struct frame frame = wrap(VISITED, EXTERNAL, &piece, NULL, NULL);

		end_run(end, &frame);
		memcpy(expected[i], pieces[leaving[o][i]], sizeof(expected[i]));
	}
	expect_pieces(end, want, expected, 3);
}

Test(fragment, from_a_visiting_host)
{
	struct packet inner = udp(V, 5004, CN, 53), want = hop(inner, mac_out, mac_isp);

	want.src = EXTERNAL, want.sport = 9000, want.id = ID_OF_OURS;
	for (size_t o = 0; o < N(orders); o++)
		out_of_a_tunnel(&inner, &want, true, o);
}

Test(fragment, to_a_visitor)
{
	struct packet inner = udp(CN, 53, V, 5004), want = hop(inner, mac_in, mac_router);

	want.dst = NODE;
	for (size_t o = 0; o < N(orders); o++)
		out_of_a_tunnel(&inner, &want, false, o);
}

/* ---- bounds and bad ones ---- */

static void put(struct frame *frame, size_t at, uint16_t value)
{
	frame->bytes[at] = (uint8_t)(value >> 8);
	frame->bytes[at + 1] = (uint8_t)value;
}

Test(fragment, bad_ones)
{
	static const struct {
		const char *what;
		size_t from, len;
		uint16_t field; /* 0: as it is */
		enum mnat_counter_id counter;
	} rows[] = {
		{ "first without the whole header", 0, 7, 0x2000, MNAT_C_FRAGMENT_BAD },
		{ "first of no bytes", 0, 0, 0x2000, MNAT_C_FRAGMENT_BAD },
		{ "first that is not of whole eights", 0, 804, 0x2000, MNAT_C_FRAGMENT_BAD },
		{ "later that is not of whole eights", 800, 804, 0, MNAT_C_FRAGMENT_BAD },
		{ "later of no bytes", 800, 0, 0, MNAT_C_FRAGMENT_BAD },
		{ "beyond 65535 bytes", 1600, 408, 0x1fff, MNAT_C_FRAGMENT_BAD },
		{ "last over the first", 1600, 408, 1, MNAT_C_FRAGMENT_OVERLAP },
		{ "middle over the first", 800, 800, 0x2000 | 99, MNAT_C_FRAGMENT_OVERLAP },
	};
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53);

	cr_assert_eq(send_piece(end, &p, 0), REDIRECT);
	for (size_t i = 0; i < N(rows); i++) {
		struct frame frame = fragment_cut(&p, rows[i].from, rows[i].len);
		uint64_t before = gateway_count(g, rows[i].counter);

		if (rows[i].field)
			put(&frame, 20, rows[i].field);
		cr_expect_eq(end_run(end, &frame), SHOT, "%s", rows[i].what);
		cr_expect_eq(gateway_count(g, rows[i].counter), before + 1, "%s", rows[i].what);
	}
	cr_expect_eq(end->n_sent, 1);
	cr_expect_eq(gateway_sessions(g), 1);
}

/* RFC 1858, 3128: TCP's flags in a later fragment, or nowhere. */
Test(fragment, tiny_tcp)
{
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = { .src = NODE, .sport = 5004, .dst = CN, .dport = 80,
			    .proto = IPPROTO_TCP, .tcp_flags = F_SYN, .payload = 100 };
	struct frame tiny = fragment_cut(&p, 0, 16), rest = fragment_cut(&p, 16, 104);

	cr_expect_eq(end_run(end, &tiny), SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_TINY), 1);
	cr_expect_eq(end_run(end, &rest), SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_HELD), 1);
	cr_expect_eq(gateway_sessions(g), 0);
}

/* A packet has sixteen places, and one too long for a place none. */
Test(fragment, no_room)
{
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53);
	struct frame first = fragment_cut(&p, 0, 8), frame;

	for (size_t i = 1; i <= 20; i++) {
		frame = fragment_cut(&p, i * 8, 8);
		cr_expect_eq(end_run(end, &frame), SHOT);
	}
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_HELD), 16);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_FULL), 4);
	cr_expect_eq(end_run(end, &first), SHOT);
	cr_expect_eq(end->n_sent, 17);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_RELEASED), 16);
	p.id_zero = 1, p.payload = 3000;
	frame = fragment_cut(&p, 800, 2000);
	cr_expect_eq(end_run(end, &frame), SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_FULL), 5);
}

/* Held for two seconds: a first fragment that comes later goes alone. */
Test(fragment, held_too_long)
{
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53);
	struct frame frame;

	for (size_t i = 1; i <= 16; i++) {
		frame = fragment_cut(&p, i * 8, 8);
		end_run(end, &frame);
	}
	for (uint32_t began = gateway_now(); gateway_now() < began + 4;)
		usleep(50000);
	frame = fragment_cut(&p, 800, 8);
	cr_expect_eq(end_run(end, &frame), SHOT, "in the place of an expired one");
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_EXPIRED), 1);
	cr_expect_eq(send_piece(end, &p, 0), SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_FRAGMENT_RELEASED), 1);
	cr_expect_eq(end->n_sent, 2);
}

/* ---- too big, and allowed to be fragmented (RFC 4787 REQ-13) ---- */

static void narrow(const char *device, int mtu)
{
	char command[64];

	snprintf(command, sizeof(command), "ip link set %s mtu %d", device, mtu);
	cr_assert_eq(system(command), 0);
}

Test(split, out_of_a_narrow_link)
{
	static const size_t three[][2] = { { 0, 776 }, { 776, 776 }, { 1552, 456 } };
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53), want = hop(p, mac_out, mac_isp);
	struct frame frame = {};

	narrow("in", 3000), narrow("out", 800);
	frame.len = packet_build(&p, frame.bytes);
	want.src = EXTERNAL, want.sport = 9000, want.id = ID_OF_OURS;
	cr_expect_eq(end_run(end, &frame), SHOT);
	expect_pieces(end, &want, three, 3);
	cr_expect_eq(gateway_count(g, MNAT_C_TOO_BIG_SPLIT), 1);
	cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 3);
	cr_expect_eq(gateway_count_all(g), 4);
}

/* Pieces of a piece keep its place in the whole. */
Test(split, fragments)
{
	static const size_t five[][2] = { { 0, 576 }, { 576, 224 }, { 800, 576 },
					  { 1376, 224 }, { 1600, 408 } };
	struct gateway *g = start_session();
	struct end *end = end_outside(g);
	struct packet p = udp(CN, 53, EXTERNAL, 9000), want = hop(p, mac_in, mac_router);

	narrow("in", 600);
	want.dst = NODE, want.dport = 5004;
	for (size_t i = 0; i < 3; i++)
		send_piece(end, &p, i);
	expect_pieces(end, &want, five, 5);
}

Test(split, into_a_tunnel)
{
	static const size_t two[][2] = { { 0, 1456 }, { 1456, 44 } };
	struct gateway *g = start_session();
	struct end *end = end_outside(g);
	struct packet p = udp(CN, 53, EXTERNAL, 9000), inner;
	struct frame frame = {};

	gateway_send_away(g, TEST_HOST, V, VISITED);
	p.payload = 1500 - 8;
	inner = p;
	inner.dst = V, inner.dport = 5004, inner.ttl = 63;
	frame.len = packet_build(&p, frame.bytes);
	cr_expect_eq(end_run(end, &frame), SHOT);
	cr_assert_eq(end->n_sent, 2);
	for (size_t i = 0; i < 2; i++) {
		struct frame piece = fragment_cut(&inner, two[i][0], two[i][1]);
		struct frame want = wrap(EXTERNAL, VISITED, &piece, mac_out, mac_isp);

		cr_expect_eq(end->sent[i].len, want.len);
		cr_expect_arr_eq(end->sent[i].bytes, want.bytes, want.len);
	}
}

/* What came through a tunnel goes round in it. */
Test(split, out_of_a_tunnel)
{
	static const size_t two[][2] = { { 0, 776 }, { 776, 232 } };
	struct gateway *g = start();
	struct end *end = end_outside(g);
	struct packet inner = udp(CN, 53, V, 5004), want, outer;
	struct frame frame = {};

	inner.payload = 1000;
	want = hop(inner, mac_in, mac_router);
	want.dst = NODE;
	outer = (struct packet){ .src = VISITED, .dst = EXTERNAL, .proto = IPPROTO_IPIP,
				 .inner = &inner };
	narrow("in", 800);
	gateway_admit(g, VISITED, V, TEST_HOST);
	frame.len = packet_build(&outer, frame.bytes);
	cr_expect_eq(end_run(end, &frame), SHOT);
	expect_pieces(end, &want, two, 2);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_IN), 2);
}

/* Too many pieces, options; a checksum the kernel has not finished is told of instead. */
Test(split, not_these)
{
	struct gateway *g = start();
	struct end *end = end_inside(g);
	struct packet p = udp(NODE, 5004, CN, 53);
	struct frame frame = {};
	uint32_t sum = 0;

	narrow("in", 3000), narrow("out", 100);
	frame.len = packet_build(&p, frame.bytes);
	cr_expect_eq(end_run(end, &frame), SHOT);
	narrow("out", 800);
	p.options = 1;
	frame.len = packet_build(&p, frame.bytes);
	cr_expect_eq(end_run(end, &frame), SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TOO_BIG), 2);
	p.options = 0;
	frame.len = packet_build(&p, frame.bytes);
	for (size_t i = 26; i < 34; i += 2)
		sum += (uint32_t)frame.bytes[i] << 8 | frame.bytes[i + 1];
	sum += IPPROTO_UDP + 2008;
	put(&frame, 40, (uint16_t)((sum & 0xffff) + (sum >> 16)));
	cr_expect_eq(end_run(end, &frame), REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_TOO_BIG_TOLD), 1);
	cr_expect_eq(gateway_sessions(g), 0);
}
