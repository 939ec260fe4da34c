// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between domains: figure 10 (features 6.10) at the home gateway 135.180.32.4 and at
 * the visited one 143.32.2.70, packet by packet.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "gateway.h"

#define CN "64.236.16.20"
#define HOME "135.180.32.4"
#define VISITED "143.32.2.70"
#define V "10.128.0.2"
#define A_HOME "10.0.2.24"
#define A_VISITED "10.0.5.19"
#define P 3000

static struct packet hop(struct packet p, const uint8_t *smac, const uint8_t *dmac)
{
	p.ttl = 63, p.smac = smac, p.dmac = dmac;
	return p;
}

/* As the tunnel is written: TTL 64, DF, no identification. */
static struct packet wrap(const char *from, const char *to, const struct packet *inner)
{
	return (struct packet){ .src = from, .dst = to, .proto = IPPROTO_IPIP, .frag = 0x4000,
				.id_zero = 1, .inner = inner, .smac = mac_out, .dmac = mac_isp };
}

/* ---- home ---- */

/* A session begun at home, the node now behind the visited gateway. */
static struct gateway *departed(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });
	struct packet syn = tcp(A_HOME, P, CN, 80, F_SYN);

	gateway_place(g, TEST_HOST, A_HOME, 1);
	cr_assert_eq(from_inside(g, &syn).verdict, REDIRECT);
	gateway_send_away(g, TEST_HOST, V, VISITED);
	return g;
}

Test(anchor, home_forwards_to_the_visited_gateway)
{
	struct gateway *g = departed();
	struct packet in = tcp(CN, 80, HOME, 7088, F_ACK);
	struct packet inner = tcp(CN, 80, V, P, F_ACK), want = wrap(HOME, VISITED, &inner);
	struct run run = from_outside(g, &in);

	inner.ttl = 63;
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "home to visited");
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_AWAY), 1);
}

Test(anchor, home_takes_the_reverse_tunnel)
{
	struct gateway *g = departed();
	struct packet inner = tcp(V, P, CN, 80, F_ACK), in = wrap(VISITED, HOME, &inner);
	struct packet want = hop(tcp(HOME, 7088, CN, 80, F_ACK), mac_out, mac_isp);
	struct run run;

	gateway_admit(g, VISITED, V, TEST_HOST);
	run = from_outside(g, &in);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "home to correspondent");
	cr_expect_eq(gateway_count(g, MNAT_C_FROM_VISITED), 1);
	cr_expect_eq(gateway_sessions(g), 1);
}

/* Nobody else may speak for the node, nor the visited gateway for another address. */
Test(anchor, home_believes_only_arrivals)
{
	struct gateway *g = departed();
	struct packet mine = tcp(V, P, CN, 80, F_ACK), other = tcp("10.128.0.9", P, CN, 80, F_SYN);
	struct packet forged = wrap("198.51.100.1", HOME, &mine), wrong = wrap(VISITED, HOME, &other);

	gateway_admit(g, VISITED, V, TEST_HOST);
	cr_expect_eq(from_outside(g, &forged).verdict, SHOT);
	cr_expect_eq(from_outside(g, &wrong).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_UNKNOWN), 2);
	cr_expect_eq(gateway_sessions(g), 1);
}

/* ---- visited ---- */

static const char *const visited_external = VISITED;

static struct gateway *arrived(uint32_t flags, bool importing)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1, visited_external });

	gateway_place(g, TEST_HOST, A_VISITED, 1);
	gateway_anchor(g, TEST_HOST, HOME, V, flags);
	gateway_admit(g, HOME, V, TEST_HOST);
	gateway_importing(g, TEST_HOST, A_VISITED, importing);
	return g;
}

static struct mnat_session_key session_key(void)
{
	return (struct mnat_session_key){ .host = TEST_HOST, .remote = ip4(CN), .port = htons(P),
					  .remote_port = htons(80), .proto = MNAT_TCP };
}

static void expect_to_home(struct gateway *g, uint8_t flags)
{
	struct packet out = tcp(A_VISITED, P, CN, 80, flags);
	struct packet inner = tcp(V, P, CN, 80, flags), want = wrap(VISITED, HOME, &inner);
	struct run run = from_inside(g, &out);

	inner.ttl = 63;
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "visited to home");
}

Test(anchor, visited_sends_imported_sessions_home)
{
	struct gateway *g = arrived(0, false);
	struct mnat_session_key key = session_key();

	gateway_import(g, &key);
	expect_to_home(g, F_ACK);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_OUT), 1);
	cr_expect_eq(gateway_bindings(g), 0, "no port is taken for it");
}

