// SPDX-License-Identifier: GPL-2.0-only
/* Direct rebinds at the manager, without gateways: what is believed, and when it is answered. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "manager.h"
#include "mnat/clock.h"

static struct manager m;
static uint64_t now;
static struct mnat_control_client *const somebody = (struct mnat_control_client *)&m;

static uint64_t virtual_clock(void)
{
	return now;
}

static struct in_addr ip(const char *text)
{
	return (struct in_addr){inet_addr(text)};
}

static struct host *bind_at(const char *actual, uint32_t generation)
{
	struct event event = {.identity = ip("10.128.0.2"), .actual = ip(actual),
			      .generation = generation};
	struct host *host;

	cr_assert_geq(registry_apply(&m.registry, &event, now, &host), 0);
	return host;
}

static void ask(const char *actual, uint32_t generation)
{
	struct roam_rebind asked = {.virt = ip("10.128.0.2"), .actual = ip(actual),
				    .generation = generation, .transaction = 9};

	rebind_ask(&m, &asked);
}

static void setup(void)
{
	now = 100 * MNAT_NS_PER_SEC;
	memset(&m, 0, sizeof(m));
	mnat_clock_replace(virtual_clock);
	m.registry.gateways = 1;
	m.dhcp_server = somebody;
}

static void teardown(void)
{
	rebind_free(&m);
	registry_free(&m.registry);
}

TestSuite(rebind, .init = setup, .fini = teardown);

/* The ticket of the last ACK, and only that. */
Test(rebind, an_old_ticket_moves_nobody)
{
	bind_at("10.0.2.7", 5);
	ask("10.0.1.5", 4);
	ask("10.0.1.5", 6);
	cr_expect_eq(m.counters[MM_C_REBINDS_SILENT], 2);
	cr_expect_eq(HASH_COUNT(m.rebinds), 0);
}

Test(rebind, nobody_and_departed_hosts)
{
	struct host *host;

	ask("10.0.1.5", 5);
	host = bind_at("10.0.2.7", 5);
	host->away = true;
	ask("10.0.1.5", 5);
	m.dhcp_server = NULL;
	host->away = false;
	ask("10.0.1.5", 5);
	cr_expect_eq(m.counters[MM_C_REBINDS_SILENT], 3);
}

/* Who shares its address moves by DHCP only: it has no ticket to ask with. */
Test(rebind, who_shares_its_address)
{
	struct event event = {.identity = ip("240.1.0.1"), .actual = ip("10.0.2.7"),
			      .generation = 5, .tunnel = true, .shows = ip("10.128.9.1")};
	struct roam_rebind asked = {.virt = event.identity, .actual = ip("10.0.1.5"),
				    .generation = 5};
	struct host *host;

	cr_assert_geq(registry_apply(&m.registry, &event, now, &host), 0);
	rebind_ask(&m, &asked);
	cr_expect_eq(m.counters[MM_C_REBINDS_SILENT], 1);
	cr_expect_eq(HASH_COUNT(m.rebinds), 0);
}

/* Where it is already, and every gateway knows: answered at once, each time. */
Test(rebind, where_it_is)
{
	struct host *host = bind_at("10.0.2.7", 5);

	registry_confirm(&m.registry, host, 1, 5, 0, 0, now);
	m.dhcp_server = somebody;
	ask("10.0.2.7", 5);
	ask("10.0.2.7", 5);
	cr_expect_eq(m.counters[MM_C_REBOUND], 1);
	cr_expect_eq(HASH_COUNT(m.rebinds), 1);
	now += 10 * MNAT_NS_PER_SEC;
	rebind_expire(&m);
	cr_expect_eq(HASH_COUNT(m.rebinds), 0);
}

/* Answered when the event has come and the last gateway has it, not before. */
Test(rebind, answered_when_the_gateways_know)
{
	struct host *host = bind_at("10.0.2.7", 5);
	struct rebind_wait *wait = calloc(1, sizeof(*wait));

	wait->asked = (struct roam_rebind){.virt = ip("10.128.0.2"), .actual = ip("10.0.1.5"),
					   .generation = 5};
	HASH_ADD(hh, m.rebinds, asked.virt, sizeof(wait->asked.virt), wait);
	host = bind_at("10.0.1.5", 6);
	rebind_confirmed(&m, host);
	cr_expect_not(wait->answered);
	ask("10.0.1.5", 5); /* repeated: its ticket is used up, but by this very move */
	cr_expect_not(wait->answered);
	cr_expect_eq(m.counters[MM_C_REBINDS_SILENT], 0);
	registry_confirm(&m.registry, host, 1, 6, 0, 0, now);
	rebind_confirmed(&m, host);
	cr_expect(wait->answered);
	cr_expect_eq(m.counters[MM_C_REBOUND], 1);
}
