// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between domains by translation (features 6.10, first column): what comes for a host that
 * visits elsewhere goes to the port its session has at the visited gateway.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "gateway.h"

#define CN "64.236.16.20"
#define HOME "135.180.32.4"
#define VISITED "143.32.2.70"
#define V "10.128.0.2"
#define A_HOME "10.0.2.24"
#define A_VISITED "10.0.5.19"
#define P 3000
#define EXT 7088  /* h: the session's port at home */
#define PORT 4711 /* v: ... and at the visited gateway */
#define STAY 3

static const struct {
	uint8_t ip_proto;
	uint8_t proto;
} protocols[] = {
	{ IPPROTO_TCP, MNAT_TCP },
	{ IPPROTO_UDP, MNAT_UDP },
	{ IPPROTO_ICMP, MNAT_ICMP },
};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* From the correspondent's side: of ICMP, whose two identifiers are one, an echo reply. */
static struct packet to(uint8_t ip_proto, const char *src, uint16_t sport, const char *dst,
			uint16_t dport)
{
	return (struct packet){ .src = src, .dst = dst, .proto = ip_proto, .tcp_flags = F_ACK,
				.sport = ip_proto == IPPROTO_ICMP ? dport : sport, .dport = dport,
				.payload = 100 };
}

static struct packet hop(struct packet p, const uint8_t *smac, const uint8_t *dmac)
{
	p.ttl = 63, p.smac = smac, p.dmac = dmac;
	return p;
}

static struct mnat_session_key key_of(uint8_t proto)
{
	return (struct mnat_session_key){ .host = TEST_HOST, .remote = ip4(CN), .port = htons(P),
					  .remote_port = htons(proto == MNAT_ICMP ? 0 : 80),
					  .proto = proto };
}

static void put(struct gateway *g, const char *map, const void *key, const void *value)
{
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, map), key, value, BPF_ANY), 0);
}

static int has(struct gateway *g, const char *map, const void *key)
{
	uint8_t value[64];

	return !bpf_map_lookup_elem(gateway_map(g, map), key, value);
}

static void expect(struct gateway *g, struct run run, const struct packet *want,
		   enum mnat_counter_id counter, uint64_t n, const char *what)
{
	cr_assert_eq(run.verdict, REDIRECT, "%s", what);
	expect_frame(&run, want, what);
	cr_expect_eq(gateway_count(g, counter), n, "%s", what);
}

/* ---- home ---- */

static void locate(struct gateway *g, uint8_t flags, uint32_t stay)
{
	struct mnat_host_info info = { .virt = ip4(V), .identity = ip4(V), .stay = stay };
	uint64_t word = mnat_location(ip4(VISITED), MNAT_PATH_TUNNEL, flags, 9);
	uint32_t host = TEST_HOST;

	put(g, "host_info", &host, &info);
	put(g, "hosts", &host, &word);
}

/* Sessions of all protocols begun at home; the node is behind the visited gateway now. */
static struct gateway *departed_from(struct gateway_setup setup, uint8_t flags)
{
	struct gateway *g = gateway_start(setup);

	gateway_place(g, TEST_HOST, A_HOME, 1);
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		struct packet out = to(protocols[i].ip_proto, A_HOME, P, CN, 80);
		struct mnat_elsewhere there = { ip4(VISITED), htons(PORT), MNAT_FORWARDED, flags,
						STAY };
		struct mnat_elsewhere cn = { ip4(CN), htons(80), MNAT_CORRESPONDENT, 0, 0 };
		struct mnat_session_key key = key_of(protocols[i].proto), back = key;

		out.tcp_flags = F_SYN;
		if (out.proto == IPPROTO_ICMP)
			out.sport = P, out.icmp_type = 8;
		cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
		put(g, "elsewhere", &key, &there);
		back.remote = there.addr, back.remote_port = there.port;
		if (out.proto != IPPROTO_ICMP)
			put(g, "elsewhere", &back, &cn);
	}
	locate(g, MNAT_HOST_FORWARDED, STAY);
	return g;
}

static struct gateway *departed(uint8_t flags)
{
	return departed_from((struct gateway_setup){ EXT, 1 }, flags);
}

Test(relay, home_translates_as_itself)
{
	struct gateway *g = departed(0);

	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		struct packet in = to(protocols[i].ip_proto, CN, 80, HOME, EXT);
		struct packet want = hop(to(in.proto, HOME, EXT, VISITED, PORT), mac_out, mac_isp);

		expect(g, from_outside(g, &in), &want, MNAT_C_FORWARDED_PORT, i + 1, "to visited");
	}
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_AWAY), 0);
}

