// SPDX-License-Identifier: GPL-2.0-only
/* gateway.conf: addresses inside and outside, blocks of ports, and who may have how many. */
#include "gateway_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "mnat/maps.h"

static bool overlaps(const struct mnat_range *range, const struct mnat_prefix *prefixes,
		     unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (range->first <= prefixes[i].last && prefixes[i].first <= range->last)
			return true;
	return false;
}

bool gateway_is_in(uint32_t addr, const struct mnat_prefix *prefixes, unsigned int n)
{
	const struct mnat_range one = {addr, addr};

	return overlaps(&one, prefixes, n);
}

/* After the inside prefixes. */
static int parse_virtual(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	unsigned int n = cfg_size(cfg, "virtual");

	if (n > MNAT_MAX_VIRTUAL) {
		cfg_error(cfg, "virtual: expected at most %d prefixes", MNAT_MAX_VIRTUAL);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct mnat_range range;

		mnat_parse_prefix(cfg_getnstr(cfg, "virtual", i), &range);
		if (overlaps(&range, bpf->inside, bpf->n_inside)) {
			cfg_error(cfg,
				  "virtual: \"%s\" overlaps an inside prefix: a host's virtual "
				  "address is never its actual one",
				  cfg_getnstr(cfg, "virtual", i));
			return -EINVAL;
		}
		bpf->virtuals[i] = (struct mnat_prefix){range.first, range.last};
	}
	bpf->n_virtual = n;
	return 0;
}

/* Which words an option may have, and what each stands for. */
struct word {
	const char *name;
	unsigned int value;
};

static int parse_word(cfg_t *cfg, const char *option, const struct word words[2], __u32 *ret_value)
{
	const char *text = cfg_getstr(cfg, option);

	for (int i = 0; i < 2; i++)
		if (!strcmp(text, words[i].name)) {
			*ret_value = words[i].value;
			return 0;
		}
	cfg_error(cfg, "%s = \"%s\": expected \"%s\" or \"%s\"", option, text, words[0].name,
		  words[1].name);
	return -EINVAL;
}

int gateway_parse_inside(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	unsigned int n = cfg_size(cfg, "prefixes");
	static const struct word plain[] = {{"nat", 1}, {"refuse", 0}};

	if (!n || n > MNAT_MAX_INSIDE) {
		cfg_error(cfg, "prefixes: expected 1 to %d prefixes", MNAT_MAX_INSIDE);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct mnat_range range;

		mnat_parse_prefix(cfg_getnstr(cfg, "prefixes", i), &range);
		if (overlaps(&range, bpf->inside, i)) {
			cfg_error(cfg, "prefixes: \"%s\" overlaps one before it",
				  cfg_getnstr(cfg, "prefixes", i));
			return -EINVAL;
		}
		if (range.last - range.first >= MNAT_MAX_ACTUALS - bpf->n_actuals) {
			cfg_error(cfg, "prefixes: more than %d addresses in all", MNAT_MAX_ACTUALS);
			return -EINVAL;
		}
		bpf->inside[i] = (struct mnat_prefix){range.first, range.last, bpf->n_actuals};
		bpf->n_actuals += range.last - range.first + 1;
	}
	bpf->n_inside = n;
	if (parse_word(cfg, "plain-hosts", plain, &bpf->plain_hosts))
		return -EINVAL;
	return parse_virtual(cfg, bpf);
}

/* One element of addresses: it must not have what another, or the inside, has. */
static int add_external(cfg_t *cfg, const char *text, const struct mnat_range *default_ports,
			struct mnat_gateway_config *bpf, unsigned int *n_addresses)
{
	struct mnat_range range, ports = *default_ports;

	mnat_parse_pool(text, &range, &ports);
	for (unsigned int i = 0; i < bpf->n_external; i++)
		if (range.first <= bpf->external[i].last && bpf->external[i].first <= range.last) {
			cfg_error(cfg, "addresses: \"%s\" overlaps one before it", text);
			return -EINVAL;
		}
	if (range.last - range.first >= MNAT_MAX_EXTERNAL - *n_addresses) {
		cfg_error(cfg, "addresses: more than %d external addresses", MNAT_MAX_EXTERNAL);
		return -EINVAL;
	}
	if (overlaps(&range, bpf->inside, bpf->n_inside) ||
	    overlaps(&range, bpf->virtuals, bpf->n_virtual)) {
		cfg_error(cfg, "addresses: \"%s\" overlaps an inside or virtual prefix", text);
		return -EINVAL;
	}
	*n_addresses += range.last - range.first + 1;
	bpf->external[bpf->n_external++] =
		(struct mnat_external){range.first, range.last, ports.first, ports.last};
	return 0;
}

