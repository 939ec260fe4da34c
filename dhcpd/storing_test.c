// SPDX-License-Identifier: GPL-2.0-only
/* A store that takes its time: what changes meanwhile, and what was lost. */
#include "fixture_test.h"

static int commit_later(struct mnat_store *store)
{
	return -EINPROGRESS;
}

Test(storing, what_changes_while_storing_is_the_next_transactions)
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

/* What a client proved itself by goes the same way, and no way that is shorter. */
Test(storing, proofs_are_stored_again_too)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct mnat_store_ops slow = memory_store_ops;

	fixture_require_auth(f);
	slow.commit = commit_later;
	f->server.store_ops = &slow;
	cr_assert_not(ASK(f, DHCP_DISCOVER, 1, .counter = 5));
	cr_assert_eq(f->store.n_auths, 1);
	cr_assert_null(f->server.auth.dirty, "under way");
	server_stored(&f->server, -EIO);
	cr_assert(f->server.auth.dirty, "to be stored again");
	cr_assert_eq(server_commit(&f->server), -EINPROGRESS);
	server_stored(&f->server, 0);
	cr_assert_null(f->server.auth.dirty);
	cr_assert_eq(f->store.auths[0].counter, 5);
	fixture_free(f);
}

Test(storing, events_of_what_was_not_stored_come_first_in_the_next_batch)
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
