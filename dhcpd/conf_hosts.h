/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients that are treated differently: classes by what they say, hosts by who they are. */
#ifndef DHCPD_CONF_HOSTS_H
#define DHCPD_CONF_HOSTS_H

#include <stdbool.h>

#include "mnat/store.h"

#include "conf_options.h"
#include "conf_share.h"

/* Bytes that something of a client's begins with, or is. len 0: not asked for. */
struct match {
	uint8_t len;
	uint8_t bytes[MNAT_CLIENT_MAX];
};

struct class_conf {
	char name[32];
	struct match vendor_class; /* prefixes, of options 60, 77 and 61 */
	struct match user_class;
	struct match client_id;
	uint32_t lease_time; /* 0: the subnet's */
	bool is_public;	     /* virtual addresses of the public pool */
	const struct share_conf *share; /* the virtual address they share; NULL: none */
	struct option_set options;
};

enum host_key { HOST_CLIENT_ID, HOST_MAC, HOST_CIRCUIT, HOST_KEYS };

struct host_conf {
	char name[64];
	struct match key[HOST_KEYS];
	uint32_t *address; /* at most one a subnet */
	size_t n_addresses;
	uint32_t virt;	   /* 0: any */
	bool is_public;	   /* any of the public pool */
	const struct share_conf *share; /* it is one of those that share this; NULL: none */
	char hostname[64]; /* "": not told */
	struct option_set options;
};

/* An index entry: a key, or an address, of a host. */
struct host_ref {
	const struct match *key;
	uint32_t address;
	const struct host_conf *host;
};

struct hosts_conf {
	struct class_conf *classes; /* the first that matches counts */
	size_t n_classes;
	struct host_conf *hosts;
	size_t n_hosts;
	struct host_ref *by_key[HOST_KEYS]; /* sorted */
	size_t n_by_key[HOST_KEYS];
	struct host_ref *by_address; /* sorted; virtual ones too */
	size_t n_by_address;
};

extern cfg_opt_t class_settings[];
extern cfg_opt_t host_settings[];

/* The sections class and host of cfg; shares is kept. 0 or -errno, reported. */
int hosts_get(cfg_t *cfg, const struct shares_conf *shares, struct hosts_conf *ret_hosts);
void hosts_free(struct hosts_conf *hosts);

/* NULL: there is none. */
const struct host_conf *hosts_find(const struct hosts_conf *hosts, enum host_key kind,
				   const uint8_t *key, size_t len);
const struct host_conf *hosts_of_address(const struct hosts_conf *hosts, uint32_t address);

/* Does bytes begin with it? One of length 0 says yes. */
bool match_prefix(const struct match *match, const uint8_t *bytes, size_t len);

#endif
