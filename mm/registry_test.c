// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "registry.h"

#define G1 1u
#define G2 2u
#define MS 1000000ull

static struct registry registry;

static void setup(void)
{
	registry = (struct registry){.gateways = G1 | G2};
}

static void teardown(void)
{
	registry_free(&registry);
}

TestSuite(registry, .init = setup, .fini = teardown);

static struct event event(const char *identity, const char *actual, uint32_t generation)
{
	struct event e = {.generation = generation, .mac = "02:00:00:00:00:01"};

	e.identity.s_addr = inet_addr(identity);
	e.actual.s_addr = actual ? inet_addr(actual) : 0;
	return e;
}

static int apply(const char *identity, const char *actual, uint32_t generation)
{
	struct event e = event(identity, actual, generation);
	struct host *host;

	return registry_apply(&registry, &e, 0, &host);
}

static int apply_plain(const char *addr, bool here, uint32_t generation)
{
	struct event e = event(addr, here ? addr : NULL, generation);
	struct host *host;

	e.plain = true;
	return registry_apply(&registry, &e, 0, &host);
}

static struct host *find(const char *identity)
{
	return registry_find(&registry, (struct in_addr){inet_addr(identity)}, false);
}

Test(registry, generations)
{
	cr_assert_eq(apply("10.128.0.2", "10.0.1.5", 5), APPLIED_CHANGED);
	cr_assert_eq(apply("10.128.0.2", "10.0.1.5", 5), APPLIED_REPEATED);
	cr_assert_eq(apply("10.128.0.2", "10.0.2.7", 5), APPLIED_STALE);
	cr_assert_eq(apply("10.128.0.2", "10.0.2.7", 4), APPLIED_STALE);
	cr_assert_eq(apply("10.128.0.2", NULL, 4), APPLIED_STALE);
	cr_assert_eq(apply("10.128.0.2", "10.0.2.7", 6), APPLIED_CHANGED);
	cr_assert_eq(find("10.128.0.2")->actual.s_addr, inet_addr("10.0.2.7"));
	cr_assert_eq(find("10.128.0.2")->old.s_addr, inet_addr("10.0.1.5"));
	cr_assert_eq(apply("10.128.0.2", NULL, 7), APPLIED_CHANGED);
	cr_assert(host_has_left(find("10.128.0.2")));
	cr_assert_eq(apply("10.128.0.2", "10.0.2.7", 6), APPLIED_STALE, "revived by a late event");
}

/* The address it shares is not: it is what the configuration says. */
Test(registry, shared_address)
{
	struct event e = event("240.1.0.1", "10.0.1.5", 5);
	struct host *host;

	e.tunnel = true;
	e.shows.s_addr = inet_addr("10.128.9.1");
	cr_assert_eq(registry_apply(&registry, &e, 0, &host), APPLIED_CHANGED);
	cr_expect_eq(host->shows.s_addr, inet_addr("10.128.9.1"));
	cr_expect(host_shares(host));
	cr_expect_eq(registry_apply(&registry, &e, 0, &host), APPLIED_REPEATED);
	e.shows.s_addr = inet_addr("10.128.9.2");
	cr_expect_eq(registry_apply(&registry, &e, 0, &host), APPLIED_CHANGED);
	cr_expect_eq(host->shows.s_addr, inet_addr("10.128.9.2"));
	e.generation = 4;
	e.shows.s_addr = inet_addr("10.128.9.1");
	cr_expect_eq(registry_apply(&registry, &e, 0, &host), APPLIED_STALE);
}

/* The way to a host is part of its place. */
Test(registry, tunnel_mode)
{
	struct event e = event("10.128.0.2", "10.0.1.5", 5);
	struct host *host;

	e.tunnel = true;
	cr_assert_eq(registry_apply(&registry, &e, 0, &host), APPLIED_CHANGED);
	cr_expect(host->tunnel);
	cr_expect_eq(registry_apply(&registry, &e, 0, &host), APPLIED_REPEATED);
	cr_expect_eq(apply("10.128.0.2", "10.0.1.5", 5), APPLIED_STALE);
	cr_expect_eq(apply("10.128.0.2", "10.0.1.5", 6), APPLIED_CHANGED);
	cr_expect_not(host->tunnel);
}

