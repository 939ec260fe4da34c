// SPDX-License-Identifier: GPL-2.0-only
/* Translation between gateways: ports for sessions, over real maps (no programs): needs root. */
#include "elsewhere.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "anchors.h"
#include "arrays_test.h"
#include "maps_test.h"
#include "ports.h"

#define V "10.128.0.2"
#define A1 "10.0.1.5"
#define H "135.180.32.4"
#define W "203.0.113.9"
#define CN "128.59.16.149"
#define NOW 1000
#define N 3 /* a session of each protocol */

static uv_loop_t loop;
static struct hosts hosts;
static struct anchors anchors;
static struct mnat_gateway *gateway;
static uint32_t generation;

static uint32_t rebind(const char *actual, const char *endpoint, uint32_t gen)
{
	const struct rebind order = {.identity = ip(V),
				     .actual = actual ? ip(actual) : 0,
				     .endpoint = endpoint ? ip(endpoint) : 0,
				     .generation = gen};
	uint64_t bound_at;
	uint32_t id;

	cr_assert_eq(hosts_rebind(&hosts, &order, NOW, &bound_at), 0);
	cr_assert_eq(hosts_find(&hosts, ip(V), &id), 0);
	return id;
}

static uint32_t move(const char *actual, const char *endpoint)
{
	return rebind(actual, endpoint, ++generation);
}

static void setup(void)
{
	generation = 0;
	gateway = test_maps_open();
	arrays_clear();
	arrays.config = gateway->config;
	arrays_open(&hosts, NOW);
	uv_loop_init(&loop);
	cr_assert_eq(anchors_open(&anchors, &loop, gateway, &hosts), 0);
	move(A1, NULL);
}

static void teardown(void)
{
	anchors_close(&anchors);
	hosts_close(&hosts);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	test_maps_close();
}

TestSuite(elsewhere, .init = setup, .fini = teardown, .timeout = 30);

/* The host's session of that protocol, with that external endpoint. */
static struct simco_flow flow(uint8_t proto, const char *external, uint16_t port)
{
	return (struct simco_flow){
		.proto = proto,
		.port = htons(3000),
		.remote = ip(CN),
		.remote_port = htons(proto == MNAT_ICMP ? 0 : 80),
		.external = ip(external),
		.external_port = htons(port),
		.flags = 0,
	};
}

static struct mnat_session_key key_of(uint8_t proto)
{
	return (struct mnat_session_key){FIRST_ID, ip(CN), htons(3000),
					 htons(proto == MNAT_ICMP ? 0 : 80), proto};
}

static bool has(int fd, const void *key, void *ret_value)
{
	return !bpf_map_lookup_elem(fd, key, ret_value);
}

static bool has_elsewhere(const struct mnat_session_key *key, struct mnat_elsewhere *ret_there)
{
	return has(gateway->elsewhere_fd, key, ret_there);
}

/* ---- visited ---- */

static struct anchor_name anchor_with(const char *peer, uint32_t flags)
{
	const struct anchor_name name = {FIRST_ID, ip(peer), ip(V)};

	cr_assert_eq(anchors_set(&anchors, &name, flags, true), 0);
	return name;
}

static void import(const struct anchor_name *name, const char *external)
{
	struct simco_flow flows[N];
	uint32_t new;

	for (uint8_t i = 0; i < N; i++)
		flows[i] = flow(i, external, (uint16_t)(7000 + i));
	cr_assert_eq(anchors_import(&anchors, name, flows, N, NOW, &new), 0);
}

static uint32_t relay(const struct anchor_name *name, struct simco_flow *flows)
{
	uint64_t cursor = 0;
	uint32_t n = 77;

	cr_assert_eq(anchors_relay(&anchors, name, &cursor, NOW, flows, &n), 0);
	cr_assert_eq(cursor, 0);
	return n;
}

static uint32_t index_of(const struct simco_flow *f)
{
	int64_t index = mnat_binding_index(&gateway->config, f->proto, ntohl(f->external),
					   ntohs(f->external_port));

	cr_assert_geq(index, 0);
	return (uint32_t)index;
}