Test(relay, home_keeps_the_source)
{
	struct gateway *g = departed(MNAT_KEEP_SOURCE);

	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		struct packet in = to(protocols[i].ip_proto, CN, 80, HOME, EXT);
		struct packet want = hop(to(in.proto, CN, 80, VISITED, PORT), mac_out, mac_isp);

		expect(g, from_outside(g, &in), &want, MNAT_C_FORWARDED_PORT, i + 1, "to visited");
	}
}

/* Until the visited gateway's port is known, and if it is of another stay: by tunnel. */
Test(relay, home_tunnels_what_has_no_port)
{
	struct gateway *g = departed(0);
	struct packet known = to(IPPROTO_UDP, CN, 80, HOME, EXT);
	struct packet other = to(IPPROTO_UDP, CN, 81, HOME, EXT);

	cr_expect_eq(from_outside(g, &other).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_AWAY), 1);
	locate(g, MNAT_HOST_FORWARDED, STAY + 1);
	cr_expect_eq(from_outside(g, &known).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_AWAY), 2);
	locate(g, 0, STAY);
	cr_expect_eq(from_outside(g, &known).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_AWAY), 3);
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_PORT), 0);
}

/* No byte is added: what fits the link to home fits the one to the visited gateway. */
Test(relay, home_takes_full_packets)
{
	struct gateway *g = departed(0);
	struct packet in = to(IPPROTO_TCP, CN, 80, HOME, EXT);
	struct packet want = { .src = HOME, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 3,
			       .icmp_code = 4, .mtu = 1500, .id_zero = 1, .ours = 1,
			       .smac = mac_out, .inner = &in };

	in.frag = 0x4000;
	in.payload = 1460;
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_FORWARDED_PORT), 1);
	in.payload = 1480;
	expect(g, from_outside(g, &in), &want, MNAT_C_TOO_BIG_TOLD, 1, "ICMP 3/4");
}

Test(relay, home_notes_the_end_and_the_ttl)
{
	struct gateway *g = departed(0);
	struct mnat_session_key key = key_of(MNAT_TCP);
	struct packet in = to(IPPROTO_TCP, CN, 80, HOME, EXT);
	struct mnat_session session;

	in.tcp_flags = F_RST;
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
	cr_assert(mnat_session_get(gateway_table(g), &key, &session));
	cr_expect(session.flags & MNAT_SEEN_RST);
	in.ttl = 1;
	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TTL_EXPIRED_IN), 1);
}

/* Where nothing comes back this way, what comes in keeps the session alive. */
Test(relay, home_keeps_one_way_sessions)
{
	struct gateway *g = departed(0);
	struct mnat_session_key key = key_of(MNAT_UDP);
	struct packet in = to(IPPROTO_UDP, CN, 80, HOME, EXT);
	struct mnat_session session;

	for (int one_way = 0; one_way < 2; one_way++) {
		cr_assert(mnat_session_get(gateway_table(g), &key, &session));
		session.last_seen = 1;
		cr_assert_eq(mnat_session_change(gateway_table(g), &key, &session), 0);
		locate(g, MNAT_HOST_FORWARDED | (one_way ? MNAT_HOST_ONE_WAY : 0), STAY);
		cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
		cr_assert(mnat_session_get(gateway_table(g), &key, &session));
		cr_expect_eq(session.last_seen != 1, one_way);
	}
}

Test(relay, home_sweeps_what_was_forwarded)
{
	struct gateway *g = departed(0);
	uint32_t late = gateway_now() + 8000;

	cr_expect_eq(gateway_sweep(g, late).marked, 3);
	cr_expect_eq(gateway_sweep(g, late).deleted, 3);
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		struct mnat_session_key key = key_of(protocols[i].proto), back = key;

		back.remote = ip4(VISITED), back.remote_port = htons(PORT);
		cr_expect_not(has(g, "elsewhere", &key));
		cr_expect_not(has(g, "elsewhere", &back));
	}
}

/* A router on the way to the visited gateway speaks of the packet as we sent it. */
static void errors_come_back(struct gateway *g)
{
	static const uint8_t kinds[] = { IPPROTO_TCP, IPPROTO_UDP };

	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct packet sent = to(kinds[i], HOME, EXT, VISITED, PORT);
		struct packet was = to(kinds[i], CN, 80, HOME, EXT);
		struct packet error = { .src = "192.0.2.1", .dst = HOME, .proto = IPPROTO_ICMP,
					.icmp_type = 3, .icmp_code = 4, .mtu = 1400,
					.inner = &sent };
		struct packet want = hop(error, mac_out, mac_isp);

		want.src = HOME, want.dst = CN, want.inner = &was;
		expect(g, from_outside(g, &error), &want, MNAT_C_ICMP_ERROR_OUT, i + 1, "error");
	}
}

