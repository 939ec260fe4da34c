// SPDX-License-Identifier: GPL-2.0-only
/* Who is let in (RFC 4787 section 5, RFC 5382 REQ-3, REQ-4). */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <unistd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <string.h>

#include "gateway.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"
#define NODE "10.0.1.5"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct packet packet(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			    uint16_t dport)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = proto, .tcp_flags = F_SYN, .icmp_type = 8, .payload = 20 };
}

static struct packet answer(uint8_t proto, const char *src, uint16_t sport)
{
	struct packet p = packet(proto, src, proto == IPPROTO_ICMP ? 9000 : sport, EXTERNAL, 9000);

	p.tcp_flags = F_SYN | F_ACK;
	p.icmp_type = 0;
	return p;
}

Test(filter, policies)
{
	static const struct {
		const char *src;
		uint16_t sport;
		int verdict[3]; /* of each policy */
	} rows[] = {
		{ CN, 53, { REDIRECT, REDIRECT, REDIRECT } },
		{ CN, 54, { REDIRECT, REDIRECT, SHOT } },
		{ "128.59.16.150", 53, { REDIRECT, SHOT, SHOT } },
	};
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP };

	for (int policy = MNAT_FILTERING_NONE; policy <= MNAT_FILTERING_ADDRESS_PORT; policy++) {
		struct gateway *g = gateway_start(
			(struct gateway_setup){ 9000, 1, .filtering = (unsigned int)policy });

		gateway_place(g, TEST_HOST, NODE, 1);
		for (size_t proto = 0; proto < N(protocols); proto++) {
			struct packet out = packet(protocols[proto], NODE, 5004, CN, 53);

			cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
			for (size_t i = 0; i < N(rows); i++) {
				struct packet in = answer(protocols[proto], rows[i].src,
							  rows[i].sport);
				int verdict = rows[i].verdict[policy];

				if (protocols[proto] == IPPROTO_ICMP && i == 1)
					verdict = REDIRECT; /* it has no ports to go by */
				cr_expect_eq(from_outside(g, &in).verdict, verdict,
					     "policy %d, protocol %d, row %zu", policy,
					     protocols[proto], i);
			}
		}
		cr_expect_eq(gateway_sessions(g), 3);
	}
}

/* An address is let in for as long as a session would live, from the last packet to it. */
Test(filter, permission_ends)
{
	struct gateway *g = gateway_start(
		(struct gateway_setup){ 9000, 1, .filtering = MNAT_FILTERING_ADDRESS });
	struct packet out = packet(IPPROTO_UDP, NODE, 5004, CN, 53);
	struct packet in = answer(IPPROTO_UDP, CN, 54);
	struct mnat_session_key key = { .host = TEST_HOST, .remote = ip4(CN), .port = htons(5004),
					.proto = MNAT_UDP };
	uint32_t then = gateway_now() - 301;

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, "permits"), &key, &then, BPF_EXIST), 0);
	cr_expect_eq(from_outside(g, &in).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_FILTERED), 1);
	cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
	cr_expect_eq(from_outside(g, &in).verdict, REDIRECT);
}

/* An ICMP error is about a packet the host has sent, or it is nobody's. */
Test(filter, icmp_errors)
{
	struct gateway *g = gateway_start(
		(struct gateway_setup){ 9000, 1, .filtering = MNAT_FILTERING_ADDRESS_PORT });
	struct packet out = packet(IPPROTO_UDP, NODE, 5004, CN, 53);
	struct packet sent = packet(IPPROTO_UDP, EXTERNAL, 9000, CN, 53);
	struct packet error = { .src = "64.236.1.1", .dst = EXTERNAL, .proto = IPPROTO_ICMP,
				.icmp_type = 3, .icmp_code = 1, .inner = &sent };

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_assert_eq(from_inside(g, &out).verdict, REDIRECT);
	cr_expect_eq(from_outside(g, &error).verdict, REDIRECT);
	sent.dport = 54;
	cr_expect_eq(from_outside(g, &error).verdict, SHOT);
}

/* ---- unsolicited SYNs ---- */

static int remember(void *context, void *data, size_t size)
{
	cr_assert_eq(size, sizeof(struct mnat_syn));
	memcpy(context, data, size);
	return 0;
}

