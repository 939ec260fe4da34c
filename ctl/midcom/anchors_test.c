// SPDX-License-Identifier: GPL-2.0-only
/* Anchors, arrivals and sessions over real maps (no programs): needs root. */
#include "anchors.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrays_test.h"
#include "ends.h"
#include "maps_test.h"

#define V "10.128.0.2"
#define V2 "10.128.0.5"
#define A1 "10.0.1.5"
#define H "135.180.32.4"
#define W "203.0.113.9"
#define CN "128.59.16.149"
#define NOW 1000

static uv_loop_t loop;
static struct hosts hosts;
static struct anchors anchors;
static struct mnat_gateway *gateway;

static void setup(void)
{
	gateway = test_maps_open();
	arrays_clear();
	arrays.config = gateway->config;
	arrays_open(&hosts, NOW);
	uv_loop_init(&loop);
	cr_assert_eq(anchors_open(&anchors, &loop, gateway, &hosts), 0);
}

static void stop(void)
{
	anchors_close(&anchors);
	hosts_close(&hosts);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void teardown(void)
{
	stop();
	cr_assert_eq(uv_loop_close(&loop), 0);
	test_maps_close();
}

TestSuite(anchors, .init = setup, .fini = teardown, .timeout = 30);

/* As after SIGKILL: only the maps are left. */
static void restart(void)
{
	stop();
	arrays_open(&hosts, NOW);
	cr_assert_eq(anchors_open(&anchors, &loop, gateway, &hosts), 0);
}

static uint32_t bind_host(const char *identity, const char *actual, uint32_t generation)
{
	const struct rebind rebind = {ip(identity), ip(actual), generation};
	uint64_t bound_at;
	uint32_t id;

	cr_assert_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), 0);
	cr_assert_eq(hosts_find(&hosts, ip(identity), &id), 0);
	return id;
}

static void send_away(const char *identity, const char *endpoint, uint32_t generation)
{
	const struct rebind rebind = {
		.identity = ip(identity), .generation = generation, .endpoint = ip(endpoint)};
	uint64_t bound_at;

	cr_assert_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), 0);
}

static struct anchor_name named(uint32_t host, const char *gw, const char *virt)
{
	return (struct anchor_name){host, ip(gw), ip(virt)};
}

static uint32_t admitted(const char *peer, const char *virt)
{
	const struct mnat_arrival_key key = {ip(peer), ip(virt)};
	uint32_t host;

	return bpf_map_lookup_elem(gateway->arrivals_fd, &key, &host) ? 0 : host;
}

static uint32_t default_of(uint32_t host)
{
	uint32_t slot = 77;

	cr_assert_eq(bpf_map_lookup_elem(gateway->defaults_fd, &host, &slot), 0);
	return slot;
}

static struct mnat_anchor anchor_at(uint32_t slot)
{
	struct mnat_anchor anchor;

	cr_assert_eq(bpf_map_lookup_elem(gateway->anchors_fd, &slot, &anchor), 0);
	return anchor;
}

/* ---- anchors ---- */

Test(anchors, made_changed_and_found_again)
{
	uint32_t host = bind_host(V, A1, 1), slot;
	struct anchor_name name = named(host, H, V);

	cr_assert_eq(anchors_set(&anchors, &name, false, true), 0);
	slot = anchors_find(&anchors, &name);
	cr_assert_neq(slot, 0);
	cr_assert_eq(anchor_at(slot).gateway, ip(H));
	cr_assert_eq(anchor_at(slot).virt, ip(V));
	cr_assert_eq(anchor_at(slot).host, host);
	cr_assert_eq(default_of(host), slot);
	cr_assert_eq(admitted(H, V), host);
	cr_assert_eq(anchors_set(&anchors, &name, true, false), 0, "said again with other flags");
	cr_assert_eq(anchors_find(&anchors, &name), slot);
	cr_assert_eq(anchor_at(slot).flags, MNAT_ANCHOR_DIRECT);
	cr_assert_eq(default_of(host), 0);
	restart();
	cr_assert_eq(anchors_find(&anchors, &name), slot);
	cr_assert_eq(anchors.n_used, 1);
}

