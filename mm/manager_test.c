// SPDX-License-Identifier: GPL-2.0-only
/* Batches, time-outs, reconnections and syncs, against agents on socket pairs. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "manager.h"
#include "mnat/clock.h"

#define N_GATEWAYS 2
#define MAX_SEEN 256

/* A gateway's agent that answers only when told to. */
struct fake {
	int fd;
	uint8_t in[65536];
	size_t len;
	struct simco_message seen[MAX_SEEN]; /* since the last accept() */
	unsigned int n_seen;
	unsigned int answered;
	uint8_t error; /* HREBs are refused with this */
};

static uv_loop_t loop;
static struct manager manager;
static struct fake fakes[N_GATEWAYS];
static uint64_t clock_ns;
static int n_answers;
static unsigned int last_pending;
static uint32_t last_later;

static uint64_t virtual_clock(void)
{
	return clock_ns;
}

static void turns(int n)
{
	while (n--)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void setup(void)
{
	clock_ns = MNAT_NS_PER_SEC;
	mnat_clock_replace(virtual_clock);
	uv_loop_init(&loop);
	manager.n_gateways = N_GATEWAYS;
	manager.gateways[0].name = "one";
	manager.gateways[1].name = "two";
	for (int i = 0; i < N_GATEWAYS; i++) {
		manager.gateways[i].path = "/nowhere/midcom.sock";
		fakes[i].fd = -1;
	}
	cr_assert_eq(manager_start(&manager, &loop), 0);
	turns(2);
}

static void teardown(void)
{
	manager_close(&manager);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	manager_free(&manager);
}

TestSuite(manager, .init = setup, .fini = teardown, .timeout = 20);

/* ---- the agents ---- */

static void receive(struct fake *fake)
{
	ssize_t n;

	turns(3);
	while ((n = recv(fake->fd, fake->in + fake->len, sizeof(fake->in) - fake->len,
			 MSG_DONTWAIT)) > 0)
		fake->len += (size_t)n;
	for (;;) {
		size_t skip;
		int used = simco_decode(fake->in, fake->len, &fake->seen[fake->n_seen], &skip);

		if (used <= 0)
			return;
		fake->n_seen++;
		cr_assert_lt(fake->n_seen, MAX_SEEN);
		fake->len -= (size_t)used;
		memmove(fake->in, fake->in + used, fake->len);
	}
}

static void answer_one(struct fake *fake)
{
	const struct simco_message *request = &fake->seen[fake->answered++];
	struct simco_message reply = {
		.basic = SIMCO_POSITIVE,
		.subtype = request->subtype,
		.transaction = request->transaction,
		.epoch = 77,
		.hosts = 3,
		.bound_at = 1234,
	};
	uint8_t buf[SIMCO_MAX_MESSAGE];
	int n;

	if (request->subtype == SIMCO_X_HELLO)
		reply.has = SIMCO_HAS(SIMCO_A_X_EPOCH) | SIMCO_HAS(SIMCO_A_X_HOSTS);
	else if (request->subtype == SIMCO_X_HREB)
		reply.has = SIMCO_HAS(SIMCO_A_X_BOUND_AT);
	if (request->subtype == SIMCO_X_HREB && fake->error) {
		reply.basic = SIMCO_NEGATIVE;
		reply.subtype = fake->error;
		reply.has = 0;
	}
	n = simco_encode(&reply, buf, sizeof(buf));
	cr_assert_eq(send(fake->fd, buf, (size_t)n, MSG_NOSIGNAL), n);
}

/* Answer all that has come. */
static void serve(struct fake *fake)
{
	receive(fake);
	while (fake->answered < fake->n_seen)
		answer_one(fake);
	turns(3);
}

static void connect_gateway(int i)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	fakes[i] = (struct fake){.fd = pair[1]};
	cr_assert_eq(gateway_attach(&manager.gateways[i], pair[0]), 0);
	serve(&fakes[i]);
	cr_assert(manager.gateways[i].established);
}

static void lose_gateway(int i)
{
	close(fakes[i].fd);
	turns(3);
	cr_assert_not(manager.gateways[i].established);
}

/* ---- the DHCP server ---- */

static void on_answer(struct batch *batch, unsigned int pending)
{
	n_answers++;
	last_pending = pending;
	last_later = batch->n_entries ? batch->entries[0].later : 0;
}

static struct event event(const char *identity, const char *actual, uint32_t generation)
{
	struct event e = {.generation = generation, .mac = "02:00:00:00:00:01"};

	e.identity.s_addr = inet_addr(identity);
	e.actual.s_addr = actual ? inet_addr(actual) : 0;
	return e;
}

