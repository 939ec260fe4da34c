/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DHCPD_CONF_CHECK_H
#define DHCPD_CONF_CHECK_H

#include <confuse.h>

#include "conf.h"

/* Do the parts of the configuration fit together? 0, or -EINVAL with the error printed. */
int conf_check(cfg_t *cfg, const struct conf *conf);

#endif
