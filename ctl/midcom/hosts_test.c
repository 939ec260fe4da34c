// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "arrays_test.h"

#define V "10.128.0.2"
#define V2 "10.128.0.3"
#define A1 "10.0.1.5"
#define A2 "10.0.2.7"
#define NOW 1000

static struct hosts hosts;

static void setup(void)
{
	arrays_clear();
	arrays_open(&hosts, NOW);
}

static void teardown(void)
{
	hosts_close(&hosts);
}

TestSuite(hosts, .init = setup, .fini = teardown, .timeout = 20);

static int bind_at(const char *identity, const char *actual, uint32_t generation, uint32_t now)
{
	const struct rebind rebind = {ip(identity), actual ? ip(actual) : 0, generation, false};
	uint64_t bound_at;

	return hosts_rebind(&hosts, &rebind, now, &bound_at);
}

static int bind_plain(const char *addr, bool here, uint32_t generation)
{
	const struct rebind rebind = {ip(addr), here ? ip(addr) : 0, generation, true};
	uint64_t bound_at;

	return hosts_rebind(&hosts, &rebind, NOW, &bound_at);
}

static void restart(uint32_t now)
{
	hosts_close(&hosts);
	arrays_open(&hosts, now);
}

/* All ids unused. */
static void release_all(uint32_t before)
{
	static const uint8_t none[N_MOBILE / 8 + 1];

	hosts_release(&hosts, none, before);
}

Test(hosts, first_bind)
{
	cr_assert_eq(bind_at(V, A1, 7, NOW), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], mnat_location(ip(A1), MNAT_PATH_TRANSLATE, 0, 7));
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, 0));
	cr_assert_eq(arrays.virtuals[FIRST_ID], ip(V));
	cr_assert_eq(arrays.info[FIRST_ID].virt, ip(V));
	cr_assert_eq(arrays.info[FIRST_ID].identity, ip(V));
	cr_assert_eq(arrays.info[FIRST_ID].actual, ip(A1));
	cr_assert_eq(arrays.info[FIRST_ID].gen, 7);
	cr_assert_neq(arrays.info[FIRST_ID].bound_at_ns, 0);
	cr_assert_eq(hosts.n_bound, 1);
	cr_assert_eq(hosts.n_free, N_MOBILE - 1);
}

Test(hosts, a_move_leaves_the_old_address_in_grace)
{
	bind_at(V, A1, 1, NOW);
	cr_assert_eq(bind_at(V, A2, 2, NOW + 5), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], mnat_location(ip(A2), MNAT_PATH_TRANSLATE, 0, 2));
	cr_assert_eq(*actual_word(A2), mnat_actual(FIRST_ID, 0));
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, NOW + 5 + GRACE));
	cr_assert_eq(hosts.n_bound, 1);
	hosts_expire(&hosts, NOW + 5 + GRACE);
	cr_assert_neq(*actual_word(A1), 0, "accepted up to that second");
	hosts_expire(&hosts, NOW + 6 + GRACE);
	cr_assert_eq(*actual_word(A1), 0);
	cr_assert_eq(*actual_word(A2), mnat_actual(FIRST_ID, 0));
}

Test(hosts, ping_pong_within_grace)
{
	bind_at(V, A1, 1, NOW);
	bind_at(V, A2, 2, NOW + 1);
	bind_at(V, A1, 3, NOW + 2);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, 0));
	cr_assert_eq(*actual_word(A2), mnat_actual(FIRST_ID, NOW + 2 + GRACE));
	hosts_expire(&hosts, NOW + 100);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, 0), "current, not in grace");
	cr_assert_eq(*actual_word(A2), 0);
}

/* (a), (b) and (c) are in force when (d) is written. */
static int seen_before_record;

static void look(struct arrays *a, uint32_t id)
{
	if (a->info[id].actual != ip(A1))
		return;
	seen_before_record = *actual_word(A2) == mnat_actual(id, 0) &&
			     mnat_location_endpoint(a->hosts[id]) == ip(A2) &&
			     mnat_actual_until(*actual_word(A1)) == NOW + GRACE;
}