static int parse_external(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	unsigned int n = cfg_size(cfg, "addresses"), n_addresses = 0;
	struct mnat_range ports;

	if (!n || n > MNAT_MAX_EXTERNAL_RANGES) {
		cfg_error(cfg,
			  n ? "addresses: expected 1 to %d addresses, prefixes or ranges"
			    : "addresses: missing, expected the external address or range",
			  MNAT_MAX_EXTERNAL_RANGES);
		return -EINVAL;
	}
	mnat_parse_ports(cfg_getstr(cfg, "ports"), &ports);
	for (unsigned int i = 0; i < n; i++)
		if (add_external(cfg, cfg_getnstr(cfg, "addresses", i), &ports, bpf, &n_addresses))
			return -EINVAL;
	return 0;
}

static int parse_blocks(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	static const struct word pooling[] = {{"paired", 0}, {"arbitrary", 1}};
	long size = cfg_getint(cfg, "port-block");

	if (size < MNAT_MIN_BLOCK || size > MNAT_BLOCK_MAX || size & (size - 1)) {
		cfg_error(cfg, "port-block = %ld: expected a power of two from %d to %d", size,
			  MNAT_MIN_BLOCK, MNAT_BLOCK_MAX);
		return -EINVAL;
	}
	bpf->block_shift = (unsigned int)__builtin_ctzl((unsigned long)size);
	mnat_lay_out(bpf);
	bpf->hold_down = (unsigned int)cfg_getint(cfg, "hold-down");
	return parse_word(cfg, "pooling", pooling, &bpf->arbitrary);
}

static int parse_filtering(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	static const char *const names[] = {
		[MNAT_FILTERING_NONE] = "endpoint-independent",
		[MNAT_FILTERING_ADDRESS] = "address",
		[MNAT_FILTERING_ADDRESS_PORT] = "address-port",
	};
	const char *name = cfg_getstr(cfg, "filtering");

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i])) {
			bpf->filtering = i;
			return 0;
		}
	cfg_error(cfg,
		  "filtering = \"%s\": expected \"endpoint-independent\", \"address\" or "
		  "\"address-port\"",
		  name);
	return -EINVAL;
}

int gateway_parse_outside(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	struct in_addr tunnel;

	if (parse_external(cfg, bpf))
		return -EINVAL;
	bpf->tunnel_addr = htonl(bpf->external[0].first);
	if (cfg_getstr(cfg, "tunnel-address")) {
		mnat_parse_ip(cfg_getstr(cfg, "tunnel-address"), &tunnel);
		bpf->tunnel_addr = tunnel.s_addr;
	}
	return parse_filtering(cfg, bpf) ? -EINVAL : parse_blocks(cfg, bpf);
}

/* So many hosts can have n blocks each by formula. */
static unsigned int fixed_hosts(const struct mnat_gateway_config *bpf, unsigned int n)
{
	unsigned int hosts = 0;

	for (unsigned int i = 0; i < bpf->n_external; i++) {
		const struct mnat_external *e = &bpf->external[i];

		hosts += (e->last - e->first + 1) * (e->n_blocks / n);
	}
	return hosts;
}

/*
 * Every host that can be has its blocks by formula (RFC 7422): do they suffice? Of the
 * blocks cut short by the range of ports each would be somebody's too.
 */
static int parse_fixed(cfg_t *outside, struct mnat_gateway_conf *conf)
{
	struct mnat_gateway_config *bpf = &conf->bpf;
	unsigned int n_hosts = bpf->n_actuals + conf->max_hosts;

	if (!cfg_getbool(outside, "deterministic"))
		return 0;
	if (fixed_hosts(bpf, 1) < n_hosts) {
		cfg_error(outside,
			  "deterministic: %u inside addresses and mobile nodes need a block each, "
			  "there are %u in all: lower port-block, or add addresses or ports",
			  n_hosts, bpf->n_blocks);
		return -EINVAL;
	}
	while (fixed_hosts(bpf, bpf->max_blocks) < n_hosts)
		bpf->max_blocks--;
	bpf->fixed = bpf->max_blocks;
	return 0;
}

int gateway_parse_quotas(cfg_t *limits, cfg_t *outside, struct mnat_gateway_conf *conf)
{
	struct mnat_gateway_config *bpf = &conf->bpf;
	unsigned int ports = (unsigned int)cfg_getint(limits, "ports-per-host");
	unsigned int sessions = (unsigned int)cfg_getint(limits, "sessions-per-host");

	bpf->max_blocks = ports >> bpf->block_shift;
	if (!bpf->max_blocks) {
		cfg_error(limits, "ports-per-host = %u: expected at least port-block, %u", ports,
			  1u << bpf->block_shift);
		return -EINVAL;
	}
	bpf->max_host_sessions = sessions ? sessions : conf->max_sessions / 2 + 1;
	return parse_fixed(outside, conf);
}
