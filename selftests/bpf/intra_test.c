// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions inside the domain: figure 9 and paragraph 72 (features 6.8 and 6.9), packet by
 * packet, before and after moves, at home and away.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "gateway.h"

#define V1 "10.128.0.2"
#define A1 "10.0.1.5"
#define A1_NEW "10.0.2.7"
#define V2 "10.128.0.3"
#define A2 "10.10.1.2"
#define A2_NEW "10.0.3.8"
#define FIXED "10.0.4.9"
#define ROUTER "10.0.1.1"
#define GATEWAY "135.180.32.4"
#define VISITED "143.32.2.70"
#define HOST_1 TEST_HOST
#define HOST_2 (TEST_HOST + 1)

static struct gateway *start(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 64 });

	gateway_name(g, HOST_1, V1);
	gateway_place(g, HOST_1, A1, 1);
	gateway_name(g, HOST_2, V2);
	gateway_place(g, HOST_2, A2, 1);
	return g;
}

static void pass(struct gateway *g, struct packet in, struct packet want, const char *what)
{
	struct run run = from_inside(g, &in);

	want.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	cr_assert_eq(run.verdict, REDIRECT, "%s: verdict %d", what, run.verdict);
	expect_frame(&run, &want, what);
}

static void untouched(struct gateway *g, struct packet in, enum mnat_counter_id id,
		      const char *what)
{
	uint64_t before = gateway_count(g, id);
	struct run run = from_inside(g, &in);

	in.ttl = 64;
	cr_assert_eq(run.verdict, OK, "%s: verdict %d", what, run.verdict);
	expect_frame(&run, &in, what);
	cr_expect_eq(gateway_count(g, id), before + 1, "%s", what);
}

static void refused(struct gateway *g, struct packet in, enum mnat_counter_id id, const char *what)
{
	uint64_t before = gateway_count(g, id);

	cr_expect_eq(from_inside(g, &in).verdict, SHOT, "%s", what);
	cr_expect_eq(gateway_count(g, id), before + 1, "%s", what);
}

static void expect_session(struct gateway *g, uint32_t host, const char *remote, uint16_t port,
			   uint16_t remote_port, uint32_t peer, uint32_t flags)
{
	struct mnat_session_key key;
	struct mnat_session s = gateway_session(g, &key);

	cr_expect_eq(key.host, host);
	cr_expect_eq(key.remote, ip4(remote));
	cr_expect_eq(key.port, htons(port));
	cr_expect_eq(key.remote_port, htons(remote_port));
	cr_expect_eq(s.binding, MNAT_BINDING_INTRA | peer, "binding %x", s.binding);
	cr_expect_eq(s.flags, flags, "flags %x", s.flags);
}

/* ---- figure 9: features 6.8, the variant by the gateway ---- */

Test(intra, fixed_before_and_after)
{
	struct gateway *g = start();

	pass(g, tcp(A1, 1756, FIXED, 80, F_SYN), tcp(V1, 1756, FIXED, 80, F_SYN), "out");
	expect_session(g, HOST_1, FIXED, 1756, 80, 0, MNAT_SEEN_SYN_OUT);
	pass(g, tcp(FIXED, 80, V1, 1756, F_SYN | F_ACK), tcp(FIXED, 80, A1, 1756, F_SYN | F_ACK),
	     "back");
	gateway_place(g, HOST_1, A1_NEW, 2);
	pass(g, tcp(A1_NEW, 1756, FIXED, 80, F_ACK), tcp(V1, 1756, FIXED, 80, F_ACK), "moved, out");
	pass(g, tcp(FIXED, 80, V1, 1756, F_ACK), tcp(FIXED, 80, A1_NEW, 1756, F_ACK),
	     "moved, back");
	expect_session(g, HOST_1, FIXED, 1756, 80, 0, MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN);
	cr_expect_eq(gateway_count(g, MNAT_C_INTRA_TRANSLATED), 4);
	cr_expect_eq(gateway_bindings(g), 0, "no port is taken for it");
}

