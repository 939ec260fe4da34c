// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hosts with one virtual address, by tunnel (feature A17; seed paragraph 58): each has its
 * sessions with correspondents, none has any inside the domain.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "gateway.h"

#define CN "128.59.16.149"
#define OURS "135.180.32.4"
#define V "10.128.9.1"
#define FIXED "10.0.4.9"
#define OTHER "10.128.0.3" /* an ordinary mobile host ... */
#define OTHER_AT "10.0.1.5"
#define ROUTER "10.0.9.1"
#define GATEWAY "10.0.0.1"
#define P 1756

/* Two hosts, and where each is. */
static const char *const identities[] = { "240.1.0.1", "240.1.0.2" };
static const char *const at[] = { "10.0.2.7", "10.10.1.2" };

static void put(struct gateway *g, uint32_t host, const char *actual)
{
	gateway_tunnel(g, TEST_HOST + host, identities[host], actual);
	gateway_share(g, TEST_HOST + host, identities[host], V);
}

static struct gateway *start(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7040, 128 });

	put(g, 0, at[0]);
	put(g, 1, at[1]);
	gateway_name(g, TEST_HOST + 2, OTHER);
	gateway_place(g, TEST_HOST + 2, OTHER_AT, 1);
	return g;
}

/* Out by the host's own tunnel; the external port it has. */
static uint16_t out(struct gateway *g, const char *from, uint8_t flags)
{
	struct packet inner = tcp(V, P, CN, 80, flags), outer = ipip(from, OURS, &inner);
	struct run run = from_inside(g, &outer);
	struct packet want = tcp(OURS, 0, CN, 80, flags);
	uint16_t port;

	cr_assert_eq(run.verdict, REDIRECT, "from %s: verdict %d", from, run.verdict);
	memcpy(&port, run.frame + 14 + 20, sizeof(port));
	want.sport = ntohs(port);
	want.ttl = 63, want.smac = mac_out, want.dmac = mac_isp;
	expect_frame(&run, &want, from);
	return want.sport;
}

static void in(struct gateway *g, uint16_t port, const char *to)
{
	struct packet got = tcp(CN, 80, OURS, port, F_ACK), inner = tcp(CN, 80, V, P, F_ACK);
	struct packet want = ipip(OURS, to, &inner);
	struct run run = from_outside(g, &got);

	inner.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	cr_assert_eq(run.verdict, REDIRECT, "to %s: verdict %d", to, run.verdict);
	expect_frame(&run, &want, to);
}

static void refused(struct gateway *g, struct packet p, const char *what)
{
	uint64_t before = gateway_count(g, MNAT_C_SHARED_IN_DOMAIN);

	cr_expect_eq(from_inside(g, &p).verdict, SHOT, "%s", what);
	cr_expect_eq(gateway_count(g, MNAT_C_SHARED_IN_DOMAIN), before + 1, "%s", what);
}

/* From V:1756 to one server, both, before and after moves: two sessions, two external ports. */
Test(shared, both_with_one_correspondent)
{
	struct gateway *g = start();
	uint16_t first = out(g, at[0], F_SYN), second = out(g, at[1], F_SYN);

	cr_assert_neq(first, second);
	cr_expect_eq(gateway_sessions(g), 2);
	in(g, first, at[0]);
	in(g, second, at[1]);
	put(g, 0, "10.0.3.8");
	in(g, first, "10.0.3.8");
	in(g, second, at[1]);
	cr_expect_eq(out(g, "10.0.3.8", F_ACK), first);
	cr_expect_eq(out(g, at[1], F_ACK), second);
	cr_expect_eq(gateway_sessions(g), 2);
	cr_expect_eq(gateway_count(g, MNAT_C_HOST_TUNNEL_OUT), 4);
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_AWAY), 4);
}

