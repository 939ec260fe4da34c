// SPDX-License-Identifier: GPL-2.0-only
#include "path.h"

#include "engine.h"

#define LOOK_EVERY (1000 * MNAT_NS_PER_MS)
#define ASK_EVERY  (100 * MNAT_NS_PER_MS) /* looks while the gateway is being asked */

void path_init(struct path *path)
{
	*path = (struct path){.at_ns = NEVER};
}

uint64_t path_deadline(struct engine *e)
{
	bool wanted = e->conf.path_check && fsm_is_bound(&e->fsm) && links_have_other(&e->links) &&
		      e->fsm.lease.router.s_addr;

	if (!wanted)
		path_init(&e->path);
	else if (e->path.at_ns == NEVER)
		e->path.at_ns = mnat_clock_now();
	return e->path.at_ns;
}

static uint64_t sum(const struct mnat_counter *counters, const enum mnat_counter_id *ids, int n)
{
	uint64_t packets = 0;

	for (int i = 0; i < n; i++)
		packets += counters[ids[i]].packets;
	return packets;
}

/* False: the counters cannot be read. */
static bool look(const struct engine *e, uint64_t *ret_out, uint64_t *ret_in)
{
	static const enum mnat_counter_id out[] = {MNAT_C_NODE_OUT, MNAT_C_NODE_TUNNEL_OUT,
						   MNAT_C_NODE_DIRECT};
	static const enum mnat_counter_id in[] = {MNAT_C_NODE_IN, MNAT_C_NODE_TUNNEL_IN,
						  MNAT_C_NODE_TUNNEL_ERROR};
	struct mnat_counter counters[MNAT_N_COUNTERS];

	if (mnat_counters_read(e->shim.node.counters_fd, counters))
		return false;
	*ret_out = sum(counters, out, 3);
	*ret_in = sum(counters, in, 3);
	return true;
}

/* The gateway was asked and all it could be heard by is silent. */
static void judge(struct engine *e, uint64_t in)
{
	struct path *path = &e->path;

	path->at_ns = mnat_clock_now() + ASK_EVERY;
	if (in != path->in) {
		path->suspected = false;
		wake_now(e);
	} else if (!e->resolver.asking) {
		path->suspected = false;
		wake_forget(e); /* nobody had anything to say */
	} else if (resolver_is_silent(&e->resolver)) {
		path_init(path);
		links_shun_current(&e->links, "nothing comes in, and the gateway is silent");
	}
}

void path_tick(struct engine *e)
{
	struct path *path = &e->path;
	uint64_t now = mnat_clock_now(), out, in;

	if (now < path->at_ns || !look(e, &out, &in))
		return;
	if (path->suspected) {
		judge(e, in);
		return;
	}
	path->suspected = path->out && out > path->out && in == path->in;
	path->at_ns = now + (path->suspected ? ASK_EVERY : LOOK_EVERY);
	path->out = out;
	path->in = in;
	if (path->suspected) {
		wake_silent(e, now - LOOK_EVERY);
		resolver_again(&e->resolver);
	}
}
