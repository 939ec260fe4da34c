// SPDX-License-Identifier: GPL-2.0-only
/* The decision table through the server, and the other message types, on a virtual clock. */
#include "fixture_test.h"

#define R1     "10.0.1.1"
#define R2     "10.0.2.1"
#define SERVER "10.0.0.1"

/* ---- the decision table ---- */

Test(discover, row_1_a_lease_here_is_offered_again)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, NULL);
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .requested = "10.0.1.77"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.5"));
	fixture_free(f);
}

Test(discover, row_2_a_free_address_of_this_subnet_may_be_requested)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .requested = "10.0.1.77"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.77"));
	cr_assert(ASK(f, DHCP_DISCOVER, 2, .relay = R1, .requested = "10.0.1.77"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.5"), "offered to another");
	cr_assert(ASK(f, DHCP_DISCOVER, 3, .relay = R1, .requested = "10.0.1.4"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.6"), "reserved");
	cr_assert(ASK(f, DHCP_DISCOVER, 4, .relay = R1, .requested = "10.0.2.9"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.7"), "C6c: another subnet's");
	fixture_free(f);
}

Test(discover, row_2_strict_seed_offers_any_free_address)
{
	struct fixture *f = fixture_new("policy = \"strict-seed\"\n" SEED_CONF);

	bind_host(f, 9, R2, NULL);
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .requested = "10.0.2.9"));
	cr_assert_eq(yiaddr(f), addr("10.0.2.9"));
	cr_assert(ASK(f, DHCP_DISCOVER, 2, .relay = R1, .requested = "10.0.2.7"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.5"), "but never one in use");
	fixture_free(f);
}

Test(discover, row_3_the_relay_chooses_the_subnet)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R2));
	cr_assert_eq(yiaddr(f), addr("10.0.2.7"));
	cr_assert_not(ASK(f, DHCP_DISCOVER, 2, .relay = "10.9.9.9"));
	cr_assert_eq(f->server.counters[COUNTER_unknown_subnet], 1);
	cr_assert(ASK(f, DHCP_DISCOVER, 3));
	cr_assert_eq(yiaddr(f), addr("10.0.1.5"), "without a relay, the interface's");
	fixture_free(f);
}

Test(request, row_4_without_a_lease_is_ignored)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert_not(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5"));
	cr_assert_not(ASK(f, DHCP_REQUEST, 1, .relay = R1, .ciaddr = "10.0.1.5"));
	cr_assert_eq(f->server.counters[COUNTER_ignored_no_lease], 2);
	cr_assert_eq(f->server.leases.pools[0].used, 0, "a REQUEST alone makes no lease");
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R2, .requested = "10.0.1.5"));
	cr_assert_eq(f->answer.type, DHCP_NAK, "C6b: the relay proves the wrong subnet");
	fixture_free(f);
}

Test(request, strict_seed_ignores_it_on_a_wrong_subnet_too)
{
	struct fixture *f = fixture_new("policy = \"strict-seed\"\n" SEED_CONF);

	cr_assert_not(ASK(f, DHCP_REQUEST, 1, .relay = R2, .requested = "10.0.1.5"));
	bind_host(f, 1, R1, NULL);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R2, .requested = "10.0.1.5"));
	cr_assert_eq(f->answer.type, DHCP_NAK, "row 5");
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5", .server = SERVER,
		      .shim = "0.0.0.0"));
	cr_assert_eq(f->answer.type, DHCP_OFFER, "C6d");
	fixture_free(f);
}

Test(request, rows_6_to_10)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, NULL); /* 6 */
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5"));
	cr_assert_eq(f->answer.type, DHCP_ACK, "7");
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.6"));
	cr_assert_eq(f->answer.type, DHCP_NAK, "8");
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .ciaddr = "10.0.1.5"));
	cr_assert_eq(f->answer.type, DHCP_ACK, "9");
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .ciaddr = "10.0.1.6"));
	cr_assert_eq(f->answer.type, DHCP_NAK, "10");
	cr_assert_eq(f->server.counters[COUNTER_nak_wrong_address], 2);
	fixture_free(f);
}

