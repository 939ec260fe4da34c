// SPDX-License-Identifier: GPL-2.0-only
/* A move's events as milliseconds since its first. */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static const struct {
	const char *what;
	const char *text;
} meanings[] = {
	{"link-down", "carrier lost"},
	{"link-up", "carrier found"},
	{"prepared", "an address was asked for beforehand"},
	{"request", "DHCP REQUEST sent with the addresses held so far"},
	{"nak", "DHCP NAK: this is another network"},
	{"discover", "DHCP DISCOVER sent with the old virtual address"},
	{"offer", "DHCP OFFER received"},
	{"ack", "DHCP ACK received: the gateways have the rule"},
	{"gateway-arp", "ARP request for the router sent"},
	{"gateway-mac", "router's MAC address learnt"},
	{"shim-set", "shim switched to the new actual address"},
	{"first-out", "first packet sent"},
	{"first-in", "first packet received"},
	{"tcp-woken", "TCP told of the outage"},
};

static const char *meaning(const char *what)
{
	for (size_t i = 0; i < CTL_COUNT(meanings); i++)
		if (!strcmp(meanings[i].what, what))
			return meanings[i].text;
	return "";
}

static json_int_t at_us(const json_t *event)
{
	return json_integer_value(json_object_get(event, "at_us"));
}

/*
 * The datapath's own events (first-out, first-in) are read later than they
 * happened, hence the order. Equal times keep the daemon's order.
 */
static json_t *in_order(const json_t *events)
{
	json_t *sorted = json_array(), *event;
	size_t i;

	json_array_foreach((json_t *)events, i, event)
	{
		size_t at = json_array_size(sorted);

		while (at && at_us(json_array_get(sorted, at - 1)) > at_us(event))
			at--;
		json_array_insert_new(sorted, at, json_copy(event));
	}
	return sorted;
}

json_t *ctl_timeline(const json_t *move)
{
	json_t *timeline = json_copy((json_t *)move);
	json_t *events = in_order(json_object_get(move, "events")), *event;
	json_int_t first = at_us(json_array_get(events, 0));
	double ms = 0;
	size_t i;

	json_array_foreach(events, i, event)
	{
		ms = (double)(at_us(event) - first) / 1000;
		json_object_set_new(event, "ms", json_real(ms));
	}
	json_object_set_new(timeline, "total_ms", json_real(ms));
	json_object_set_new(timeline, "events", events);
	return timeline;
}

static void text(const json_t *object, const char *key, const char *null, char *buf)
{
	struct ctl_column column = {.name = key, .null = null};

	ctl_cell(&column, object, buf, CTL_CELL);
}

void ctl_timeline_print(FILE *out, const json_t *timeline)
{
	char n[CTL_CELL], uplink[CTL_CELL], from[CTL_CELL], to[CTL_CELL], what[CTL_CELL];
	json_t *event;
	size_t i;

	text(timeline, "n", "?", n);
	text(timeline, "uplink", "?", uplink);
	text(timeline, "from", "(start)", from);
	text(timeline, "to", "(nowhere)", to);
	fprintf(out, "move %s on %s: %s -> %s in %.2f ms\n", n, uplink, from, to,
		json_number_value(json_object_get(timeline, "total_ms")));
	json_array_foreach(json_object_get(timeline, "events"), i, event)
	{
		text(event, "what", "?", what);
		fprintf(out, "%12.2f  %-11s  %s\n", json_number_value(json_object_get(event, "ms")),
			what, meaning(what));
	}
}
