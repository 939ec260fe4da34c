// SPDX-License-Identifier: GPL-2.0-only
/* The domains a node has visited, and which session belongs to which. */
#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/peering.h"
#include "roam.h"
#include "sessions.h"

static struct roam roam;
static struct sessions sessions;

static void setup(void)
{
	memset(&roam, 0, sizeof(roam));
	memset(&sessions, 0, sizeof(sessions));
}

static void teardown(void)
{
	sessions_done(&sessions);
}

TestSuite(roam, .init = setup);
TestSuite(sessions, .init = setup, .fini = teardown);

static struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

/* A domain n: manager 192.0.2.n, tunnels end at 198.51.100.n. */
static struct lease lease(uint8_t n, const char *virt)
{
	struct lease lease = {
		.manager.s_addr = htonl(0xc0000200u | n),
		.virt = ip(virt),
		.mobile = true,
		.domain = n,
		.have_token = true,
	};
	const uint8_t gateway[] = {198, 51, 100, n};

	memset(&lease.token, n, sizeof(lease.token));
	memcpy(lease.token.ticket + 8, gateway, 4);
	return lease;
}

static uint32_t enter(uint8_t n, const char *virt)
{
	struct lease l = lease(n, virt);

	roam_enter(&roam, &l, 1000 + n);
	return roam_here(&roam)->serial;
}

static const struct lease stock = {.actual.s_addr = 1};

static void leave(void)
{
	roam_enter(&roam, &stock, 0);
}

/* ---- domains ---- */

Test(roam, the_last_visited_is_first)
{
	struct home *homes[DHCP_MNAT_MAX_ARRIVALS];
	struct lease c = lease(3, "10.64.0.9");

	enter(1, "10.128.0.2");
	enter(2, "10.128.0.5");
	cr_assert_eq(roam_arrivals(&roam, &c, homes), 2);
	cr_assert_eq(homes[0]->domain, 2);
	cr_assert_eq(homes[1]->domain, 1);
	enter(3, "10.64.0.9");
	enter(1, "10.128.0.2");
	cr_assert_eq(roam.n, 3);
	c = lease(1, "10.128.0.2");
	cr_assert_eq(roam_arrivals(&roam, &c, homes), 2);
	cr_assert_eq(homes[0]->domain, 3);
	cr_assert_eq(homes[1]->domain, 2);
}

Test(roam, a_move_within_a_domain_has_no_arrival)
{
	struct home *homes[DHCP_MNAT_MAX_ARRIVALS];
	struct lease a = lease(1, "10.128.0.2");

	cr_assert(roam_enter(&roam, &a, 0));
	cr_assert_not(roam_enter(&roam, &a, 0));
	cr_assert_eq(roam_arrivals(&roam, &a, homes), 0);
	cr_assert_eq(roam_arrivals(&roam, NULL, homes), 1, "not known yet where we are");
}

Test(roam, at_most_three_arrivals_and_eight_domains)
{
	struct home *homes[DHCP_MNAT_MAX_ARRIVALS];

	for (uint8_t n = 1; n <= 20; n++)
		enter(n, "10.128.0.2");
	cr_assert_eq(roam.n, ROAM_HOMES);
	cr_assert_eq(roam.homes[ROAM_HOMES - 1].domain, 13);
	cr_assert_eq(roam_arrivals(&roam, NULL, homes), 3);
	cr_assert_eq(homes[2]->domain, 18);
}

Test(roam, without_a_token_there_is_no_arrival_and_the_old_one_is_kept)
{
	struct home *homes[DHCP_MNAT_MAX_ARRIVALS];
	struct lease a = lease(1, "10.128.0.2");

	a.have_token = false;
	roam_enter(&roam, &a, 0);
	cr_assert_eq(roam_arrivals(&roam, NULL, homes), 0);
	enter(1, "10.128.0.2");
	roam_enter(&roam, &a, 0);
	cr_assert_eq(roam_arrivals(&roam, NULL, homes), 1);
}

Test(roam, servers_that_tell_no_domain_are_known_by_their_manager)
{
	struct lease a = lease(1, "10.128.0.2"), b = lease(2, "10.128.0.5");

	a.domain = b.domain = 0;
	roam_enter(&roam, &a, 0);
	roam_enter(&roam, &b, 0);
	roam_enter(&roam, &a, 0);
	cr_assert_eq(roam.n, 2);
	cr_assert_eq(roam_here(&roam)->virt.s_addr, a.virt.s_addr);
}

Test(roam, numbers_of_proofs_rise_and_are_reserved_first)
{
	uint64_t last = 0, counter;

	roam.counter = roam.reserved = roam_first_counter(1700000000);
	cr_assert_not(roam_count(&roam, &counter));
	for (int i = 0; i < 1000; i++) {
		if (!roam_count(&roam, &counter)) {
			roam.reserved = roam_reserve(&roam);
			cr_assert(roam_count(&roam, &counter));
		}
		cr_assert_gt(counter, last);
		cr_assert_leq(counter, roam.reserved);
		last = counter;
	}
	cr_assert_lt(last, roam_first_counter(1700000001), "a lost file takes us not back");
}

