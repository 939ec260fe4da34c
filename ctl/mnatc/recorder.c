// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include "mnat/addr.h"
#include "mnat/clock.h"

static const uint64_t outage_ends[OUTAGE_BUCKETS - 1] = OUTAGE_ENDS;

static struct move *slot(struct recorder *recorder, uint32_t n)
{
	return &recorder->moves[(n - 1) % RECORDER_MOVES];
}

struct move *recorder_current(struct recorder *recorder)
{
	return recorder->open ? slot(recorder, recorder->n) : NULL;
}

static uint64_t when(const struct move *move, enum move_event what)
{
	for (unsigned int i = 0; i < move->n_events; i++)
		if (move->events[i].what == what)
			return move->events[i].at_ns;
	return 0;
}

/* From the loss of the carrier to the first packet in, or what we know that is next to it. */
static uint64_t outage_ns(const struct move *move)
{
	static const enum move_event ends[] = {MOVE_FIRST_IN, MOVE_FIRST_OUT, MOVE_SHIM_SET};
	uint64_t down = when(move, MOVE_LINK_DOWN);

	for (int i = 0; down && i < 3; i++)
		if (when(move, ends[i]) > down)
			return when(move, ends[i]) - down;
	return 0;
}

static void count_outage(struct recorder *recorder, const struct move *move)
{
	uint64_t ns = outage_ns(move);
	int i = 0;

	if (!ns)
		return;
	while (i < OUTAGE_BUCKETS - 1 && ns > outage_ends[i] * MNAT_NS_PER_MS)
		i++;
	recorder->outages[i]++;
}

void recorder_end(struct recorder *recorder)
{
	if (recorder->open)
		count_outage(recorder, slot(recorder, recorder->n));
	recorder->open = false;
}

void recorder_begin(struct recorder *recorder, struct in_addr from)
{
	recorder_end(recorder);
	recorder->n++;
	recorder->open = true;
	*slot(recorder, recorder->n) = (struct move){.n = recorder->n, .from = from};
}

bool move_has(const struct move *move, enum move_event what)
{
	for (unsigned int i = 0; i < move->n_events; i++)
		if (move->events[i].what == what)
			return true;
	return false;
}

/* Room for the end of the story is kept: what can repeat itself leaves some free. */
static bool has_room(const struct move *move, enum move_event what)
{
	bool repeats = what == MOVE_REQUEST || what == MOVE_DISCOVER || what == MOVE_NAK ||
		       what == MOVE_OFFER || what == MOVE_GATEWAY_ARP || what == MOVE_LINK_DOWN ||
		       what == MOVE_LINK_UP;

	return move->n_events < RECORDER_EVENTS - (repeats ? 8 : 0);
}

void recorder_event(struct recorder *recorder, enum move_event what, uint64_t at_ns)
{
	struct move *move = recorder_current(recorder);
	unsigned int i;

	if (!move || !has_room(move, what))
		return;
	for (i = move->n_events++; i > 0 && move->events[i - 1].at_ns > at_ns; i--)
		move->events[i] = move->events[i - 1];
	move->events[i].what = what;
	move->events[i].at_ns = at_ns;
}

uint32_t recorder_count(const struct recorder *recorder)
{
	return recorder->n < RECORDER_MOVES ? recorder->n : RECORDER_MOVES;
}

static json_t *address(struct in_addr addr)
{
	char buf[MNAT_IP_LEN];

	return addr.s_addr ? json_string(mnat_ip(addr, buf)) : json_null();
}

json_t *recorder_outages(const struct recorder *recorder)
{
	json_t *histogram = json_object();
	char end[16];

	for (int i = 0; i < OUTAGE_BUCKETS; i++) {
		if (!recorder->outages[i])
			continue;
		if (i < OUTAGE_BUCKETS - 1)
			snprintf(end, sizeof(end), "<=%ums", (unsigned int)outage_ends[i]);
		else
			snprintf(end, sizeof(end), "longer");
		json_object_set_new(histogram, end, json_integer(recorder->outages[i]));
	}
	return histogram;
}

json_t *recorder_row(const struct recorder *recorder, uint32_t n)
{
	static const char *const names[] = {
#define X(name, text) [MOVE_##name] = text,
		MOVE_EVENTS(X)
#undef X
	};
	const struct move *move = &recorder->moves[(n - 1) % RECORDER_MOVES];
	json_t *events = json_array();

	for (unsigned int i = 0; i < move->n_events; i++)
		json_array_append_new(
			events, json_pack("{s:s,s:I}", "what", names[move->events[i].what], "at_us",
					  (json_int_t)(move->events[i].at_ns / 1000)));
	return json_pack("{s:i,s:s,s:o,s:o,s:o}", "n", (int)move->n, "uplink", move->uplink, "from",
			 address(move->from), "to", address(move->to), "events", events);
}
