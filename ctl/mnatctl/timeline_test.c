// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>

#include "ctl.h"

static json_t *timeline_of(const char *move_text)
{
	json_t *move = json_loads(move_text, 0, NULL);
	json_t *timeline;

	cr_assert_not_null(move);
	timeline = ctl_timeline(move);
	json_decref(move);
	return timeline;
}

static void expect_event(const json_t *timeline, size_t i, const char *what, double ms)
{
	const json_t *event = json_array_get(json_object_get(timeline, "events"), i);

	cr_assert_str_eq(json_string_value(json_object_get(event, "what")), what);
	cr_assert_float_eq(json_number_value(json_object_get(event, "ms")), ms, 1e-9);
}

#define LATE_EVENT                                                                                 \
	"{\"n\":7,\"uplink\":\"wl0\",\"from\":\"10.0.1.5\",\"to\":\"10.0.2.7\",\"events\":["       \
	"{\"what\":\"link-up\",\"at_us\":5000000},{\"what\":\"ack\",\"at_us\":5009000},"           \
	"{\"what\":\"shim-set\",\"at_us\":5009500},{\"what\":\"first-out\",\"at_us\":5009250}]}"

Test(timeline, relative_to_the_first_and_in_order)
{
	json_t *timeline = timeline_of(LATE_EVENT);

	expect_event(timeline, 0, "link-up", 0);
	expect_event(timeline, 1, "ack", 9);
	expect_event(timeline, 2, "first-out", 9.25);
	expect_event(timeline, 3, "shim-set", 9.5);
	cr_assert_float_eq(json_number_value(json_object_get(timeline, "total_ms")), 9.5, 1e-9);
	json_decref(timeline);
}

Test(timeline, equal_times_keep_their_order)
{
	json_t *timeline = timeline_of("{\"events\":[{\"what\":\"offer\",\"at_us\":9},"
				       "{\"what\":\"request\",\"at_us\":9}]}");

	expect_event(timeline, 0, "offer", 0);
	expect_event(timeline, 1, "request", 0);
	json_decref(timeline);
}

Test(timeline, no_events)
{
	json_t *timeline = timeline_of("{\"n\":1}");

	cr_assert_eq(json_array_size(json_object_get(timeline, "events")), 0);
	cr_assert_float_eq(json_number_value(json_object_get(timeline, "total_ms")), 0, 1e-9);
	json_decref(timeline);
}

Test(timeline, text)
{
	json_t *timeline = timeline_of(LATE_EVENT);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ctl_timeline_print(out, timeline);
	fclose(out);
	cr_assert_str_eq(
		text, "move 7 on wl0: 10.0.1.5 -> 10.0.2.7 in 9.50 ms\n"
		      "        0.00  link-up      carrier found\n"
		      "        9.00  ack          DHCP ACK received: the gateways have the rule\n"
		      "        9.25  first-out    first packet sent\n"
		      "        9.50  shim-set     shim switched to the new actual address\n");
	free(text);
	json_decref(timeline);
}