/* To V from anybody in the domain, and from those that have it to anybody, errors too. */
Test(shared, nothing_inside_the_domain)
{
	struct gateway *g = start();
	struct packet to_v = tcp(V, P, V, 80, F_SYN), to_fixed = tcp(V, P, FIXED, 80, F_SYN);
	struct packet to_other = tcp(V, P, OTHER, 80, F_SYN), to_at = tcp(V, P, at[1], 80, F_SYN);
	struct packet about = tcp(FIXED, 80, V, P, F_ACK);
	struct packet error = { .src = V, .dst = FIXED, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 3, .inner = &about };
	struct packet echo = { .src = FIXED, .dst = V, .proto = IPPROTO_ICMP, .icmp_type = 8 };

	refused(g, ipip(at[0], OURS, &to_v), "one to the other, by tunnel");
	refused(g, ipip(at[0], OURS, &to_at), "... to where it is");
	refused(g, tcp(at[1], P, V, 80, F_SYN), "... without one");
	refused(g, ipip(at[0], OURS, &to_fixed), "to a fixed host");
	refused(g, ipip(at[0], OURS, &to_other), "to a mobile one");
	refused(g, ipip(at[0], OURS, &error), "an error");
	refused(g, tcp(FIXED, P, V, 80, F_SYN), "from a fixed host");
	refused(g, tcp(OTHER_AT, P, V, 80, F_SYN), "from a mobile one");
	refused(g, tcp(V, P, FIXED, 80, F_SYN), "straight, with V for source");
	refused(g, echo, "echo");
	cr_expect_eq(gateway_sessions(g), 0);
}

/* At its external endpoint one is reached by the other as by anybody: hairpinning (RFC 4787). */
Test(shared, by_external_endpoint)
{
	struct gateway *g = start();
	uint16_t first = out(g, at[0], F_SYN), second = out(g, at[1], F_SYN);
	struct packet to = tcp(V, P, OURS, second, F_SYN), outer = ipip(at[0], OURS, &to);
	struct packet inner = tcp(OURS, first, V, P, F_SYN), want = ipip(OURS, at[1], &inner);
	struct run run = from_inside(g, &outer);

	inner.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
	cr_expect_eq(run.verdict, REDIRECT);
	expect_frame(&run, &want, "hairpin");
	cr_expect_eq(gateway_count(g, MNAT_C_SHARED_IN_DOMAIN), 0);
}

/*
 * DHCP, the gateway itself, and who looks after the host at its actual address: all know it
 * by that.
 */
Test(shared, what_is_not_of_the_address)
{
	struct gateway *g = start();
	struct packet dhcp = { .src = at[0], .sport = 68, .dst = FIXED, .dport = 67,
			       .proto = IPPROTO_UDP, .payload = 300 };
	struct packet look = tcp(FIXED, 5000, at[0], 22, F_SYN);
	struct packet answer = tcp(at[0], 22, FIXED, 5000, F_SYN | F_ACK);
	struct packet ask = tcp(V, 5001, GATEWAY, 53, F_SYN), by_tunnel = ipip(at[0], OURS, &ask);
	struct packet want = tcp(at[0], 5001, GATEWAY, 53, F_SYN);
	struct run run;

	cr_expect_eq(from_inside(g, &dhcp).verdict, OK);
	cr_expect_eq(from_inside(g, &look).verdict, OK);
	cr_expect_eq(from_inside(g, &answer).verdict, OK);
	cr_expect_eq(gateway_count(g, MNAT_C_INTRA_DOMAIN), 3);
	cr_expect_eq(from_inside(g, &want).verdict, OK);
	run = from_inside(g, &by_tunnel);
	cr_expect_eq(run.verdict, OK);
	expect_frame(&run, &want, "to the gateway, by tunnel");
	cr_expect_eq(gateway_count(g, MNAT_C_TO_GATEWAY), 2);
	cr_expect_eq(gateway_count(g, MNAT_C_SHARED_IN_DOMAIN), 0);
}

/* ICMP 3/4 about the tunnel to one of them: its own correspondent is told, of its own port. */
Test(shared, narrow_tunnel)
{
	struct gateway *g = start();
	uint16_t first = out(g, at[0], F_SYN), second = out(g, at[1], F_SYN);
	struct packet inside = tcp(CN, 80, V, P, F_ACK), outer = ipip(OURS, at[1], &inside);
	struct packet sent = tcp(CN, 80, OURS, second, F_ACK);
	struct packet error = { .src = ROUTER, .dst = OURS, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 4, .mtu = 1400, .inner = &outer, .quote = 28 };
	struct packet want = error;
	struct run run = from_inside(g, &error);

	want.ttl = 63, want.smac = mac_out, want.dmac = mac_isp;
	want.src = OURS, want.dst = CN, want.mtu = 1380, want.inner = &sent, want.quote = 8;
	cr_expect_eq(run.verdict, REDIRECT, "ports %u, %u", first, second);
	expect_frame(&run, &want, "told");
}