/* Either side may begin; UDP and echo as TCP. */
Test(intra, fixed_begins)
{
	struct gateway *g = start();
	struct packet out = { .src = FIXED, .dst = V1, .sport = 5004, .dport = 53,
			      .proto = IPPROTO_UDP, .payload = 20 };
	struct packet want = out;

	want.dst = A1;
	pass(g, out, want, "UDP");
	expect_session(g, HOST_1, FIXED, 53, 5004, 0, 0);
	out = (struct packet){ .src = A1, .dst = FIXED, .sport = 53, .dport = 5004,
			       .proto = IPPROTO_UDP, .payload = 20 };
	want = out, want.src = V1;
	pass(g, out, want, "UDP answer");
	cr_expect_eq(gateway_sessions(g), 1);
	out = (struct packet){ .src = FIXED, .dst = V1, .sport = 77, .proto = IPPROTO_ICMP,
			       .icmp_type = 8, .payload = 56 };
	want = out, want.dst = A1;
	pass(g, out, want, "echo");
	out = (struct packet){ .src = A1, .dst = FIXED, .sport = 77, .proto = IPPROTO_ICMP,
			       .icmp_type = 0, .payload = 56 };
	want = out, want.src = V1;
	pass(g, out, want, "echo reply");
	cr_expect_eq(gateway_sessions(g), 2);
}

Test(intra, gateway_started_anew)
{
	struct gateway *g = start();

	pass(g, tcp(A1, 1756, FIXED, 80, F_ACK), tcp(V1, 1756, FIXED, 80, F_ACK), "midstream");
	expect_session(g, HOST_1, FIXED, 1756, 80, 0, MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN);
	pass(g, tcp(A1, 1757, FIXED, 80, F_RST), tcp(V1, 1757, FIXED, 80, F_RST), "reset");
	cr_expect_eq(gateway_sessions(g), 1, "a reset begins nothing");
}

/* ---- paragraph 72: features 6.9 ---- */

Test(intra, both_mobile)
{
	struct gateway *g = start();

	pass(g, tcp(A1, 1756, V2, 80, F_SYN), tcp(V1, 1756, A2, 80, F_SYN), "there");
	pass(g, tcp(A2, 80, V1, 1756, F_SYN | F_ACK), tcp(V2, 80, A1, 1756, F_SYN | F_ACK), "back");
	expect_session(g, HOST_1, V2, 1756, 80, HOST_2, MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN);
	gateway_place(g, HOST_1, A1_NEW, 2);
	gateway_place(g, HOST_2, A2_NEW, 2);
	pass(g, tcp(A1_NEW, 1756, V2, 80, F_ACK), tcp(V1, 1756, A2_NEW, 80, F_ACK), "both moved");
	pass(g, tcp(A2_NEW, 80, V1, 1756, F_ACK), tcp(V2, 80, A1_NEW, 1756, F_ACK), "and back");
	cr_expect_eq(gateway_sessions(g), 1, "one record, whichever way");
}

/* The record is the lower id's also when the other begins. */
Test(intra, the_other_begins)
{
	struct gateway *g = start();

	pass(g, tcp(A2, 4000, V1, 22, F_SYN), tcp(V2, 4000, A1, 22, F_SYN), "there");
	expect_session(g, HOST_1, V2, 22, 4000, HOST_2, MNAT_SEEN_SYN_IN);
	pass(g, tcp(A1, 22, V2, 4000, F_SYN | F_ACK), tcp(V1, 22, A2, 4000, F_SYN | F_ACK), "back");
	expect_session(g, HOST_1, V2, 22, 4000, HOST_2, MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN);
}

/* ---- what is not translated ---- */

Test(intra, left_alone)
{
	struct gateway *g = start();
	struct packet dhcp = { .src = A1, .dst = FIXED, .sport = 68, .dport = 67,
			       .proto = IPPROTO_UDP, .payload = 200 };

	untouched(g, tcp(A1, 1, "10.0.0.1", 22, F_SYN), MNAT_C_TO_GATEWAY, "the gateway itself");
	untouched(g, dhcp, MNAT_C_INTRA_DOMAIN, "DHCP renewal");
	untouched(g, tcp("10.0.1.9", 1, FIXED, 22, F_SYN), MNAT_C_INTRA_DOMAIN, "two fixed hosts");
	untouched(g, tcp(A1, 1, A2, 22, F_SYN), MNAT_C_INTRA_DOMAIN, "actual to actual");
	untouched(g, tcp(V1, 1, FIXED, 22, F_SYN), MNAT_C_INTRA_DOMAIN, "direct");
	cr_expect_eq(gateway_sessions(g), 0);
}

/* Who speaks to the actual address is answered from there. */
Test(intra, by_the_actual_address)
{
	struct gateway *g = start();

	untouched(g, tcp(FIXED, 4000, A1, 22, F_SYN), MNAT_C_INTRA_DOMAIN, "there");
	untouched(g, tcp(A1, 22, FIXED, 4000, F_SYN | F_ACK), MNAT_C_INTRA_DOMAIN, "back");
	expect_session(g, HOST_1, FIXED, 22, 4000, 0,
		       MNAT_SEEN_SYN_IN | MNAT_SEEN_SYN_OUT | MNAT_INTRA_ACTUAL);
	pass(g, tcp(A1, 22, FIXED, 4001, F_SYN), tcp(V1, 22, FIXED, 4001, F_SYN), "another");
}

