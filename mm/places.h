/* SPDX-License-Identifier: GPL-2.0-only */
/* What roam.c wants done, done with the registry, the gateways and the DHCP server. */
#ifndef MM_PLACES_H
#define MM_PLACES_H

#include "roam.h"

/* user is the struct manager. send is link.c's. */
extern const struct roam_ops manager_roam_ops;

#endif
