// SPDX-License-Identifier: GPL-2.0-only
/* Moves between domains under faults: at every step, and at random. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "roam_sim_test.h"

#define SETTLE_MS (3 * ROAM_RENEW_S * 1000)

/* The messages on their way, delivered from the last to the first. */
static void deliver_backwards(void)
{
	for (unsigned int n = sim_queued(); n > 0; n--)
		sim_deliver(n - 1);
	sim_deliver_all();
}

Test(roam, a_late_left_says_nothing_of_the_next_arrival)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_expire(B);
	cr_assert_eq(sim_queued(), 1);
	sim_move(B);
	deliver_backwards();
	sim_check("after LEFT");
	cr_assert_eq(sim_count(A, ROAM_C_LEFT), 0);
}

/* ---- faults at every step ---- */

static const int tour[] = {A, B, C, B, A};
#define TOUR (sizeof(tour) / sizeof(tour[0]))

/* The tour, with fault(arg) after the n-th delivery; false: there was no n-th. */
static bool tour_with(unsigned int n, void (*fault)(int arg), int arg)
{
	unsigned int step = 0;

	for (size_t i = 0; i < TOUR; i++) {
		sim_move(tour[i]);
		if (step++ == n)
			fault(arg);
		while (sim_queued()) {
			sim_deliver(0);
			if (step++ == n)
				fault(arg);
		}
	}
	return step > n;
}

static void at_every_step(const char *what, void (*fault)(int arg), int arg)
{
	for (unsigned int n = 0;; n++) {
		bool reached = tour_with(n, fault, arg);
		char when[64];

		sim_pass_ms(SETTLE_MS);
		snprintf(when, sizeof(when), "%s %d at step %u", what, arg, n);
		sim_check(when);
		sim_stop();
		sim_start();
		if (!reached)
			return;
		cr_assert_lt(n, 1000);
	}
}

static void lose_next(int arg)
{
	if (sim_queued())
		sim_drop(0);
}

static void repeat_next(int arg)
{
	if (sim_queued())
		sim_repeat(0);
}

static void reverse(int arg)
{
	deliver_backwards();
}

static void restart_all(int arg)
{
	for (int i = 0; i < N_DOMAINS; i++)
		sim_restart(i);
}

static void cut(int arg)
{
	sim_link(arg, (arg + 1) % N_DOMAINS, false);
	sim_link(arg, (arg + 1) % N_DOMAINS, true);
}

Test(roam, a_lost_message)
{
	at_every_step("lost", lose_next, 0);
}

Test(roam, a_repeated_message)
{
	at_every_step("repeated", repeat_next, 0);
}

Test(roam, reordered_messages)
{
	at_every_step("reordered", reverse, 0);
}

Test(roam, a_manager_killed)
{
	for (int i = 0; i < N_DOMAINS; i++)
		at_every_step("killed", sim_restart, i);
}

Test(roam, a_manager_that_is_down_when_the_node_comes_home)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_kill(A);
	sim_move(A);
	sim_revive(A);
	sim_deliver_all();
	sim_check("the DHCP server has told again what the node proved");
	sim_move(C);
	sim_deliver_all();
	sim_check("with the ticket it had before");
	sim_restart(A);
	sim_deliver_all();
	sim_check("still");
	sim_move(A);
	sim_deliver_all();
	sim_check("home");
}

Test(roam, all_managers_killed)
{
	at_every_step("all killed", restart_all, 0);
}

/* In the middle of whatever they do: before each message, rule and notice. */
static void kill_between_any_two_actions(void)
{
	for (int i = 0; i < N_DOMAINS; i++) {
		bool killed = true;

		for (unsigned int n = 0; killed; n++) {
			char when[64];

			sim_kill_at(i, n);
			for (size_t k = 0; k < TOUR; k++) {
				sim_move(tour[k]);
				sim_deliver_all();
			}
			killed = sim_was_killed();
			sim_pass_ms(SETTLE_MS);
			snprintf(when, sizeof(when), "domain %d at action %u", i + 1, n);
			sim_check(when);
			sim_stop();
			sim_start();
			cr_assert_lt(n, 1000);
		}
	}
}

Test(roam, a_manager_killed_between_any_two_actions)
{
	kill_between_any_two_actions();
}

Test(roam_translate, a_manager_killed_between_any_two_actions)
{
	kill_between_any_two_actions();
}

Test(roam, a_connection_cut)
{
	for (int i = 0; i < N_DOMAINS; i++)
		at_every_step("cut", cut, i);
}

Test(roam_translate, faults_at_every_step)
{
	at_every_step("lost", lose_next, 0);
	at_every_step("repeated", repeat_next, 0);
	at_every_step("reordered", reverse, 0);
	at_every_step("all killed", restart_all, 0);
	for (int i = 0; i < N_DOMAINS; i++) {
		at_every_step("killed", sim_restart, i);
		at_every_step("cut", cut, i);
	}
}

/* ---- whatever comes ---- */

static void disturb(unsigned int *seed)
{
	int i = rand_r(seed) % N_DOMAINS, j = (i + 1) % N_DOMAINS;
	unsigned int n = sim_queued() ? (unsigned int)rand_r(seed) % sim_queued() : 0;

	switch (rand_r(seed) % 46) {
	case 40:
		sim_kill(i);
		break;
	case 41:
		sim_revive(i);
		break;
	case 42:
		sim_revive_mute(i);
		break;
	case 43:
		sim[i].mute = !sim[i].down;
		break;
	case 44 ... 45:
		sim_snapshot(i);
		break;
	case 0 ... 3:
		if (sim_queued())
			sim_drop(n);
		break;
	case 4 ... 7:
		if (sim_queued())
			sim_repeat(n);
		break;
	case 8:
		sim_restart(i);
		break;
	case 9 ... 10:
		sim_link(i, j, false);
		break;
	case 11 ... 12:
		sim_link(i, j, true);
		break;
	case 13 ... 15:
		sim_move(i);
		break;
	case 16:
		sim_pass_ms(700);
		break;
	case 17:
		if (i != sim_node.at && sim[i].lease.leased)
			sim_expire(i);
		break;
	default:
		if (sim_queued())
			sim_deliver(n);
		break;
	}
}

/* A node whose sessions a domain could not take along is not there any more for it. */
static void forget_refused(void)
{
	for (int i = 0; i < N_DOMAINS; i++)
		if (i != sim_node.at && !sim[i].rule.away)
			sim_node.visited[i] = 0;
}

static void disturb_and_check(void)
{
	for (unsigned int run = 0; run < 400; run++) {
		unsigned int seed = run;
		char when[32];

		sim_move(A);
		for (int i = 0; i < 300; i++)
			disturb(&seed);
		for (int i = 0; i < N_DOMAINS; i++) {
			sim_revive(i);
			sim_snapshot(i);
		}
		for (int i = 0; i < N_DOMAINS; i++)
			sim_link(i, (i + 1) % N_DOMAINS, true);
		sim_pass_ms(SETTLE_MS);
		sim_move(rand_r(&seed) % N_DOMAINS);
		sim_pass_ms(SETTLE_MS);
		forget_refused();
		snprintf(when, sizeof(when), "seed %u", run);
		sim_check(when);
		sim_stop();
		sim_start();
	}
}

Test(roam, random_disturbances_converge)
{
	disturb_and_check();
}

Test(roam_translate, random_disturbances_converge)
{
	disturb_and_check();
}
