// SPDX-License-Identifier: GPL-2.0-only
/* Events and generations, and what is left of them after a restart. */
#include <stdio.h>

#include "fixture_test.h"

#define R1 "10.0.1.1"
#define R2 "10.0.2.1"

/* ask() without ending the batch, so that its events can be looked at */
static void handle(struct fixture *f, const struct say *say)
{
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = say_bytes(say, buf);

	server_handle(&f->server, &f->arrival, buf, len, &f->reply);
}
#define HANDLE(f, ...) handle(f, &(const struct say){__VA_ARGS__})

static void request(struct fixture *f, uint8_t host, const char *relay, const char *address,
		    const char *virt)
{
	cr_assert(ASK(f, DHCP_DISCOVER, host, .relay = relay, .shim = virt));
	HANDLE(f, DHCP_REQUEST, host, .relay = relay, .requested = address, .server = "10.0.0.1",
	       .shim = virt);
}

static void expect(const struct fixture *f, size_t i, const char *virt, const char *actual,
		   const char *old, uint32_t generation)
{
	const struct event *event = &f->server.events[i];

	cr_assert_lt(i, f->server.n_events);
	cr_assert_eq(event->virt, addr(virt), "virtual");
	cr_assert_eq(event->actual, addr(actual), "actual");
	cr_assert_eq(event->old, addr(old), "old");
	cr_assert_eq(event->generation, generation, "generation %u, expected %u", event->generation,
		     generation);
}

Test(events, of_a_mobile_host)
{
	struct fixture *f = fixture_new(SEED_CONF);

	request(f, 1, R1, "10.0.1.5", "0.0.0.0");
	cr_assert_eq(f->server.n_events, 1);
	expect(f, 0, "10.128.0.2", "10.0.1.5", NULL, 1);
	cr_assert_eq(f->reply.batch, f->server.batch);
	server_next_batch(&f->server);

	HANDLE(f, DHCP_REQUEST, 1, .relay = R1, .ciaddr = "10.0.1.5", .shim = "10.128.0.2");
	cr_assert_eq(f->server.n_events, 1, "a renewal says the same again, for a fresh token");
	expect(f, 0, "10.128.0.2", "10.0.1.5", NULL, 1);
	cr_assert_eq(f->reply.token_for, addr("10.128.0.2"));
	server_next_batch(&f->server);

	HANDLE(f, DHCP_REQUEST, 1, .relay = R1, .ciaddr = "10.0.1.5");
	cr_assert_eq(f->server.n_events, 0, "without the option, no token");
	cr_assert_lt(f->reply.batch, f->server.batch);

	request(f, 1, R2, "10.0.2.7", "10.128.0.2");
	cr_assert_eq(f->server.n_events, 1);
	expect(f, 0, "10.128.0.2", "10.0.2.7", "10.0.1.5", 2);
	server_next_batch(&f->server);

	HANDLE(f, DHCP_RELEASE, 1, .ciaddr = "10.0.2.7", .server = "10.0.0.1");
	expect(f, 0, "10.128.0.2", NULL, "10.0.2.7", 3);
	fixture_free(f);
}

Test(events, of_a_plain_host_that_moves)
{
	struct fixture *f = fixture_new(SEED_CONF);

	request(f, 1, R1, "10.0.1.5", NULL);
	expect(f, 0, NULL, "10.0.1.5", NULL, 1);
	server_next_batch(&f->server);
	request(f, 1, R2, "10.0.2.7", NULL);
	cr_assert_eq(f->server.n_events, 2, "with another address it is another host");
	expect(f, 0, NULL, NULL, "10.0.1.5", 2);
	expect(f, 1, NULL, "10.0.2.7", NULL, 3);
	fixture_free(f);
}

Test(events, of_expiry)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "0.0.0.0");
	pass_seconds(3600);
	server_expire(&f->server);
	cr_assert_eq(f->server.n_events, 1);
	expect(f, 0, "10.128.0.2", NULL, "10.0.1.5", 2);
	fixture_free(f);
}

Test(generations, rise_with_the_address_whoever_has_it)
{
	struct fixture *f = fixture_new(SEED_CONF);

	for (uint8_t host = 1; host < 20; host++) {
		request(f, host, R1, "10.0.1.5", NULL);
		expect(f, 0, NULL, "10.0.1.5", NULL, 2 * host - 1u);
		server_commit(&f->server);
		server_next_batch(&f->server);
		if (host % 3)
			fixture_restart(f);
		cr_assert_not(
			ASK(f, DHCP_RELEASE, host, .ciaddr = "10.0.1.5", .server = "10.0.0.1"));
		if (host % 2)
			fixture_restart(f);
	}
	fixture_free(f);
}

Test(durability, leases_are_what_they_were)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct client *client;

	bind_host(f, 1, R1, "0.0.0.0");
	bind_host(f, 1, R2, "10.128.0.2");
	bind_host(f, 2, R1, NULL);
	pass_seconds(1000);
	fixture_restart(f);
	client = client_of(f, 1);
	cr_assert_eq(client->bound->address, addr("10.0.2.7"));
	cr_assert_eq(client->told.virt, addr("10.128.0.2"));
	cr_assert_eq(client->generation, 2);
	cr_assert_eq(client->bound->expiry.when, mnat_clock_now() + 2600 * MNAT_NS_PER_SEC);
	cr_assert(ASK(f, DHCP_REQUEST, 2, .relay = R1, .ciaddr = "10.0.1.5"));
	cr_assert_eq(f->answer.type, DHCP_ACK);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.2.7",
		      .shim = "10.128.0.2"));
	cr_assert_eq(f->answer.type, DHCP_NAK);
	cr_assert_eq(bind_host(f, 1, R1, "10.128.0.2"), addr("10.0.1.6"),
		     "its earlier one is another's");
	cr_assert_eq(client_of(f, 1)->generation, 3);
	fixture_free(f);
}