Test(registry, plain_hosts)
{
	cr_assert_eq(apply_plain("10.0.1.9", true, 12), APPLIED_CHANGED);
	cr_assert_eq(apply_plain("10.0.1.9", true, 1), APPLIED_CHANGED, "another host's lease");
	cr_assert_eq(apply_plain("10.0.1.9", false, 0), APPLIED_STALE);
	cr_assert_eq(apply_plain("10.0.1.9", false, 2), APPLIED_CHANGED);
	cr_assert_eq(apply("10.0.1.9", "10.0.1.9", 1), APPLIED_CHANGED,
		     "a virtual address is another key");
}

Test(registry, unknown_host_that_leaves)
{
	cr_assert_eq(apply("10.128.0.2", NULL, 9), APPLIED_REPEATED);
	cr_assert_null(find("10.128.0.2"));
}

Test(registry, bound_when_every_gateway_says_so)
{
	struct event e = event("10.128.0.2", "10.0.1.5", 1);
	struct host *host;

	registry_apply(&registry, &e, 10 * MS, &host);
	cr_assert(host_is_pending(&registry, host));
	registry_confirm(&registry, host, G1, 1, 0, 11, 11 * MS);
	cr_assert(host_is_pending(&registry, host));
	registry_confirm(&registry, host, G2, 1, 0, 12, 13 * MS);
	cr_assert_not(host_is_pending(&registry, host));
	cr_assert_eq(host->rule_us, 3000);
	cr_assert_eq(host->bound_at_ns, 12);
	registry_forget_gateway(&registry, G2);
	cr_assert(host_is_pending(&registry, host));
	registry_confirm(&registry, host, G2, 1, 0, 12, 90 * MS);
	cr_assert_eq(host->rule_us, 3000, "a synchronisation is not a new rule");
}

Test(registry, confirmation_of_an_older_generation_counts_for_nothing)
{
	struct host *host;

	apply("10.128.0.2", "10.0.1.5", 1);
	apply("10.128.0.2", "10.0.2.7", 2);
	host = find("10.128.0.2");
	registry_confirm(&registry, host, G1 | G2, 1, 0, 1, 1);
	cr_assert(host_is_pending(&registry, host));
}

Test(registry, refusal)
{
	struct host *host;

	apply("10.128.0.2", "10.0.1.5", 1);
	host = find("10.128.0.2");
	registry_confirm(&registry, host, G1, 1, 0xe2, 0, 1);
	cr_assert_eq(host->refused, G1);
	cr_assert_eq(host->refusal, 0xe2);
	apply("10.128.0.2", "10.0.2.7", 2);
	cr_assert_eq(host->refused, 0);
}

Test(registry, a_host_that_left_everywhere_is_forgotten)
{
	struct host *host;

	apply("10.128.0.2", "10.0.1.5", 1);
	host = host_hold(find("10.128.0.2"));
	apply("10.128.0.2", NULL, 2);
	registry_confirm(&registry, host, G1 | G2, 2, 0, 1, 1);
	cr_assert(find("10.128.0.2"), "somebody still holds it");
	host_put(&registry, host);
	cr_assert_null(find("10.128.0.2"));
}

Test(registry, snapshot)
{
	apply("10.128.0.2", "10.0.1.5", 1);
	apply("10.128.0.3", "10.0.1.6", 1);
	registry_snapshot_begin(&registry);
	apply("10.128.0.2", "10.0.1.5", 1);
	apply("10.128.0.4", "10.0.1.7", 1);
	cr_assert_not(registry.complete);
	cr_assert_not(registry_drop_unnamed(&registry, find("10.128.0.2"), 0));
	cr_assert(registry_drop_unnamed(&registry, find("10.128.0.3"), 0));
	cr_assert_not(registry_drop_unnamed(&registry, find("10.128.0.4"), 0));
	registry_snapshot_end(&registry);
	cr_assert(registry.complete);
	cr_assert(host_has_left(find("10.128.0.3")));
	cr_assert_eq(apply("10.128.0.3", "10.0.1.6", 1), APPLIED_CHANGED,
		     "the same lease, named again");
}
