// SPDX-License-Identifier: GPL-2.0-only
/* Next hops that are remembered, and for how long. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway.h"
#include "xdp.h"

#define CN "128.59.16.149"
#define EXTERNAL "135.180.32.4"
#define NODE "10.0.1.5"

static const uint8_t mac_new[6] = { 2, 0, 0, 0, 1, 99 };

static const struct packet out = { .src = NODE, .sport = 5004, .dst = CN, .dport = 53,
				   .proto = IPPROTO_UDP, .payload = 20 };

/* One processor's memory: stay there. */
static void stay(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static struct gateway *start(void)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 1 });

	gateway_place(g, TEST_HOST, NODE, 1);
	stay();
	return g;
}

static void shell(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

/* The next packet leaves for this MAC address. */
static void expect_to(struct gateway *g, const uint8_t *mac, const char *what)
{
	struct packet want = out;
	struct run run = from_inside(g, &out);

	cr_assert_eq(run.verdict, REDIRECT, "%s", what);
	want.src = EXTERNAL, want.sport = 9000;
	want.ttl = 63, want.smac = mac_out, want.dmac = mac;
	expect_frame(&run, &want, what);
}

static void wait_new_second(void)
{
	uint32_t now = gateway_now();

	while (gateway_now() == now)
		usleep(1000);
}

/* A change is in force with the next packet if it is told, after a second if it is not. */
Test(route, change_is_told)
{
	struct gateway *g = start();

	expect_to(g, mac_isp, "before");
	shell("ip neigh replace 135.180.32.1 lladdr 02:00:00:00:01:63 dev out");
	gateway_routes_changed(g, false);
	expect_to(g, mac_new, "told");
}

Test(route, change_is_not_told)
{
	struct gateway *g = start();

	wait_new_second();
	expect_to(g, mac_isp, "before");
	shell("ip neigh replace 135.180.32.1 lladdr 02:00:00:00:01:63 dev out");
	wait_new_second();
	expect_to(g, mac_new, "a second later");
}

/* It is worth nothing if it remembers nothing. */
Test(route, is_remembered)
{
	struct gateway *g = start();
	struct run run;
	uint32_t second;

	do { /* all within one second */
		wait_new_second();
		second = gateway_now();
		shell("ip neigh replace 135.180.32.1 lladdr 02:00:00:00:01:02 dev out");
		gateway_routes_changed(g, false);
		from_inside(g, &out);
		shell("ip neigh replace 135.180.32.1 lladdr 02:00:00:00:01:63 dev out");
		run = from_inside(g, &out);
	} while (gateway_now() != second);
	cr_expect(!memcmp(run.frame, mac_isp, 6), "remembered");
}

/* Where rules choose, the source counts as well: two hosts, two ways to one server. */
Test(route, rules)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 128 });
	struct packet other = out;
	struct run run;

	other.src = "10.0.1.6";
	gateway_place(g, TEST_HOST, NODE, 1);
	gateway_place(g, TEST_HOST + 1, other.src, 1);
	shell("ip neigh add 135.180.32.9 lladdr 02:00:00:00:01:63 dev out &&"
	      "ip route add default via 135.180.32.9 table 7 && ip rule add from 10.0.1.6 table 7");
	gateway_routes_changed(g, true);
	for (int i = 0; i < 2; i++) {
		run = from_inside(g, &out);
		cr_expect(!memcmp(run.frame, mac_isp, 6), "by the main table");
		run = from_inside(g, &other);
		cr_expect(!memcmp(run.frame, mac_new, 6), "by the rule");
	}
}

/* The first packet finds the MTU out, all others remember it. */
Test(route, mtu)
{
	struct gateway *g = start();
	struct packet big = out;

	shell("ip link set out mtu 1000");
	big.frag = 0x4000;
	big.payload = 1000 - 28;
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(from_inside(g, &big).verdict, REDIRECT);
		big.payload++;
		cr_expect_eq(from_inside(g, &big).verdict, REDIRECT);
		cr_expect_eq(gateway_count(g, MNAT_C_TOO_BIG_TOLD), (uint64_t)i + 1);
		cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), (uint64_t)i + 1);
		big.payload--;
	}
}