Test(elsewhere, each_session_has_a_port_of_its_own)
{
	struct anchor_name name = anchor_with(H, MNAT_ANCHOR_TRANSLATE);
	struct simco_flow flows[SIMCO_FLOWS_MAX], again[SIMCO_FLOWS_MAX];

	import(&name, H);
	cr_assert_eq(relay(&name, flows), N);
	for (int i = 0; i < N; i++) {
		const struct mnat_session_key key = key_of(flows[i].proto);
		uint32_t index = index_of(&flows[i]);
		struct mnat_elsewhere there;
		struct mnat_relay found;

		cr_assert(has(gateway->relays_fd, &index, &found));
		cr_assert_eq(memcmp(&found.session, &key, sizeof(key)), 0);
		cr_assert_eq(found.virt, ip(V));
		cr_assert_eq(found.from, ip(H), "packets come from the external endpoint at home");
		cr_assert_eq(found.from_port,
			     key.proto == MNAT_ICMP ? 0 : htons((uint16_t)(7000 + key.proto)));
		cr_assert_eq(mnat_owner_host(gateway->bindings[index].owner), 0);
		cr_assert_neq(gateway->bindings[index].owner, 0);
		cr_assert_eq(gateway->bindings[index].refs, 1);
		cr_assert(has_elsewhere(&key, &there));
		cr_assert_eq(there.number, index + 1);
		cr_assert_eq(there.addr, ip(H));
		cr_assert(elsewhere_holds(gateway, index));
	}
	cr_assert_eq(relay(&name, again), N);
	cr_assert_arr_eq(again, flows, N * sizeof(flows[0]), "told again, not made again");
	import(&name, H);
	cr_assert_eq(relay(&name, again), N);
	cr_assert_arr_eq(again, flows, N * sizeof(flows[0]), "imported again");
}

Test(elsewhere, packets_may_come_from_the_correspondent)
{
	struct anchor_name name =
		anchor_with(H, MNAT_ANCHOR_TRANSLATE | MNAT_ANCHOR_CORRESPONDENT);
	struct simco_flow flows[SIMCO_FLOWS_MAX];
	struct mnat_relay found;

	import(&name, H);
	cr_assert_eq(relay(&name, flows), N);
	for (int i = 0; i < N; i++) {
		uint32_t index = index_of(&flows[i]);

		cr_assert(has(gateway->relays_fd, &index, &found));
		cr_assert_eq(found.from, ip(CN));
		cr_assert_eq(found.from_port, flows[i].proto == MNAT_ICMP ? 0 : htons(80));
	}
	anchor_with(H, MNAT_ANCHOR_TRANSLATE);
	cr_assert_eq(relay(&name, flows), N);
	for (int i = 0; i < N; i++) {
		uint32_t index = index_of(&flows[i]);

		cr_assert(has(gateway->relays_fd, &index, &found));
		cr_assert_eq(found.from, ip(H), "home has another policy now");
	}
}

Test(elsewhere, no_ports_for_who_uses_tunnels)
{
	struct anchor_name name = anchor_with(H, MNAT_ANCHOR_DIRECT), none = name;
	struct simco_flow flows[SIMCO_FLOWS_MAX];
	uint64_t cursor = 0;
	uint32_t n;

	import(&name, H);
	cr_assert_eq(relay(&name, flows), 0);
	none.gateway = ip(W);
	cr_assert_eq(anchors_relay(&anchors, &none, &cursor, NOW, flows, &n), -ENOENT);
}

/* One that was guessed has no external endpoint that is known: it stays with the tunnel. */
Test(elsewhere, guessed_sessions_are_left_out)
{
	struct anchor_name name = anchor_with(H, MNAT_ANCHOR_TRANSLATE);
	struct mnat_session guessed = {MNAT_BINDING_ANCHOR | anchors_find(&anchors, &name), NOW,
				       NOW, MNAT_ANCHOR_GUESSED};
	const struct mnat_session_key key = key_of(MNAT_UDP);
	struct simco_flow flows[SIMCO_FLOWS_MAX];

	cr_assert_eq(mnat_session_add(gateway, &key, &guessed), 0);
	cr_assert_eq(relay(&name, flows), 0);
	import(&name, H);
	cr_assert_eq(relay(&name, flows), N);
}

static uint32_t ports_taken(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < gateway->n_bindings; i++)
		n += gateway->bindings[i].owner != 0;
	return n;
}

Test(elsewhere, ports_go_with_the_anchor)
{
	struct anchor_name name = anchor_with(H, MNAT_ANCHOR_TRANSLATE);
	struct simco_flow flows[SIMCO_FLOWS_MAX];

	import(&name, H);
	relay(&name, flows);
	cr_assert_eq(ports_taken(), N);
	anchors_remove(&anchors, &name);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(ports_taken(), 0);
	for (int i = 0; i < N; i++) {
		const struct mnat_session_key key = key_of(flows[i].proto);
		uint32_t index = index_of(&flows[i]);
		struct mnat_elsewhere there;
		struct mnat_relay found;

		cr_assert_not(has(gateway->relays_fd, &index, &found));
		cr_assert_not(has_elsewhere(&key, &there));
	}
}

