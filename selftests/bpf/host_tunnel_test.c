// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tunnel mode at the gateway (figure 3A, features 6.7; seed paragraph 56), and ICMP 3/4
 * about tunnels of every kind.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "gateway.h"

#define CN "128.59.16.149"
#define OURS "135.180.32.4"
#define VISITED "143.32.2.70"
#define V "10.128.0.2"
#define A "10.0.2.7"
#define ROUTER "10.0.9.1"
#define P 1756

static struct packet hop(struct packet p, const uint8_t *smac, const uint8_t *dmac)
{
	p.ttl = 63, p.smac = smac, p.dmac = dmac;
	return p;
}

static struct gateway *start(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });

	gateway_tunnel(g, TEST_HOST, V, A);
	return g;
}

/* ICMP 3/4 by somebody on the way, which quotes the tunnel packet's first 48 bytes. */
static struct packet narrow(const char *by, const char *to, const struct packet *outer)
{
	return (struct packet){ .src = by, .dst = to, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 4, .mtu = 1400, .inner = outer, .quote = 28 };
}

/* Both ways out leave the same packet and the same session. */
Test(host_tunnel, out)
{
	struct packet plain = tcp(A, P, CN, 80, F_SYN), inner = tcp(V, P, CN, 80, F_ACK);
	struct packet outer = ipip(A, OURS, &inner), want;
	struct gateway *g = start();
	struct run run = from_inside(g, &plain);

	want = hop(tcp(OURS, 7088, CN, 80, F_SYN), mac_out, mac_isp);
	expect_frame(&run, &want, "plain");
	run = from_inside(g, &outer);
	want.tcp_flags = F_ACK;
	cr_expect_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "by tunnel");
	cr_expect_eq(gateway_sessions(g), 1);
	cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 2);
	cr_expect_eq(gateway_count(g, MNAT_C_HOST_TUNNEL_OUT), 1);
}

/* Figure 8 in tunnel mode: outer gateway -> 10.0.2.7, inner CN:80 -> 10.128.0.2:1756. */
Test(host_tunnel, in)
{
	struct packet syn = tcp(A, P, CN, 80, F_SYN), in = tcp(CN, 80, OURS, 7088, F_ACK);
	struct packet inner = tcp(CN, 80, V, P, F_ACK), want = ipip(OURS, A, &inner);
	struct gateway *g = start();
	struct run run;

	cr_assert_eq(from_inside(g, &syn).verdict, REDIRECT);
	run = from_outside(g, &in);
	inner.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	cr_expect_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "in");
	cr_expect_eq(run.len, 14 + 20 + 20 + 20 + 100);
}

/* The host says "port unreachable" about what it got by tunnel. */
Test(host_tunnel, error_from_the_host)
{
	struct packet syn = tcp(A, P, CN, 80, F_SYN), got = tcp(CN, 80, V, P, F_ACK), sent = got;
	struct packet error = { .src = V, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 3, .inner = &got };
	struct packet outer = ipip(A, OURS, &error), want = hop(error, mac_out, mac_isp);
	struct gateway *g = start();
	struct run run;

	cr_assert_eq(from_inside(g, &syn).verdict, REDIRECT);
	run = from_inside(g, &outer);
	sent.dst = OURS, sent.dport = 7088;
	want.src = OURS, want.inner = &sent;
	cr_expect_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "error");
}

Test(host_tunnel, refusals)
{
	struct packet inner = tcp(V, P, CN, 80, F_SYN), unknown = ipip("10.77.0.1", OURS, &inner);
	struct packet plain = ipip("10.0.3.3", OURS, &inner);
	struct gateway *g = start();

	cr_expect_eq(from_inside(g, &unknown).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_NO_HOST), 1);
	cr_expect_eq(from_inside(g, &plain).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_UNKNOWN), 1);
	cr_expect_eq(gateway_sessions(g), 0);
}

/* Gateway to host: the correspondent is told, about the packet it sent. */
Test(tunnel_narrow, to_a_host_here)
{
	struct packet syn = tcp(A, P, CN, 80, F_SYN), inside = tcp(CN, 80, V, P, F_ACK);
	struct packet outer = ipip(OURS, A, &inside), sent = tcp(CN, 80, OURS, 7088, F_ACK);
	struct packet error = narrow(ROUTER, OURS, &outer), want;
	struct gateway *g = start();
	struct run run;

	cr_assert_eq(from_inside(g, &syn).verdict, REDIRECT);
	run = from_inside(g, &error);
	want = hop(error, mac_out, mac_isp);
	want.src = OURS, want.dst = CN, want.mtu = 1380, want.inner = &sent, want.quote = 8;
	cr_expect_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "told");
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_NARROW), 1);
}

/* Home to visited. */
Test(tunnel_narrow, to_a_visited_gateway)
{
	struct packet syn = tcp(A, P, CN, 80, F_SYN), inside = tcp(CN, 80, V, P, F_ACK);
	struct packet outer = ipip(OURS, VISITED, &inside), sent = tcp(CN, 80, OURS, 7088, F_ACK);
	struct packet error = narrow("198.51.100.1", OURS, &outer), want;
	struct gateway *g = start();
	struct run run;

	cr_assert_eq(from_inside(g, &syn).verdict, REDIRECT);
	gateway_send_away(g, TEST_HOST, V, VISITED);
	run = from_outside(g, &error);
	want = hop(error, mac_out, mac_isp);
	want.src = OURS, want.dst = CN, want.mtu = 1380, want.inner = &sent, want.quote = 8;
	cr_expect_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "told");
}

/* Visited to home: the visiting host is told. */
Test(tunnel_narrow, from_a_visiting_host)
{
	struct packet inside = tcp("10.160.0.5", P, CN, 80, F_ACK), seen = tcp(A, P, CN, 80, F_ACK);
	struct packet outer = ipip(OURS, VISITED, &inside);
	struct packet error = narrow("198.51.100.1", OURS, &outer), want;
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });
	struct run run;

	gateway_place(g, TEST_HOST, A, 1);
	gateway_anchor(g, TEST_HOST, VISITED, "10.160.0.5", 0);
	gateway_admit(g, VISITED, "10.160.0.5", TEST_HOST);
	run = from_outside(g, &error);
	want = hop(error, mac_in, mac_router);
	want.dst = A, want.mtu = 1380, want.inner = &seen, want.quote = 8;
	cr_expect_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "told");
}

/* About tunnels that are not ours, or too small to be true: nothing is told. */
Test(tunnel_narrow, hostile)
{
	struct packet inside = tcp(CN, 80, "10.128.0.9", P, F_ACK);
	struct packet outer = ipip(OURS, VISITED, &inside), foreign = ipip("198.51.100.9", CN, &inside);
	struct packet rows[] = { narrow("198.51.100.1", OURS, &outer),
				 narrow("198.51.100.1", OURS, &outer),
				 narrow("198.51.100.1", OURS, &foreign) };
	struct gateway *g = start();

	rows[1].mtu = 60;
	for (int i = 0; i < 3; i++)
		cr_expect_neq(from_outside(g, &rows[i]).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_NARROW), 0);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_MALFORMED), 1);
	cr_expect_eq(gateway_count(g, MNAT_C_ICMP_ERROR_UNKNOWN), 1);
}
