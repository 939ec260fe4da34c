// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel tells of its routing, in a network of the test's own. */
#include "routes.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>

static uv_loop_t loop;
static volatile uint64_t state;
static struct routes routes;

static void network(void)
{
	if (unshare(CLONE_NEWNET))
		cr_skip_test("a network namespace is not permitted");
	cr_assert_eq(system("ip link add r0 type veth peer name r1 && ip link set r0 up &&"
			    "ip link set r1 up && ip addr add 10.0.0.1/24 dev r0"),
		     0);
}

static void start(void)
{
	uv_loop_init(&loop);
	state = 0;
	cr_assert_eq(routes_start(&routes, &loop, &state), 0);
}

static void stop(void)
{
	routes_close(&routes);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

/* The state after a command: its event waits in the socket when the command is done. */
static uint64_t after(const char *command)
{
	uint64_t before = state;

	cr_assert_eq(system(command), 0, "%s", command);
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_gt(state >> 32, before >> 32, "'%s' raises the epoch", command);
	return state;
}

Test(routes, each_kind_of_change)
{
	static const char *const commands[] = {
		"ip route add default via 10.0.0.2",
		"ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev r0",
		"ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 dev r0",
		"ip addr add 10.1.0.1/24 dev r0",
		"ip link set r0 mtu 1400",
		"ip link set r1 down",
		"echo 1 >/proc/sys/net/ipv4/conf/r0/forwarding",
		"ip nexthop add id 1 via 10.0.0.3 dev r0 2>/dev/null || ip route add 10.3.0.0/16 dev r0",
	};

	network();
	start();
	cr_expect_eq(state & MNAT_ROUTES_ON, MNAT_ROUTES_ON);
	cr_expect_gt(state >> 32, 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		cr_expect_eq(after(commands[i]) & MNAT_ROUTES_ON, MNAT_ROUTES_ON);
	stop();
}

Test(routes, rules_turn_remembering_off)
{
	network();
	start();
	cr_expect_eq(after("ip rule add from 10.0.0.9 table 7") & MNAT_ROUTES_ON, 0);
	cr_expect_eq(after("ip addr add 10.1.0.1/24 dev r0") & MNAT_ROUTES_ON, 0);
	cr_expect_eq(after("ip rule del from 10.0.0.9 table 7") & MNAT_ROUTES_ON, MNAT_ROUTES_ON);
	stop();
}

Test(routes, rules_that_were_there)
{
	network();
	cr_assert_eq(system("ip rule add fwmark 1 table 7"), 0);
	start();
	cr_expect_eq(state & MNAT_ROUTES_ON, 0);
	stop();
}