Test(hosts, the_record_comes_last)
{
	bind_at(V, A1, 1, NOW);
	arrays.on_info = look;
	bind_at(V, A2, 2, NOW);
	cr_assert(seen_before_record);
}

/* What the data path would see at any moment: a host's new address is the host's already. */
static volatile bool moving;
static uint64_t torn, seen;

static void *watch(void *user)
{
	while (moving) {
		uint64_t word = __atomic_load_n(&arrays.hosts[FIRST_ID], __ATOMIC_ACQUIRE);
		uint32_t index = ntohl(mnat_location_endpoint(word)) & 0xffff;
		uint64_t actual = __atomic_load_n(&arrays.actuals[index], __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&arrays.hosts[FIRST_ID], __ATOMIC_ACQUIRE) != word)
			continue;
		seen++;
		torn += mnat_actual_host(actual) != FIRST_ID;
	}
	return NULL;
}

Test(hosts, the_address_is_the_hosts_before_the_host_is_there)
{
	struct in_addr addr;
	pthread_t watcher;
	char text[INET_ADDRSTRLEN];

	hosts.grace = 0; /* so that the address left is nobody's, and a new one is not yet ours */
	bind_at(V, A1, 1, NOW);
	moving = true;
	cr_assert_eq(pthread_create(&watcher, NULL, watch, NULL), 0);
	for (uint32_t i = 2; i < 400000 || !seen; i++) {
		addr.s_addr = htonl(0x0a000000 | (i & 0x3fff) << 2);
		bind_at(V, inet_ntop(AF_INET, &addr, text, sizeof(text)), i, NOW);
	}
	moving = false;
	pthread_join(watcher, NULL);
	cr_assert_eq(torn, 0, "%lu of %lu times", torn, seen);
}

Test(hosts, generations)
{
	bind_at(V, A1, 5, NOW);
	cr_assert_eq(bind_at(V, A2, 4, NOW), -ESTALE);
	cr_assert_eq(bind_at(V, A2, 5, NOW), -ESTALE, "one generation, another address");
	cr_assert_eq(bind_at(V, A1, 5, NOW), 0, "said again");
	cr_assert_eq(bind_at(V, NULL, 4, NOW), -ESTALE);
	cr_assert_eq(mnat_location_endpoint(arrays.hosts[FIRST_ID]), ip(A1));
	cr_assert_eq(bind_at(V, A2, 70000, NOW), 0);
	cr_assert_eq(mnat_location_gen(arrays.hosts[FIRST_ID]), (uint16_t)70000);
	cr_assert_eq(arrays.info[FIRST_ID].gen, 70000);
}

Test(hosts, a_repeated_bind_changes_nothing)
{
	uint64_t bound_at;

	bind_at(V, A1, 5, NOW);
	bound_at = arrays.info[FIRST_ID].bound_at_ns;
	arrays.fail_after = 1; /* no write is to be tried */
	cr_assert_eq(bind_at(V, A1, 5, NOW + 50), 0);
	cr_assert_eq(arrays.info[FIRST_ID].bound_at_ns, bound_at);
}

Test(hosts, bad_addresses)
{
	cr_assert_eq(bind_at(V, "10.1.0.1", 1, NOW), -ERANGE);
	cr_assert_eq(bind_at("0.0.0.0", A1, 1, NOW), -EINVAL);
	cr_assert_eq(bind_plain("192.0.2.1", true, 1), -ERANGE);
	cr_assert_eq(hosts.n_bound, 0);
	cr_assert_eq(hosts.n_free, N_MOBILE, "a refused host took an id");
}

