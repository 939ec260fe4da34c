// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>

#include "recorder.h"

static struct recorder recorder;

Test(recorder, events_stand_in_order_of_time)
{
	const struct move *move;

	recorder_event(&recorder, MOVE_ACK, 5); /* no move is open */
	cr_assert_eq(recorder_count(&recorder), 0);
	recorder_begin(&recorder, (struct in_addr){0});
	recorder_event(&recorder, MOVE_LINK_UP, 10);
	recorder_event(&recorder, MOVE_SHIM_SET, 30);
	recorder_event(&recorder, MOVE_FIRST_IN, 50);
	recorder_event(&recorder, MOVE_FIRST_OUT, 40);
	move = recorder_current(&recorder);
	cr_assert_eq(move->n, 1);
	cr_assert_eq(move->n_events, 4);
	cr_assert_eq(move->events[2].what, MOVE_FIRST_OUT);
	cr_assert_eq(move->events[3].what, MOVE_FIRST_IN);
	recorder_end(&recorder);
	cr_assert_null(recorder_current(&recorder));
}

Test(recorder, retransmissions_leave_room_for_the_end)
{
	const struct move *move;

	recorder_begin(&recorder, (struct in_addr){0});
	for (uint64_t i = 0; i < 100; i++)
		recorder_event(&recorder, MOVE_DISCOVER, i);
	recorder_event(&recorder, MOVE_ACK, 200);
	recorder_event(&recorder, MOVE_SHIM_SET, 201);
	move = recorder_current(&recorder);
	cr_assert(move_has(move, MOVE_ACK));
	cr_assert(move_has(move, MOVE_SHIM_SET));
}

Test(recorder, the_last_64_moves_are_kept)
{
	json_t *row;

	for (int i = 0; i < 100; i++)
		recorder_begin(&recorder, (struct in_addr){0});
	cr_assert_eq(recorder_count(&recorder), 64);
	row = recorder_row(&recorder, 100 - 64 + 1);
	cr_assert_eq(json_integer_value(json_object_get(row, "n")), 37);
	cr_assert(json_is_null(json_object_get(row, "from")));
	json_decref(row);
}

/* What users had, not what we did: moves without a break do not count. */
Test(recorder, histogram_of_outages)
{
	const uint64_t ms = 1000000;
	json_t *histogram;

	for (uint64_t length = 1; length <= 5000; length *= 10) {
		recorder_begin(&recorder, (struct in_addr){0});
		recorder_event(&recorder, MOVE_LINK_DOWN, 100 * ms);
		recorder_event(&recorder, MOVE_LINK_UP, 100 * ms);
		recorder_event(&recorder, MOVE_SHIM_SET, 100 * ms + length * ms - 1);
		if (length > 1)
			recorder_event(&recorder, MOVE_FIRST_IN, 100 * ms + length * ms + 1);
		recorder_end(&recorder);
		recorder_end(&recorder);
	}
	recorder_begin(&recorder, (struct in_addr){0});
	recorder_event(&recorder, MOVE_LINK_UP, 100 * ms);
	recorder_event(&recorder, MOVE_FIRST_IN, 101 * ms);
	recorder_end(&recorder);
	histogram = recorder_outages(&recorder);
	cr_assert_eq(json_object_size(histogram), 4);
	cr_expect_eq(json_integer_value(json_object_get(histogram, "<=1ms")), 1);
	cr_expect_eq(json_integer_value(json_object_get(histogram, "<=20ms")), 1);
	cr_expect_eq(json_integer_value(json_object_get(histogram, "<=200ms")), 1);
	cr_expect_eq(json_integer_value(json_object_get(histogram, "longer")), 1);
	json_decref(histogram);
}
