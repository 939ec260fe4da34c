// SPDX-License-Identifier: GPL-2.0-only
/* Clients that come from other domains, and those that are away in one. */
#include "fixture_test.h"

#define R1     "10.0.1.1"
#define R2     "10.0.2.1"
#define SERVER "10.0.0.1"
#define HOME   "135.180.32.4" /* another domain's manager */
#define DAY    86400

/* DISCOVER and REQUEST of a client that says it comes from HOME with virt. */
static uint32_t arrive(struct fixture *f, uint8_t host, const char *virt)
{
	char offered[INET_ADDRSTRLEN];

	cr_assert(ASK(f, DHCP_DISCOVER, host, .relay = R1, .shim = virt, .arrivals = {HOME}));
	inet_ntop(AF_INET, &f->answer.header.yiaddr, offered, sizeof(offered));
	cr_assert(ASK(f, DHCP_REQUEST, host, .relay = R1, .requested = offered, .server = SERVER,
		      .shim = virt, .arrivals = {HOME}));
	cr_assert_eq(f->answer.type, DHCP_ACK);
	return shim(f);
}

static uint64_t counted(const struct fixture *f, enum counter counter)
{
	return f->server.counters[counter];
}

/* Seed paragraph 76. */
Test(arrival, a_taken_virtual_address_becomes_another)
{
	struct fixture *f = fixture_new(SEED_CONF);

	for (uint8_t host = 1; host <= 3; host++)
		bind_host(f, host, R1, "0.0.0.0");
	cr_assert_eq(shim(f), addr("10.128.0.4"));
	cr_assert_eq(arrive(f, 9, "10.128.0.2"), addr("10.128.0.5"));
	cr_assert_eq(counted(f, COUNTER_foreign_taken), 1);
	cr_assert_eq(counted(f, COUNTER_arrived), 1);
	fixture_free(f);
}

Test(arrival, a_free_one_of_our_pool_is_kept)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert_eq(arrive(f, 9, "10.128.0.77"), addr("10.128.0.77"));
	cr_assert_not(client_of(f, 9)->virt->foreign);
	fixture_free(f);
}

Test(arrival, one_of_another_pool_is_kept_while_nobody_has_it)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert_eq(arrive(f, 1, "10.64.0.7"), addr("10.64.0.7"));
	cr_assert(client_of(f, 1)->virt->foreign);
	cr_assert_eq(client_of(f, 1)->told.virt, addr("10.64.0.7"));
	cr_assert_eq(arrive(f, 2, "10.64.0.7"), addr("10.128.0.2"), "the other has it");
	cr_assert_eq(arrive(f, 1, "10.64.0.7"), addr("10.64.0.7"), "still its own");
	cr_assert_eq(counted(f, COUNTER_foreign_granted), 2);
	cr_assert_eq(counted(f, COUNTER_foreign_taken), 1);
	fixture_free(f);
}

Test(arrival, without_one_another_pools_address_is_not_given)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "10.64.0.7");
	cr_assert_eq(shim(f), addr("10.128.0.2"));
	cr_assert(ASK(f, DHCP_DISCOVER, 2, .relay = R1, .shim = "10.64.0.7", .arrivals = {SERVER}));
	cr_assert_eq(shim(f), addr("10.128.0.3"), "an arrival from here is none");
	fixture_free(f);
}

Test(arrival, addresses_that_are_no_virtual_ones_are_not_given)
{
	static const char *const unfit[] = {"64.236.16.20", "10.0.2.99", "10.0.0.1",
					    "127.0.0.1",    "224.0.0.5", "255.255.255.255"};
	struct fixture *f = fixture_new(SEED_CONF);

	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		cr_assert_eq(arrive(f, (uint8_t)(i + 1), unfit[i]), addr("10.128.0.2") + i, "%s",
			     unfit[i]);
	fixture_free(f);
}

Test(arrival, a_foreign_lease_runs_out_and_is_anybodys)
{
	struct fixture *f = fixture_new(SEED_CONF);

	arrive(f, 1, "10.64.0.7");
	pass_seconds(2 * DAY);
	cr_assert_eq(arrive(f, 2, "10.64.0.7"), addr("10.64.0.7"));
	cr_assert_eq(arrive(f, 1, "10.64.0.7"), addr("10.128.0.2"));
	fixture_free(f);
}