Test(hosts, leaving_keeps_the_id_until_nothing_names_it)
{
	const uint8_t in_use[2] = {1};

	bind_at(V, A1, 1, NOW);
	cr_assert_eq(bind_at(V, NULL, 2, NOW + 1), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], 0);
	cr_assert_eq(*actual_word(A1), 0);
	cr_assert_eq(arrays.virtuals[FIRST_ID], ip(V));
	cr_assert_eq(hosts.n_left, 1);
	cr_assert_eq(bind_at(V2, A1, 1, NOW + 1), 0);
	cr_assert_neq(arrays.hosts[FIRST_ID + 1], 0, "the id of a host that left was given away");
	hosts_release(&hosts, in_use, NOW + 100);
	cr_assert_eq(hosts.n_left, 1, "released though a session names it");
	release_all(NOW + 1);
	cr_assert_eq(hosts.n_left, 1, "released though it left after the scan began");
	release_all(NOW + 2);
	cr_assert_eq(hosts.n_left, 0);
	cr_assert_eq(arrays.virtuals[FIRST_ID], 0);
	cr_assert_eq(hosts.n_free, N_MOBILE - 1);
}

/* Packets from the address it left before would be taken for the next host's. */
Test(hosts, leaving_keeps_the_id_until_its_graces_are_over)
{
	bind_at(V, A1, 1, NOW);
	bind_at(V, A2, 2, NOW + 5);
	bind_at(V, NULL, 3, NOW + 6);
	release_all(NOW + 5 + GRACE);
	cr_assert_eq(hosts.n_left, 1, "released in the grace of " A1);
	restart(NOW + 7);
	release_all(NOW + 5 + GRACE);
	cr_assert_eq(hosts.n_left, 1, "released in the grace of " A1 " after a restart");
	release_all(NOW + 6 + GRACE);
	cr_assert_eq(hosts.n_left, 0);
}

Test(hosts, a_host_returns_to_its_id)
{
	bind_at(V, A1, 1, NOW);
	bind_at(V, NULL, 2, NOW);
	cr_assert_eq(bind_at(V, A1, 1, NOW), -ESTALE, "a late message revived it");
	cr_assert_eq(bind_at(V, A2, 3, NOW), 0);
	cr_assert_eq(mnat_location_endpoint(arrays.hosts[FIRST_ID]), ip(A2));
	cr_assert_eq(hosts.n_left, 0);
	release_all(NOW + 100);
	cr_assert_eq(arrays.virtuals[FIRST_ID], ip(V));
}

Test(hosts, leaving_without_having_been_here)
{
	cr_assert_eq(bind_at(V, NULL, 2, NOW), 0);
	cr_assert_eq(hosts.n_free, N_MOBILE);
}

Test(hosts, no_more_ids)
{
	char v[16];

	for (int i = 0; i < N_MOBILE; i++) {
		snprintf(v, sizeof(v), "10.128.1.%d", i);
		cr_assert_eq(bind_at(v, A1, 1, NOW), 0);
	}
	cr_assert_eq(bind_at(V, A2, 1, NOW), -ENOSPC);
	cr_assert_eq(bind_at("10.128.1.0", A2, 2, NOW), 0, "a known host must still move");
}

Test(hosts, an_address_has_one_host)
{
	bind_at(V, A1, 1, NOW);
	bind_at(V2, A1, 1, NOW);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID + 1, 0));
	cr_assert_eq(arrays.hosts[FIRST_ID], 0, "the first would get the second's packets");
	cr_assert_eq(arrays.info[FIRST_ID].actual, 0);
	cr_assert_eq(hosts.n_bound, 1);
}

Test(hosts, an_address_in_grace_may_be_taken)
{
	bind_at(V, A1, 1, NOW);
	bind_at(V, A2, 2, NOW);
	cr_assert_eq(bind_at(V2, A1, 1, NOW), 0);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID + 1, 0));
	cr_assert_neq(arrays.hosts[FIRST_ID], 0);
	hosts_expire(&hosts, NOW + 100);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID + 1, 0));
	bind_at(V, NULL, 3, NOW);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID + 1, 0));
}

Test(hosts, no_grace_by_configuration)
{
	hosts.grace = 0;
	bind_at(V, A1, 1, NOW);
	bind_at(V, A2, 2, NOW);
	cr_assert_eq(*actual_word(A1), 0);
}

