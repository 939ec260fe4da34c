// SPDX-License-Identifier: GPL-2.0-only
/* A host moves by the manager's word, to where it was before. */
#include "fixture_test.h"

#define R1 "10.0.1.1"
#define R2 "10.0.2.1"

/* It has been at 10.0.1.5 and is at 10.0.2.7 now, as in figure 7. */
static struct fixture *moved(void)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert_eq(bind_host(f, 1, R1, "0.0.0.0"), addr("10.0.1.5"));
	cr_assert_eq(bind_host(f, 1, R2, "10.128.0.2"), addr("10.0.2.7"));
	server_next_batch(&f->server);
	return f;
}

static const struct event *last_event(const struct fixture *f)
{
	cr_assert_gt(f->server.n_events, 0);
	return &f->server.events[f->server.n_events - 1];
}

Test(rebind, back_to_an_earlier_address)
{
	struct fixture *f = moved();
	uint32_t generation = lease_find(&f->server.leases, addr("10.128.0.2"))->generation;

	cr_assert(server_rebind(&f->server, addr("10.128.0.2"), addr("10.0.1.5")));
	cr_expect_eq(f->server.n_events, 1);
	cr_expect_eq(last_event(f)->virt, addr("10.128.0.2"));
	cr_expect_eq(last_event(f)->actual, addr("10.0.1.5"));
	cr_expect_eq(last_event(f)->old, addr("10.0.2.7"));
	cr_expect_eq(last_event(f)->generation, generation + 1);
	cr_assert_eq(server_commit(&f->server), 0);
	fixture_restart(f);
	cr_expect_eq(lease_find(&f->server.leases, addr("10.0.1.5"))->state, MNAT_LEASE_BOUND);
	cr_expect_eq(lease_find(&f->server.leases, addr("10.0.2.7"))->state, MNAT_LEASE_RELEASED);
	/* DHCP, which comes after it, confirms */
	cr_expect(ASK(f, DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5",
		      .shim = "10.128.0.2"));
	cr_expect_eq(f->answer.type, DHCP_ACK);
	fixture_free(f);
}

/* Where it is already: told again, nothing else changes. */
Test(rebind, where_it_is)
{
	struct fixture *f = moved();

	cr_expect(server_rebind(&f->server, addr("10.128.0.2"), addr("10.0.2.7")));
	cr_expect_eq(lease_find(&f->server.leases, addr("10.0.2.7"))->state, MNAT_LEASE_BOUND);
	fixture_free(f);
}

/* Another's address, one it never had, one of no subnet, and a host that is not there. */
Test(rebind, refusals)
{
	struct fixture *f = moved();

	uint32_t others = bind_host(f, 2, R2, "0.0.0.0");

	server_next_batch(&f->server);
	cr_expect_not(server_rebind(&f->server, addr("10.128.0.2"), others));
	cr_expect_not(server_rebind(&f->server, addr("10.128.0.2"), addr("10.0.1.77")));
	cr_expect_not(server_rebind(&f->server, addr("10.128.0.2"), addr("10.9.9.9")));
	cr_expect_not(server_rebind(&f->server, addr("10.128.0.77"), addr("10.0.1.5")));
	cr_expect_not(server_rebind(&f->server, addr("10.0.2.7"), addr("10.0.1.5")));
	cr_expect_eq(f->server.n_events, 0);
	fixture_free(f);
}

/* Its old address has been given to somebody else meanwhile. */
Test(rebind, too_late)
{
	struct fixture *f = moved();

	cr_assert(ASK(f, DHCP_DISCOVER, 3, .relay = R1, .requested = "10.0.1.5"));
	cr_assert_eq(f->answer.header.yiaddr.s_addr, htonl(addr("10.0.1.5")));
	cr_expect_not(server_rebind(&f->server, addr("10.128.0.2"), addr("10.0.1.5")));
	fixture_free(f);
}
