/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of gateway.conf; each gives 0, or -EINVAL with the error printed. */
#ifndef MNAT_GATEWAY_CONF_H
#define MNAT_GATEWAY_CONF_H

#include "mnat/role_conf.h"

/* ---- gateway_pool.c ---- */

int gateway_parse_inside(cfg_t *inside, struct mnat_gateway_config *bpf);

/* After inside. */
int gateway_parse_outside(cfg_t *outside, struct mnat_gateway_config *bpf);

/* After outside and the limits of tables. */
int gateway_parse_quotas(cfg_t *limits, cfg_t *outside, struct mnat_gateway_conf *conf);

/* Is the address (host order) in one of them? */
bool gateway_is_in(uint32_t addr, const struct mnat_prefix *prefixes, unsigned int n);

/* ---- gateway_forward.c ---- */

/* After inside and outside. */
int gateway_parse_forwards(cfg_t *cfg, struct mnat_gateway_conf *conf);

#endif
