/* SPDX-License-Identifier: GPL-2.0-only */
/* Static port forwards of gateway.conf: rules whose owner is the file. */
#ifndef MIDCOM_FORWARDS_H
#define MIDCOM_FORWARDS_H

#include "mnat/role_conf.h"
#include "rules.h"

/* No certificate bears such a name, so no manager ends them. */
#define FORWARDS_OWNER "=gateway.conf"

/*
 * End the forwards that the file no longer has, make those that are new. One that cannot
 * be made is said and left out. Returns how many are in force.
 */
unsigned int forwards_apply(struct rules *rules, const struct mnat_forward *forwards,
			    unsigned int n);

#endif
