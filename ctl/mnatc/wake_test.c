// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>

#include "mnat/clock.h"
#include "wake.h"

#define MS(n) ((n)*MNAT_NS_PER_MS)

/* RFC 6298 5.5, from 200 ms: run out after 200, 600, 1,400, 3,000, 6,200 ms */
Test(wake, doublings_of_an_outage)
{
	static const struct {
		uint64_t ms;
		unsigned int n;
	} table[] = {{0, 0},	{199, 0},  {200, 1},  {599, 1},	 {600, 2},
		     {1400, 3}, {2999, 3}, {3000, 4}, {6200, 5}, {86400000, 8}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		cr_expect_eq(wake_doublings(MS(table[i].ms)), table[i].n, "%lu ms",
			     (unsigned long)table[i].ms);
}

Test(wake, a_peer_is_told_that_was_talking)
{
	struct mnat_tcp tcp = {.receives = 1, .silence_ns = MS(1000)};

	cr_assert(wake_is_in_use(&tcp, 0));
	tcp.silence_ns++;
	cr_assert_not(wake_is_in_use(&tcp, 0), "it was silent before");
	cr_assert(wake_is_in_use(&tcp, MS(1)));
	tcp = (struct mnat_tcp){.receives = 0, .silence_ns = MS(1)};
	cr_assert_not(wake_is_in_use(&tcp, 0), "it has said all");
}
