/* SPDX-License-Identifier: GPL-2.0-only */
/* dhcpd.conf(5), checked. Addresses are host order unless struct in_addr. */
#ifndef DHCPD_CONF_H
#define DHCPD_CONF_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mnat/addr.h"
#include "mnat/dhcp.h"

#define CONF_MAX_DNS 8

/* What is done where the seed's flow and RFC 2131 differ: see decide.h. */
enum policy { POLICY_RFC2131, POLICY_STRICT_SEED };

struct ranges {
	struct mnat_range *range;
	size_t n;
};

struct subnet_conf {
	struct mnat_range prefix;
	struct ranges pools;
	struct in_addr router; /* 0.0.0.0: none */
	struct in_addr dns[CONF_MAX_DNS];
	size_t n_dns;
	char domain[256];
	uint16_t mtu; /* 0: not told */
	uint32_t lease_time;
};

struct virtual_conf {
	struct ranges pools; /* none: no virtual addresses here */
	uint32_t lease_time;
	struct in_addr manager;
	uint32_t domain; /* 0: not told */
	struct dhcp_codec codec;
};

struct conf {
	char (*interfaces)[IF_NAMESIZE];
	size_t n_interfaces;
	struct in_addr server_id;
	enum policy policy;
	uint32_t reserve_first;
	uint32_t offer_time;
	uint32_t longest_lease; /* of all, actual and virtual */
	struct virtual_conf virt;
	struct subnet_conf *subnets; /* in the order of their addresses */
	size_t n_subnets;
	char *run_dir;
	char *database;
	char *manager_socket; /* "": no mobility manager */
};

/* 0, or -errno with the error printed as FILE:LINE: ... */
int conf_load(const char *path, struct conf **ret_conf);
void conf_free(struct conf *conf);

bool conf_has_interface(const struct conf *conf, const char *name);

/* Length of the prefix that range is. */
int conf_prefix_length(const struct mnat_range *prefix);

#endif
