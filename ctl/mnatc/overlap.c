// SPDX-License-Identifier: GPL-2.0-only
#include "overlap.h"

#include <string.h>

#include "engine.h"
#include "mnat/log.h"

#define HOLD (200 * MNAT_NS_PER_MS)

struct uplink *overlap_other(struct engine *e)
{
	struct mnat_shim live;
	struct uplink *uplink;

	if (shim_read(&e->shim, &live) || mnat_clock_now() >= lease_expiry(&e->fsm.lease))
		return NULL;
	uplink = links_by_index(&e->links, (int)live.uplink);
	return uplink && uplink != e->links.current && uplink->link.carrier &&
			       uplink->shunned_until_ns <= mnat_clock_now() ?
		       uplink :
		       NULL;
}

void overlap_begin(struct engine *e)
{
	e->overlap = (struct overlap){overlap_other(e) != NULL, NEVER};
}

void overlap_expect(struct engine *e, struct in_addr actual)
{
	int r;

	if (!e->overlap.on || !actual.s_addr)
		return;
	r = shim_accept(&e->shim, actual, e->conf.old_grace_ms * MNAT_NS_PER_MS);
	if (r < 0)
		log_err("the shim's maps cannot be written: %s", strerror(-r));
}

bool overlap_holds(struct engine *e)
{
	if (!e->overlap.on || e->resolver.mac || !e->fsm.lease.router.s_addr || !overlap_other(e))
		return false;
	e->overlap.flip_by_ns = mnat_clock_now() + HOLD;
	return true;
}

bool overlap_end(struct engine *e)
{
	bool held = e->overlap.flip_by_ns != NEVER;

	e->overlap.flip_by_ns = NEVER;
	return held;
}