static void lease(const char *identity, const char *actual, uint32_t generation)
{
	struct event e = event(identity, actual, generation);

	cr_assert_eq(manager_apply(&manager, &e, 1, on_answer, NULL), 0);
}

static struct host *host(const char *identity)
{
	return registry_find(&manager.registry, (struct in_addr){inet_addr(identity)}, false);
}

static void pass_ms(unsigned int ms)
{
	clock_ns += ms * MNAT_NS_PER_MS;
	manager_expire(&manager);
	manager_watch(&manager);
}

static unsigned int count(const struct fake *fake, uint8_t subtype)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < fake->n_seen; i++)
		n += fake->seen[i].subtype == subtype;
	return n;
}

/* ---- tests ---- */

Test(manager, answered_when_every_gateway_has_confirmed)
{
	connect_gateway(0);
	connect_gateway(1);
	lease("10.128.0.2", "10.0.1.5", 1);
	serve(&fakes[0]);
	cr_assert_eq(n_answers, 0);
	clock_ns += 2 * MNAT_NS_PER_MS;
	serve(&fakes[1]);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(last_pending, 0);
	cr_assert_eq(host("10.128.0.2")->rule_us, 2000);
	cr_assert_eq(host("10.128.0.2")->bound_at_ns, 1234);
	pass_ms(100);
	cr_assert_eq(n_answers, 1);
}

Test(manager, the_rebind_says_everything)
{
	const struct simco_message *m;

	connect_gateway(0);
	lease("10.128.0.2", "10.0.1.5", 1);
	lease("10.128.0.2", "10.0.2.7", 2);
	serve(&fakes[0]);
	m = &fakes[0].seen[fakes[0].n_seen - 1];
	cr_assert_eq(m->subtype, SIMCO_X_HREB);
	cr_assert_eq(m->identity.s_addr, inet_addr("10.128.0.2"));
	cr_assert_eq(m->new_actual.s_addr, inet_addr("10.0.2.7"));
	cr_assert_eq(m->old_actual.s_addr, inet_addr("10.0.1.5"));
	cr_assert_eq(m->generation, 2);
	cr_assert_eq(m->flags, 0);
}

Test(manager, the_rebind_says_which_address_is_shared)
{
	struct event e = event("240.1.0.1", "10.0.1.5", 1);
	const struct simco_message *m;

	connect_gateway(0);
	e.tunnel = true;
	e.shows.s_addr = inet_addr("10.128.9.1");
	manager_apply(&manager, &e, 1, on_answer, NULL);
	e = event("240.1.0.1", NULL, 2);
	manager_apply(&manager, &e, 1, on_answer, NULL);
	serve(&fakes[0]);
	m = &fakes[0].seen[fakes[0].n_seen - 2];
	cr_expect_eq(m->identity.s_addr, inet_addr("240.1.0.1"));
	cr_expect_eq(m->path, 2);
	cr_assert(m->has & SIMCO_HAS(SIMCO_A_X_VIRTUAL));
	cr_expect_eq(m->virt.s_addr, inet_addr("10.128.9.1"));
	cr_expect_not(m[1].has & SIMCO_HAS(SIMCO_A_X_VIRTUAL), "it has left");
}

Test(manager, a_batch_leaves_in_one_piece)
{
	struct event events[20];

	connect_gateway(0);
	connect_gateway(1);
	for (int i = 0; i < 20; i++) {
		events[i] = event("10.128.0.2", "10.0.1.5", 1);
		events[i].identity.s_addr = htonl(0x0a800100u + (uint32_t)i);
	}
	manager_apply(&manager, events, 20, on_answer, NULL);
	serve(&fakes[0]);
	serve(&fakes[1]);
	cr_assert_eq(count(&fakes[0], SIMCO_X_HREB), 20);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(last_pending, 0);
}

Test(manager, a_slow_gateway_is_waited_for_50_ms)
{
	connect_gateway(0);
	connect_gateway(1);
	lease("10.128.0.2", "10.0.1.5", 1);
	serve(&fakes[0]);
	pass_ms(49);
	cr_assert_eq(n_answers, 0);
	pass_ms(1);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(last_pending, 1);
	cr_assert(host_is_pending(&manager.registry, host("10.128.0.2")));
	/* nobody waits again for one that is known to hang */
	lease("10.128.0.3", "10.0.1.6", 1);
	serve(&fakes[0]);
	cr_assert_eq(n_answers, 2);
	cr_assert_eq(last_pending, 1);
	/* it wakes up */
	serve(&fakes[1]);
	cr_assert_not(host_is_pending(&manager.registry, host("10.128.0.2")));
	cr_assert_not(host_is_pending(&manager.registry, host("10.128.0.3")));
	lease("10.128.0.2", "10.0.2.7", 2);
	serve(&fakes[0]);
	cr_assert_eq(n_answers, 2);
	serve(&fakes[1]);
	cr_assert_eq(n_answers, 3);
	cr_assert_eq(last_pending, 0);
}