Test(roam, a_proof_is_what_the_manager_expects)
{
	struct dhcp_mnat_arrival arrival;
	uint8_t proof[16];

	enter(1, "10.128.0.2");
	roam_prove(roam_here(&roam), 77, &arrival);
	cr_assert_eq(be64toh(arrival.counter), 77);
	cr_assert_eq(arrival.manager.s_addr, htonl(0xc0000201));
	peering_prove(roam.homes[0].token.key, roam.homes[0].token.ticket, 77, proof);
	cr_assert_arr_eq(arrival.proof, proof, sizeof(proof));
	roam_announce(roam_here(&roam), &arrival);
	memset(proof, 0, sizeof(proof));
	cr_assert_arr_eq(arrival.proof, proof, sizeof(proof), "nothing to steal");
}

/* ---- sessions ---- */

static struct socket_info tcp(const char *local, uint16_t port, const char *remote)
{
	return (struct socket_info){
		.key = {.remote = ip(remote).s_addr,
			.port = htons(port),
			.remote_port = htons(80),
			.ip_proto = IPPROTO_TCP},
		.local = ip(local),
	};
}

static void saw(const char *local, uint16_t port, uint32_t home)
{
	struct socket_info socket = tcp(local, port, "64.236.16.20");

	sessions_begin(&sessions);
	for (struct session *s = sessions.table; s; s = s->hh.next)
		s->seen = true;
	cr_assert_eq(sessions_saw(&sessions, &socket, home), 0);
	sessions_end(&sessions);
}

static bool entry(uint16_t port, const struct place *place, struct mnat_home *home)
{
	struct socket_info socket = tcp("0.0.0.0", port, "64.236.16.20");
	const struct session *session;

	HASH_FIND(hh, sessions.table, &socket.key, sizeof(socket.key), session);
	return session && session_entry(session, &roam, place, home);
}

#define assert_entry(home, v, gw)                                                                  \
	do {                                                                                       \
		cr_assert_eq((home).virt, ip(v).s_addr);                                           \
		cr_assert_eq((home).gateway, ip(gw).s_addr);                                       \
	} while (0)

Test(sessions, a_session_keeps_the_domain_where_it_was_first_seen)
{
	uint32_t a = enter(1, "10.128.0.2"), b;

	saw("10.128.0.2", 1000, a);
	b = enter(2, "10.128.0.2");
	saw("10.128.0.2", 1000, b);
	saw("10.128.0.2", 1001, b);
	cr_assert_eq(sessions_of(&sessions, a), 1);
	cr_assert_eq(sessions_of(&sessions, b), 1);
	cr_assert_eq(sessions_on(&sessions, ip("10.128.0.2")), 2);
	sessions_begin(&sessions);
	sessions_end(&sessions);
	cr_assert_eq(sessions_on(&sessions, ip("10.128.0.2")), 0, "all have ended");
}

Test(sessions, of_the_preferred_address_need_nothing_in_a_domain)
{
	const struct place place = {.preferred = ip("10.128.0.5")};
	uint32_t a = enter(1, "10.128.0.2"), b = enter(2, "10.128.0.5");
	struct mnat_home home;

	saw("10.128.0.2", 1000, a);
	saw("10.128.0.5", 1001, b);
	cr_assert(entry(1000, &place, &home));
	assert_entry(home, "10.128.0.2", "0.0.0.0");
	cr_assert_not(entry(1001, &place, &home));
}

Test(sessions, in_public_space_each_goes_to_where_it_began)
{
	const struct place place = {.preferred = ip("10.128.0.2"), .public = true};
	uint32_t a = enter(1, "10.128.0.2"), b = enter(2, "10.128.0.2");
	struct mnat_home home;

	saw("10.128.0.2", 1000, a);
	saw("10.128.0.2", 1001, b);
	leave();
	saw("10.128.0.2", 1002, 0);
	cr_assert(entry(1000, &place, &home));
	assert_entry(home, "10.128.0.2", "198.51.100.1");
	cr_assert(entry(1001, &place, &home));
	assert_entry(home, "10.128.0.2", "198.51.100.2");
	cr_assert_not(entry(1002, &place, &home), "began here: leaves by the actual address");
	roam_by_serial(&roam, a)->gateway = ip("203.0.113.9");
	cr_assert(entry(1000, &place, &home));
	assert_entry(home, "10.128.0.2", "203.0.113.9");
}

Test(sessions, the_same_ports_on_another_address_are_another_session)
{
	uint32_t a = enter(1, "10.128.0.2"), b;

	saw("10.128.0.2", 1000, a);
	b = enter(2, "10.128.0.5");
	saw("10.128.0.5", 1000, b);
	cr_assert_eq(sessions_of(&sessions, a), 0);
	cr_assert_eq(sessions_of(&sessions, b), 1);
}