Test(anchors, several_homes_of_one_host)
{
	uint32_t host = bind_host(V2, A1, 1);
	struct anchor_name first = named(host, H, V), second = named(host, W, V);

	cr_assert_eq(anchors_set(&anchors, &first, false, true), 0);
	cr_assert_eq(anchors_set(&anchors, &second, false, true), 0);
	cr_assert_eq(default_of(host), anchors_find(&anchors, &second));
	anchors_remove(&anchors, &first);
	cr_assert_eq(default_of(host), anchors_find(&anchors, &second), "another's default");
	cr_assert_eq(admitted(H, V), 0);
	cr_assert_eq(admitted(W, V), host);
}

Test(anchors, no_host_takes_anothers_tunnel)
{
	uint32_t host = bind_host(V, A1, 1), thief = bind_host(V2, "10.0.1.6", 1);
	struct anchor_name mine = named(host, H, V), stolen = named(thief, H, V);

	anchors_set(&anchors, &mine, false, true);
	cr_assert_eq(anchors_set(&anchors, &stolen, false, true), -EEXIST);
	cr_assert_eq(admitted(H, V), host);
	cr_assert_eq(anchors_find(&anchors, &stolen), 0);
	anchors_dismiss(&anchors, &stolen);
	anchors_remove(&anchors, &stolen);
	cr_assert_eq(admitted(H, V), host);
	bind_host(V, "0.0.0.0", 2);
	cr_assert_eq(anchors_set(&anchors, &stolen, false, true), 0, "the other has left");
}

Test(anchors, full)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);

	for (uint32_t i = 1; i < TEST_ANCHORS; i++) {
		name.gateway = htonl(0x01000000 + i);
		cr_assert_eq(anchors_set(&anchors, &name, false, false), 0);
	}
	name.gateway = ip(H);
	cr_assert_eq(anchors_set(&anchors, &name, false, false), -ENOSPC);
	cr_assert_eq(admitted(H, V), 0);
	name.gateway = htonl(0x01000001);
	anchors_remove(&anchors, &name);
	name.gateway = ip(H);
	cr_assert_eq(anchors_set(&anchors, &name, false, false), -ENOSPC,
		     "not before its sessions are gone");
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(anchors_set(&anchors, &name, false, false), 0);
}

Test(anchors, bad_names)
{
	struct anchor_name name = named(bind_host(V, A1, 1), "0.0.0.0", V);

	cr_assert_eq(anchors_set(&anchors, &name, false, false), -EINVAL);
	cr_assert_eq(anchors_admit(&anchors, &name), -EINVAL);
	cr_assert_eq(anchors.n_used, 0);
}

/* ---- arrivals ---- */

Test(anchors, arrival_of_a_host_of_ours)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, W, V);

	cr_assert_eq(anchors_admit(&anchors, &name), 0);
	cr_assert_eq(anchors_admit(&anchors, &name), 0, "said again");
	send_away(V, W, 2);
	cr_assert_eq(admitted(W, V), host);
	anchors_dismiss(&anchors, &name);
	cr_assert_eq(admitted(W, V), 0);
	anchors_dismiss(&anchors, &name);
}

/* Home again with sessions begun there: one entry has two reasons to be. */
Test(anchors, an_arrival_stays_while_either_use_lasts)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, W, V);

	anchors_admit(&anchors, &name);
	anchors_set(&anchors, &name, false, true);
	anchors_dismiss(&anchors, &name);
	cr_assert_eq(admitted(W, V), host, "an anchor needs it");
	send_away(V, W, 2);
	anchors_remove(&anchors, &name);
	cr_assert_eq(admitted(W, V), host, "it is behind that gateway");
}