Test(relay, home_sends_errors_back_to_the_correspondent)
{
	errors_come_back(departed(0));
}

/* The host has not sent to the visited gateway; what is forwarded there is no less its. */
Test(relay, home_filters_no_errors_of_what_it_forwards)
{
	const struct gateway_setup setup = { EXT, 1, .filtering = MNAT_FILTERING_ADDRESS };

	errors_come_back(departed_from(setup, 0));
}

static struct packet wrap(const char *from, const char *to_end, const struct packet *inner)
{
	return (struct packet){ .src = from, .dst = to_end, .proto = IPPROTO_IPIP, .frag = 0x4000,
				.id_zero = 1, .inner = inner, .smac = mac_out, .dmac = mac_isp };
}

/* By tunnel, the correspondent as outer source (C1). */
Test(relay, home_tunnels_as_the_correspondent)
{
	struct gateway *g = departed(MNAT_KEEP_SOURCE);
	struct mnat_session_key key = key_of(MNAT_UDP);
	struct mnat_elsewhere there = { ip4(VISITED), 0, MNAT_FORWARDED, MNAT_KEEP_SOURCE, STAY };
	struct packet in = to(IPPROTO_UDP, CN, 80, HOME, EXT);
	struct packet inner = to(IPPROTO_UDP, CN, 80, V, P), want = wrap(CN, VISITED, &inner);

	inner.ttl = 63;
	put(g, "elsewhere", &key, &there);
	expect(g, from_outside(g, &in), &want, MNAT_C_FORWARDED_AWAY, 1, "as the correspondent");
}

/* ---- visited ---- */

static const char *const visited_external = VISITED;

static uint32_t index_of(uint8_t proto)
{
	return proto * 64u + PORT % 64; /* one address, one port, one block of 64 */
}

/* As mnat-midcomd makes it: packets come from that endpoint. */
static struct gateway *arrived(const char *from, uint16_t from_port, uint32_t flags)
{
	struct gateway *g = gateway_start((struct gateway_setup){ PORT, 1, visited_external });

	gateway_place(g, TEST_HOST, A_VISITED, 1);
	gateway_anchor(g, TEST_HOST, HOME, V, flags);
	gateway_admit(g, HOME, V, TEST_HOST);
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		struct mnat_session_key key = key_of(protocols[i].proto);
		uint32_t index = index_of(protocols[i].proto);
		struct mnat_elsewhere there = { ip4(HOME), htons(EXT), MNAT_ANCHORED, 0, index + 1 };
		struct mnat_relay relay = { key, ip4(from), htons(key.remote_port ? from_port : 0),
					    0, ip4(V) };
		struct mnat_binding binding = { MNAT_OWNER_RULE | 1, 1, 0 };

		gateway_import(g, &key);
		put(g, "elsewhere", &key, &there);
		put(g, "relays", &index, &relay);
		put(g, "bindings", &index, &binding);
	}
	return g;
}

static void expect_delivered(struct gateway *g, const char *from, uint16_t from_port)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		struct packet in = to(protocols[i].ip_proto, from, from_port, VISITED, PORT);
		struct packet want = hop(to(in.proto, CN, 80, A_VISITED, P), mac_in, mac_router);

		expect(g, from_outside(g, &in), &want, MNAT_C_RELAY_IN, i + 1, "to the node");
	}
}

Test(relay, visited_restores_the_correspondent)
{
	expect_delivered(arrived(HOME, EXT, 0), HOME, EXT);
}

Test(relay, visited_delivers_as_it_came)
{
	expect_delivered(arrived(CN, 80, 0), CN, 80);
}

/* From the session's other end only, and that is one of the two. */
Test(relay, visited_believes_only_the_other_end)
{
	static const struct {
		const char *src;
		uint16_t sport;
	} others[] = { { HOME, 7089 }, { "135.180.32.5", EXT }, { CN, 80 }, { "198.51.100.1", EXT } };
	struct gateway *g = arrived(HOME, EXT, 0);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct packet in = to(IPPROTO_UDP, others[i].src, others[i].sport, VISITED, PORT);

		cr_expect_eq(from_outside(g, &in).verdict, SHOT);
		cr_expect_eq(gateway_count(g, MNAT_C_RELAY_UNKNOWN), i + 1);
	}
	cr_expect_eq(gateway_count(g, MNAT_C_RELAY_IN), 0);
}