Test(intra, refusals)
{
	struct gateway *g = start();
	struct packet ttl = tcp(A1, 1, V2, 22, F_SYN);

	refused(g, tcp(A1, 1, "10.128.0.9", 22, F_SYN), MNAT_C_NO_VIRTUAL, "nobody's");
	refused(g, tcp(V1, 1, V2, 22, F_SYN), MNAT_C_NO_HOST, "a virtual source");
	refused(g, tcp("192.168.0.1", 1, V2, 22, F_SYN), MNAT_C_NO_HOST, "a foreign source");
	gateway_leave(g, "10.0.1.6", HOST_1, gateway_now() - 2);
	refused(g, tcp("10.0.1.6", 1, V2, 22, F_SYN), MNAT_C_OLD_ACTUAL, "after its grace");
	gateway_name(g, TEST_HOST + 2, "10.128.0.4");
	refused(g, tcp(A1, 1, "10.128.0.4", 22, F_SYN), MNAT_C_HOST_GONE, "gone");
	ttl.ttl = 1;
	cr_expect_eq(from_inside(g, &ttl).verdict, OK);
	cr_expect_eq(gateway_count(g, MNAT_C_TTL_EXPIRED), 1);
	cr_expect_eq(gateway_sessions(g), 0);
}

/* Nothing virtual passes the outside interface, in or out. */
Test(intra, not_outside)
{
	struct gateway *g = start();
	struct packet in = tcp("128.59.16.149", 80, V1, 1756, F_ACK);
	struct packet out = tcp(V1, 1756, "128.59.16.149", 80, F_ACK);

	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_INSIDE_FROM_OUTSIDE), 1);
	cr_expect_eq(through_guard(g, &out).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_UNTRANSLATED), 1);
}

Test(intra, table_full)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 64, .max_sessions = 1 });

	gateway_name(g, HOST_1, V1);
	gateway_place(g, HOST_1, A1, 1);
	pass(g, tcp(A1, 1756, FIXED, 80, F_SYN), tcp(V1, 1756, FIXED, 80, F_SYN), "out");
	for (int i = 0; i < 256; i++) { /* the kernel keeps some spare for each CPU */
		struct packet p = tcp(A1, (uint16_t)(2000 + i), FIXED, 80, F_SYN);

		from_inside(g, &p);
	}
	cr_expect_gt(gateway_count(g, MNAT_C_SESSIONS_FULL), 0);
}

/* ---- the sweep ---- */

Test(intra, swept)
{
	struct gateway *g = start();
	struct mnat_sweep sweep;

	pass(g, tcp(A1, 1756, V2, 80, F_SYN), tcp(V1, 1756, A2, 80, F_SYN), "there");
	sweep = gateway_sweep(g, gateway_now() + 300);
	cr_expect_eq(sweep.marked, 1);
	sweep = gateway_sweep(g, gateway_now() + 300);
	cr_expect_eq(sweep.deleted, 1);
	cr_expect_eq(sweep.freed, 0);
	cr_expect_eq(gateway_count(g, MNAT_C_BINDING_FREED), 0);
}

/* ---- ICMP errors ---- */

static struct packet error(const char *src, const char *dst, const struct packet *about)
{
	return (struct packet){ .src = src, .dst = dst, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 3, .inner = about };
}

Test(intra, errors)
{
	struct gateway *g = start();
	struct packet sent, got;

	/* the fixed host, about what it got from the mobile one */
	got = tcp(V1, 1756, FIXED, 80, F_SYN), sent = tcp(A1, 1756, FIXED, 80, F_SYN);
	pass(g, error(FIXED, V1, &got), error(FIXED, A1, &sent), "of the fixed host");
	/* the mobile host's shim writes the actual address into what it quotes */
	got = tcp(FIXED, 80, A1, 1756, F_SYN), sent = tcp(FIXED, 80, V1, 1756, F_SYN);
	pass(g, error(A1, FIXED, &got), error(V1, FIXED, &sent), "of the mobile host");
	pass(g, error(ROUTER, FIXED, &got), error(ROUTER, FIXED, &sent), "of a router before it");
	got = tcp(V1, 1756, A2, 80, F_SYN), sent = tcp(A1, 1756, V2, 80, F_SYN);
	pass(g, error(A2, V1, &got), error(V2, A1, &sent), "between mobile hosts");
	pass(g, error(ROUTER, V1, &got), error(ROUTER, A1, &sent), "of a router between");
	cr_expect_eq(gateway_sessions(g), 0, "an error begins nothing");
	got = tcp(FIXED, 80, "10.0.4.10", 1756, F_SYN);
	untouched(g, error(ROUTER, FIXED, &got), MNAT_C_INTRA_DOMAIN, "about two fixed hosts");
}