Test(request, another_servers_offer_frees_ours)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1));
	cr_assert_eq(f->server.leases.pools[0].used, 1);
	cr_assert_not(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.99",
			  .server = "10.0.1.253"));
	cr_assert_eq(f->server.leases.pools[0].used, 0);
	cr_assert_null(client_of(f, 1));
	fixture_free(f);
}

Test(request, an_offer_that_is_over_is_refused)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1));
	pass_seconds(31);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5", .server = SERVER));
	cr_assert_eq(f->answer.type, DHCP_NAK);
	cr_assert_eq(f->server.counters[COUNTER_nak_no_offer], 1);
	cr_assert_eq(HASH_COUNT(f->server.leases.clients), 0, "no trace of it");
	cr_assert_eq(HASH_COUNT(f->server.leases.addresses), 0);
	fixture_free(f);
}

Test(request, a_unicast_renewal_is_in_the_subnet_of_its_address)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R2, NULL);
	f->arrival = (struct arrival){.local = addr("10.0.0.1")};
	cr_assert(ASK(f, DHCP_REQUEST, 1, .ciaddr = "10.0.2.7"));
	cr_assert_eq(f->answer.type, DHCP_ACK);
	fixture_free(f);
}

Test(request, a_shorter_lease_may_be_asked_for)
{
	struct fixture *f = fixture_new(SEED_CONF);
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = say_bytes(&(struct say){DHCP_DISCOVER, 1, .relay = R1}, buf);
	uint32_t seconds;

	memcpy(buf + 243, "\x33\x04\x00\x00\x00\x3c\xff", 7);
	cr_assert(server_handle(&f->server, &f->arrival, buf, len, &f->reply));
	cr_assert_eq(dhcp_parse(&f->conf->virt.codec, DHCP_BOOTREPLY, f->reply.bytes, f->reply.len,
				&f->answer),
		     DHCP_E_NONE);
	cr_assert(dhcp_get_u32(&f->answer, DHCP_OPT_LEASE_TIME, &seconds));
	cr_assert_eq(seconds, 60);
	fixture_free(f);
}

/* ---- DECLINE, RELEASE, INFORM, expiry ---- */

Test(decline, puts_the_address_aside_for_ten_minutes)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "0.0.0.0");
	cr_assert_not(
		ASK(f, DHCP_DECLINE, 1, .relay = R1, .requested = "10.0.1.5", .server = SERVER));
	cr_assert_eq(f->server.counters[COUNTER_declined], 1);
	cr_assert_eq(bind_host(f, 1, R1, "10.128.0.2"), addr("10.0.1.6"));
	cr_assert_eq(shim(f), addr("10.128.0.2"));
	fixture_restart(f);
	cr_assert_eq(bind_host(f, 2, R1, NULL), addr("10.0.1.7"), "even across a restart");
	pass_seconds(601);
	cr_assert_eq(bind_host(f, 3, R1, NULL), addr("10.0.1.5"));
	fixture_free(f);
}

Test(decline, of_anothers_address_does_nothing)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, NULL);
	ASK(f, DHCP_DECLINE, 2, .relay = R1, .requested = "10.0.1.5", .server = SERVER);
	ASK(f, DHCP_RELEASE, 2, .ciaddr = "10.0.1.5", .server = SERVER);
	cr_assert_eq(f->server.counters[COUNTER_not_holder], 2);
	cr_assert_not_null(client_of(f, 1)->bound);
	fixture_free(f);
}

Test(release, frees_the_address_for_others_last)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, NULL);
	bind_host(f, 2, R1, NULL);
	ASK(f, DHCP_RELEASE, 2, .ciaddr = "10.0.1.6", .server = SERVER);
	cr_assert_null(client_of(f, 2)->bound);
	ASK(f, DHCP_RELEASE, 1, .ciaddr = "10.0.1.5", .server = SERVER);
	cr_assert_eq(bind_host(f, 2, R1, NULL), addr("10.0.1.6"), "its earlier one");
	fixture_free(f);
}