Test(manager, an_absent_gateway_is_not_waited_for)
{
	connect_gateway(0);
	lease("10.128.0.2", "10.0.1.5", 1);
	cr_assert_eq(n_answers, 0);
	serve(&fakes[0]);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(last_pending, 1);
	lose_gateway(0);
	lease("10.128.0.3", "10.0.1.6", 1);
	cr_assert_eq(n_answers, 2, "answered at once");
	cr_assert_eq(last_pending, 1);
}

Test(manager, a_gateway_lost_in_the_middle_ends_the_wait)
{
	connect_gateway(0);
	lease("10.128.0.2", "10.0.1.5", 1);
	turns(3);
	lose_gateway(0);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(last_pending, 1);
	cr_assert_eq(manager.counters[MM_C_UNANSWERED], 1);
}

Test(manager, one_that_hangs_for_good_is_given_up)
{
	connect_gateway(0);
	lease("10.128.0.2", "10.0.1.5", 1);
	turns(3);
	pass_ms(GIVE_UP_MS + 1);
	cr_assert_not(manager.gateways[0].established);
	cr_assert_null(manager.gateways[0].requests);
}

Test(manager, reconnected_gateway_gets_everything_but_no_sync_before_a_snapshot)
{
	lease("10.128.0.2", "10.0.1.5", 1);
	lease("10.128.0.3", "10.0.1.6", 1);
	connect_gateway(0);
	serve(&fakes[0]);
	cr_assert_eq(count(&fakes[0], SIMCO_X_HREB), 2);
	cr_assert_eq(count(&fakes[0], SIMCO_X_HSYNC), 0);
	manager_snapshot_begin(&manager);
	lease("10.128.0.2", "10.0.1.5", 1);
	cr_assert_eq(manager_snapshot_end(&manager), 1);
	serve(&fakes[0]);
	cr_assert_eq(count(&fakes[0], SIMCO_X_HSYNC), 2, "told as soon as the table was whole");
	connect_gateway(1);
	serve(&fakes[1]);
	cr_assert_eq(fakes[1].seen[2].flags, SIMCO_HSYNC_BEGIN);
	cr_assert_eq(fakes[1].seen[fakes[1].n_seen - 1].flags, SIMCO_HSYNC_END);
	cr_assert_eq(manager_count_pending(&manager, manager.registry.gateways), 0);
	cr_assert_null(host("10.128.0.3"), "it has left everywhere");
}

Test(manager, a_later_snapshot_unbinds_who_is_not_named)
{
	const struct simco_message *m;

	connect_gateway(0);
	connect_gateway(1);
	manager_snapshot_begin(&manager);
	lease("10.128.0.2", "10.0.1.5", 1);
	lease("10.128.0.3", "10.0.1.6", 4);
	manager_snapshot_end(&manager);
	serve(&fakes[0]);
	serve(&fakes[1]);
	manager_snapshot_begin(&manager);
	lease("10.128.0.2", "10.0.1.5", 1);
	cr_assert_eq(manager_snapshot_end(&manager), 1);
	serve(&fakes[0]);
	serve(&fakes[1]);
	m = &fakes[0].seen[fakes[0].n_seen - 1];
	cr_assert_eq(m->identity.s_addr, inet_addr("10.128.0.3"));
	cr_assert_eq(m->new_actual.s_addr, 0);
	cr_assert_eq(m->generation, 4);
	cr_assert_null(host("10.128.0.3"));
}

Test(manager, stale_and_repeated_events_are_acknowledged)
{
	connect_gateway(0);
	connect_gateway(1);
	lease("10.128.0.2", "10.0.1.5", 5);
	serve(&fakes[0]);
	serve(&fakes[1]);
	lease("10.128.0.2", "10.0.2.7", 4);
	cr_assert_eq(n_answers, 2);
	cr_assert_eq(last_later, 6);
	lease("10.128.0.2", "10.0.1.5", 5);
	cr_assert_eq(n_answers, 3);
	cr_assert_eq(last_pending, 0);
	cr_assert_eq(last_later, 0);
	lease("10.128.0.2", "10.0.2.7", 5);
	cr_assert_eq(last_later, 6, "one generation says one thing");
	cr_assert_eq(count(&fakes[0], SIMCO_X_HREB), 1);
	cr_assert_eq(manager.counters[MM_C_STALE], 2);
	cr_assert_eq(manager.counters[MM_C_REPEATED], 1);
}