Test(relay, visited_sends_back_both_ways)
{
	static const uint32_t flags[] = { 0, MNAT_ANCHOR_DIRECT };
	struct packet out = to(IPPROTO_TCP, A_VISITED, P, CN, 80);
	struct packet direct = hop(to(IPPROTO_TCP, HOME, EXT, CN, 80), mac_out, mac_isp);
	struct packet inner = to(IPPROTO_TCP, V, P, CN, 80);
	struct packet tunnel = { .src = VISITED, .dst = HOME, .proto = IPPROTO_IPIP, .frag = 0x4000,
				 .id_zero = 1, .inner = &inner, .smac = mac_out, .dmac = mac_isp };

	inner.ttl = 63;
	for (int i = 0; i < 2; i++) {
		struct gateway *g = arrived(HOME, EXT, MNAT_ANCHOR_TRANSLATE | flags[i]);

		expect(g, from_inside(g, &out), i ? &direct : &tunnel,
		       i ? MNAT_C_DIRECT_OUT : MNAT_C_TUNNEL_OUT, 1, "back");
	}
}

/* The node has gone on: after it by tunnel, as one of this gateway's own. */
Test(relay, visited_forwards_to_the_next)
{
	struct gateway *g = arrived(HOME, EXT, 0);
	struct packet in = to(IPPROTO_UDP, HOME, EXT, VISITED, PORT);
	struct packet inner = to(IPPROTO_UDP, CN, 80, "10.160.0.2", P);
	struct packet want = { .src = VISITED, .dst = "192.0.2.1", .proto = IPPROTO_IPIP,
			       .frag = 0x4000, .id_zero = 1, .inner = &inner, .smac = mac_out,
			       .dmac = mac_isp };

	inner.ttl = 63;
	gateway_send_away(g, TEST_HOST, "10.160.0.2", "192.0.2.1");
	expect(g, from_outside(g, &in), &want, MNAT_C_FORWARDED_AWAY, 1, "to the third gateway");
}

/* It is here, in tunnel mode: by the address that its session has. */
Test(relay, visited_delivers_by_the_hosts_tunnel)
{
	struct gateway *g = arrived(HOME, EXT, 0);
	uint64_t word = mnat_location(ip4(A_VISITED), MNAT_PATH_TUNNEL, MNAT_HOST_TUNNELLED, 2);
	struct mnat_host_info info = { .virt = ip4("10.160.0.2"), .identity = ip4("10.160.0.2") };
	struct packet inner = to(IPPROTO_TCP, CN, 80, V, P), by_tunnel = wrap(HOME, VISITED, &inner);
	struct packet in = to(IPPROTO_TCP, HOME, EXT, VISITED, PORT), sent = inner;
	struct packet want = { .src = VISITED, .dst = A_VISITED, .proto = IPPROTO_IPIP,
			       .frag = 0x4000, .id_zero = 1, .inner = &sent, .smac = mac_in,
			       .dmac = mac_router };
	uint32_t host = TEST_HOST;

	sent.ttl = 63;
	put(g, "host_info", &host, &info);
	put(g, "hosts", &host, &word);
	expect(g, from_outside(g, &in), &want, MNAT_C_FORWARDED_AWAY, 1, "translated by home");
	expect(g, from_outside(g, &by_tunnel), &want, MNAT_C_FORWARDED_AWAY, 2, "by home's tunnel");
}

Test(relay, visited_notes_the_end_and_the_ttl)
{
	struct gateway *g = arrived(HOME, EXT, 0);
	struct mnat_session_key key = key_of(MNAT_TCP);
	struct packet in = to(IPPROTO_TCP, HOME, EXT, VISITED, PORT);
	struct mnat_session session;

	in.tcp_flags = F_FIN | F_ACK;
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
	cr_assert(mnat_session_get(gateway_table(g), &key, &session));
	cr_expect(session.flags & MNAT_SEEN_FIN_IN);
	in.ttl = 1;
	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TTL_EXPIRED_IN), 1);
}

