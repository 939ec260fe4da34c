// SPDX-License-Identifier: GPL-2.0-only
/* gateway.conf, for mnat-load and mnat-midcomd. */
#include "mnat/role_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "mnat/conf.h"
#include "mnat/control.h"
#include "mnat/dhcp.h"
#include "mnat/maps.h"

static bool overlaps(const struct mnat_range *range, const struct mnat_prefix *prefixes,
		     unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (range->first <= prefixes[i].last && prefixes[i].first <= range->last)
			return true;
	return false;
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
			cfg_error(cfg, "virtual: \"%s\" overlaps an inside prefix: a host's virtual "
				       "address is never its actual one", cfg_getnstr(cfg, "virtual", i));
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

static int parse_word(cfg_t *cfg, const char *option, const struct word words[2],
		      __u32 *ret_value)
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

static int parse_inside(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	unsigned int n = cfg_size(cfg, "prefixes");
	static const struct word plain[] = { { "nat", 1 }, { "refuse", 0 } };

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
		bpf->inside[i] = (struct mnat_prefix){ range.first, range.last, bpf->n_actuals };
		bpf->n_actuals += range.last - range.first + 1;
	}
	bpf->n_inside = n;
	if (parse_word(cfg, "plain-hosts", plain, &bpf->plain_hosts))
		return -EINVAL;
	return parse_virtual(cfg, bpf);
}

static int parse_external(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	unsigned int n = cfg_size(cfg, "addresses");

	if (!n || n > MNAT_MAX_EXTERNAL_RANGES) {
		cfg_error(cfg, n ? "addresses: expected 1 to %d addresses, prefixes or ranges"
				 : "addresses: missing, expected the external address or range",
			  MNAT_MAX_EXTERNAL_RANGES);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		const char *text = cfg_getnstr(cfg, "addresses", i);
		struct mnat_range range;

		mnat_parse_range(text, &range);
		if (overlaps(&range, bpf->external, i)) {
			cfg_error(cfg, "addresses: \"%s\" overlaps one before it", text);
			return -EINVAL;
		}
		if (range.last - range.first >= MNAT_MAX_EXTERNAL - bpf->n_ext) {
			cfg_error(cfg, "addresses: more than %d external addresses",
				  MNAT_MAX_EXTERNAL);
			return -EINVAL;
		}
		if (overlaps(&range, bpf->inside, bpf->n_inside) ||
		    overlaps(&range, bpf->virtuals, bpf->n_virtual)) {
			cfg_error(cfg, "addresses: overlaps an inside or virtual prefix");
			return -EINVAL;
		}
		bpf->external[i] = (struct mnat_prefix){ range.first, range.last, bpf->n_ext };
		bpf->n_ext += range.last - range.first + 1;
	}
	bpf->n_external = n;
	return 0;
}

static int parse_blocks(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	static const struct word pooling[] = { { "paired", 0 }, { "arbitrary", 1 } };
	long size = cfg_getint(cfg, "port-block");

	if (size < MNAT_MIN_BLOCK || size > MNAT_BLOCK_MAX || size & (size - 1)) {
		cfg_error(cfg, "port-block = %ld: expected a power of two from %d to %d", size,
			  MNAT_MIN_BLOCK, MNAT_BLOCK_MAX);
		return -EINVAL;
	}
	bpf->block_shift = (unsigned int)__builtin_ctzl((unsigned long)size);
	bpf->n_blocks = mnat_block_of_offset(bpf->port_first, bpf->block_shift, bpf->n_ports - 1) + 1;
	if (bpf->port_first < MNAT_CLASS_PORTS &&
	    bpf->port_first + bpf->n_ports > MNAT_CLASS_PORTS)
		bpf->n_low = (MNAT_CLASS_PORTS >> bpf->block_shift) -
			     (bpf->port_first >> bpf->block_shift);
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
	cfg_error(cfg, "filtering = \"%s\": expected \"endpoint-independent\", \"address\" or "
		       "\"address-port\"", name);
	return -EINVAL;
}