/* The session turns out to be another anchor's: what was made for the first is gone. */
Test(elsewhere, anchored_anew)
{
	struct anchor_name first = anchor_with(H, MNAT_ANCHOR_TRANSLATE), second;
	struct simco_flow flows[SIMCO_FLOWS_MAX];
	struct mnat_relay found;

	import(&first, H);
	relay(&first, flows);
	anchors_remove(&anchors, &first); /* its sessions are still there */
	second = anchor_with(W, MNAT_ANCHOR_TRANSLATE);
	import(&second, W);
	cr_assert_eq(relay(&second, flows), N);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(ports_taken(), N);
	for (int i = 0; i < N; i++) {
		uint32_t index = index_of(&flows[i]);

		cr_assert(has(gateway->relays_fd, &index, &found));
		cr_assert_eq(found.from, ip(W));
	}
}

static bool keep(uint32_t index, void *user)
{
	return elsewhere_holds(gateway, index);
}

/* Killed before it had noted whose the port is. */
Test(elsewhere, a_killed_agents_ports_are_freed)
{
	const struct port_owner nobody = {.proto = MNAT_UDP};
	struct anchor_name name = anchor_with(H, MNAT_ANCHOR_TRANSLATE);
	struct mnat_relay orphan = {key_of(MNAT_UDP), ip(H), htons(7001), 0, ip(V)};
	struct simco_flow flows[SIMCO_FLOWS_MAX];
	uint32_t index;

	import(&name, H);
	relay(&name, flows);
	cr_assert_geq(ports_take(gateway, &nobody, PORT_ANY, NOW), 0);
	index = (uint32_t)ports_take(gateway, &nobody, PORT_ANY, NOW);
	bpf_map_update_elem(gateway->relays_fd, &index, &orphan, BPF_ANY);
	cr_assert_eq(ports_drop_orphans(gateway, keep, NULL), 2);
	cr_assert_eq(ports_taken(), N);
	cr_assert_not(has(gateway->relays_fd, &index, &orphan));
	cr_assert_eq(relay(&name, flows), N);
}

/* Tunnel packets in the name of correspondents: admitted for the host as long as its anchor. */
Test(elsewhere, tunnels_from_correspondents)
{
	const struct mnat_arrival_key key = {ip(CN), ip(V)};
	struct anchor_name name = anchor_with(H, MNAT_ANCHOR_CORRESPONDENT), other = name;
	struct simco_flow flows[SIMCO_FLOWS_MAX];
	uint32_t host;

	gateway->config.tunnel_addr = ip(W);
	import(&name, H);
	cr_assert_eq(relay(&name, flows), N);
	for (int i = 0; i < N; i++) {
		cr_assert_eq(flows[i].external, ip(W));
		cr_assert_eq(flows[i].external_port, 0);
	}
	cr_assert_eq(ports_taken(), 0);
	cr_assert(has(gateway->arrivals_fd, &key, &host));
	cr_assert_eq(host, FIRST_ID | MNAT_ARRIVAL_TO);
	cr_assert_eq(relay(&name, flows), N);
	other.gateway = ip("192.0.2.77");
	anchors_set(&anchors, &other, 0, false);
	anchors_remove(&anchors, &other);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert(has(gateway->arrivals_fd, &key, &host), "another anchor of that address");
	anchors_remove(&anchors, &name);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_not(has(gateway->arrivals_fd, &key, &host));
}

Test(elsewhere, tunnels_from_anothers_correspondent)
{
	const struct mnat_arrival_key key = {ip(CN), ip(V)};
	uint32_t other = (FIRST_ID + 1) | MNAT_ARRIVAL_TO;
	struct anchor_name name = anchor_with(H, MNAT_ANCHOR_CORRESPONDENT);
	struct simco_flow flows[SIMCO_FLOWS_MAX];

	bpf_map_update_elem(gateway->arrivals_fd, &key, &other, BPF_ANY);
	import(&name, H);
	cr_assert_eq(relay(&name, flows), 0, "they stay with the gateway as source");
}

/* ---- home ---- */

static void begin_sessions(void)
{
	for (uint8_t i = 0; i < N; i++) {
		const struct mnat_session_key key = key_of(i);
		const struct mnat_session session = {100u + i, NOW, NOW, 0};

		cr_assert_eq(mnat_session_add(gateway, &key, &session), 0);
	}
}

static uint32_t forward(const char *end, uint16_t port, bool keep_source, int error)
{
	struct simco_flow flows[N + 1];
	uint32_t n = 0;

	for (uint8_t i = 0; i < N; i++)
		flows[i] = flow(i, end, (uint16_t)(port + i));
	flows[N] = flow(MNAT_TCP, end, port);
	flows[N].port = htons(3001); /* of nobody */
	cr_assert_eq(anchors_forward(&anchors, FIRST_ID, ip(end), keep_source, flows, N + 1, &n),
		     error);
	return n;
}