Test(filter, unsolicited_syn)
{
	static const struct {
		uint8_t flags;
		uint16_t port;
		int verdict, told;
		enum mnat_counter_id counter;
	} rows[] = {
		{ F_SYN, 9000, SHOT, 1, MNAT_C_SYN_UNSOLICITED },
		{ F_SYN, 9001, OK, 0, MNAT_C_NO_BINDING }, /* not in the pool */
		{ F_SYN | F_ACK, 9000, OK, 0, MNAT_C_NO_BINDING },
		{ F_ACK, 9000, OK, 0, MNAT_C_NO_BINDING },
		{ F_RST, 9000, OK, 0, MNAT_C_NO_BINDING },
	};
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct mnat_syn syn = {};
	struct ring_buffer *ring =
		ring_buffer__new(gateway_map(g, "syns"), remember, &syn, NULL);

	cr_assert_not_null(ring);
	for (size_t i = 0; i < N(rows); i++) {
		struct packet p = packet(IPPROTO_TCP, CN, 80, EXTERNAL, rows[i].port);
		uint64_t before = gateway_count(g, rows[i].counter);
		uint8_t frame[PACKET_MAX];

		p.tcp_flags = rows[i].flags;
		packet_build(&p, frame);
		cr_expect_eq(from_outside(g, &p).verdict, rows[i].verdict, "row %zu", i);
		cr_expect_eq(gateway_count(g, rows[i].counter), before + 1, "row %zu", i);
		cr_expect_eq(ring_buffer__consume(ring), rows[i].told, "row %zu", i);
		if (rows[i].told)
			cr_expect_arr_eq(syn.quote, frame + 14, sizeof(syn.quote));
	}
	ring_buffer__free(ring);
}

/* A manager, say, on the gateway's own address: the kernel has to see its SYNs. */
Test(filter, syn_to_a_program_on_the_gateway)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(9000),
				    .sin_addr.s_addr = ip4(EXTERNAL) };
	struct packet p = packet(IPPROTO_TCP, CN, 80, EXTERNAL, 9000);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	p.tcp_flags = F_SYN;
	cr_assert_eq(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)), 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_expect_eq(from_outside(g, &p).verdict, SHOT, "bound only");
	cr_assert_eq(listen(fd, 1), 0);
	cr_expect_eq(from_outside(g, &p).verdict, OK);
	cr_expect_eq(gateway_count(g, MNAT_C_NO_BINDING), 1);
	close(fd);
	cr_expect_eq(from_outside(g, &p).verdict, SHOT);
}

/* A flood loses answers, which is counted; nothing else comes of it. */
Test(filter, unsolicited_flood)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
	struct packet p = packet(IPPROTO_TCP, CN, 80, EXTERNAL, 9000);

	for (int i = 0; i < 3000; i++)
		cr_assert_eq(from_outside(g, &p).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_SYN_UNSOLICITED), 3000);
	cr_expect_eq(gateway_count(g, MNAT_C_SYN_UNTOLD), 3000 - MNAT_SYNS_BYTES / 40,
		     "%lu untold", gateway_count(g, MNAT_C_SYN_UNTOLD));
	cr_expect_eq(gateway_sessions(g), 0);
	cr_expect_eq(gateway_bindings(g), 0);
}

/* RFC 5382 REQ-2: both ends send a SYN; each order opens one connection. */
Test(filter, simultaneous_open)
{
	static const uint8_t steps[][4] = { /* what leaves, or comes, in order; 1: from outside */
		{ 0, 1, 0, 1 },
		{ 1, 0, 1, 0 },
	};

	for (size_t i = 0; i < N(steps); i++) {
		struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });
		struct mnat_session session;
		struct mnat_session_key key;
		uint8_t flags[2] = { F_SYN, F_SYN };

		gateway_place(g, TEST_HOST, NODE, 1);
		for (size_t step = 0; step < 4; step++) {
			int in = steps[i][step];
			struct packet out = packet(IPPROTO_TCP, NODE, 5004, CN, 80);
			struct packet back = packet(IPPROTO_TCP, CN, 80, EXTERNAL, 9000);
			struct packet *p = in ? &back : &out;
			struct run run;

			p->tcp_flags = flags[in];
			run = in ? from_outside(g, p) : from_inside(g, p);
			/* the other end's comes first: dropped in silence, it repeats it */
			cr_expect_eq(run.verdict, i == 1 && !step ? SHOT : REDIRECT, "%zu.%zu", i,
				     step);
			if (run.verdict == REDIRECT)
				flags[in] = F_SYN | F_ACK;
		}
		session = gateway_session(g, &key);
		cr_expect_eq(mnat_session_state(MNAT_TCP, session.flags),
			     MNAT_STATE_TCP_ESTABLISHED);
	}
}