/* After a start of ours with a DHCP server that has lost its last words. */
Test(manager, a_gateway_that_knows_something_later_is_told_of)
{
	connect_gateway(0);
	fakes[0].error = SIMCO_E_X_STALE;
	lease("10.128.0.2", "10.0.1.5", 5);
	serve(&fakes[0]);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(last_later, 6);
	fakes[0].error = 0;
	lease("10.128.0.2", "10.0.1.5", 6);
	serve(&fakes[0]);
	cr_assert_eq(last_later, 0);
	cr_assert(host("10.128.0.2")->confirmed & 1);
}

Test(manager, a_repeated_event_waits_for_what_is_on_its_way)
{
	connect_gateway(0);
	connect_gateway(1);
	serve(&fakes[1]);
	lease("10.128.0.2", "10.0.1.5", 5);
	lease("10.128.0.2", "10.0.1.5", 5);
	cr_assert_eq(n_answers, 0);
	serve(&fakes[0]);
	serve(&fakes[1]);
	cr_assert_eq(n_answers, 2);
	cr_assert_eq(last_pending, 0);
}

Test(manager, a_newer_event_settles_an_older_one)
{
	connect_gateway(0);
	connect_gateway(1);
	lease("10.128.0.2", "10.0.1.5", 1);
	lease("10.128.0.2", "10.0.2.7", 2);
	receive(&fakes[0]);
	receive(&fakes[1]);
	while (fakes[0].answered < 3)
		answer_one(&fakes[0]);
	while (fakes[1].answered < 3)
		answer_one(&fakes[1]);
	turns(3);
	cr_assert_eq(n_answers, 1, "the first batch");
	cr_assert_eq(last_pending, 0);
	cr_assert(host_is_pending(&manager.registry, host("10.128.0.2")));
	serve(&fakes[0]);
	serve(&fakes[1]);
	cr_assert_eq(n_answers, 2);
	cr_assert_not(host_is_pending(&manager.registry, host("10.128.0.2")));
}

Test(manager, refusals)
{
	connect_gateway(0);
	connect_gateway(1);
	fakes[0].error = SIMCO_E_X_ADDRESS;
	lease("10.128.0.2", "192.0.2.1", 1);
	serve(&fakes[0]);
	serve(&fakes[1]);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(last_pending, 1);
	pass_ms(1000);
	serve(&fakes[0]);
	cr_assert_eq(count(&fakes[0], SIMCO_X_HREB), 1, "asking again would not help");
}

Test(manager, a_full_gateway_is_asked_again)
{
	connect_gateway(0);
	connect_gateway(1);
	fakes[0].error = SIMCO_E_RESOURCES;
	lease("10.128.0.2", "10.0.1.5", 1);
	serve(&fakes[0]);
	serve(&fakes[1]);
	cr_assert_eq(last_pending, 1);
	fakes[0].error = 0;
	pass_ms(1000);
	serve(&fakes[0]);
	serve(&fakes[1]);
	cr_assert_not(host_is_pending(&manager.registry, host("10.128.0.2")));
	pass_ms(1000);
	serve(&fakes[0]);
	cr_assert_eq(count(&fakes[0], SIMCO_X_HREB), 2);
}

Test(manager, plain_host_that_changed_its_address_lets_go_of_the_old_one)
{
	struct event e = event("10.0.1.9", "10.0.1.9", 1);

	connect_gateway(0);
	connect_gateway(1);
	e.plain = true;
	manager_apply(&manager, &e, 1, on_answer, NULL);
	e.identity.s_addr = e.actual.s_addr = inet_addr("10.0.1.10");
	e.old.s_addr = inet_addr("10.0.1.9");
	e.generation = 2;
	manager_apply(&manager, &e, 1, on_answer, NULL);
	serve(&fakes[0]);
	serve(&fakes[1]);
	cr_assert_eq(fakes[0].seen[3].identity.s_addr, inet_addr("10.0.1.9"));
	cr_assert_eq(fakes[0].seen[3].new_actual.s_addr, 0);
	cr_assert_eq(fakes[0].seen[3].flags, SIMCO_HREB_PLAIN);
	cr_assert_eq(fakes[0].seen[4].identity.s_addr, inet_addr("10.0.1.10"));
	cr_assert_eq(HASH_COUNT(manager.registry.hosts), 1);
}

Test(manager, replies_out_of_order_end_the_session)
{
	connect_gateway(0);
	lease("10.128.0.2", "10.0.1.5", 1);
	lease("10.128.0.3", "10.0.1.6", 1);
	receive(&fakes[0]);
	fakes[0].answered++;
	answer_one(&fakes[0]);
	turns(3);
	cr_assert_not(manager.gateways[0].established);
	cr_assert_eq(n_answers, 2);
}