Test(hosts, plain_host)
{
	uint32_t id = 0x105 + 1;

	cr_assert_eq(bind_plain(A1, true, 12), 0);
	cr_assert_eq(arrays.hosts[id],
		     mnat_location(ip(A1), MNAT_PATH_TRANSLATE, MNAT_HOST_PLAIN, 12));
	cr_assert_eq(*actual_word(A1), mnat_actual(id, 0));
	cr_assert_eq(bind_plain(A1, true, 1), 0, "a new lease of the address begins anew");
	cr_assert_eq(bind_plain(A1, false, 0), -ESTALE);
	cr_assert_eq(bind_plain(A1, false, 2), 0);
	cr_assert_eq(arrays.hosts[id], 0);
	cr_assert_eq(*actual_word(A1), 0);
	cr_assert_eq(hosts.n_free, N_MOBILE);
	cr_assert_eq(hosts.n_bound, 0);
}

Test(hosts, a_mobile_host_takes_a_plain_ones_address)
{
	uint32_t plain = 0x105 + 1;

	/* as the data path notes a host without a lease */
	arrays.hosts[plain] = mnat_location(ip(A1), MNAT_PATH_TRANSLATE, MNAT_HOST_PLAIN, 0);
	bind_at(V, A1, 1, NOW);
	cr_assert_eq(arrays.hosts[plain], 0);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, 0));
}

Test(hosts, replace)
{
	bind_at(V, A1, 5, NOW);
	cr_assert_eq(hosts_replace(&hosts, ip(A1), ip(A2), NOW), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], mnat_location(ip(A2), MNAT_PATH_TRANSLATE, 0, 6));
	cr_assert_eq(hosts_generation(&arrays.info[FIRST_ID]), 6);
	cr_assert_eq(hosts_replace(&hosts, ip(A1), ip(A2), NOW), 0, "idempotent");
	cr_assert_eq(hosts_generation(&arrays.info[FIRST_ID]), 6);
	cr_assert_eq(hosts_replace(&hosts, ip("10.0.9.9"), ip(A2), NOW), -ENOENT);
	cr_assert_eq(hosts_replace(&hosts, ip(A1), ip("10.0.3.3"), NOW), -ENOENT, "moved away");
	cr_assert_eq(hosts_replace(&hosts, ip(A2), ip("192.0.2.1"), NOW), -ERANGE);
	bind_at(V2, "10.0.3.3", 1, NOW);
	cr_assert_eq(hosts_replace(&hosts, ip(A2), ip("10.0.3.3"), NOW), -EEXIST);
	cr_assert_eq(bind_at(V, "10.0.4.4", 6, NOW), 0, "the manager's next word counts");
	cr_assert_eq(hosts_generation(&arrays.info[FIRST_ID]), 6);
}

Test(hosts, sync_unbinds_who_was_not_named)
{
	bind_at(V, A1, 1, NOW);
	bind_at(V2, A2, 1, NOW);
	bind_plain("10.0.5.5", true, 1);
	arrays.hosts[0x606 + 1] = mnat_location(ip("10.0.6.6"), MNAT_PATH_TRANSLATE, 1, 0);
	cr_assert_eq(hosts_sync_begin(&hosts), 0);
	cr_assert_eq(hosts_sync_begin(&hosts), -EBUSY);
	cr_assert_eq(bind_at(V2, A2, 1, NOW), 0);
	hosts_sync_end(&hosts, NOW);
	cr_assert_eq(arrays.hosts[FIRST_ID], 0);
	cr_assert_neq(arrays.hosts[FIRST_ID + 1], 0);
	cr_assert_eq(arrays.hosts[0x505 + 1], 0, "a leased plain host stayed");
	cr_assert_neq(arrays.hosts[0x606 + 1], 0, "a host without a lease is not the manager's");
	cr_assert_eq(bind_at(V, A1, 1, NOW), 0, "the same lease, named again");
	cr_assert_eq(mnat_location_endpoint(arrays.hosts[FIRST_ID]), ip(A1));
}