/* Path MTU (RFC 1191): what is too big for the way on is told to the sender where it is. */
Test(intra, path_mtu)
{
	struct gateway *g = start();
	struct packet got = tcp(V1, 1756, FIXED, 80, F_ACK), sent = tcp(A1, 1756, FIXED, 80, F_ACK);
	struct packet in = error(ROUTER, V1, &got), want = error(ROUTER, A1, &sent);

	in.icmp_code = want.icmp_code = 4;
	in.mtu = want.mtu = 1280;
	pass(g, in, want, "ICMP 3/4");
}

/* ---- away: features 6.8 with issue 3's move out of the domain ---- */

static struct packet wrap(const char *from, const char *to, const struct packet *inner)
{
	return (struct packet){ .src = from, .dst = to, .proto = IPPROTO_IPIP, .frag = 0x4000,
				.id_zero = 1, .inner = inner, .smac = mac_out, .dmac = mac_isp };
}

static void to_visited(struct gateway *g, struct packet in, struct packet inner, const char *what)
{
	struct packet want = wrap(GATEWAY, VISITED, &inner);
	struct run run = from_inside(g, &in);

	inner.ttl = 63;
	cr_assert_eq(run.verdict, REDIRECT, "%s: verdict %d", what, run.verdict);
	expect_frame(&run, &want, what);
}

static void from_visited(struct gateway *g, struct packet inner, struct packet want,
			 const char *what)
{
	struct packet in = wrap(VISITED, GATEWAY, &inner);
	struct run run = from_outside(g, &in);

	want.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	cr_assert_eq(run.verdict, REDIRECT, "%s: verdict %d", what, run.verdict);
	expect_frame(&run, &want, what);
}

static void depart(struct gateway *g, uint32_t host, const char *virt)
{
	gateway_send_away(g, host, virt, VISITED);
	gateway_admit(g, VISITED, virt, host);
}

Test(intra, fixed_and_departed)
{
	struct gateway *g = start();

	pass(g, tcp(A1, 1756, FIXED, 80, F_SYN), tcp(V1, 1756, FIXED, 80, F_SYN), "at home");
	depart(g, HOST_1, V1);
	to_visited(g, tcp(FIXED, 80, V1, 1756, F_ACK), tcp(FIXED, 80, V1, 1756, F_ACK), "away");
	from_visited(g, tcp(V1, 1756, FIXED, 80, F_ACK), tcp(V1, 1756, FIXED, 80, F_ACK), "back");
	cr_expect_eq(gateway_count(g, MNAT_C_FROM_VISITED), 1);
	cr_expect_eq(gateway_bindings(g), 0, "it has no external port");
	gateway_place(g, HOST_1, A1_NEW, 9);
	pass(g, tcp(FIXED, 80, V1, 1756, F_ACK), tcp(FIXED, 80, A1_NEW, 1756, F_ACK), "home again");
	cr_expect_eq(gateway_sessions(g), 1);
}

Test(intra, mobile_and_departed)
{
	struct gateway *g = start();

	pass(g, tcp(A1, 1756, V2, 80, F_SYN), tcp(V1, 1756, A2, 80, F_SYN), "at home");
	depart(g, HOST_2, V2);
	to_visited(g, tcp(A1, 1756, V2, 80, F_ACK), tcp(V1, 1756, V2, 80, F_ACK), "away");
	from_visited(g, tcp(V2, 80, V1, 1756, F_ACK), tcp(V2, 80, A1, 1756, F_ACK), "back");
	cr_expect_eq(gateway_sessions(g), 1);
}

/* The tunnel is narrower on its way: the sender in the domain is told. */
Test(intra, narrow_tunnel)
{
	struct gateway *g = start();
	struct packet fixed = tcp(FIXED, 80, V1, 1756, F_ACK);
	struct packet mobile = tcp(V2, 80, V1, 1756, F_ACK), sent = tcp(A2, 80, V1, 1756, F_ACK);
	struct packet *about[][2] = { { &fixed, &fixed }, { &mobile, &sent } };

	depart(g, HOST_1, V1);
	for (int i = 0; i < 2; i++) {
		struct packet outer = wrap(GATEWAY, VISITED, about[i][0]), in, want;
		struct run run;

		in = error("198.51.100.1", GATEWAY, &outer);
		in.icmp_code = 4, in.mtu = 1400, in.quote = 28;
		want = error(GATEWAY, i ? A2 : FIXED, about[i][1]);
		want.icmp_code = 4, want.mtu = 1380, want.quote = 8, want.ttl = 63;
		want.smac = mac_in, want.dmac = mac_router;
		run = from_outside(g, &in);
		cr_assert_eq(run.verdict, REDIRECT, "%d", i);
		expect_frame(&run, &want, i ? "to the mobile host" : "to the fixed host");
	}
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_NARROW), 2);
}

