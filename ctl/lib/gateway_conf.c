// SPDX-License-Identifier: GPL-2.0-only
/* gateway.conf, for mnat-load and mnat-midcomd. */
#include "gateway_conf.h"

#include <errno.h>
#include <string.h>

#include "mnat/conf.h"
#include "mnat/control.h"
#include "mnat/maps.h"

static cfg_opt_t inside_opts[] = {
	CFG_STR_LIST("interfaces", NULL, CFGF_NONE),
	CFG_STR_LIST("prefixes", NULL, CFGF_NONE),
	CFG_STR_LIST("virtual", "{10.128.0.0/9}", CFGF_NONE),
	CFG_STR("plain-hosts", "nat", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t outside_opts[] = {
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

static cfg_opt_t limits_opts[] = {
	CFG_INT("hosts", 4096, CFGF_NONE),
	CFG_INT("sessions", 65536, CFGF_NONE),
	CFG_INT("anchors", 4096, CFGF_NONE),
	CFG_INT("grace", 10, CFGF_NONE),
	CFG_INT("sweep", 30, CFGF_NONE),
	CFG_INT("ports-per-host", 4096, CFGF_NONE),
	CFG_INT("sessions-per-host", 0, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t log_opts[] = {
	CFG_STR("file", "/var/lib/mobilenat/ports.db", CFGF_NONE),
	CFG_INT("days", 180, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t midcom_opts[] = {
	CFG_STR("listen", "", CFGF_NONE),
	CFG_STR("ca", "", CFGF_NONE),
	CFG_STR("cert", "", CFGF_NONE),
	CFG_STR("key", "", CFGF_NONE),
	CFG_STR("crl", "", CFGF_NONE),
	CFG_STR_LIST("peers", NULL, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t timeouts_opts[] = {
	CFG_INT("udp", 300, CFGF_NONE),
	CFG_INT("icmp", 60, CFGF_NONE),
	CFG_INT("tcp-opening", 240, CFGF_NONE),
	CFG_INT("tcp-established", 7440, CFGF_NONE),
	CFG_INT("tcp-closing", 240, CFGF_NONE),
	CFG_INT("tcp-reset", 240, CFGF_NONE),
	CFG_INT("other", 600, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t forward_opts[] = {
	CFG_STR("protocol", "tcp", CFGF_NONE),
	CFG_STR("address", NULL, CFGF_NONE),
	CFG_INT("port", 0, CFGF_NONE),
	CFG_STR("host", NULL, CFGF_NONE),
	CFG_INT("host-port", 0, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t opts[] = {
	CFG_SEC("forward", forward_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_SEC("inside", inside_opts, CFGF_NONE),
	CFG_SEC("outside", outside_opts, CFGF_NONE),
	CFG_SEC("limits", limits_opts, CFGF_NONE),
	CFG_SEC("timeouts", timeouts_opts, CFGF_NONE),
	CFG_SEC("midcom", midcom_opts, CFGF_NONE),
	CFG_STR("mode", "auto", CFGF_NONE),
	CFG_SEC("log", log_opts, CFGF_NONE),
	CFG_BOOL("accounting", cfg_true, CFGF_NONE),
	CFG_STR("pin", MNAT_PIN_GATEWAY, CFGF_NONE),
	CFG_STR("run-dir", MNAT_RUN_DIR, CFGF_NONE),
	CFG_END(),
};
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
	    gateway_parse_inside(inside, &conf->bpf) || gateway_parse_outside(outside, &conf->bpf) ||
	    parse_midcom(cfg_getsec(cfg, "midcom"), &conf->midcom) || gateway_parse_forwards(cfg, conf))
		return -EINVAL;
	conf->max_hosts = (unsigned int)cfg_getint(limits, "hosts");
	conf->max_sessions = (unsigned int)cfg_getint(limits, "sessions");
	conf->bpf.n_buckets = mnat_session_buckets(conf->max_sessions);
	conf->max_anchors = (unsigned int)cfg_getint(limits, "anchors");
	conf->bpf.max_anchors = conf->max_anchors;
	conf->grace = (unsigned int)cfg_getint(limits, "grace");
	conf->sweep_interval = (unsigned int)cfg_getint(limits, "sweep");
	conf->bpf.accounting = cfg_getbool(cfg, "accounting");
	for (int i = 0; i < MNAT_N_STATES; i++)
		conf->bpf.timeouts[i] = (unsigned int)cfg_getint(timeouts, timeout_names[i]);
	if (gateway_parse_quotas(limits, outside, conf))
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
	cfg_set_validate_func(cfg, "outside|addresses", mnat_conf_is_pool);
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