Test(anchors, a_sync_leaves_what_it_names)
{
	uint32_t host = bind_host(V2, A1, 1);
	struct anchor_name gone = named(host, H, V), stays = named(host, W, V);
	struct anchor_name admitted_gone = named(host, H, V2), admitted_too = named(host, W, V2);

	cr_assert_eq(anchors_set(&anchors, &gone, false, true), 0);
	cr_assert_eq(anchors_set(&anchors, &stays, false, false), 0);
	cr_assert_eq(anchors_admit(&anchors, &admitted_gone), 0);
	cr_assert_eq(anchors_admit(&anchors, &admitted_too), 0);
	cr_assert_eq(anchors_sync_begin(&anchors), 0);
	cr_assert_eq(anchors_sync_begin(&anchors), -EBUSY);
	cr_assert_eq(anchors_set(&anchors, &stays, false, false), 0);
	cr_assert_eq(anchors_admit(&anchors, &admitted_too), 0);
	anchors_sync_end(&anchors);
	cr_assert_eq(anchors_find(&anchors, &gone), 0);
	cr_assert_neq(anchors_find(&anchors, &stays), 0);
	cr_assert_eq(default_of(host), 0);
	cr_assert_eq(admitted(H, V), 0);
	cr_assert_eq(admitted(H, V2), 0);
	cr_assert_eq(admitted(W, V), host);
	cr_assert_eq(admitted(W, V2), host);
}

Test(anchors, a_sync_knows_an_anchor_from_an_arrival_of_its_name)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);

	cr_assert_eq(anchors_set(&anchors, &name, false, true), 0);
	send_away(V, H, 2);
	cr_assert_eq(anchors_sync_begin(&anchors), 0);
	cr_assert_eq(anchors_admit(&anchors, &name), 0);
	anchors_sync_end(&anchors);
	cr_assert_eq(anchors_find(&anchors, &name), 0);
	cr_assert_eq(admitted(H, V), host);
}

Test(anchors, a_sync_that_is_cancelled_removes_nothing)
{
	struct anchor_name name = named(bind_host(V, A1, 1), H, V);

	cr_assert_eq(anchors_set(&anchors, &name, false, true), 0);
	cr_assert_eq(anchors_sync_begin(&anchors), 0);
	anchors_sync_cancel(&anchors);
	anchors_sync_end(&anchors);
	cr_assert_neq(anchors_find(&anchors, &name), 0);
}

Test(anchors, a_released_id_leaves_nothing_behind)
{
	static const uint8_t none[TEST_HOSTS / 8 + 1];
	uint32_t host = bind_host(V, A1, 1), stays = bind_host(V2, "10.0.1.6", 1);
	struct anchor_name name = named(host, H, V), arrival = named(host, W, V);
	struct anchor_name other = named(stays, W, V2);

	anchors_set(&anchors, &name, false, true);
	anchors_admit(&anchors, &arrival);
	anchors_set(&anchors, &other, false, true);
	bind_host(V, "0.0.0.0", 2);
	cr_assert_eq(hosts_release(&hosts, none, NOW + 1), 1);
	anchors_forget_released(&anchors);
	cr_assert_eq(admitted(H, V), 0);
	cr_assert_eq(admitted(W, V), 0);
	cr_assert_eq(default_of(host), 0);
	cr_assert_eq(anchors.n_used, 1);
	cr_assert_eq(admitted(W, V2), stays);
}

/* ---- sessions ---- */

static struct simco_flow flow(unsigned int port)
{
	return (struct simco_flow){
		.proto = MNAT_TCP,
		.port = htons((uint16_t)port),
		.remote = ip(CN),
		.remote_port = htons(80),
		.external = ip(H),
		.external_port = htons((uint16_t)(port + 1000)),
		.flags = htonl(MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN),
	};
}

static struct mnat_session_key key_of(uint32_t host, const struct simco_flow *f)
{
	return (struct mnat_session_key){host, f->remote, f->port, f->remote_port, f->proto};
}

static bool find_session(uint32_t host, const struct simco_flow *f, struct mnat_session *ret)
{
	const struct mnat_session_key key = key_of(host, f);

	return mnat_session_get(gateway, &key, ret);
}

static void put_session(uint32_t host, const struct simco_flow *f, uint32_t binding,
			uint32_t flags)
{
	const struct mnat_session_key key = key_of(host, f);
	const struct mnat_session session = {binding, NOW, NOW, flags};

	cr_assert_eq(mnat_session_add(gateway, &key, &session), 0);
}

static uint32_t import(const struct anchor_name *name, const struct simco_flow *flows, uint32_t n)
{
	uint32_t new = 99;

	cr_assert_eq(anchors_import(&anchors, name, flows, n, NOW, &new), 0);
	return new;
}