static int parse_outside(cfg_t *cfg, struct mnat_gateway_config *bpf)
{
	struct mnat_range ports;
	struct in_addr tunnel;

	if (parse_external(cfg, bpf))
		return -EINVAL;
	bpf->tunnel_addr = htonl(bpf->external[0].first);
	if (cfg_getstr(cfg, "tunnel-address")) {
		mnat_parse_ip(cfg_getstr(cfg, "tunnel-address"), &tunnel);
		bpf->tunnel_addr = tunnel.s_addr;
	}
	mnat_parse_ports(cfg_getstr(cfg, "ports"), &ports);
	bpf->port_first = ports.first;
	bpf->n_ports = ports.last - ports.first + 1;
	return parse_filtering(cfg, bpf) ? -EINVAL : parse_blocks(cfg, bpf);
}

/*
 * Every host that can be has its blocks by formula (RFC 7422): do they suffice? Of the
 * blocks cut short by the range of ports each would be somebody's too.
 */
static int parse_fixed(cfg_t *outside, struct mnat_gateway_conf *conf)
{
	struct mnat_gateway_config *bpf = &conf->bpf;
	unsigned int n_hosts = bpf->n_actuals + conf->max_hosts, fixed;
	unsigned int hosts = (n_hosts + bpf->n_ext - 1) / bpf->n_ext; /* of one address */

	if (!cfg_getbool(outside, "deterministic"))
		return 0;
	fixed = bpf->n_blocks / hosts;
	if (!fixed) {
		cfg_error(outside,
			  "deterministic: %u inside addresses and mobile nodes need a block each, "
			  "%u external addresses have %u: lower port-block, or add addresses or "
			  "ports",
			  n_hosts, bpf->n_ext, bpf->n_ext * bpf->n_blocks);
		return -EINVAL;
	}
	if (bpf->max_blocks > fixed)
		bpf->max_blocks = fixed;
	bpf->fixed = bpf->max_blocks;
	bpf->n_low = 0;
	return 0;
}

static int parse_quotas(cfg_t *limits, struct mnat_gateway_conf *conf)
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
	return 0;
}

static const char *const timeout_names[MNAT_N_STATES] = {
	[MNAT_STATE_UDP] = "udp",
	[MNAT_STATE_ICMP] = "icmp",
	[MNAT_STATE_TCP_OPENING] = "tcp-opening",
	[MNAT_STATE_TCP_ESTABLISHED] = "tcp-established",
	[MNAT_STATE_TCP_CLOSING] = "tcp-closing",
	[MNAT_STATE_TCP_RESET] = "tcp-reset",
	[MNAT_STATE_OTHER] = "other",
};

static int parse_managers(cfg_t *cfg, struct mnat_midcom_conf *conf)
{
	unsigned int n = cfg_size(cfg, "peers");

	if (!n || n > MNAT_MAX_MANAGERS) {
		cfg_error(cfg, "peers: expected 1 to %d names of managers' certificates",
			  MNAT_MAX_MANAGERS);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		const char *name = cfg_getnstr(cfg, "peers", i);

		if (!*name || strlen(name) >= MNAT_PATH_MAX) {
			cfg_error(cfg, "peers: \"%s\" is no name of a certificate", name);
			return -EINVAL;
		}
		memcpy(conf->peers[i], name, strlen(name) + 1);
	}
	conf->n_peers = n;
	return 0;
}

static int parse_midcom(cfg_t *cfg, struct mnat_midcom_conf *conf)
{
	if (mnat_conf_copy_text(cfg, "listen", conf->listen, sizeof(conf->listen)) ||
	    mnat_conf_copy_text(cfg, "ca", conf->ca, sizeof(conf->ca)) ||
	    mnat_conf_copy_text(cfg, "cert", conf->cert, sizeof(conf->cert)) ||
	    mnat_conf_copy_text(cfg, "key", conf->key, sizeof(conf->key)) ||
	    mnat_conf_copy_text(cfg, "crl", conf->crl, sizeof(conf->crl)))
		return -EINVAL;
	if (!conf->listen[0])
		return 0;
	if (!conf->ca[0] || !conf->cert[0] || !conf->key[0]) {
		cfg_error(cfg, "listen: expected ca, cert and key with it: managers are spoken to "
			       "by TLS");
		return -EINVAL;
	}
	return parse_managers(cfg, conf);
}