Test(hosts, cancelled_sync_unbinds_nobody)
{
	bind_at(V, A1, 1, NOW);
	hosts_sync_begin(&hosts);
	hosts_sync_cancel(&hosts);
	hosts_sync_end(&hosts, NOW);
	cr_assert_neq(arrays.hosts[FIRST_ID], 0);
}

/* ---- in other domains ---- */

#define W "203.0.113.9"
#define C "198.51.100.7"

static int send_away(const char *endpoint, uint32_t generation, uint32_t now)
{
	const struct rebind rebind = {
		.identity = ip(V), .generation = generation, .endpoint = ip(endpoint)};
	uint64_t bound_at;

	return hosts_rebind(&hosts, &rebind, now, &bound_at);
}

static int arrive(uint32_t generation, bool importing)
{
	const struct rebind rebind = {ip(V), ip(A1), generation, .importing = importing};
	uint64_t bound_at;

	return hosts_rebind(&hosts, &rebind, NOW, &bound_at);
}

Test(hosts, goes_to_another_domain_and_comes_back)
{
	bind_at(V, A1, 1, NOW);
	cr_assert_eq(send_away(W, 2, NOW), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], mnat_location(ip(W), MNAT_PATH_TUNNEL, 0, 2));
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, NOW + GRACE));
	cr_assert_eq(arrays.info[FIRST_ID].actual, 0);
	cr_assert_eq(hosts.n_bound, 1);
	cr_assert_eq(send_away(W, 2, NOW), 0, "said again");
	cr_assert_eq(send_away(C, 2, NOW), -ESTALE, "one generation, two places");
	cr_assert_eq(bind_at(V, A2, 2, NOW), -ESTALE);
	cr_assert_eq(send_away(C, 1, NOW), -ESTALE);
	cr_assert_eq(send_away(C, 3, NOW), 0, "and on to a third");
	cr_assert_eq(bind_at(V, A2, 4, NOW), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], mnat_location(ip(A2), MNAT_PATH_TRANSLATE, 0, 4));
	cr_assert_eq(hosts.n_bound, 1);
}

Test(hosts, leaves_from_another_domain)
{
	bind_at(V, A1, 1, NOW);
	send_away(W, 2, NOW);
	cr_assert_eq(bind_at(V, NULL, 3, NOW), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], 0);
	cr_assert_eq(hosts.n_bound, 0);
	cr_assert_eq(hosts.n_left, 1);
}

Test(hosts, known_only_by_where_it_went)
{
	cr_assert_eq(send_away(W, 2, NOW), 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], mnat_location(ip(W), MNAT_PATH_TUNNEL, 0, 2));
}

Test(hosts, a_departed_hosts_address_is_free)
{
	bind_at(V, A1, 1, NOW);
	send_away(W, 2, NOW);
	cr_assert_eq(bind_at(V2, A1, 1, NOW), 0);
	cr_assert_eq(mnat_location_path(arrays.hosts[FIRST_ID]), MNAT_PATH_TUNNEL);
	cr_assert_eq(hosts_replace(&hosts, ip(A2), ip(A1), NOW), -ENOENT);
}