Test(durability, what_ran_out_meanwhile_is_free)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "0.0.0.0");
	server_done(&f->server);
	pass_seconds(4000);
	cr_assert_eq(server_init(&f->server, f->conf, &memory_store_ops,
				 (struct mnat_store *)&f->store, f->server.wall),
		     0);
	cr_assert_null(client_of(f, 1)->bound);
	cr_assert_eq(client_of(f, 1)->told.actual, 0);
	cr_assert(pool_is_free(&f->server.leases.pools[0], addr("10.0.1.5")));
	cr_assert_eq(bind_host(f, 2, R1, "0.0.0.0"), addr("10.0.1.5"));
	cr_assert_eq(shim(f), addr("10.128.0.3"), "the virtual one is still the first host's");
	fixture_free(f);
}

Test(durability, a_wall_clock_set_back_makes_no_lease_eternal)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct client *client;

	bind_host(f, 1, R1, "0.0.0.0");
	for (size_t i = 0; i < f->store.n; i++)
		f->store.records[i].expires += 365 * 86400;
	fixture_restart(f);
	client = client_of(f, 1);
	cr_assert_eq(client->bound->expiry.when, mnat_clock_now() + 3600 * MNAT_NS_PER_SEC);
	cr_assert_eq(client->virt->expiry.when, mnat_clock_now() + 86400 * MNAT_NS_PER_SEC);
	fixture_free(f);
}

Test(durability, a_virtual_lease_is_never_the_shorter_one)
{
	struct fixture *f = fixture_new("interfaces = {\"eth1\"}\nserver-id = \"10.0.0.1\"\n"
					"virtual { pool = \"10.128.0.0/24\"\n lease-time = 60 }\n"
					"subnet \"10.0.1.0/24\" { pool = \"10.0.1.5\" }\n");

	bind_host(f, 1, R1, "0.0.0.0");
	pass_seconds(600);
	fixture_restart(f);
	server_expire(&f->server);
	cr_assert_eq(client_of(f, 1)->virt->state, MNAT_LEASE_BOUND);
	pass_seconds(3000);
	server_expire(&f->server);
	cr_assert_null(client_of(f, 1)->bound);
	cr_assert_eq(f->server.n_events, 1);
	cr_assert_neq(client_of(f, 1)->virt->state, MNAT_LEASE_BOUND);
	fixture_free(f);
}

Test(durability, no_answer_without_a_commit)
{
	struct fixture *f = fixture_new(SEED_CONF);
	int transactions;

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1));
	cr_assert_eq(f->store.transactions, 0, "offers are not stored");
	f->store.fails = true;
	cr_assert_not(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5",
			  .server = "10.0.0.1"));
	cr_assert_eq(f->server.n_events, 1, "kept until stored");
	f->store.fails = false;
	transactions = f->store.transactions;
	cr_assert_eq(server_commit(&f->server), 0);
	cr_assert_eq(f->store.transactions, transactions + 1);
	cr_assert_eq(f->store.n, 1);
	fixture_free(f);
}

Test(durability, a_batch_is_one_transaction)
{
	struct fixture *f = fixture_new(SEED_CONF);
	char address[INET_ADDRSTRLEN];

	for (uint8_t host = 1; host <= 50; host++)
		cr_assert(ASK(f, DHCP_DISCOVER, host, .relay = R1, .shim = "0.0.0.0"));
	for (uint8_t host = 1; host <= 50; host++) {
		snprintf(address, sizeof(address), "10.0.1.%d", host + 4);
		HANDLE(f, DHCP_REQUEST, host, .relay = R1, .requested = address,
		       .server = "10.0.0.1", .shim = "0.0.0.0");
	}
	cr_assert_eq(server_commit(&f->server), 0);
	cr_assert_eq(f->store.transactions, 1);
	cr_assert_eq(f->store.n, 100);
	cr_assert_eq(f->server.n_events, 50);
	fixture_free(f);
}

Test(reload, keeps_every_lease)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct conf *conf =
		conf_from("interfaces = {\"eth1\"}\nserver-id = \"10.0.0.1\"\n"
			  "virtual { pool = \"10.128.0.0/24\" }\n"
			  "subnet \"10.0.1.0/24\" { pool = \"10.0.1.100-10.0.1.110\" }\n"
			  "subnet \"10.0.2.0/24\" { pool = \"10.0.2.6-10.0.2.254\" }\n");

	bind_host(f, 1, R1, "0.0.0.0");
	bind_host(f, 2, R2, "0.0.0.0");
	cr_assert(server_set_conf(&f->server, conf));
	conf_free(f->conf);
	f->conf = conf;
	cr_assert_eq(f->server.leases.pools[0].used, 0);
	cr_assert_eq(f->server.leases.pools[1].used, 1);
	cr_assert_eq(f->server.leases.pools[2].used, 2);
	cr_assert(ASK(f, DHCP_REQUEST, 2, .relay = R2, .ciaddr = "10.0.2.7", .shim = "10.128.0.3"));
	cr_assert_eq(f->answer.type, DHCP_ACK);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .ciaddr = "10.0.1.5"));
	cr_assert_eq(f->answer.type, DHCP_NAK, "its address is no longer given out");
	cr_assert_eq(bind_host(f, 1, R1, "10.128.0.2"), addr("10.0.1.100"));
	cr_assert_eq(shim(f), addr("10.128.0.2"));
	fixture_free(f);
}