static bool is_in(uint32_t addr, const struct mnat_prefix *prefixes, unsigned int n)
{
	const struct mnat_range one = {addr, addr};

	return overlaps(&one, prefixes, n);
}

/* After inside and outside. */
static int parse_forward(cfg_t *cfg, const struct mnat_gateway_config *bpf,
			 struct mnat_forward *ret_forward)
{
	long port = cfg_getint(cfg, "port"), host_port = cfg_getint(cfg, "host-port");
	const char *protocol = cfg_getstr(cfg, "protocol"), *title = cfg_title(cfg);
	struct in_addr address = {htonl(bpf->external[0].first)}, host;
	struct mnat_forward f = {};

	if (strlen(title) >= sizeof(f.name)) {
		cfg_error(cfg, "the name \"%s\" is too long: at most %zu letters", title,
			  sizeof(f.name) - 1);
		return -EINVAL;
	}
	if (strcmp(protocol, "tcp") && strcmp(protocol, "udp")) {
		cfg_error(cfg, "protocol = \"%s\": expected \"tcp\" or \"udp\"", protocol);
		return -EINVAL;
	}
	if (!cfg_getstr(cfg, "host")) {
		cfg_error(cfg, "host: missing, expected a host's virtual address, or a plain "
			       "host's own");
		return -EINVAL;
	}
	mnat_parse_ip(cfg_getstr(cfg, "host"), &host);
	if (cfg_getstr(cfg, "address"))
		mnat_parse_ip(cfg_getstr(cfg, "address"), &address);
	f.proto = strcmp(protocol, "tcp") ? MNAT_UDP : MNAT_TCP;
	f.address = ntohl(address.s_addr);
	f.port = (uint16_t)port;
	f.host = host.s_addr;
	f.host_port = htons((uint16_t)(host_port ? host_port : port));
	snprintf(f.name, sizeof(f.name), "%s", title);
	if (!is_in(ntohl(f.host), bpf->inside, bpf->n_inside) &&
	    !is_in(ntohl(f.host), bpf->virtuals, bpf->n_virtual)) {
		cfg_error(cfg, "host = \"%s\": is neither in inside { prefixes } nor in "
			       "inside { virtual }", cfg_getstr(cfg, "host"));
		return -EINVAL;
	}
	if (!is_in(f.address, bpf->external, bpf->n_external) || port < bpf->port_first ||
	    port - bpf->port_first >= bpf->n_ports || host_port < 0 || host_port > 65535) {
		cfg_error(cfg, "port: expected an address and port of outside { addresses, ports }, "
			       "%u to %u, and a host-port below 65536",
			  bpf->port_first, bpf->port_first + bpf->n_ports - 1);
		return -EINVAL;
	}
	*ret_forward = f;
	return 0;
}

static int parse_forwards(cfg_t *cfg, struct mnat_gateway_conf *conf)
{
	unsigned int n = cfg_size(cfg, "forward");

	if (n > MNAT_MAX_FORWARDS) {
		cfg_error(cfg, "more than %d forward sections", MNAT_MAX_FORWARDS);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct mnat_forward *f = &conf->forwards[i];
		cfg_t *section = cfg_getnsec(cfg, "forward", i);

		if (parse_forward(section, &conf->bpf, f))
			return -EINVAL;
		for (unsigned int j = 0; j < i; j++) {
			const struct mnat_forward *o = &conf->forwards[j];

			if (o->proto == f->proto &&
			    ((o->address == f->address && o->port == f->port) ||
			     (o->host == f->host && o->host_port == f->host_port))) {
				cfg_error(section, "has the external port, or the host and port, of "
						   "forward \"%s\"", o->name);
				return -EINVAL;
			}
		}
	}
	conf->n_forwards = n;
	return 0;
}

int mnat_gateway_mode(const char *text)
{
	static const char *const names[] = {
		[MNAT_GATEWAY_AUTO] = "auto",
		[MNAT_GATEWAY_TC] = "tc",
		[MNAT_GATEWAY_XDP] = "xdp",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i]))
			return (int)i;
	return -EINVAL;
}