static uint8_t flags_of_host(void)
{
	return mnat_location_flags(arrays.hosts[FIRST_ID]);
}

static void expect_forwarded(const char *end, uint16_t port, uint8_t flags)
{
	for (uint8_t i = 0; i < N; i++) {
		struct mnat_session_key key = key_of(i);
		struct mnat_elsewhere there;

		cr_assert(has_elsewhere(&key, &there));
		cr_assert_eq(there.kind, MNAT_FORWARDED);
		cr_assert_eq(there.addr, ip(end));
		cr_assert_eq(there.port, htons((uint16_t)(port + i)));
		cr_assert_eq(there.flags, flags);
		cr_assert_eq(there.number, arrays.info[FIRST_ID].stay);
		key.remote = there.addr;
		key.remote_port = there.port;
		cr_assert_eq(has_elsewhere(&key, &there), i != MNAT_ICMP);
		if (i == MNAT_ICMP)
			continue;
		cr_assert_eq(there.kind, MNAT_CORRESPONDENT);
		cr_assert_eq(there.addr, ip(CN));
		cr_assert_eq(there.port, htons(80));
	}
}

Test(elsewhere, sessions_of_a_departed_host)
{
	begin_sessions();
	forward(W, 4000, false, -ENOENT); /* it is here */
	move(NULL, W);
	forward(H, 4000, false, -ENOENT); /* not there */
	cr_assert_eq(flags_of_host(), 0);
	cr_assert_eq(forward(W, 4000, false, 0), N);
	cr_assert_eq(flags_of_host(), MNAT_HOST_FORWARDED);
	expect_forwarded(W, 4000, 0);
	cr_assert_eq(forward(W, 5000, true, 0), N, "the visited gateway has lost its maps");
	expect_forwarded(W, 5000, MNAT_KEEP_SOURCE);
}

/* Port 0: only the tunnel's outer source is another. */
Test(elsewhere, by_tunnel_as_the_correspondent)
{
	const struct mnat_session_key key = key_of(MNAT_TCP);
	struct simco_flow f = flow(MNAT_TCP, W, 0);
	struct mnat_session_key back = key;
	struct mnat_elsewhere there;
	uint32_t n;

	begin_sessions();
	move(NULL, W);
	cr_assert_eq(anchors_forward(&anchors, FIRST_ID, ip(W), true, &f, 1, &n), 0);
	cr_assert_eq(n, 1);
	cr_assert(has_elsewhere(&key, &there));
	cr_assert_eq(there.port, 0);
	back.remote = ip(W);
	back.remote_port = 0;
	cr_assert_not(has_elsewhere(&back, &there));
}

Test(elsewhere, it_holds_for_one_stay)
{
	uint32_t stay;

	begin_sessions();
	move(NULL, W);
	forward(W, 4000, false, 0);
	stay = arrays.info[FIRST_ID].stay;
	rebind(NULL, W, generation);
	move(NULL, W); /* its lease was renewed */
	cr_assert_eq(flags_of_host(), MNAT_HOST_FORWARDED);
	cr_assert_eq(arrays.info[FIRST_ID].stay, stay);
	move(A1, NULL);
	cr_assert_eq(flags_of_host(), 0);
	move(NULL, W);
	cr_assert_eq(flags_of_host(), 0, "ports of the last stay are of no use");
	cr_assert_neq(arrays.info[FIRST_ID].stay, stay);
	forward(W, 5000, false, 0);
	expect_forwarded(W, 5000, 0);
	move(NULL, H);
	cr_assert_eq(flags_of_host(), 0, "on to another domain");
}

Test(elsewhere, sessions_of_other_anchors_are_not_forwarded)
{
	struct anchor_name name = anchor_with(H, 0);
	struct mnat_elsewhere there;
	const struct mnat_session_key key = key_of(MNAT_TCP);

	import(&name, H);
	move(NULL, W);
	cr_assert_eq(forward(W, 4000, false, 0), 0);
	cr_assert_eq(flags_of_host(), 0);
	cr_assert(has_elsewhere(&key, &there));
	cr_assert_eq(there.kind, MNAT_ANCHORED);
}

Test(elsewhere, forgotten_with_the_session)
{
	begin_sessions();
	move(NULL, W);
	forward(W, 4000, false, 0);
	for (uint8_t i = 0; i < N; i++) {
		struct mnat_session_key key = key_of(i), back = key;
		struct mnat_elsewhere there;

		elsewhere_forget(gateway, &key);
		cr_assert_not(has_elsewhere(&key, &there));
		back.remote = ip(W);
		back.remote_port = htons((uint16_t)(4000 + i));
		cr_assert_not(has_elsewhere(&back, &there));
	}
}
