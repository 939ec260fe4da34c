// SPDX-License-Identifier: GPL-2.0-only
/* Two CPUs at one flow, one block, one port: the books must balance afterwards. */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "gateway.h"

#define CN "128.59.16.149"
#define NODE "10.0.1.5"
#define N_CPUS 2

/* One of the two: what it does in each round, on a CPU of its own. */
struct racer {
	struct gateway *g;
	pthread_barrier_t *barrier;
	int cpu;
	int rounds;
	unsigned int seed;
	void (*act)(struct racer *racer, int round);
	int sent;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(racer->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	for (int i = 0; i < racer->rounds; i++) {
		pthread_barrier_wait(racer->barrier);
		racer->act(racer, i);
	}
	return NULL;
}

static struct racer run_race(struct gateway *g, int rounds,
			     void (*act[N_CPUS])(struct racer *racer, int round))
{
	struct racer racers[N_CPUS];
	pthread_barrier_t barrier;
	pthread_t threads[N_CPUS];

	if (sysconf(_SC_NPROCESSORS_ONLN) < N_CPUS)
		cr_skip_test("one CPU only");
	pthread_barrier_init(&barrier, NULL, N_CPUS);
	for (int i = 0; i < N_CPUS; i++) {
		racers[i] = (struct racer){ g, &barrier, i, rounds, (unsigned int)i, act[i], 0 };
		pthread_create(&threads[i], NULL, race, &racers[i]);
	}
	for (int i = 0; i < N_CPUS; i++)
		pthread_join(threads[i], NULL);
	racers[0].sent += racers[1].sent;
	return racers[0];
}

static void send_from(struct racer *racer, const char *src, uint16_t port)
{
	struct packet p = { .src = src, .dst = CN, .sport = port, .dport = 53,
			    .proto = IPPROTO_UDP };

	racer->sent += from_inside(racer->g, &p).verdict == REDIRECT;
}

static void one_flow(struct racer *racer, int round)
{
	send_from(racer, NODE, (uint16_t)(1024 + round));
}

/* Concurrent creation of one flow: one session, one mapping, one reference. */
Test(race, one_flow)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 1024, 60000, .block = 512,
								  .max_sessions = 16384 });
	void (*act[])(struct racer *, int) = { one_flow, one_flow };
	const int rounds = 8000;
	int sent;

	gateway_place(g, TEST_HOST, NODE, 1);
	sent = run_race(g, rounds, act).sent;
	cr_expect_eq(gateway_sessions(g), rounds);
	cr_expect_eq(gateway_bindings(g), rounds);
	accounts_check(g);
	/* the second waits for the first's mapping only while that is being given back */
	cr_expect_eq(sent + (int)gateway_count(g, MNAT_C_BINDING_DYING), 2 * rounds);
	cr_log_info("%lu of %d rounds met", gateway_count(g, MNAT_C_CREATE_RACE), rounds);
}

/* Two hosts at once need a block each, of which there are few. */
static void some_host(struct racer *racer, int round)
{
	char src[16];

	snprintf(src, sizeof(src), "10.0.2.%d", rand_r(&racer->seed) % 16);
	send_from(racer, src, (uint16_t)(5000 + rand_r(&racer->seed) % 8));
}

Test(race, last_blocks)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 8000, 64, .block = 4,
								  .max_sessions = 1024 });
	void (*act[])(struct racer *, int) = { some_host, some_host };

	run_race(g, 4000, act);
	cr_expect_gt(gateway_count(g, MNAT_C_PORTS_EXHAUSTED), 0);
	accounts_check(g);
}

static void end_all(struct racer *racer, int round)
{
	struct mnat_sweep sweep = gateway_sweep(racer->g, gateway_now() + 8000);

	(void)sweep;
}

/* Ports taken and given back at once in a block that is always nearly full. */
static void fill(struct racer *racer, int round)
{
	for (int i = 0; i < 8; i++)
		send_from(racer, NODE, (uint16_t)(5000 + rand_r(&racer->seed) % 6));
}

/* Two new flows of one host at once in its one block; then all end. */
static void new_flow(struct racer *racer, int round)
{
	if (round % 2 == 0)
		send_from(racer, NODE, (uint16_t)(1024 + round * 2 + racer->cpu));
	for (int i = 0; round % 2 && racer->cpu == 0 && i < 2; i++)
		end_all(racer, round);
}

static void race_new_flows(struct gateway_setup setup)
{
	struct gateway *g = gateway_start(setup);
	void (*act[])(struct racer *, int) = { new_flow, new_flow };
	const int rounds = 12000;

	gateway_place(g, TEST_HOST, NODE, 1);
	cr_expect_eq(run_race(g, rounds, act).sent, rounds);
	accounts_check(g);
	cr_expect_eq(gateway_count(g, MNAT_C_BINDING_FREED), rounds);
}

Test(race, last_ports_of_the_pool)
{
	race_new_flows((struct gateway_setup){ 8000, 4, .block = 4 });
}

Test(race, last_ports_of_the_quota)
{
	race_new_flows((struct gateway_setup){ 8000, 400, .block = 4, .max_ports = 4 });
}

Test(race, take_and_sweep)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 8000, 4, .block = 4 });
	void (*act[])(struct racer *, int) = { fill, end_all };
	int sent;

	gateway_place(g, TEST_HOST, NODE, 1);
	sent = run_race(g, 6000, act).sent;
	cr_expect_gt(sent, 1000);
	accounts_check(g);
	while (gateway_sessions(g))
		gateway_sweep(g, gateway_now() + 8000);
	accounts_check(g);
	cr_expect_eq(accounts_use(g, TEST_HOST).sessions, 0);
	cr_expect_eq(accounts_use(g, TEST_HOST).blocks, 0);
	cr_expect_eq(gateway_count(g, MNAT_C_BLOCK_TAKEN), gateway_count(g, MNAT_C_BLOCK_FREED));
}