static int parse_mode(cfg_t *cfg, enum mnat_gateway_mode *ret_mode)
{
	const char *text = cfg_getstr(cfg, "mode");
	int mode = mnat_gateway_mode(text);

	if (mode < 0) {
		cfg_error(cfg, "mode = \"%s\": expected \"auto\", \"tc\" or \"xdp\"", text);
		return mode;
	}
	*ret_mode = (enum mnat_gateway_mode)mode;
	return 0;
}

static int parse_log(cfg_t *cfg, struct mnat_gateway_conf *conf)
{
	conf->log_days = (unsigned int)cfg_getint(cfg, "days");
	return mnat_conf_copy_text(cfg, "file", conf->log_file, sizeof(conf->log_file));
}

static int parse_gateway(cfg_t *cfg, struct mnat_gateway_conf *conf)
{
	cfg_t *inside = cfg_getsec(cfg, "inside"), *outside = cfg_getsec(cfg, "outside");
	cfg_t *limits = cfg_getsec(cfg, "limits"), *timeouts = cfg_getsec(cfg, "timeouts");

	if (mnat_conf_copy_text(cfg, "pin", conf->pin, sizeof(conf->pin)) ||
	    mnat_conf_copy_text(cfg, "run-dir", conf->run_dir, sizeof(conf->run_dir)) ||
	    parse_mode(cfg, &conf->mode) ||
	    mnat_conf_copy_interfaces(inside, "interfaces", conf->inside_if, &conf->n_inside_if) ||
	    mnat_conf_copy_interfaces(outside, "interfaces", conf->outside_if, &conf->n_outside_if) ||
	    parse_inside(inside, &conf->bpf) || parse_outside(outside, &conf->bpf) ||
	    parse_midcom(cfg_getsec(cfg, "midcom"), &conf->midcom) || parse_forwards(cfg, conf))
		return -EINVAL;
	conf->max_hosts = (unsigned int)cfg_getint(limits, "hosts");
	conf->max_sessions = (unsigned int)cfg_getint(limits, "sessions");
	conf->max_anchors = (unsigned int)cfg_getint(limits, "anchors");
	conf->bpf.max_anchors = conf->max_anchors;
	conf->grace = (unsigned int)cfg_getint(limits, "grace");
	conf->sweep_interval = (unsigned int)cfg_getint(limits, "sweep");
	conf->bpf.accounting = cfg_getbool(cfg, "accounting");
	for (int i = 0; i < MNAT_N_STATES; i++)
		conf->bpf.timeouts[i] = (unsigned int)cfg_getint(timeouts, timeout_names[i]);
	if (parse_quotas(limits, conf) || parse_fixed(outside, conf))
		return -EINVAL;
	return parse_log(cfg_getsec(cfg, "log"), conf);
}

static int is_not_negative(cfg_t *cfg, cfg_opt_t *opt)
{
	long value = cfg_opt_getnint(opt, 0);

	if (value >= 0 && value <= INT32_MAX)
		return 0;
	cfg_error(cfg, "%s = %ld: expected a number from 0 to %d", opt->name, value, INT32_MAX);
	return -1;
}

static void validate_gateway(cfg_t *cfg)
{
	char option[64];

	cfg_set_validate_func(cfg, "inside|interfaces", mnat_conf_is_interfaces);
	cfg_set_validate_func(cfg, "outside|interfaces", mnat_conf_is_interfaces);
	cfg_set_validate_func(cfg, "inside|prefixes", mnat_conf_is_prefix);
	cfg_set_validate_func(cfg, "inside|virtual", mnat_conf_is_prefix);
	cfg_set_validate_func(cfg, "outside|addresses", mnat_conf_is_range);
	cfg_set_validate_func(cfg, "outside|ports", mnat_conf_is_ports);
	cfg_set_validate_func(cfg, "outside|tunnel-address", mnat_conf_is_ip);
	cfg_set_validate_func(cfg, "forward|address", mnat_conf_is_ip);
	cfg_set_validate_func(cfg, "forward|host", mnat_conf_is_ip);
	cfg_set_validate_func(cfg, "limits|hosts", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "limits|sessions", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "limits|sweep", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "limits|anchors", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "limits|grace", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "limits|ports-per-host", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "limits|sessions-per-host", is_not_negative);
	cfg_set_validate_func(cfg, "outside|hold-down", is_not_negative);
	cfg_set_validate_func(cfg, "log|days", is_not_negative);
	for (int i = 0; i < MNAT_N_STATES; i++) {
		snprintf(option, sizeof(option), "timeouts|%s", timeout_names[i]);
		cfg_set_validate_func(cfg, option, mnat_conf_is_positive);
	}
}