Test(anchors, imported_once)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);
	struct simco_flow flows[] = {flow(1), flow(2), flow(3)};
	struct mnat_session session;
	uint32_t new;

	cr_assert_eq(anchors_import(&anchors, &name, flows, 3, NOW, &new), -ENOENT);
	anchors_set(&anchors, &name, false, true);
	cr_assert_eq(import(&name, flows, 3), 3);
	cr_assert_eq(import(&name, flows, 3), 0, "idempotent");
	cr_assert(find_session(host, &flows[1], &session));
	cr_assert_eq(session.binding, MNAT_BINDING_ANCHOR | anchors_find(&anchors, &name));
	cr_assert_eq(session.flags, MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN);
	cr_assert_eq(session.last_seen, NOW);
	flows[0].proto = MNAT_N_PROTO;
	cr_assert_eq(anchors_import(&anchors, &name, flows, 3, NOW, &new), -EINVAL);
}

Test(anchors, our_own_session_is_not_given_away)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);
	struct simco_flow f = flow(1);
	struct mnat_session session;

	put_session(host, &f, 5, MNAT_SEEN_SYN_OUT);
	anchors_set(&anchors, &name, true, true);
	cr_assert_eq(import(&name, &f, 1), 0);
	cr_assert(find_session(host, &f, &session));
	cr_assert_eq(session.binding, 5);
}

/* While importing, the data path guessed the default anchor; the true one corrects it. */
Test(anchors, a_guess_is_corrected_a_claim_is_not)
{
	uint32_t host = bind_host(V2, A1, 1), slot;
	struct anchor_name last = named(host, W, V), first = named(host, H, V);
	struct simco_flow guessed = flow(1), claimed = flow(2);
	struct mnat_session session;

	anchors_set(&anchors, &last, false, true);
	anchors_set(&anchors, &first, false, false);
	slot = anchors_find(&anchors, &last);
	put_session(host, &guessed, MNAT_BINDING_ANCHOR | slot,
		    MNAT_SEEN_SYN_OUT | MNAT_ANCHOR_GUESSED);
	cr_assert_eq(import(&last, &claimed, 1), 1);
	cr_assert_eq(import(&first, &guessed, 1), 1);
	cr_assert_eq(import(&first, &claimed, 1), 0);
	cr_assert(find_session(host, &guessed, &session));
	cr_assert_eq(session.binding, MNAT_BINDING_ANCHOR | anchors_find(&anchors, &first));
	cr_assert_eq(session.flags & MNAT_ANCHOR_GUESSED, 0);
	cr_assert(find_session(host, &claimed, &session));
	cr_assert_eq(session.binding, MNAT_BINDING_ANCHOR | slot);
}

Test(anchors, direct_sessions_know_their_external_endpoint)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);
	struct simco_flow f = flow(1);
	const struct mnat_session_key key = key_of(host, &f);
	struct mnat_elsewhere there;

	anchors_set(&anchors, &name, MNAT_ANCHOR_DIRECT, true);
	import(&name, &f, 1);
	cr_assert_eq(bpf_map_lookup_elem(gateway->elsewhere_fd, &key, &there), 0);
	cr_assert_eq(there.addr, ip(H));
	cr_assert_eq(there.port, htons(1001));
	cr_assert_eq(there.kind, MNAT_ANCHORED);
	cr_assert_eq(there.number, 0);
	anchors_remove(&anchors, &name);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_neq(bpf_map_lookup_elem(gateway->elsewhere_fd, &key, &there), 0);
}