/* No neighbour yet: the kernel finds it, each packet counted once, as translated. */
Test(route, no_neighbour)
{
	struct gateway *g = start();

	shell("ip neigh del 135.180.32.1 dev out");
	gateway_routes_changed(g, false);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(from_inside(g, &out).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 3);
	cr_expect_eq(gateway_count_all(g), 3);
}

/* XDP's answer is not TC's: that one may send where XDP may not. */
Test(route, not_an_xdp_port)
{
	int port, fd;
	struct gateway *g = start();

	if (!xdp_wanted())
		cr_skip_test("TC sends everywhere");
	fd = xdp_map("xdp_ports");
	port = harness_out();
	expect_to(g, mac_isp, "by XDP");
	cr_assert_eq(bpf_map_delete_elem(fd, &port), 0);
	gateway_routes_changed(g, false);
	expect_to(g, mac_isp, "by TC");
	expect_to(g, mac_isp, "by TC, remembered");
	cr_expect_eq(gateway_count(g, MNAT_C_OUT_TRANSLATED), 3);
	cr_expect_eq(gateway_count_all(g), 3);
}

/* What XDP is there for it does itself; all else it passes up as it came. */
Test(route, what_xdp_does_itself)
{
	static const struct {
		uint8_t proto, tcp_flags, icmp_type, ttl;
		uint16_t frag;
		int verdict;
	} rows[] = {
		{ IPPROTO_UDP, 0, 0, 64, 0, REDIRECT },
		{ IPPROTO_TCP, F_SYN, 0, 64, 0, REDIRECT },
		{ IPPROTO_TCP, F_ACK, 0, 64, 0, SHOT }, /* of no session */
		{ IPPROTO_ICMP, 0, 8, 64, 0, OK },
		{ IPPROTO_ICMP, 0, 3, 64, 0, OK },
		{ IPPROTO_UDP, 0, 0, 1, 0, OK },
		{ IPPROTO_UDP, 0, 0, 64, 0x2000, OK },
		{ IPPROTO_UDP, 0, 0, 64, 1, OK },
		{ 47, 0, 0, 64, 0, OK },
	};
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 16 });

	if (!xdp_wanted())
		cr_skip_test("of XDP");
	gateway_place(g, TEST_HOST, NODE, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t before = gateway_count_all(g);
		struct packet p = out;

		p.sport = (uint16_t)(5004 + 2 * i);
		p.proto = rows[i].proto, p.tcp_flags = rows[i].tcp_flags, p.ttl = rows[i].ttl;
		p.icmp_type = rows[i].icmp_type, p.frag = rows[i].frag;
		cr_expect_eq(xdp_alone("gw_inside", harness_in(), &p), rows[i].verdict, "row %zu", i);
		cr_expect_eq(gateway_count_all(g) - before, rows[i].verdict == OK ? 0 : 1,
			     "row %zu", i);
	}
}

/* XDP leaves to TC what may be another machine's, until TC has seen the kernel take it. */
Test(route, own_mac_is_learnt)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 9000, 16 });
	uint32_t slot = (uint32_t)harness_in() % MNAT_OWN_MACS;
	uint64_t none = 0;
	struct packet another = out;

	if (!xdp_wanted())
		cr_skip_test("of XDP");
	another.dmac = mac_another;
	gateway_place(g, TEST_HOST, NODE, 1);
	cr_assert_eq(bpf_map_update_elem(xdp_map("own_macs"), &slot, &none, BPF_ANY), 0);
	cr_expect_eq(xdp_alone("gw_inside", harness_in(), &out), OK, "not known yet");
	cr_expect_eq(from_inside(g, &another).verdict, OK, "another's");
	cr_expect_eq(xdp_alone("gw_inside", harness_in(), &out), OK, "nothing learnt of that");
	cr_expect_eq(from_inside(g, &out).verdict, REDIRECT, "TC takes it");
	cr_expect_eq(xdp_alone("gw_inside", harness_in(), &out), REDIRECT, "known now");
	cr_expect_eq(xdp_alone("gw_inside", harness_in(), &another), OK, "another's still");
}