/* Figure 3A: the host is here, its packets go to it by tunnel; a move is the same store. */
Test(hosts, here_by_tunnel)
{
	struct rebind rebind = {.identity = ip(V), .actual = ip(A1), .generation = 1,
				.tunnel = true};
	const uint64_t at_a1 = mnat_location(ip(A1), MNAT_PATH_TUNNEL, MNAT_HOST_TUNNELLED, 1);
	uint64_t bound_at;

	cr_assert_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), 0);
	cr_expect_eq(arrays.hosts[FIRST_ID], at_a1);
	cr_expect_eq(*actual_word(A1), mnat_actual(FIRST_ID, 0));
	cr_expect_not(hosts_is_away(&hosts, FIRST_ID));

	rebind.actual = ip(A2), rebind.generation = 2;
	cr_assert_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), 0);
	cr_expect_eq(*actual_word(A1), mnat_actual(FIRST_ID, NOW + GRACE));
	cr_expect_eq(arrays.info[FIRST_ID].actual, ip(A2));

	/* the mode is part of the place: another one needs another generation */
	rebind.tunnel = false;
	cr_expect_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), -ESTALE);
	rebind.generation = 3;
	cr_expect_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), 0);
	cr_expect_eq(arrays.hosts[FIRST_ID], mnat_location(ip(A2), MNAT_PATH_TRANSLATE, 0, 3));
	rebind = (struct rebind){.identity = ip(V), .generation = 4, .tunnel = true};
	cr_expect_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), -EINVAL);
}

Test(hosts, plain_hosts_stay)
{
	const struct rebind rebind = {ip(A1), 0, 1, .plain = true, .endpoint = ip(W)};
	const struct rebind both = {ip(V), ip(A1), 1, .endpoint = ip(W)};
	uint64_t bound_at;

	cr_assert_eq(hosts_rebind(&hosts, &rebind, NOW, &bound_at), -EINVAL);
	cr_assert_eq(hosts_rebind(&hosts, &both, NOW, &bound_at), -EINVAL);
}

Test(hosts, an_import_ends_once)
{
	cr_assert_eq(arrive(1, true), 0);
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]), MNAT_HOST_IMPORTING);
	cr_assert_eq(arrive(1, true), 0, "said again");
	cr_assert_eq(hosts_replace(&hosts, ip(A1), ip(A2), NOW), 0);
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]), MNAT_HOST_IMPORTING);
	cr_assert_eq(hosts_replace(&hosts, ip(A2), ip(A1), NOW), 0);
	cr_assert_eq(arrive(1, false), 0);
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]), 0);
	cr_assert_eq(arrive(1, true), 0, "a late message");
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]), 0);
	restart(NOW);
	cr_assert_eq(arrive(2, true), 0, "the next arrival");
	cr_assert_eq(mnat_location_flags(arrays.hosts[FIRST_ID]), MNAT_HOST_IMPORTING);
}

Test(hosts, sync_names_departed_hosts_too)
{
	bind_at(V, A1, 1, NOW);
	send_away(W, 2, NOW);
	bind_at(V2, A2, 1, NOW);
	hosts_sync_begin(&hosts);
	send_away(W, 2, NOW);
	hosts_sync_end(&hosts, NOW);
	cr_assert_eq(mnat_location_path(arrays.hosts[FIRST_ID]), MNAT_PATH_TUNNEL);
	cr_assert_eq(arrays.hosts[FIRST_ID + 1], 0);
}

Test(hosts, killed_while_going_from_domain_to_domain)
{
	bind_at(V, A1, 1, NOW);
	send_away(W, 2, NOW);
	arrays.hosts[FIRST_ID] = mnat_location(ip(C), MNAT_PATH_TUNNEL, 0, 3);
	restart(NOW);
	cr_assert_eq(arrays.info[FIRST_ID].gen, 3);
	cr_assert_eq(arrays.info[FIRST_ID].actual, 0);
	cr_assert_eq(send_away(W, 2, NOW), -ESTALE);
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, NOW + GRACE));
}

Test(hosts, an_id_for_a_host_that_is_to_come)
{
	uint32_t id;

	cr_assert_eq(hosts_find(&hosts, ip(V), &id), -ENOENT);
	cr_assert_eq(hosts_find_or_add(&hosts, ip(V), NOW, &id), 0);
	cr_assert_eq(id, FIRST_ID);
	cr_assert_eq(hosts_find_or_add(&hosts, 0, NOW, &id), -EINVAL);
	cr_assert_eq(bind_at(V, A1, 1, NOW), 0);
	cr_assert_eq(mnat_location_endpoint(arrays.hosts[FIRST_ID]), ip(A1));
	cr_assert_eq(hosts_find_or_add(&hosts, ip(V2), NOW, &id), 0);
	release_all(NOW + 1);
	cr_assert_eq(hosts_find(&hosts, ip(V2), &id), -ENOENT, "it did not come");
	cr_assert_eq(hosts.n_free, N_MOBILE - 1);
}