/* New sessions are the visited gateway's own (seed paragraph 65). */
Test(anchor, visited_anchors_new_sessions)
{
	struct gateway *g = arrived(0, false);
	struct packet out = tcp(A_VISITED, 3001, CN, 80, F_SYN);
	struct packet want = hop(tcp(VISITED, 7088, CN, 80, F_SYN), mac_out, mac_isp);
	struct run run = from_inside(g, &out);

	expect_frame(&run, &want, "visited to correspondent");
}

/* Unknown ones go home while sessions are being imported, and stay there (issue 3, item 5). */
Test(anchor, visited_sends_unknown_sessions_home_while_importing)
{
	struct gateway *g = arrived(0, true);
	struct packet late = tcp(A_VISITED, 4000, CN, 80, F_ACK);

	struct packet new = tcp(A_VISITED, 3001, CN, 80, F_SYN);
	struct packet want = hop(tcp(VISITED, 7088, CN, 80, F_SYN), mac_out, mac_isp);
	struct run run;

	expect_to_home(g, F_ACK);
	run = from_inside(g, &new);
	expect_frame(&run, &want, "one that begins now begins here");
	gateway_importing(g, TEST_HOST, A_VISITED, false);
	expect_to_home(g, F_ACK);
	cr_expect_eq(from_inside(g, &late).verdict, SHOT, "after the import nobody knows it");
	cr_expect_eq(gateway_count(g, MNAT_C_NO_SESSION), 1);
}

/* A renewal, or a word to the manager here, must not go home, now or for good. */
Test(anchor, visited_keeps_dhcp_while_importing)
{
	struct gateway *g = arrived(0, true);
	struct packet renewal = { .src = A_VISITED, .sport = 68, .dst = "10.0.0.1", .dport = 67,
				  .proto = IPPROTO_UDP, .payload = 300 };
	struct packet other = renewal;

	gateway_name(g, TEST_HOST, V);
	cr_expect_eq(from_inside(g, &renewal).verdict, OK);
	cr_expect_eq(gateway_count(g, MNAT_C_INTRA_DOMAIN), 1);
	cr_expect_eq(gateway_sessions(g), 0, "no anchor is guessed for it");
	other.sport = other.dport = 7627;
	from_inside(g, &other);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_OUT), 0);
	other.dport = 69;
	cr_expect_eq(from_inside(g, &other).verdict, REDIRECT, "what is none goes there");
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_OUT), 1);
}

Test(anchor, visited_delivers_from_home)
{
	struct gateway *g = arrived(0, false);
	struct packet inner = tcp(CN, 80, V, P, F_ACK), in = wrap(HOME, VISITED, &inner);
	struct packet want = hop(tcp(CN, 80, A_VISITED, P, F_ACK), mac_in, mac_router);
	struct run run = from_outside(g, &in);

	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "visited to node");
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_IN), 1);
}

/* Paragraph 78: straight to the correspondent, as the home gateway. */
Test(anchor, visited_speaks_as_home)
{
	struct gateway *g = arrived(MNAT_ANCHOR_DIRECT, false);
	struct packet out = tcp(A_VISITED, P, CN, 80, F_ACK);
	struct packet want = hop(tcp(HOME, 7088, CN, 80, F_ACK), mac_out, mac_isp);
	struct mnat_elsewhere as = { ip4(HOME), htons(7088), MNAT_ANCHORED, 0, 0 };
	struct mnat_session_key key = session_key();
	struct run run;

	gateway_import(g, &key);
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, "elsewhere"), &key, &as, 0), 0);
	run = from_inside(g, &out);
	expect_frame(&run, &want, "direct");
	cr_expect_eq(gateway_count(g, MNAT_C_DIRECT_OUT), 1);
}

/* The node has gone on to a third domain: what still comes from home follows it. */
Test(anchor, visited_forwards_to_the_next)
{
	struct gateway *g = arrived(0, false);
	struct packet inner = tcp(CN, 80, V, P, F_ACK), in = wrap(HOME, VISITED, &inner);
	struct packet want = wrap(VISITED, "192.0.2.1", &inner);
	struct run run;

	gateway_send_away(g, TEST_HOST, V, "192.0.2.1");
	run = from_outside(g, &in);
	inner.ttl = 63;
	expect_frame(&run, &want, "to the third gateway");
}

Test(anchor, sweep_of_an_imported_session)
{
	struct gateway *g = arrived(0, false);
	struct mnat_session_key key = session_key();
	uint32_t late = gateway_now() + 8000;

	gateway_import(g, &key);
	cr_expect_eq(gateway_sweep(g, late).marked, 1);
	cr_expect_eq(gateway_sweep(g, late).deleted, 1);
	cr_expect_eq(gateway_count(g, MNAT_C_BINDING_FREED), 0);
}

/* ---- a smaller MTU, and ICMP errors ---- */

