// SPDX-License-Identifier: GPL-2.0-only
/* What managers ask when hosts change domains, on the wire; maps as in anchors_test.c. */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "arrays_test.h"
#include "manager_test.h"
#include "maps_test.h"

#define V "10.128.0.2"
#define A1 "10.0.1.5"
#define H "135.180.32.4"
#define W "203.0.113.9"

static uv_loop_t loop;
static struct hosts hosts;
static struct anchors anchors;
static struct agent agent;
static struct mnat_gateway *gateway;
static struct manager_test manager = {.loop = &loop};

static uint32_t now(void)
{
	return 1000;
}

static void setup(void)
{
	gateway = test_maps_open();
	arrays_clear();
	arrays.config = gateway->config;
	arrays_open(&hosts, now());
	uv_loop_init(&loop);
	cr_assert_eq(anchors_open(&anchors, &loop, gateway, &hosts), 0);
	agent = (struct agent){.loop = &loop, .hosts = &hosts, .anchors = &anchors, .now = now};
	manager_open(&manager, &agent);
}

static void teardown(void)
{
	close(manager.fd);
	agent_close(&agent);
	anchors_close(&anchors);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	hosts_close(&hosts);
	test_maps_close();
}

TestSuite(roaming, .init = setup, .fini = teardown, .timeout = 20);

static struct simco_message hreb(const char *actual, uint32_t generation, uint32_t flags)
{
	return (struct simco_message){
		.subtype = SIMCO_X_HREB,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GENERATION) |
		       SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL) | SIMCO_HAS(SIMCO_A_X_FLAGS),
		.identity.s_addr = ip(V),
		.new_actual.s_addr = ip(actual),
		.generation = generation,
		.flags = flags,
	};
}

static struct simco_message hreb_away(const char *endpoint, uint32_t generation, uint32_t path)
{
	struct simco_message m = hreb("0.0.0.0", generation, 0);

	m.has |= SIMCO_HAS(SIMCO_A_X_PATH) | SIMCO_HAS(SIMCO_A_X_ENDPOINT);
	m.path = path;
	m.endpoint.s_addr = ip(endpoint);
	return m;
}

/* HANC, HARR or FIMP. */
static struct simco_message named(uint8_t subtype, const char *peer, uint32_t flags)
{
	return (struct simco_message){
		.subtype = subtype,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GATEWAY) |
		       SIMCO_HAS(SIMCO_A_X_VIRTUAL) |
		       SIMCO_HAS(subtype == SIMCO_X_FIMP ? SIMCO_A_X_FLOWS : SIMCO_A_X_FLAGS),
		.identity.s_addr = ip(V),
		.gateway.s_addr = ip(peer),
		.virt.s_addr = ip(V),
		.flags = flags,
	};
}

static void expect(struct simco_message request, uint8_t error)
{
	struct simco_message reply = manager_ask(&manager, request);

	cr_expect_eq(reply.basic, error ? SIMCO_NEGATIVE : SIMCO_POSITIVE);
	cr_expect_eq(reply.subtype, error ? error : request.subtype);
}

Test(roaming, visited_gateway)
{
	const struct simco_flow flows[] = {
		{MNAT_TCP, 0, htons(1), ip("192.0.2.1"), htons(80), htons(7088), ip(H), htonl(3)},
		{MNAT_UDP, 0, htons(2), ip("192.0.2.1"), htons(53), htons(7089), ip(H), 0},
	};
	struct simco_message fimp = named(SIMCO_X_FIMP, H, 0), reply;

	fimp.flows = flows;
	fimp.n_flows = 2;
	expect(hreb(A1, 1, SIMCO_HREB_IMPORTING), 0);
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]), MNAT_HOST_IMPORTING);
	expect(fimp, SIMCO_E_NOT_APPLICABLE);
	expect(named(SIMCO_X_HANC, H, SIMCO_HANC_DEFAULT), 0);
	reply = manager_ask(&manager, fimp);
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.hosts, 2);
	cr_assert_eq(manager_ask(&manager, fimp).hosts, 0);
	expect(hreb(A1, 1, 0), 0);
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]), 0);
	expect(named(SIMCO_X_HANC, H, SIMCO_REMOVE), 0);
	expect(named(SIMCO_X_HANC, H, SIMCO_REMOVE), 0);
	cr_assert_eq(manager_ask(&manager, fimp).subtype, SIMCO_E_NOT_APPLICABLE);
}

