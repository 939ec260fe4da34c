/* SPDX-License-Identifier: GPL-2.0-only */
/* Options that clients are told, as bytes: of all, of a subnet, a class or a host. */
#ifndef DHCPD_CONF_OPTIONS_H
#define DHCPD_CONF_OPTIONS_H

#include <confuse.h>
#include <stddef.h>
#include <stdint.h>

struct option_value {
	uint8_t code;
	uint16_t len;
	uint8_t *data;
};

struct option_set {
	struct option_value *value; /* in the order of their codes, each once */
	size_t n;
};

/* The settings that give options: a part of each section that has a set. */
#define CONF_OPTION_SETTINGS                                                                       \
	CFG_STR_LIST("router", "{}", CFGF_NONE), CFG_STR_LIST("dns", "{}", CFGF_NONE),             \
		CFG_STR_LIST("ntp", "{}", CFGF_NONE), CFG_STR("domain", NULL, CFGF_NODEFAULT),     \
		CFG_STR_LIST("domain-search", "{}", CFGF_NONE),                                    \
		CFG_STR_LIST("routes", "{}", CFGF_NONE), CFG_INT("mtu", 0, CFGF_NONE),             \
		CFG_STR("tftp-server", NULL, CFGF_NODEFAULT),                                      \
		CFG_STR("boot-file", NULL, CFGF_NODEFAULT),                                        \
		CFG_STR_LIST("option", "{}", CFGF_NONE)

/* 0, -ENOMEM, or -EINVAL with the error reported. */
int options_get(cfg_t *cfg, struct option_set *ret_set);
void options_free(struct option_set *set);

/* NULL: none */
const struct option_value *options_find(const struct option_set *set, uint8_t code);

#endif