int mnat_gateway_conf_load(const char *path, struct mnat_gateway_conf *ret_conf)
{
	cfg_opt_t inside[] = {
		CFG_STR_LIST("interfaces", NULL, CFGF_NONE),
		CFG_STR_LIST("prefixes", NULL, CFGF_NONE),
		CFG_STR_LIST("virtual", "{10.128.0.0/9}", CFGF_NONE),
		CFG_STR("plain-hosts", "nat", CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t outside[] = {
		CFG_STR_LIST("interfaces", NULL, CFGF_NONE),
		CFG_STR_LIST("addresses", NULL, CFGF_NONE),
		CFG_STR("ports", "1024-32767", CFGF_NONE),
		CFG_INT("port-block", 64, CFGF_NONE),
		CFG_STR("pooling", "paired", CFGF_NONE),
		CFG_BOOL("deterministic", cfg_false, CFGF_NONE),
		CFG_INT("hold-down", 120, CFGF_NONE),
		CFG_STR("tunnel-address", NULL, CFGF_NONE),
		CFG_STR("filtering", "endpoint-independent", CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t limits[] = {
		CFG_INT("hosts", 4096, CFGF_NONE),
		CFG_INT("sessions", 65536, CFGF_NONE),
		CFG_INT("anchors", 4096, CFGF_NONE),
		CFG_INT("grace", 10, CFGF_NONE),
		CFG_INT("sweep", 30, CFGF_NONE),
		CFG_INT("ports-per-host", 4096, CFGF_NONE),
		CFG_INT("sessions-per-host", 0, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t log[] = {
		CFG_STR("file", "/var/lib/mobilenat/ports.db", CFGF_NONE),
		CFG_INT("days", 180, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t midcom[] = {
		CFG_STR("listen", "", CFGF_NONE),
		CFG_STR("ca", "", CFGF_NONE),
		CFG_STR("cert", "", CFGF_NONE),
		CFG_STR("key", "", CFGF_NONE),
		CFG_STR("crl", "", CFGF_NONE),
		CFG_STR_LIST("peers", NULL, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t timeouts[] = {
		CFG_INT("udp", 300, CFGF_NONE),
		CFG_INT("icmp", 60, CFGF_NONE),
		CFG_INT("tcp-opening", 240, CFGF_NONE),
		CFG_INT("tcp-established", 7440, CFGF_NONE),
		CFG_INT("tcp-closing", 240, CFGF_NONE),
		CFG_INT("tcp-reset", 240, CFGF_NONE),
		CFG_INT("other", 600, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t forward[] = {
		CFG_STR("protocol", "tcp", CFGF_NONE),
		CFG_STR("address", NULL, CFGF_NONE),
		CFG_INT("port", 0, CFGF_NONE),
		CFG_STR("host", NULL, CFGF_NONE),
		CFG_INT("host-port", 0, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t opts[] = {
		CFG_SEC("forward", forward, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC("inside", inside, CFGF_NONE),
		CFG_SEC("outside", outside, CFGF_NONE),
		CFG_SEC("limits", limits, CFGF_NONE),
		CFG_SEC("timeouts", timeouts, CFGF_NONE),
		CFG_SEC("midcom", midcom, CFGF_NONE),
		CFG_STR("mode", "auto", CFGF_NONE),
		CFG_SEC("log", log, CFGF_NONE),
		CFG_BOOL("accounting", cfg_true, CFGF_NONE),
		CFG_STR("pin", MNAT_PIN_GATEWAY, CFGF_NONE),
		CFG_STR("run-dir", MNAT_RUN_DIR, CFGF_NONE),
		CFG_END(),
	};
	struct mnat_gateway_conf conf = {};
	cfg_t *cfg;
	int r;

	r = mnat_conf_load(path, opts, validate_gateway, &cfg);
	if (r)
		return r;
	r = parse_gateway(cfg, &conf);
	if (!r)
		*ret_conf = conf;
	cfg_free(cfg);
	return r;
}