Test(roaming, home_gateway)
{
	const struct mnat_session_key key = {FIRST_ID, ip("192.0.2.1"), htons(1), htons(80), 0};
	const struct mnat_session session = {6064, 1000, 1000, MNAT_SEEN_SYN_OUT};
	struct simco_message fexp = {.subtype = SIMCO_X_FEXP,
				     .has = SIMCO_HAS(SIMCO_A_X_IDENTITY) |
					    SIMCO_HAS(SIMCO_A_X_CURSOR),
				     .identity.s_addr = ip(V)};
	struct simco_message reply = manager_ask(&manager, fexp);

	cr_assert_eq(reply.n_flows, 0, "nobody knows it");
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	expect(hreb(A1, 1, 0), 0);
	cr_assert_eq(mnat_session_add(gateway, &key, &session), 0);
	expect(named(SIMCO_X_HARR, W, 0), 0);
	expect(hreb_away(W, 2, MNAT_PATH_TUNNEL), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], mnat_location(ip(W), MNAT_PATH_TUNNEL, 0, 2));
	reply = manager_ask(&manager, fexp);
	cr_assert_eq(reply.n_flows, 1);
	cr_assert_eq(reply.cursor, 0);
	cr_assert_eq(reply.flows[0].external_port, htons(7088));
	expect(named(SIMCO_X_HARR, W, SIMCO_REMOVE), 0);
}

/* FREL at the visited gateway. */
Test(roaming, ports_instead_of_the_tunnel)
{
	const struct simco_flow flow = {MNAT_TCP, 0, htons(1), ip("192.0.2.1"), htons(80),
					htons(7088), ip(H), htonl(3)};
	struct simco_message fimp = named(SIMCO_X_FIMP, H, 0), frel = named(SIMCO_X_FREL, H, 0);
	struct simco_message reply;
	uint16_t port;

	frel.has = (frel.has & ~SIMCO_HAS(SIMCO_A_X_FLAGS)) | SIMCO_HAS(SIMCO_A_X_CURSOR);
	fimp.flows = &flow;
	fimp.n_flows = 1;
	expect(hreb(A1, 1, 0), 0);
	expect(frel, SIMCO_E_NOT_APPLICABLE);
	expect(named(SIMCO_X_HANC, H, SIMCO_HANC_DEFAULT | SIMCO_HANC_TRANSLATE), 0);
	expect(fimp, 0);
	reply = manager_ask(&manager, frel);
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.cursor, 0);
	cr_assert_eq(reply.n_flows, 1);
	cr_assert_eq(reply.flows[0].external, htonl(gateway->config.external[0].first));
	cr_assert_eq(reply.flows[0].remote, ip("192.0.2.1"));
	cr_assert_eq(reply.flows[0].port, htons(1));
	port = reply.flows[0].external_port;
	cr_assert_eq(manager_ask(&manager, frel).flows[0].external_port, port);
	expect(named(SIMCO_X_HANC, H, SIMCO_HANC_DEFAULT), 0);
	cr_assert_eq(manager_ask(&manager, frel).n_flows, 0);
	frel.has &= ~SIMCO_HAS(SIMCO_A_X_CURSOR);
	expect(frel, SIMCO_E_MALFORMED);
}

