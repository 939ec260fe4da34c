// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include "mnat/addr.h"

static struct move *slot(struct recorder *recorder, uint32_t n)
{
	return &recorder->moves[(n - 1) % RECORDER_MOVES];
}

void recorder_begin(struct recorder *recorder, struct in_addr from)
{
	recorder->n++;
	recorder->open = true;
	*slot(recorder, recorder->n) = (struct move){.n = recorder->n, .from = from};
}

struct move *recorder_current(struct recorder *recorder)
{
	return recorder->open ? slot(recorder, recorder->n) : NULL;
}

void recorder_end(struct recorder *recorder)
{
	recorder->open = false;
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