Test(anchors, removed_with_their_sessions_only)
{
	uint32_t host = bind_host(V, A1, 1), n = 3000;
	struct anchor_name name = named(host, H, V), other = named(host, W, V);
	struct simco_flow f = flow(1), foreign = flow(2);
	struct mnat_session session;

	anchors_set(&anchors, &name, false, true);
	anchors_set(&anchors, &other, false, false);
	put_session(host, &f, 5, MNAT_SEEN_SYN_OUT);
	import(&other, &foreign, 1);
	for (uint32_t i = 10; i < n; i++) {
		struct simco_flow one = flow(i);

		import(&name, &one, 1);
	}
	anchors_remove(&anchors, &name);
	cr_assert_eq(anchors_find(&anchors, &name), 0);
	cr_assert_eq(admitted(H, V), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (uint32_t i = 10; i < n; i++) {
		struct simco_flow one = flow(i);

		cr_assert_not(find_session(host, &one, &session), "session %u", i);
	}
	cr_assert(find_session(host, &f, &session));
	cr_assert(find_session(host, &foreign, &session));
	cr_assert_eq(anchors.n_used, 1);
}

/* The node goes and comes within a moment: what is imported anew must stay. */
Test(anchors, removed_and_made_again_at_once)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);
	struct simco_flow f = flow(1);
	struct mnat_session session;

	anchors_set(&anchors, &name, false, true);
	import(&name, &f, 1);
	anchors_remove(&anchors, &name);
	anchors_set(&anchors, &name, false, true);
	cr_assert_eq(import(&name, &f, 1), 1);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert(find_session(host, &f, &session));
	cr_assert_eq(session.binding, MNAT_BINDING_ANCHOR | anchors_find(&anchors, &name));
	cr_assert_eq(default_of(host), anchors_find(&anchors, &name));
}

Test(anchors, killed_while_removing)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);
	struct simco_flow f = flow(1);
	struct mnat_session session;

	anchors_set(&anchors, &name, false, true);
	import(&name, &f, 1);
	anchors_remove(&anchors, &name);
	restart();
	cr_assert_eq(anchors.n_used, 1);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_not(find_session(host, &f, &session));
	cr_assert_eq(anchors.n_used, 0);
}

/* ---- export ---- */

/* All sessions of a host, as a manager fetches them: how many, in how many batches. */
static uint32_t export_all(uint32_t host, uint32_t *ret_batches, uint8_t seen[])
{
	static struct simco_flow flows[SIMCO_FLOWS_MAX];
	uint32_t total = 0, n, batches = 0;
	uint64_t cursor = 0;

	do {
		cr_assert_eq(anchors_export(&anchors, host, &cursor, flows, &n), 0);
		cr_assert_leq(n, SIMCO_FLOWS_MAX);
		for (uint32_t i = 0; i < n; i++)
			seen[ntohs(flows[i].port)]++;
		total += n;
		cr_assert_lt(++batches, 1000);
	} while (cursor);
	*ret_batches = batches;
	return total;
}

Test(anchors, exported_in_batches_each_once)
{
	static uint8_t seen[65536];
	uint32_t host = bind_host(V, A1, 1), other = bind_host(V2, "10.0.1.6", 1), batches;
	struct anchor_name name = named(host, H, V);
	struct simco_flow foreign = flow(60000);

	anchors_set(&anchors, &name, false, true);
	import(&name, &foreign, 1);
	for (uint32_t i = 1; i <= 5000; i++) {
		struct simco_flow one = flow(i);

		put_session(host, &one, i, MNAT_SEEN_SYN_OUT);
		put_session(other, &one, i, MNAT_SEEN_SYN_OUT);
	}
	cr_assert_eq(export_all(host, &batches, seen), 5000, "without what is anchored elsewhere");
	cr_assert_geq(batches, 10);
	for (uint32_t i = 1; i <= 5000; i++)
		cr_assert_eq(seen[i], 1, "port %u", i);
}

Test(anchors, exported_as_the_packets_are)
{
	uint32_t host = bind_host(V, A1, 1), n;
	struct simco_flow f = flow(1756), out;
	uint64_t cursor = 0;

	put_session(host, &f, 6064, MNAT_SEEN_SYN_OUT | MNAT_ANCHOR_GUESSED);
	cr_assert_eq(anchors_export(&anchors, host, &cursor, &out, &n), 0);
	cr_assert_eq(n, 1);
	cr_assert_eq(cursor, 0);
	f.external_port = htons(7088);
	f.flags = htonl(MNAT_SEEN_SYN_OUT);
	cr_assert_arr_eq(&out, &f, sizeof(f));
}

static struct simco_flow export_one(uint32_t host)
{
	struct simco_flow flows[SIMCO_FLOWS_MAX];
	uint64_t cursor = 0;
	uint32_t n;

	cr_assert_eq(anchors_export(&anchors, host, &cursor, flows, &n), 0);
	cr_assert_eq(n, 1);
	return flows[0];
}

