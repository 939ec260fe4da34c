/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XDP programs above those of TC, each on a pinned link: replacing a link's program is
 * atomic. What XDP cannot do passes to TC, so that any mixture of interfaces works.
 */
#ifndef LOAD_XDP_H
#define LOAD_XDP_H

#include "load.h"

/*
 * Decide how each of the plan's XDP programs is attached, by its mode: mode "auto" leaves
 * to TC what would gain nothing, and says so. -EBUSY: mode "xdp" asks for an interface
 * with another's program; the error is printed.
 */
int xdp_choose(struct plan *plan);

/* Is there any? */
bool xdp_wanted(const struct plan *plan);

/*
 * Attach or replace in place; native where the driver takes it. In mode "auto" others stay
 * with TC, in mode "xdp" they get generic XDP; both are said. 0 or -errno, errors printed.
 */
int xdp_attach(struct plan *plan);

/* Detach what the plan does not name; NULL: all of the pin directory. */
int xdp_detach_others(const char *pin, const struct plan *plan);

#endif