/* ---- restarts ---- */

Test(hosts, restart_finds_everything)
{
	uint64_t epoch = hosts.epoch;

	bind_at(V, A1, 1, NOW);
	bind_at(V, A2, 2, NOW);
	bind_at(V2, "10.0.3.3", 1, NOW);
	bind_at(V2, NULL, 2, NOW);
	restart(NOW + 1);
	cr_assert_eq(hosts.epoch, epoch);
	cr_assert_neq(epoch, 0);
	cr_assert_eq(hosts.n_bound, 1);
	cr_assert_eq(hosts.n_left, 1);
	cr_assert_eq(hosts.n_free, N_MOBILE - 2);
	cr_assert_eq(bind_at(V, A1, 1, NOW), -ESTALE);
	hosts_expire(&hosts, NOW + GRACE + 1);
	cr_assert_eq(*actual_word(A1), 0);
	release_all(NOW + 2);
	cr_assert_eq(hosts.n_left, 0);
}

Test(hosts, new_maps_have_a_new_epoch)
{
	uint64_t epoch = hosts.epoch;

	arrays_clear();
	restart(NOW);
	cr_assert_neq(hosts.epoch, epoch);
}

Test(hosts, killed_after_the_move_before_its_record)
{
	bind_at(V, A1, 1, NOW);
	arrays.fail_after = 1;
	cr_assert_eq(bind_at(V, A2, 2, NOW), -EIO);
	cr_assert_eq(arrays.info[FIRST_ID].actual, ip(A1), "the record was not to be written");
	arrays.fail_after = 0;
	restart(NOW + 1);
	cr_assert_eq(arrays.info[FIRST_ID].actual, ip(A2));
	cr_assert_eq(arrays.info[FIRST_ID].gen, 2);
	cr_assert_eq(bind_at(V, A2, 2, NOW), 0);
	cr_assert_eq(*actual_word(A2), mnat_actual(FIRST_ID, 0));
}

Test(hosts, killed_between_the_stores)
{
	bind_at(V, A1, 1, NOW);
	*actual_word(A2) = mnat_actual(FIRST_ID, 0); /* (a) only */
	restart(NOW + 1);
	cr_assert_eq(*actual_word(A2), mnat_actual(FIRST_ID, NOW + 1 + GRACE));
	cr_assert_eq(*actual_word(A1), mnat_actual(FIRST_ID, 0));
	cr_assert_eq(bind_at(V, A2, 2, NOW + 2), 0);
	cr_assert_eq(*actual_word(A2), mnat_actual(FIRST_ID, 0));
	arrays.hosts[FIRST_ID] = mnat_location(ip("10.0.3.3"), MNAT_PATH_TRANSLATE, 0, 3);
	*actual_word("10.0.3.3") = mnat_actual(FIRST_ID, 0); /* (a) and (b) */
	restart(NOW + 3);
	cr_assert_eq(*actual_word(A2), mnat_actual(FIRST_ID, NOW + 3 + GRACE));
	cr_assert_eq(arrays.info[FIRST_ID].gen, 3);
}

Test(hosts, killed_while_allocating)
{
	arrays.fail_after = 2; /* the record is written, the virtual address is not */
	cr_assert_eq(bind_at(V, A1, 1, NOW), -EIO);
	arrays.fail_after = 0;
	arrays.info[FIRST_ID].virt = arrays.info[FIRST_ID].identity = ip(V);
	restart(NOW);
	cr_assert_eq(arrays.virtuals[FIRST_ID], ip(V));
	cr_assert_eq(bind_at(V, A1, 1, NOW), 0);
	cr_assert_eq(mnat_location_endpoint(arrays.hosts[FIRST_ID]), ip(A1));
}