/* With the session goes its port. */
Test(relay, visited_sweeps_the_port)
{
	struct gateway *g = arrived(HOME, EXT, 0);
	struct packet in = to(IPPROTO_UDP, HOME, EXT, VISITED, PORT);
	uint32_t now = gateway_now(), late = now + 8000;
	struct mnat_sweep swept;

	cr_expect_eq(gateway_sweep(g, late).marked, 3);
	swept = gateway_sweep(g, late);
	cr_expect_eq(swept.deleted, 3);
	cr_expect_eq(swept.freed, 3);
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		uint32_t index = index_of(protocols[i].proto);
		struct mnat_session_key key = key_of(protocols[i].proto);
		struct mnat_binding binding;

		cr_expect_not(has(g, "elsewhere", &key));
		cr_expect_not(has(g, "relays", &index));
		cr_assert_eq(bpf_map_lookup_elem(gateway_map(g, "bindings"), &index, &binding), 0);
		cr_expect_eq(binding.owner, 0);
		cr_expect_eq(binding.refs, 0);
		cr_expect_geq(binding.created, now, "when it was freed");
	}
	cr_expect_eq(from_outside(g, &in).verdict, OK);
	cr_expect_eq(gateway_count(g, MNAT_C_NO_BINDING), 1);
}

/* An error of the node, or of a router before it: of what the correspondent has sent. */
Test(relay, visited_sends_errors_to_the_correspondent)
{
	struct gateway *g = arrived(HOME, EXT, 0);
	struct packet got = to(IPPROTO_UDP, CN, 80, A_VISITED, P);
	struct packet was = to(IPPROTO_UDP, CN, 80, HOME, EXT);
	struct packet error = { .src = A_VISITED, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 3,
				.icmp_code = 3, .inner = &got };
	struct packet want = hop(error, mac_out, mac_isp);

	want.src = VISITED, want.inner = &was;
	expect(g, from_inside(g, &error), &want, MNAT_C_ICMP_ERROR_OUT, 1, "error");
}

/* The link to the node takes less than came: the correspondent hears of what it has sent. */
Test(relay, visited_tells_of_a_smaller_link)
{
	static const char *const from[] = { HOME, CN };

	for (int tunnel = 0; tunnel < 2; tunnel++) {
		for (int i = 0; i < 2; i++) {
			struct gateway *g = arrived(from[i], i ? 80 : EXT, 0);
			struct packet was = to(IPPROTO_TCP, CN, 80, HOME, EXT), in = was, inner = was;
			struct packet want = { .src = VISITED, .dst = CN, .proto = IPPROTO_ICMP,
					       .icmp_type = 3, .icmp_code = 4, .mtu = 1400,
					       .id_zero = 1, .ours = 1, .smac = mac_out, .inner = &was };

			cr_assert_eq(system("ip link set in mtu 1400"), 0);
			was.frag = in.frag = inner.frag = 0x4000;
			was.payload = in.payload = inner.payload = 1430;
			in.src = from[i], in.dst = VISITED, in.dport = PORT;
			in.sport = i ? 80 : EXT;
			inner.dst = V, inner.dport = P;
			if (tunnel)
				in = (struct packet){ .src = HOME, .dst = VISITED,
						      .proto = IPPROTO_IPIP, .inner = &inner };
			expect(g, from_outside(g, &in), &want, MNAT_C_TOO_BIG_TOLD, 1, "ICMP 3/4");
		}
	}
}

/* Tunnel packets in a correspondent's name: of itself, and to the host only. */
Test(relay, visited_takes_the_correspondents_tunnel)
{
	struct gateway *g = arrived(HOME, EXT, 0);
	struct mnat_arrival_key key = { ip4(CN), ip4(V) };
	uint32_t host = TEST_HOST | MNAT_ARRIVAL_TO;
	struct packet inner = to(IPPROTO_TCP, CN, 80, V, P), in = wrap(CN, VISITED, &inner);
	struct packet other = to(IPPROTO_TCP, "64.236.16.21", 80, V, P);
	struct packet not_his = wrap(CN, VISITED, &other);
	struct packet mine = to(IPPROTO_TCP, V, P, CN, 80), as_the_node = wrap(CN, VISITED, &mine);
	struct packet want = hop(to(IPPROTO_TCP, CN, 80, A_VISITED, P), mac_in, mac_router);

	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	put(g, "arrivals", &key, &host);
	expect(g, from_outside(g, &in), &want, MNAT_C_TUNNEL_IN, 1, "to the node");
	cr_expect_eq(from_outside(g, &not_his).verdict, SHOT);
	cr_expect_eq(from_outside(g, &as_the_node).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_TUNNEL_UNKNOWN), 3);
}