Test(arrival, a_foreign_lease_survives_a_restart)
{
	struct fixture *f = fixture_new(SEED_CONF);

	arrive(f, 1, "10.64.0.7");
	fixture_restart(f);
	cr_assert(client_of(f, 1)->virt->foreign);
	cr_assert_eq(arrive(f, 2, "10.64.0.7"), addr("10.128.0.2"));
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .ciaddr = "10.0.1.5", .shim = "10.64.0.7"));
	cr_assert_eq(shim(f), addr("10.64.0.7"));
	fixture_free(f);
}

Test(arrival, generations_of_a_foreign_address_go_on_rising)
{
	struct fixture *f = fixture_new(SEED_CONF);
	uint32_t generation;

	for (int i = 0; i < 5; i++) {
		arrive(f, 1, "10.64.0.7");
		ASK(f, DHCP_RELEASE, 1, .ciaddr = "10.0.1.5", .server = SERVER);
	}
	generation = lease_find(&f->server.leases, addr("10.64.0.7"))->generation;
	pass_seconds(2 * DAY);
	arrive(f, 2, "10.64.0.7");
	cr_assert_gt(client_of(f, 2)->generation, generation);
	fixture_free(f);
}

Test(domain, is_told_by_option_125)
{
	struct fixture *f =
		fixture_new("interfaces = {\"eth1\"}\nserver-id = \"10.0.0.1\"\n"
			    "virtual { pool = \"10.128.0.1-10.128.0.9\"\n domain = 7 }\n"
			    "subnet \"10.0.1.0/24\" { pool = \"10.0.1.4-10.0.1.9\" }\n");

	bind_host(f, 1, R1, "0.0.0.0");
	cr_assert_eq(f->answer.domain, 7);
	fixture_free(f);
}

/* ---- hosts that are away (ruling C12) ---- */

Test(absent, a_renewed_address_outlives_its_lease)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "0.0.0.0");
	for (int i = 0; i < 10; i++) {
		pass_seconds(DAY / 2);
		server_expire(&f->server);
		cr_assert(server_renew_virtual(&f->server, addr("10.128.0.2"), DAY));
	}
	bind_host(f, 2, R1, "10.128.0.2");
	cr_assert_eq(shim(f), addr("10.128.0.3"));
	bind_host(f, 1, R1, "10.128.0.2");
	cr_assert_eq(shim(f), addr("10.128.0.2"));
	cr_assert_eq(counted(f, COUNTER_virtual_renewed), 10);
	fixture_free(f);
}

Test(absent, a_renewal_never_shortens)
{
	struct fixture *f = fixture_new(SEED_CONF);
	uint64_t when;

	bind_host(f, 1, R1, "0.0.0.0");
	when = client_of(f, 1)->virt->expiry.when;
	cr_assert(server_renew_virtual(&f->server, addr("10.128.0.2"), 1));
	cr_assert_eq(client_of(f, 1)->virt->expiry.when, when);
	fixture_free(f);
}

Test(absent, a_renewal_that_came_late_finds_it_if_nobody_took_it)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "0.0.0.0");
	pass_seconds(2 * DAY);
	server_expire(&f->server);
	cr_assert(server_renew_virtual(&f->server, addr("10.128.0.2"), DAY));
	bind_host(f, 2, R1, "0.0.0.0");
	cr_assert_eq(shim(f), addr("10.128.0.3"));
	pass_seconds(2 * DAY);
	bind_host(f, 3, R1, "10.128.0.2");
	cr_assert_eq(shim(f), addr("10.128.0.2"));
	cr_assert_not(server_renew_virtual(&f->server, addr("10.128.0.9"), DAY), "nobody's");
	cr_assert_not(server_renew_virtual(&f->server, addr("10.0.1.5"), DAY), "actual");
	fixture_free(f);
}

Test(absent, a_released_address_is_free)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "0.0.0.0");
	cr_assert_not(server_release_virtual(&f->server, addr("10.128.0.2")), "its host is here");
	ASK(f, DHCP_RELEASE, 1, .ciaddr = "10.0.1.5", .server = SERVER);
	cr_assert(server_release_virtual(&f->server, addr("10.128.0.2")));
	cr_assert_not(server_release_virtual(&f->server, addr("10.128.0.2")), "done already");
	bind_host(f, 2, R1, "10.128.0.2");
	cr_assert_eq(shim(f), addr("10.128.0.2"));
	fixture_free(f);
}
