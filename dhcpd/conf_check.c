// SPDX-License-Identifier: GPL-2.0-only
#include "conf_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mnat/abi.h"

#define RANGE_LEN (2 * MNAT_IP_LEN)

static const char *range_text(const struct mnat_range *range, char buf[RANGE_LEN])
{
	char first[MNAT_IP_LEN], last[MNAT_IP_LEN];

	snprintf(buf, RANGE_LEN, "%s-%s", mnat_ip((struct in_addr){htonl(range->first)}, first),
		 mnat_ip((struct in_addr){htonl(range->last)}, last));
	return buf;
}

static bool overlap(const struct mnat_range *a, const struct mnat_range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static bool inside(const struct mnat_range *prefix, uint32_t address)
{
	return address >= prefix->first && address <= prefix->last;
}

/* The section of a subnet, so that the error names its line. */
static cfg_t *section(cfg_t *cfg, const struct subnet_conf *subnet)
{
	struct mnat_range prefix;

	for (unsigned int i = 0; i < cfg_size(cfg, "subnet"); i++) {
		cfg_t *sec = cfg_getnsec(cfg, "subnet", i);

		if (!mnat_parse_prefix(cfg_title(sec), &prefix) &&
		    prefix.first == subnet->prefix.first && prefix.last == subnet->prefix.last)
			return sec;
	}
	return cfg;
}

/* ranges is sorted */
static int check_disjoint(cfg_t *cfg, const struct ranges *ranges)
{
	char a[RANGE_LEN], b[RANGE_LEN];

	for (size_t i = 1; i < ranges->n; i++) {
		if (!overlap(&ranges->range[i - 1], &ranges->range[i]))
			continue;
		cfg_error(cfg, "pool %s overlaps pool %s: every address belongs to one pool",
			  range_text(&ranges->range[i], a), range_text(&ranges->range[i - 1], b));
		return -EINVAL;
	}
	return 0;
}

static int check_subnet(cfg_t *cfg, const struct subnet_conf *subnet)
{
	const struct option_value *routers = options_find(&subnet->options, DHCP_OPT_ROUTER);
	char pool[RANGE_LEN], prefix[RANGE_LEN], router[MNAT_IP_LEN];

	for (size_t i = 0; i < subnet->pools.n; i++) {
		const struct mnat_range *range = &subnet->pools.range[i];

		if (inside(&subnet->prefix, range->first) && inside(&subnet->prefix, range->last))
			continue;
		cfg_error(cfg, "pool %s: expected addresses inside the subnet, %s",
			  range_text(range, pool), range_text(&subnet->prefix, prefix));
		return -EINVAL;
	}
	for (size_t at = 0; routers && at < routers->len; at += sizeof(struct in_addr)) {
		struct in_addr addr;

		memcpy(&addr, routers->data + at, sizeof(addr));
		if (inside(&subnet->prefix, ntohl(addr.s_addr)))
			continue;
		cfg_error(cfg, "router = \"%s\": expected an address inside the subnet, %s",
			  mnat_ip(addr, router), range_text(&subnet->prefix, prefix));
		return -EINVAL;
	}
	return check_disjoint(cfg, &subnet->pools);
}

static int check_apart(cfg_t *sec, const struct mnat_range *a, const char *name_a,
		       const struct mnat_range *b, const char *name_b)
{
	char text_a[RANGE_LEN], text_b[RANGE_LEN];

	if (!overlap(a, b))
		return 0;
	cfg_error(sec, "%s %s overlaps %s %s: these must be different addresses", name_a,
		  range_text(a, text_a), name_b, range_text(b, text_b));
	return -EINVAL;
}

static int check_all_apart(cfg_t *sec, const struct ranges *a, const char *name_a,
			   const struct ranges *b, const char *name_b)
{
	int r = 0;

	for (size_t i = 0; !r && i < a->n; i++)
		for (size_t j = 0; !r && j < b->n; j++)
			r = check_apart(sec, &a->range[i], name_a, &b->range[j], name_b);
	return r;
}

/* One kind of virtual pool is apart from all else there is. */
static int check_virtual_pool(cfg_t *sec, const struct conf *conf, const struct ranges *pool,
			      const char *name)
{
	int r = check_disjoint(sec, pool);

	if (!r)
		r = check_all_apart(sec, pool, name, &conf->external, "external");
	for (size_t i = 0; !r && i < conf->n_subnets; i++)
		r = check_all_apart(sec, pool, name, &(struct ranges){&conf->subnets[i].prefix, 1},
				    "subnet");
	return r;
}

/* Identities of hosts that share an address are nothing else, and each is one host's. */
static int check_identities(cfg_t *sec, const struct conf *conf)
{
	static struct mnat_range all = {MNAT_IDENTITIES, UINT32_MAX};
	const struct ranges identities = {&all, 1};
	const struct shares_conf *shares = &conf->virt.shares;
	int r = 0;

	for (size_t i = 0; !r && i < shares->n; i++) {
		r = check_disjoint(sec, &shares->share[i].identities);
		for (size_t j = 0; !r && j < i; j++)
			r = check_all_apart(sec, &shares->share[i].identities, "identities",
					    &shares->share[j].identities, "identities");
	}
	if (!r)
		r = check_all_apart(sec, &conf->virt.pools, "virtual pool", &identities,
				    "what is for identities only,");
	for (size_t i = 0; !r && i < conf->n_subnets; i++)
		r = check_apart(sec, &conf->subnets[i].prefix, "subnet", &all,
				"what is for identities only,");
	return r;
}

/* A shared address is like a virtual pool of its own. */
static int check_shares(cfg_t *sec, const struct conf *conf)
{
	const struct shares_conf *shares = &conf->virt.shares;
	int r = check_identities(sec, conf);

	for (size_t i = 0; !r && i < shares->n; i++) {
		struct mnat_range range = {shares->share[i].address, shares->share[i].address};
		const struct ranges address = {&range, 1};

		r = check_virtual_pool(sec, conf, &address, "share");
		if (!r)
			r = check_all_apart(sec, &address, "share", &conf->virt.pools,
					    "virtual pool");
		if (!r)
			r = check_all_apart(sec, &address, "share", &conf->virt.publics,
					    "public virtual pool");
	}
	return r;
}

/* Virtual and actual addresses are never the same ones, nor those gateways translate to. */
static int check_virtual(cfg_t *cfg, const struct conf *conf)
{
	cfg_t *sec = cfg_getsec(cfg, "virtual");
	int r = check_virtual_pool(sec, conf, &conf->virt.pools, "virtual pool");

	if (!r)
		r = check_virtual_pool(sec, conf, &conf->virt.publics, "public virtual pool");
	if (!r)
		r = check_all_apart(sec, &conf->virt.publics, "public virtual pool",
				    &conf->virt.pools, "virtual pool");
	if (!r)
		r = check_shares(sec, conf);
	for (size_t i = 0; !r && i < conf->n_subnets; i++)
		r = check_all_apart(section(cfg, &conf->subnets[i]), &conf->subnets[i].pools,
				    "pool", &conf->external, "external");
	return r;
}

/* conf->subnets is sorted */
static int check_subnets(cfg_t *cfg, const struct conf *conf)
{
	char a[RANGE_LEN], b[RANGE_LEN];

	for (size_t i = 0; i < conf->n_subnets; i++) {
		const struct subnet_conf *subnet = &conf->subnets[i];
		cfg_t *sec = section(cfg, subnet);
		int r = check_subnet(sec, subnet);

		if (r)
			return r;
		if (i && overlap(&subnet[-1].prefix, &subnet->prefix)) {
			cfg_error(sec, "subnet %s overlaps subnet %s",
				  range_text(&subnet->prefix, a),
				  range_text(&subnet[-1].prefix, b));
			return -EINVAL;
		}
	}
	return 0;
}

static const struct subnet_conf *subnet_of(const struct conf *conf, uint32_t address)
{
	for (size_t i = 0; i < conf->n_subnets; i++)
		if (inside(&conf->subnets[i].prefix, address))
			return &conf->subnets[i];
	return NULL;
}

static bool is_virtual(const struct conf *conf, uint32_t address)
{
	const struct ranges *kinds[] = {&conf->virt.pools, &conf->virt.publics};

	for (int kind = 0; kind < 2; kind++)
		for (size_t i = 0; i < kinds[kind]->n; i++)
			if (inside(&kinds[kind]->range[i], address))
				return true;
	return false;
}

/* A host has one address in each of some subnets, and a virtual one of the pool. */
static int check_host(cfg_t *cfg, const struct conf *conf, const struct host_conf *host)
{
	char text[MNAT_IP_LEN];

	for (size_t i = 0; i < host->n_addresses; i++) {
		const struct subnet_conf *subnet = subnet_of(conf, host->address[i]);
		const char *wrong = subnet ? NULL : "expected an address inside a subnet";

		for (size_t j = 0; subnet && j < i; j++)
			if (subnet_of(conf, host->address[j]) == subnet)
				wrong = "it has another address in that subnet";
		if (!wrong)
			continue;
		cfg_error(cfg, "host \"%s\": address = \"%s\": %s", host->name,
			  mnat_ip((struct in_addr){htonl(host->address[i])}, text), wrong);
		return -EINVAL;
	}
	if (!host->virt || is_virtual(conf, host->virt))
		return 0;
	cfg_error(cfg,
		  "host \"%s\": virtual = \"%s\": expected an address of a virtual pool, or of a "
		  "share section",
		  host->name, mnat_ip((struct in_addr){htonl(host->virt)}, text));
	return -EINVAL;
}

static int check_hosts(cfg_t *cfg, const struct conf *conf)
{
	int r = 0;

	for (size_t i = 0; !r && i < conf->special.n_hosts; i++)
		r = check_host(cfg_getnsec(cfg, "host", (unsigned int)i), conf,
			       &conf->special.hosts[i]);
	return r;
}

static int check_present(cfg_t *cfg, const struct conf *conf)
{
	const char *missing = NULL;

	if (!conf->n_interfaces)
		missing = "interfaces = {\"eth1\"}: the interfaces to serve";
	else if (!conf->server_id.s_addr)
		missing = "server-id = \"10.0.0.1\": an address of this server that clients reach";
	else if (!conf->n_subnets)
		missing = "subnet \"10.0.1.0/24\" { ... }: at least one subnet";
	if (!missing)
		return 0;
	cfg_error(cfg, "missing: %s", missing);
	return -EINVAL;
}

int conf_check(cfg_t *cfg, const struct conf *conf)
{
	int r = check_present(cfg, conf);

	if (!r)
		r = check_subnets(cfg, conf);
	if (!r)
		r = check_virtual(cfg, conf);
	return r ? r : check_hosts(cfg, conf);
}
