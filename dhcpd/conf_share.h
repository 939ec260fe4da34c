/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual addresses that several hosts have (seed paragraph 58). Leases, managers and
 * gateways know each of these hosts by an identity, which is an address of 240.0.0.0/4;
 * the host itself is told the shared address. Host order throughout.
 */
#ifndef DHCPD_CONF_SHARE_H
#define DHCPD_CONF_SHARE_H

#include "ranges.h"

struct share_conf {
	uint32_t address;
	struct ranges identities;
};

struct shares_conf {
	struct share_conf *share;
	size_t n;
};

extern cfg_opt_t share_settings[];

/* The sections share of the section virtual. 0 or -errno, reported. */
int shares_get(cfg_t *cfg, struct shares_conf *ret_shares);
void shares_free(struct shares_conf *shares);

/* NULL: nobody shares that address; it is no identity. */
const struct share_conf *shares_at(const struct shares_conf *shares, uint32_t address);
const struct share_conf *shares_of(const struct shares_conf *shares, uint32_t identity);

#endif
