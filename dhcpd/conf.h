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
#include "mnat/dhcp_auth.h"

#include "conf_hosts.h"
#include "conf_lines.h"
#include "conf_options.h"
#include "conf_share.h"

/* What is done where the seed's flow and RFC 2131 differ: see decide.h. */
enum policy { POLICY_RFC2131, POLICY_STRICT_SEED };

struct subnet_conf {
	struct mnat_range prefix;
	struct ranges pools;
	struct option_set options;
	struct in_addr next_server; /* siaddr; 0.0.0.0: none */
	char link[32];		    /* subnets of one name share a link; "": alone on its own */
	bool rapid_commit;
	uint32_t lease_time;
};

struct virtual_conf {
	struct ranges pools; /* none: no virtual addresses here */
	struct ranges publics; /* for those hosts and classes that are to have public ones */
	struct shares_conf shares; /* ... or one that others have, too */
	uint32_t lease_time;
	struct in_addr manager;
	uint32_t domain; /* 0: not told */
	uint8_t mode;	 /* that hosts are told to use; 0: the one they wish */
	struct in_addr gateway; /* its end of tunnels; 0.0.0.0: none, hosts translate */
	struct dhcp_codec codec;
};

/* How many clients may hold addresses; 0: any number. */
struct limits_conf {
	uint32_t circuit; /* behind one circuit of a relay */
	uint32_t link;	  /* on a link, or behind a relay that names no circuits */
	uint32_t mac;	  /* of one hardware address, under different client identifiers */
};

/* Whose messages are answered: all, those that are proved or claim nothing, proved ones. */
enum auth_policy { AUTH_OFF, AUTH_ALLOW, AUTH_REQUIRE };

struct auth_conf {
	enum auth_policy policy;
	char *path;	       /* of the keys; "": none */
	struct dhcp_keys *keys; /* NULL with AUTH_OFF */
};

/* Who may read leases by TCP (mnat/leasequery.h). */
struct leasequery_conf {
	struct sockaddr_in listen; /* port 0: nobody */
	struct ranges clients;
	uint32_t connections;
};

/* Before an address is offered that its client has not had: look whether it is in use. */
enum probe_by { PROBE_NONE, PROBE_ICMP };

struct conf {
	char (*interfaces)[IF_NAMESIZE];
	size_t n_interfaces;
	struct in_addr server_id;
	enum policy policy;
	bool authoritative; /* a client on the right subnet that we know nothing of: NAK */
	struct ranges relays; /* none: all */
	struct ranges external; /* of the gateways: never given out */
	struct limits_conf limits;
	struct auth_conf auth;
	struct leasequery_conf leasequery;
	struct option_set options;
	struct hosts_conf special;
	uint32_t reserve_first;
	uint32_t offer_time;
	enum probe_by probe;
	uint32_t probe_ms; /* that an offer waits for it */
	uint32_t longest_of_class; /* lease, 0: no class has its own */
	uint32_t longest_lease; /* of all, actual and virtual */
	struct virtual_conf virt;
	struct subnet_conf *subnets; /* in the order of their addresses */
	size_t n_subnets;
	char *run_dir;
	char *database;
	struct conf_lines lines; /* all of it, as text */
	char *manager_socket; /* "": no mobility manager */
};

/* 0, or -errno with the error printed as FILE:LINE: ... */
int conf_load(const char *path, struct conf **ret_conf);
void conf_free(struct conf *conf);

bool conf_has_interface(const struct conf *conf, const char *name);

static inline bool conf_has_leasequery(const struct conf *conf)
{
	return conf->leasequery.listen.sin_port;
}

/*
 * Pools: of the subnets, of private virtual addresses, of public ones, of the identities of
 * each shared one.
 */
static inline size_t conf_n_pools(const struct conf *conf)
{
	return conf->n_subnets + 2 + conf->virt.shares.n;
}

/* Are two subnets on one link? */
bool conf_same_link(const struct subnet_conf *a, const struct subnet_conf *b);

/* Length of the prefix that range is. */
int conf_prefix_length(const struct mnat_range *prefix);

#endif