Test(inform, is_answered_without_a_lease)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_INFORM, 1, .ciaddr = "10.0.1.200"));
	cr_assert_eq(f->answer.type, DHCP_ACK);
	cr_assert_eq(yiaddr(f), 0);
	cr_assert_not(f->answer.options[DHCP_OPT_LEASE_TIME].present);
	cr_assert(f->answer.options[DHCP_OPT_ROUTER].present);
	cr_assert_eq(f->reply.how, REPLY_UNICAST);
	cr_assert_not(ASK(f, DHCP_INFORM, 1));
	cr_assert_eq(f->server.counters[COUNTER_inform_no_address], 1);
	fixture_free(f);
}

Test(pool, exhaustion_is_counted)
{
	struct fixture *f = fixture_new("interfaces = {\"eth1\"}\nserver-id = \"10.0.0.1\"\n"
					"subnet \"10.0.1.0/24\" { pool = \"10.0.1.5\" }\n");

	bind_host(f, 1, R1, NULL);
	cr_assert_not(ASK(f, DHCP_DISCOVER, 2, .relay = R1));
	cr_assert_eq(f->server.counters[COUNTER_pool_empty], 1);
	cr_assert_null(client_of(f, 2));
	pass_seconds(3601);
	cr_assert_eq(bind_host(f, 2, R1, NULL), addr("10.0.1.5"));
	cr_assert_eq(f->server.counters[COUNTER_expired], 1);
	fixture_free(f);
}

Test(pool, fixed_addresses_are_not_given_out)
{
	struct fixture *f = fixture_new(
		"interfaces = {\"eth1\"}\nserver-id = \"10.0.1.2\"\n"
		"subnet \"10.0.1.0/29\" { pool = \"10.0.1.0/29\"\n router = \"10.0.1.1\"\n"
		" dns = {\"10.0.1.3\"} }\n");

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1));
	cr_assert_eq(yiaddr(f), addr("10.0.1.4"));
	cr_assert_eq(f->server.leases.pools[0].size, 3);
	fixture_free(f);
}

/* ---- a store that takes its time ---- */

static int commit_later(struct mnat_store *store)
{
	return -EINPROGRESS;
}

Test(server, what_changes_while_storing_is_the_next_transactions)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct mnat_store_ops slow = memory_store_ops;

	slow.commit = commit_later;
	f->server.store_ops = &slow;
	cr_assert(ASK(f, DHCP_DISCOVER, 1));
	cr_assert_not(ASK(f, DHCP_REQUEST, 1, .requested = "10.0.1.5", .server = "10.0.0.1"),
		      "not to be answered yet");
	cr_assert_null(f->server.leases.dirty, "under way");
	cr_assert_eq(f->server.n_storing, 1);
	server_stored(&f->server, -EIO);
	cr_assert(f->server.store_fails);
	cr_assert_eq(f->server.leases.dirty->address, addr("10.0.1.5"), "to be stored again");
	cr_assert_eq(server_commit(&f->server), -EINPROGRESS);
	server_stored(&f->server, 0);
	cr_assert_not(f->server.store_fails);
	cr_assert_null(f->server.leases.dirty);
	fixture_free(f);
}

Test(server, events_of_what_was_not_stored_come_first_in_the_next_batch)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct event_list taken = {0};

	f->server.events = calloc(2, sizeof(struct event));
	f->server.room_events = 2;
	f->server.n_events = 1;
	f->server.events[0].actual = 1;
	server_swap_events(&f->server, &taken);
	cr_assert_eq(f->server.n_events, 0);
	f->server.events = calloc(1, sizeof(struct event));
	f->server.room_events = f->server.n_events = 1;
	f->server.events[0].actual = 2;
	server_unswap_events(&f->server, &taken);
	cr_assert_eq(f->server.n_events, 2);
	cr_assert_eq(f->server.events[0].actual, 1);
	cr_assert_eq(f->server.events[1].actual, 2);
	free(taken.events);
	fixture_free(f);
}
