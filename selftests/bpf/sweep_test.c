// SPDX-License-Identifier: GPL-2.0-only
/* TCP states and the sweep, on a clock the tests set. */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "gateway.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"
#define NODE "10.0.1.5"

static void out(struct gateway *g, uint8_t flags)
{
	struct packet p = { .src = NODE, .dst = CN, .sport = 1756, .dport = 80,
			    .proto = IPPROTO_TCP, .tcp_flags = flags };

	cr_assert_eq(from_inside(g, &p).verdict, REDIRECT);
}

static void in(struct gateway *g, uint8_t flags)
{
	struct packet p = { .src = CN, .dst = EXTERNAL, .sport = 80, .dport = 7088,
			    .proto = IPPROTO_TCP, .tcp_flags = flags };

	cr_assert_eq(from_outside(g, &p).verdict, REDIRECT);
}

static struct gateway *start(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 1 });

	gateway_place(g, TEST_HOST, NODE, 1);
	return g;
}

/* The first sweep that marks the session, by trying each limit; the session stays. */
static uint32_t lives(struct gateway *g)
{
	static const uint32_t limits[] = { 60, 240, 300, 7440 };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		cr_assert_eq(gateway_sweep(g, gateway_now() + limits[i] - 3).marked, 0);
		if (gateway_sweep(g, gateway_now() + limits[i] + 3).marked)
			return limits[i];
	}
	return 0;
}

Test(sweep, tcp_opening)
{
	struct gateway *g = start();

	out(g, F_SYN);
	cr_expect_eq(lives(g), 240);
}

Test(sweep, tcp_established)
{
	struct gateway *g = start();

	out(g, F_SYN);
	in(g, F_SYN | F_ACK);
	out(g, F_ACK);
	cr_expect_eq(lives(g), 7440);
}

Test(sweep, tcp_closing_needs_both_fins)
{
	struct gateway *g = start();

	out(g, F_SYN);
	in(g, F_SYN | F_ACK);
	out(g, F_FIN | F_ACK);
	cr_expect_eq(lives(g), 7440);
	in(g, F_FIN | F_ACK);
	out(g, F_ACK);
	cr_expect_eq(lives(g), 240);
}

Test(sweep, tcp_reset)
{
	struct gateway *g = start();

	out(g, F_SYN);
	in(g, F_SYN | F_ACK);
	in(g, F_RST);
	cr_expect_eq(lives(g), 240);
}

/* A new SYN on the same 4-tuple starts over. */
Test(sweep, tcp_reopened)
{
	struct gateway *g = start();

	out(g, F_SYN);
	in(g, F_SYN | F_ACK);
	in(g, F_RST);
	out(g, F_SYN);
	in(g, F_SYN | F_ACK);
	out(g, F_ACK);
	cr_expect_eq(lives(g), 7440);
	cr_expect_eq(gateway_sessions(g), 1);
}

Test(sweep, udp_and_icmp)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 7088, 2 });
	struct packet udp = { .src = NODE, .dst = CN, .proto = IPPROTO_UDP };
	struct packet icmp = { .src = NODE, .dst = CN, .proto = IPPROTO_ICMP, .icmp_type = 8 };

	gateway_place(g, TEST_HOST, NODE, 1);
	from_inside(g, &udp);
	cr_expect_eq(lives(g), 300);
	from_inside(g, &icmp);
	cr_expect_eq(lives(g), 60);
}

/* Mark, look again, delete; the binding goes with its last session. */
Test(sweep, two_phases)
{
	struct gateway *g = start();
	struct mnat_sweep s;
	uint32_t late = gateway_now() + 300;

	out(g, F_SYN);
	s = gateway_sweep(g, late);
	cr_expect_eq(s.marked, 1);
	cr_expect_eq(s.deleted, 0);
	cr_expect_eq(gateway_sessions(g), 1);
	s = gateway_sweep(g, late);
	cr_expect_eq(s.deleted, 1);
	cr_expect_eq(s.freed, 1);
	cr_expect_eq(gateway_sessions(g), 0);
	cr_expect_eq(gateway_bindings(g), 0);
	cr_expect_eq(gateway_count(g, MNAT_C_SESSION_SWEPT), 1);
	out(g, F_SYN); /* and the port is free again: there is only one */
}

/* A packet between the two phases saves the session. */
Test(sweep, use_clears_the_mark)
{
	struct gateway *g = start();
	uint32_t late = gateway_now() + 300;

	out(g, F_SYN);
	cr_expect_eq(gateway_sweep(g, late).marked, 1);
	out(g, F_SYN);
	cr_expect_eq(gateway_sweep(g, late).marked, 1, "marked anew, not deleted");
	cr_expect_eq(gateway_sessions(g), 1);
}

/* Packets from outside keep nothing alive (RFC 7857 section 3). */
Test(sweep, outside_does_not_refresh)
{
	struct gateway *g = start();
	uint32_t late = gateway_now() + 8000;

	out(g, F_SYN);
	cr_expect_eq(gateway_sweep(g, late).marked, 1);
	in(g, F_ACK);
	cr_expect_eq(gateway_sweep(g, late).deleted, 1);
}

Test(sweep, binding_serves_its_other_sessions)
{
	struct gateway *g = start();
	struct packet other = { .src = NODE, .dst = "64.236.16.20", .sport = 1756, .dport = 80,
				.proto = IPPROTO_TCP, .tcp_flags = F_SYN };
	uint32_t late = gateway_now() + 300;
	struct mnat_sweep s;

	out(g, F_SYN);
	in(g, F_SYN | F_ACK); /* established: stays */
	from_inside(g, &other);
	gateway_sweep(g, late);
	s = gateway_sweep(g, late);
	cr_expect_eq(s.deleted, 1);
	cr_expect_eq(s.freed, 0);
	cr_expect_eq(s.live, 1);
	in(g, F_ACK);
}

Test(sweep, departed_host_loses_its_sessions)
{
	struct gateway *g = start();
	uint32_t host = TEST_HOST;
	uint64_t gone = 0;

	out(g, F_SYN);
	in(g, F_SYN | F_ACK);
	cr_assert_eq(bpf_map_update_elem(gateway_map(g, "hosts"), &host, &gone, 0), 0);
	cr_expect_eq(gateway_sweep(g, 0).marked, 1);
	cr_expect_eq(gateway_sweep(g, 0).deleted, 1);
}
