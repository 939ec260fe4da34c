/* SPDX-License-Identifier: GPL-2.0-only */
/* Ranges of addresses, as settings of dhcpd.conf(5) have them. Host order throughout. */
#ifndef DHCPD_RANGES_H
#define DHCPD_RANGES_H

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mnat/addr.h"

struct ranges {
	struct mnat_range *range; /* in order */
	size_t n;
};

/* Those of a setting that has been validated; range is the caller's to free. 0 or -ENOMEM. */
int ranges_get(cfg_t *cfg, const char *name, struct ranges *ret_ranges);

bool ranges_contain(const struct ranges *ranges, uint32_t address);

#endif
