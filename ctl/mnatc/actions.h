/* SPDX-License-Identifier: GPL-2.0-only */
/* What the engine does to the outside world, shared by its parts. */
#ifndef MNATC_ACTIONS_H
#define MNATC_ACTIONS_H

#include "engine.h"

extern const struct fsm_ops engine_fsm_ops;
extern const struct links_ops engine_links_ops;
extern const struct rebind_ops engine_rebind_ops;

/* Without a lease for so long, another uplink is tried. */
#define LEASE_WITHIN (3 * MNAT_NS_PER_SEC)

/* An event of the open move, now. */
void action_record(struct engine *e, enum move_event what);

/* As shim_install(), errors printed. */
int action_install(struct engine *e, const struct mnat_shim *slot);

/* The state machine's lease on the current uplink, as things stand now. */
int action_install_lease(struct engine *e);

/* The flip held back for the new gateway's MAC address (overlap.h), if there is one. */
void action_take_over(struct engine *e);

/* Nothing leaves; the virtual address stays the stack's. */
void action_disable(struct engine *e);

/* The stack's addresses and route under the lease. */
void action_set_stack(struct engine *e);

/* The stack's packets must fit the uplink, in a tunnel too. */
void action_set_mtu(struct engine *e);

/* Have the state file written soon, or write it now: 0 or -errno, printed. */
void action_remember(struct engine *e);
int action_save(struct engine *e);

#endif