/* HFWD at the home gateway. */
Test(roaming, forwarded_to_ports)
{
	const struct mnat_session_key key = {FIRST_ID, ip("192.0.2.1"), htons(1), htons(80), 0};
	const struct mnat_session session = {6064, 1000, 1000, MNAT_SEEN_SYN_OUT};
	struct simco_flow flow = {MNAT_TCP, 0, htons(1), ip("192.0.2.1"), htons(80), htons(4711),
				  ip(W), 0};
	struct simco_message away = hreb_away(W, 2, MNAT_PATH_TUNNEL), reply;
	struct simco_message hfwd = {
		.subtype = SIMCO_X_HFWD,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_ENDPOINT) |
		       SIMCO_HAS(SIMCO_A_X_FLAGS) | SIMCO_HAS(SIMCO_A_X_FLOWS),
		.identity.s_addr = ip(V),
		.endpoint.s_addr = ip(W),
		.flows = &flow,
		.n_flows = 1,
	};

	expect(hfwd, SIMCO_E_NOT_APPLICABLE);
	expect(hreb(A1, 1, 0), 0);
	cr_assert_eq(mnat_session_add(gateway, &key, &session), 0);
	away.flags = SIMCO_HREB_ONE_WAY;
	expect(away, 0);
	reply = manager_ask(&manager, hfwd);
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.hosts, 1);
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]),
		     MNAT_HOST_FORWARDED | MNAT_HOST_ONE_WAY);
	flow.proto = MNAT_N_PROTO;
	expect(hfwd, SIMCO_E_MALFORMED);
	hfwd.has &= ~SIMCO_HAS(SIMCO_A_X_ENDPOINT);
	expect(hfwd, SIMCO_E_MALFORMED);
}

/* A gateway that lost its maps gets the rules in any order. */
Test(roaming, a_host_may_be_named_before_it_is_bound)
{
	expect(named(SIMCO_X_HARR, W, 0), 0);
	expect(hreb_away(W, 5, MNAT_PATH_TUNNEL), 0);
	cr_assert_eq(hosts.n_bound, 1);
	cr_assert_eq(hosts.n_left, 0);
}

Test(roaming, impossible_requests)
{
	struct simco_message lacking = named(SIMCO_X_HANC, H, 0), both = hreb(A1, 1, 0);

	expect(hreb_away("0.0.0.0", 1, MNAT_PATH_TUNNEL), SIMCO_E_MALFORMED);
	expect(hreb_away(W, 1, 7), SIMCO_E_MALFORMED);
	both.has |= SIMCO_HAS(SIMCO_A_X_PATH) | SIMCO_HAS(SIMCO_A_X_ENDPOINT);
	both.path = MNAT_PATH_TUNNEL;
	both.endpoint.s_addr = ip(W);
	expect(both, SIMCO_E_MALFORMED);
	expect(named(SIMCO_X_HANC, "0.0.0.0", 0), SIMCO_E_MALFORMED);
	expect(named(SIMCO_X_HARR, "0.0.0.0", 0), SIMCO_E_MALFORMED);
	lacking.has &= ~SIMCO_HAS(SIMCO_A_X_FLAGS);
	expect(lacking, SIMCO_E_MALFORMED);
	expect(named(SIMCO_X_HARR, W, SIMCO_REMOVE), 0);
	cr_assert_eq(hosts.n_free, N_MOBILE, "a refused request took an id");
}

Test(roaming, anothers_tunnel)
{
	struct simco_message stolen = named(SIMCO_X_HANC, H, 0);

	expect(hreb(A1, 1, 0), 0);
	expect(named(SIMCO_X_HANC, H, 0), 0);
	stolen.identity.s_addr = ip("10.128.0.9");
	expect(stolen, SIMCO_E_X_TAKEN);
}

Test(roaming, the_end_is_told)
{
	struct simco_message end;

	cr_assert(agent_tell_end(ip(V), &agent));
	manager_turns(&manager, 3);
	end = manager_receive(&manager);
	cr_assert_eq(end.basic, SIMCO_NOTIFICATION);
	cr_assert_eq(end.subtype, SIMCO_X_HEND);
	cr_assert_eq(end.identity.s_addr, ip(V));
}