/* In tunnel mode at home: the same by tunnel (figure 3A). */
Test(intra, tunnel_mode)
{
	struct gateway *g = start();
	struct packet in = tcp(FIXED, 80, V1, 1756, F_ACK), inner = in;
	struct packet want = wrap(GATEWAY, A1, &inner);
	struct run run;

	gateway_tunnel(g, HOST_1, V1, A1);
	inner.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	run = from_inside(g, &in);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "to the host");
	pass(g, tcp(A1, 1756, FIXED, 80, F_ACK), tcp(V1, 1756, FIXED, 80, F_ACK), "back");
	cr_expect_eq(gateway_count(g, MNAT_C_INTRA_TRANSLATED), 2);
}

/* Both away: what comes from one goes on to the other. */
Test(intra, both_departed)
{
	struct gateway *g = start();
	struct packet inner = tcp(V1, 1756, V2, 80, F_ACK), in = wrap(VISITED, GATEWAY, &inner);
	struct packet on = inner, want = wrap(GATEWAY, VISITED, &on);
	struct run run;

	pass(g, tcp(A1, 1756, V2, 80, F_SYN), tcp(V1, 1756, A2, 80, F_SYN), "at home");
	depart(g, HOST_1, V1);
	gateway_send_away(g, HOST_2, V2, VISITED);
	on.ttl = 63;
	run = from_outside(g, &in);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "from one visited gateway to the other");
}

/* A visited gateway speaks for its visitor, in what the visitor had begun; in nothing else. */
Test(intra, departed_begins_nothing)
{
	static const struct {
		const char *what;
		const char *src, *dst;
		uint16_t sport;
		uint8_t flags;
	} rows[] = {
		{ "a new session", V1, FIXED, 1757, F_SYN },
		{ "another host's session", V2, FIXED, 1756, F_ACK },
		{ "another fixed host", V1, "10.0.4.10", 1756, F_ACK },
		{ "the gateway itself", V1, "10.0.0.1", 1756, F_SYN },
		{ "a mobile host's actual address", V1, A2, 1756, F_SYN },
		{ "a mobile host", V1, V2, 1756, F_SYN },
		{ "a virtual address that is nobody's", V1, "10.128.0.9", 1756, F_SYN },
	};
	struct gateway *g = start();

	pass(g, tcp(A1, 1756, FIXED, 80, F_SYN), tcp(V1, 1756, FIXED, 80, F_SYN), "at home");
	depart(g, HOST_1, V1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet inner = tcp(rows[i].src, rows[i].sport, rows[i].dst, 80,
					  rows[i].flags);
		struct packet in = wrap(VISITED, GATEWAY, &inner);

		cr_expect_eq(from_outside(g, &in).verdict, SHOT, "%s", rows[i].what);
	}
	cr_expect_eq(gateway_sessions(g), 1);
	cr_expect_eq(gateway_count(g, MNAT_C_NO_SESSION), 5);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_UNKNOWN), 1);
	cr_expect_eq(gateway_count(g, MNAT_C_NO_VIRTUAL), 1);
}

/* At the visited gateway: the address may be of this domain too, the session is the home's. */
Test(intra, visited_sends_home)
{
	struct gateway *g = start();
	struct mnat_session_key key = { .host = HOST_1, .remote = ip4(FIXED), .port = htons(1756),
					.remote_port = htons(80), .proto = MNAT_TCP };
	struct packet out = tcp(A1, 1756, FIXED, 80, F_ACK), inner = tcp(V1, 1756, FIXED, 80, F_ACK);
	struct packet want = wrap(GATEWAY, VISITED, &inner);
	struct run run;

	gateway_anchor(g, HOST_1, VISITED, V1, 0);
	gateway_import(g, &key);
	inner.ttl = 63;
	run = from_inside(g, &out);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "visited to home");
	pass(g, tcp(A1, 1757, FIXED, 80, F_SYN), tcp(V1, 1757, FIXED, 80, F_SYN), "a new one here");
}
