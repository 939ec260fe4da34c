// SPDX-License-Identifier: GPL-2.0-only
/* mnatctl handover */
#include "ctl.h"
#include "mnat/log.h"

static void collect(const json_t *row, void *user)
{
	json_array_append_new(user, ctl_timeline(row));
}

static void print_all(FILE *out, const json_t *moves)
{
	json_t *move;
	size_t i;

	json_array_foreach((json_t *)moves, i, move)
	{
		if (i)
			fputc('\n', out);
		ctl_timeline_print(out, move);
	}
	if (!json_array_size(moves))
		log_info("this node has not moved");
}

int cmd_handover(struct ctl *ctl, int argc, char **argv)
{
	json_t *moves = json_array(), *last = NULL;
	int r = ctl_ask(ctl, "mnatc", CTL_READ_ONLY,
			json_pack("{s:s, s:s}", "cmd", "dump", "what", "moves"), collect, moves,
			&last);

	r = ctl_settle(ctl, "mnatc", CTL_READ_ONLY, r, last);
	while (ctl->last && json_array_size(moves) > (size_t)ctl->last)
		json_array_remove(moves, 0);
	if (r == CTL_DONE && ctl->json) {
		json_dumpf(moves, ctl->out, JSON_COMPACT | JSON_REAL_PRECISION(9));
		fputc('\n', ctl->out);
	} else if (r == CTL_DONE) {
		print_all(ctl->out, moves);
	}
	json_decref(moves);
	json_decref(last);
	return r;
}
