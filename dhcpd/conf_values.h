/* SPDX-License-Identifier: GPL-2.0-only */
/* Which values the settings of dhcpd.conf(5) take, one by one; conf_check.h looks at the whole. */
#ifndef DHCPD_CONF_VALUES_H
#define DHCPD_CONF_VALUES_H

#include <confuse.h>

/* Words that a setting takes, in the order of the enum that they are the names of. */
extern const char *const conf_policies[]; /* enum policy */
extern const char *const conf_probes[];	  /* enum probe_by */
extern const char *const conf_modes[];	  /* enum dhcp_mnat_mode */
extern const char *const conf_auths[];	  /* enum auth_policy */

/* The setting's word as its number. */
int conf_word(cfg_t *cfg, const char *name, const char *const *words);

/* Have all values looked at while the file is read. */
void conf_validate(cfg_t *cfg);

#endif