/* A session between two mobile hosts is one record, and each host's own when it leaves. */
Test(anchors, exported_inside_the_domain)
{
	uint32_t host = bind_host(V, A1, 1), peer = bind_host(V2, "10.0.1.6", 1);
	struct simco_flow f = flow(1756), actual = flow(22), out;

	f.remote = ip(V2);
	put_session(host, &f, MNAT_BINDING_INTRA | peer, MNAT_SEEN_SYN_OUT | MNAT_SEEN_FIN_IN);
	put_session(host, &actual, MNAT_BINDING_INTRA, MNAT_SEEN_SYN_IN | MNAT_INTRA_ACTUAL);
	f.external = 0;
	f.external_port = 0;
	f.flags = htonl(MNAT_SEEN_SYN_OUT | MNAT_SEEN_FIN_IN);
	out = export_one(host);
	cr_assert_arr_eq(&out, &f, sizeof(f));
	f.remote = ip(V);
	f.port = htons(80);
	f.remote_port = htons(1756);
	f.flags = htonl(MNAT_SEEN_SYN_IN | MNAT_SEEN_FIN_OUT);
	out = export_one(peer);
	cr_assert_arr_eq(&out, &f, sizeof(f));
}

/* They have no external endpoint: they go by the anchor whatever it is. */
Test(anchors, imported_without_an_external_endpoint)
{
	uint32_t host = bind_host(V, A1, 1);
	struct anchor_name name = named(host, H, V);
	struct simco_flow f = flow(1756);
	const struct mnat_session_key key = key_of(host, &f);
	struct mnat_elsewhere there;

	f.external = 0;
	f.external_port = 0;
	anchors_set(&anchors, &name, true, true);
	cr_assert_eq(import(&name, &f, 1), 1);
	cr_assert_neq(bpf_map_lookup_elem(gateway->elsewhere_fd, &key, &there), 0);
}

Test(anchors, cursors_that_nobody_gave_out)
{
	uint32_t host = bind_host(V, A1, 1), n = 99;
	struct simco_flow flows[1];
	uint64_t cursor = UINT32_MAX;

	cr_assert_eq(anchors_export(&anchors, host, &cursor, flows, &n), 0);
	cr_assert_eq(n, 0);
	cr_assert_eq(cursor, 0);
	cursor = UINT64_MAX;
	cr_assert_eq(anchors_export(&anchors, host, &cursor, flows, &n), -EINVAL);
}

/* ---- ends ---- */

static __be32 told[8];
static unsigned int n_told;
static bool anybody;

static bool tell(__be32 virt, void *user)
{
	if (anybody)
		told[n_told++] = virt;
	return anybody;
}

Test(anchors, ends_are_told_once_to_each_manager)
{
	uint8_t none[TEST_HOSTS / 8 + 1] = {0}, first[TEST_HOSTS / 8 + 1] = {1};

	bind_host(V, A1, 1);
	cr_assert_not(ends_are_awaited(&hosts));
	send_away(V, W, 2);
	cr_assert(ends_are_awaited(&hosts));
	ends_tell(&hosts, none, NOW, tell, NULL);
	anybody = true;
	ends_tell(&hosts, none, NOW, tell, NULL);
	cr_assert_eq(n_told, 0, "it went after the walk began");
	ends_tell(&hosts, first, NOW + 1, tell, NULL);
	cr_assert_eq(n_told, 0, "it has sessions");
	anybody = false;
	ends_tell(&hosts, none, NOW + 1, tell, NULL);
	anybody = true;
	ends_tell(&hosts, none, NOW + 1, tell, NULL);
	ends_tell(&hosts, none, NOW + 1, tell, NULL);
	cr_assert_eq(n_told, 1);
	cr_assert_eq(told[0], ip(V));
	ends_tell_again(&hosts);
	ends_tell(&hosts, none, NOW + 1, tell, NULL);
	cr_assert_eq(n_told, 2);
	send_away(V, H, 3); /* to a third domain */
	ends_tell(&hosts, none, NOW + 1, tell, NULL);
	cr_assert_eq(n_told, 3);
	bind_host(V, A1, 4);
	ends_tell(&hosts, none, NOW + 1, tell, NULL);
	cr_assert_eq(n_told, 3);
}
