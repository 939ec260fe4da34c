// SPDX-License-Identifier: GPL-2.0-only
/* Moves between domains, and everything that can go wrong with them. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "roam_sim_test.h"

#define SETTLE_MS (3 * ROAM_RENEW_S * 1000)

TestSuite(roam, .init = sim_start, .fini = sim_stop, .timeout = 60);

Test(roam, the_last_domain_is_the_default)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_move(C);
	sim_deliver_all();
	sim_check("at C");
	for (int i = 0; i < SIM_MAX_ANCHORS; i++)
		if (sim[C].anchors[i].gateway.s_addr)
			cr_assert_eq(sim[C].anchors[i].flags & SIMCO_HANC_DEFAULT,
				     sim[C].anchors[i].gateway.s_addr ==
						     sim[B].roam.tunnel_addr.s_addr
					     ? SIMCO_HANC_DEFAULT
					     : 0);
}

Test(roam, a_move_within_the_visited_domain_does_not_import_again)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_move(B);
	cr_assert_not(sim[B].rule.importing);
	sim_deliver_all();
	sim_check("again");
	cr_assert_eq(sim_count(A, ROAM_C_ARRIVED), 2);
}

Test(roam, direct_is_by_the_homes_policy)
{
	sim[A].roam.peers[0].direct = true;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(sim[B].anchors[0].flags, SIMCO_HANC_DEFAULT | SIMCO_HANC_DIRECT);
	sim_move(B);
	cr_assert_eq(sim[B].anchors[0].flags, SIMCO_HANC_DEFAULT | SIMCO_HANC_DIRECT);
}

/* ---- several gateways ---- */

Test(roam, a_gateway_of_home_that_is_down_does_not_hold_up_the_other)
{
	sim[A].deaf[0] = true;
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	cr_assert_eq(sim_count(B, ROAM_C_FLOWS_IMPORTED), 5);
	cr_assert(sim[B].rule.importing);
	sim_pass_ms(ROAM_IMPORT_MS + 500);
	cr_assert_not(sim[B].rule.importing, "and new sessions not for ever");
	sim[A].deaf[0] = false;
	sim_pass_ms(ROAM_RETRY_MS + 500);
	sim_check("it is back");
	cr_assert_eq(sim_count(B, ROAM_C_FLOWS_IMPORTED), 10);
}

Test(roam, a_domain_gets_another_gateway)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_kill(B);
	sim[B].n_gateways = 2;
	sim_revive(B);
	sim_pass_ms(100);
	sim_move(B);
	sim_deliver_all();
	sim_check("with the next arrival");
	sim_kill(B);
	sim[B].n_gateways = 1;
	sim_revive(B);
	sim_pass_ms(100);
	sim_move(B);
	sim_deliver_all();
	sim_check("and loses it");
}

Test(roam, what_was_imported_when_the_manager_died_is_imported_still)
{
	sim_move(A);
	sim_move(B);
	cr_assert(sim[B].rule.importing);
	sim[B].lease.n_arrivals = 0; /* the DHCP server dies too, and knows less */
	sim_restart(B);
	cr_assert(sim[B].rule.importing, "unknown sessions are not taken for new ones");
	sim_pass_ms(ROAM_IMPORT_MS + 500);
	sim_check("and not for ever");
}

/* ---- ends ---- */

Test(roam, a_home_lease_that_ends_meanwhile)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_expire(A);
	sim_check("the actual lease is over");
	sim_restart(A);
	sim_deliver_all();
	sim_check("and the manager has started again");
	sim_move(A);
	sim_deliver_all();
	sim_check("home");
}

Test(roam, a_gateway_with_empty_maps)
{
	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	memset(sim[B].anchors, 0, sizeof(sim[B].anchors));
	memset(sim[A].arrivals, 0, sizeof(sim[A].arrivals));
	roam_gateway_reset(&sim[B].roam);
	cr_assert(sim[B].rule.importing);
	roam_tell_gateway(&sim[B].roam);
	roam_gateway_up(&sim[B].roam);
	roam_gateway_reset(&sim[A].roam);
	roam_tell_gateway(&sim[A].roam);
	roam_gateway_up(&sim[A].roam);
	sim_deliver_all();
	sim_check("rebooted");
}