Test(anchor, too_big_for_the_tunnel)
{
	struct gateway *g = departed();
	struct packet in = tcp(CN, 80, HOME, 7088, F_ACK);
	struct packet want = { .src = HOME, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 3,
			       .icmp_code = 4, .mtu = 1480, .id_zero = 1, .ours = 1, .smac = mac_out,
			       .inner = &in };
	struct run run;

	in.frag = 0x4000;
	in.payload = 1460;
	run = from_outside(g, &in);
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "ICMP 3/4");
	cr_expect_eq(gateway_count(g, MNAT_C_TOO_BIG_TOLD), 1);
	in.frag = 0;
	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TOO_BIG_SPLIT), 1);
	in.payload = 1440; /* 1480 and 20 fit */
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_AWAY), 1);
}

Test(icmp_error, from_outside)
{
	static const uint8_t kinds[][2] = { { 3, 1 }, { 3, 3 }, { 3, 4 }, { 11, 0 }, { 12, 0 } };
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });

	gateway_place(g, TEST_HOST, A_HOME, 1);
	for (size_t p = 0; p < sizeof(protocols); p++) {
		struct packet out = tcp(A_HOME, P, CN, 80, F_SYN), sent, quoted;

		out.proto = protocols[p];
		out.icmp_type = 8;
		cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
		sent = out;
		sent.src = HOME, sent.sport = 7088, sent.ttl = 40;
		quoted = out;
		quoted.ttl = 40;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			struct packet error = { .src = "64.236.1.1", .dst = HOME,
						.proto = IPPROTO_ICMP, .icmp_type = kinds[k][0],
						.icmp_code = kinds[k][1], .mtu = 1400,
						.inner = &sent };
			struct packet want = hop(error, mac_in, mac_router);
			struct run run = from_outside(g, &error);

			want.dst = A_HOME;
			want.inner = &quoted;
			cr_assert_eq(run.verdict, REDIRECT);
			expect_frame(&run, &want, "error");
		}
	}
	cr_expect_eq(gateway_count(g, MNAT_C_ICMP_ERROR_IN), 15);
	cr_expect_eq(gateway_sessions(g), 3);
}

/* RFC 5508 REQ-4, 5: from a host and from a router inside, both seen as the external address. */
Test(icmp_error, from_inside)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });
	static const char *const speakers[] = { A_HOME, "10.0.7.1" };
	struct packet out = { .src = A_HOME, .dst = CN, .sport = P, .dport = 80,
			      .proto = IPPROTO_UDP, .payload = 9 };
	struct packet got = { .src = CN, .dst = A_HOME, .sport = 80, .dport = P,
			      .proto = IPPROTO_UDP, .payload = 9 };
	struct packet sent = got;

	gateway_place(g, TEST_HOST, A_HOME, 1);
	cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
	sent.dst = HOME, sent.dport = 7088;
	for (int i = 0; i < 2; i++) {
		struct packet error = { .src = speakers[i], .dst = CN, .proto = IPPROTO_ICMP,
					.icmp_type = 3, .icmp_code = 3, .inner = &got };
		struct packet want = hop(error, mac_out, mac_isp);
		struct run run = from_inside(g, &error);

		want.src = HOME;
		want.inner = &sent;
		cr_assert_eq(run.verdict, REDIRECT);
		expect_frame(&run, &want, "error");
	}
	cr_expect_eq(gateway_count(g, MNAT_C_ICMP_ERROR_OUT), 2);
}

/* An error about a packet of a departed host goes after it. */
Test(icmp_error, through_the_tunnel)
{
	struct gateway *g = departed();
	struct packet sent = tcp(HOME, 7088, CN, 80, F_ACK), quoted = tcp(V, P, CN, 80, F_ACK);
	struct packet error = { .src = "64.236.1.1", .dst = HOME, .proto = IPPROTO_ICMP,
				.icmp_type = 3, .icmp_code = 4, .mtu = 1400, .inner = &sent };
	struct packet inner = error, want = wrap(HOME, VISITED, &inner);
	struct run run = from_outside(g, &error);

	inner.dst = V, inner.inner = &quoted, inner.ttl = 63;
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "home to visited");
}

Test(icmp_error, out_of_the_tunnel)
{
	struct gateway *g = arrived(0, false);
	struct packet quoted = tcp(V, P, CN, 80, F_ACK), seen = tcp(A_VISITED, P, CN, 80, F_ACK);
	struct packet error = { .src = "64.236.1.1", .dst = V, .proto = IPPROTO_ICMP,
				.icmp_type = 3, .icmp_code = 4, .mtu = 1400, .inner = &quoted };
	struct packet in = wrap(HOME, VISITED, &error), want = hop(error, mac_in, mac_router);
	struct run run = from_outside(g, &in);

	want.dst = A_VISITED, want.inner = &seen;
	cr_assert_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "visited to node");
}
