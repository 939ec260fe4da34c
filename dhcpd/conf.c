// SPDX-License-Identifier: GPL-2.0-only
#include "conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "mnat/cleanup.h"
#include "mnat/conf.h"
#include "mnat/control.h"

#include "conf_check.h"
#include "conf_values.h"

static cfg_opt_t virtual_opts[] = {
	CFG_STR_LIST("pool", "{}", CFGF_NONE),
	CFG_STR_LIST("public", "{}", CFGF_NONE),
	CFG_INT("lease-time", 86400, CFGF_NONE),
	CFG_STR("manager", NULL, CFGF_NODEFAULT),
	CFG_INT("domain", 0, CFGF_NONE),
	CFG_INT("enterprise", DHCP_ENTERPRISE_DEFAULT, CFGF_NONE),
	CFG_INT("seed-option", DHCP_SEED_OPTION_DEFAULT, CFGF_NONE),
	CFG_STR("mode", "client", CFGF_NONE),
	CFG_STR("gateway", NULL, CFGF_NODEFAULT),
	CFG_SEC("share", share_settings, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_END(),
};

static cfg_opt_t subnet_opts[] = {
	CFG_STR_LIST("pool", "{}", CFGF_NONE),
	CFG_INT("lease-time", 0, CFGF_NODEFAULT),
	CFG_STR("next-server", NULL, CFGF_NODEFAULT),
	CFG_STR("link", "", CFGF_NONE),
	CFG_BOOL("rapid-commit", cfg_false, CFGF_NODEFAULT),
	CONF_OPTION_SETTINGS,
	CFG_END(),
};

static cfg_opt_t limits_opts[] = {
	CFG_INT("circuit", 0, CFGF_NONE),
	CFG_INT("link", 0, CFGF_NONE),
	CFG_INT("mac", 16, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t auth_opts[] = {
	CFG_STR("policy", "off", CFGF_NONE),
	CFG_STR("keys", "", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t leasequery_opts[] = {
	CFG_STR("listen", "", CFGF_NONE),
	CFG_STR_LIST("clients", "{}", CFGF_NONE),
	CFG_INT("connections", 8, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t opts[] = {
	CFG_STR_LIST("interfaces", "{}", CFGF_NONE),
	CFG_STR("server-id", NULL, CFGF_NODEFAULT),
	CFG_STR("policy", "rfc2131", CFGF_NONE),
	CFG_INT("lease-time", 3600, CFGF_NONE),
	CFG_INT("offer-time", 30, CFGF_NONE),
	CFG_INT("reserve-first", 0, CFGF_NONE),
	CFG_STR("probe", "none", CFGF_NONE),
	CFG_INT("probe-time", 500, CFGF_NONE),
	CFG_BOOL("authoritative", cfg_false, CFGF_NONE),
	CFG_BOOL("rapid-commit", cfg_false, CFGF_NONE),
	CFG_STR_LIST("relays", "{}", CFGF_NONE),
	CFG_STR_LIST("external", "{}", CFGF_NONE),
	CONF_OPTION_SETTINGS,
	CFG_SEC("limits", limits_opts, CFGF_NONE),
	CFG_SEC("auth", auth_opts, CFGF_NONE),
	CFG_SEC("leasequery", leasequery_opts, CFGF_NONE),
	CFG_SEC("virtual", virtual_opts, CFGF_NONE),
	CFG_SEC("class", class_settings, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_SEC("host", host_settings, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_SEC("subnet", subnet_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_STR("run-dir", MNAT_RUN_DIR, CFGF_NONE),
	CFG_STR("database", "/var/lib/mobilenat/dhcpd.sqlite", CFGF_NONE),
	CFG_STR("manager-socket", MNAT_RUN_DIR "/mmd.sock", CFGF_NONE),
	CFG_END(),
};

static int compare_subnets(const void *a, const void *b)
{
	const struct subnet_conf *x = a, *y = b;

	return x->prefix.first < y->prefix.first ? -1 : x->prefix.first > y->prefix.first;
}

static struct in_addr get_ip(cfg_t *cfg, const char *name)
{
	struct in_addr addr = {0};

	if (cfg_getstr(cfg, name))
		mnat_parse_ip(cfg_getstr(cfg, name), &addr);
	return addr;
}

static int get_subnet(cfg_t *cfg, cfg_t *top, struct subnet_conf *subnet)
{
	int r;

	if (mnat_parse_prefix(cfg_title(cfg), &subnet->prefix)) {
		cfg_error(cfg,
			  "subnet \"%s\": expected a prefix with no host bits set, such as "
			  "10.0.1.0/24",
			  cfg_title(cfg));
		return -EINVAL;
	}
	if (strlen(cfg_getstr(cfg, "link")) >= sizeof(subnet->link)) {
		cfg_error(cfg, "link = \"%s\": expected a name of at most %zu characters",
			  cfg_getstr(cfg, "link"), sizeof(subnet->link) - 1);
		return -EINVAL;
	}
	strcpy(subnet->link, cfg_getstr(cfg, "link"));
	subnet->next_server = get_ip(cfg, "next-server");
	subnet->rapid_commit =
		cfg_getbool(cfg_size(cfg, "rapid-commit") ? cfg : top, "rapid-commit");
	subnet->lease_time = (uint32_t)cfg_getint(
		cfg_size(cfg, "lease-time") && cfg_getint(cfg, "lease-time") ? cfg : top,
		"lease-time");
	r = options_get(cfg, &subnet->options);
	return r ? r : ranges_get(cfg, "pool", &subnet->pools);
}

static int get_subnets(cfg_t *cfg, struct conf *conf)
{
	size_t n = cfg_size(cfg, "subnet");
	int r;

	conf->subnets = calloc(n + 1, sizeof(*conf->subnets));
	if (!conf->subnets)
		return -ENOMEM;
	for (; conf->n_subnets < n; conf->n_subnets++) {
		r = get_subnet(cfg_getnsec(cfg, "subnet", (unsigned int)conf->n_subnets), cfg,
			       &conf->subnets[conf->n_subnets]);
		if (r)
			return r;
	}
	qsort(conf->subnets, n, sizeof(*conf->subnets), compare_subnets);
	return 0;
}

static int get_virtual(cfg_t *cfg, struct virtual_conf *virt)
{
	int r;

	virt->lease_time = (uint32_t)cfg_getint(cfg, "lease-time");
	virt->manager = get_ip(cfg, "manager");
	virt->domain = (uint32_t)cfg_getint(cfg, "domain");
	virt->codec.enterprise = (uint32_t)cfg_getint(cfg, "enterprise");
	virt->codec.seed_option = (uint8_t)cfg_getint(cfg, "seed-option");
	virt->mode = (uint8_t)conf_word(cfg, "mode", conf_modes);
	virt->gateway = get_ip(cfg, "gateway");
	if ((virt->mode == DHCP_MODE_TUNNEL || cfg_size(cfg, "share")) && !virt->gateway.s_addr) {
		cfg_error(cfg,
			  "%s: expected gateway = \"135.180.32.4\" too, the gateway's end of "
			  "the tunnels",
			  cfg_size(cfg, "share") ? "share" : "mode = \"tunnel\"");
		return -EINVAL;
	}
	r = ranges_get(cfg, "pool", &virt->pools);
	if (!r)
		r = ranges_get(cfg, "public", &virt->publics);
	return r ? r : shares_get(cfg, &virt->shares);
}

static int get_interfaces(cfg_t *cfg, struct conf *conf)
{
	size_t n = cfg_size(cfg, "interfaces");

	conf->interfaces = calloc(n ? n : 1, sizeof(*conf->interfaces));
	if (!conf->interfaces)
		return -ENOMEM;
	for (; conf->n_interfaces < n; conf->n_interfaces++) {
		const char *name = cfg_getnstr(cfg, "interfaces", (unsigned int)conf->n_interfaces);

		if (!*name || strlen(name) >= IF_NAMESIZE) {
			cfg_error(cfg, "interfaces: \"%s\" cannot be an interface's name", name);
			return -EINVAL;
		}
		strcpy(conf->interfaces[conf->n_interfaces], name);
	}
	return 0;
}

static int get_auth(cfg_t *cfg, struct auth_conf *auth)
{
	auth->policy = (enum auth_policy)conf_word(cfg, "policy", conf_auths);
	auth->path = strdup(cfg_getstr(cfg, "keys"));
	if (!auth->path)
		return -ENOMEM;
	if (auth->policy == AUTH_OFF)
		return 0;
	if (!*auth->path) {
		cfg_error(cfg, "policy = \"%s\": expected keys = \"/etc/mobilenat/dhcp.keys\" too, "
			       "the file of the clients' secrets",
			  cfg_getstr(cfg, "policy"));
		return -EINVAL;
	}
	return dhcp_keys_load(auth->path, &auth->keys);
}

static int get_leasequery(cfg_t *cfg, struct leasequery_conf *conf)
{
	if (*cfg_getstr(cfg, "listen"))
		mnat_parse_endpoint(cfg_getstr(cfg, "listen"), DHCP_SERVER_PORT, &conf->listen);
	conf->connections = (uint32_t)cfg_getint(cfg, "connections");
	if (conf->listen.sin_port && !cfg_size(cfg, "clients")) {
		cfg_error(cfg, "expected clients = {\"10.0.0.1\", ...} too, the "
			       "addresses that may ask");
		return -EINVAL;
	}
	if (!conf->listen.sin_port && cfg_size(cfg, "clients")) {
		cfg_error(cfg, "expected listen = \"10.0.0.1\" too, the address to be asked at");
		return -EINVAL;
	}
	return ranges_get(cfg, "clients", &conf->clients);
}

static struct limits_conf get_limits(cfg_t *cfg)
{
	return (struct limits_conf){.circuit = (uint32_t)cfg_getint(cfg, "circuit"),
				    .link = (uint32_t)cfg_getint(cfg, "link"),
				    .mac = (uint32_t)cfg_getint(cfg, "mac")};
}

static uint32_t longest_of_class(const struct conf *conf)
{
	uint32_t longest = 0;

	for (size_t i = 0; i < conf->special.n_classes; i++)
		longest = MAX(longest, conf->special.classes[i].lease_time);
	return longest;
}

static uint32_t longest_lease(const struct conf *conf)
{
	uint32_t longest = MAX(conf->virt.lease_time, conf->longest_of_class);

	for (size_t i = 0; i < conf->n_subnets; i++)
		longest = MAX(longest, conf->subnets[i].lease_time);
	return longest;
}

static int get_conf(cfg_t *cfg, struct conf *conf)
{
	int r;

	conf->server_id = get_ip(cfg, "server-id");
	conf->policy = (enum policy)conf_word(cfg, "policy", conf_policies);
	conf->reserve_first = (uint32_t)cfg_getint(cfg, "reserve-first");
	conf->offer_time = (uint32_t)cfg_getint(cfg, "offer-time");
	conf->probe = (enum probe_by)conf_word(cfg, "probe", conf_probes);
	conf->probe_ms = (uint32_t)cfg_getint(cfg, "probe-time");
	conf->run_dir = strdup(cfg_getstr(cfg, "run-dir"));
	conf->database = strdup(cfg_getstr(cfg, "database"));
	conf->manager_socket = strdup(cfg_getstr(cfg, "manager-socket"));
	if (!conf->run_dir || !conf->database || !conf->manager_socket)
		return -ENOMEM;
	conf->authoritative = cfg_getbool(cfg, "authoritative");
	conf->limits = get_limits(cfg_getsec(cfg, "limits"));
	r = get_auth(cfg_getsec(cfg, "auth"), &conf->auth);
	if (!r)
		r = get_interfaces(cfg, conf);
	if (!r)
		r = get_leasequery(cfg_getsec(cfg, "leasequery"), &conf->leasequery);
	if (!r)
		r = ranges_get(cfg, "relays", &conf->relays);
	if (!r)
		r = ranges_get(cfg, "external", &conf->external);
	if (!r)
		r = options_get(cfg, &conf->options);
	if (!r)
		r = get_virtual(cfg_getsec(cfg, "virtual"), &conf->virt);
	if (!r)
		r = hosts_get(cfg, &conf->virt.shares, &conf->special);
	if (!r)
		r = get_subnets(cfg, conf);
	conf->longest_of_class = longest_of_class(conf);
	conf->longest_lease = longest_lease(conf);
	return r;
}

int conf_load(const char *path, struct conf **ret_conf)
{
	struct conf *conf;
	cfg_t *cfg;
	int r = mnat_conf_load(path, opts, conf_validate, &cfg);

	if (r)
		return r;
	conf = calloc(1, sizeof(*conf));
	r = conf ? get_conf(cfg, conf) : -ENOMEM;
	if (!r)
		r = conf_check(cfg, conf);
	if (!r)
		r = conf_lines_get(cfg, &conf->lines);
	cfg_free(cfg);
	if (r) {
		conf_free(conf);
		return r;
	}
	*ret_conf = conf;
	return 0;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	/* one more: the one in which an error was found */
	for (size_t i = 0; conf->subnets && i <= conf->n_subnets; i++) {
		free(conf->subnets[i].pools.range);
		options_free(&conf->subnets[i].options);
	}
	free(conf->subnets);
	free(conf->virt.pools.range);
	free(conf->virt.publics.range);
	shares_free(&conf->virt.shares);
	free(conf->relays.range);
	free(conf->leasequery.clients.range);
	free(conf->external.range);
	dhcp_keys_free(conf->auth.keys);
	free(conf->auth.path);
	options_free(&conf->options);
	hosts_free(&conf->special);
	conf_lines_free(&conf->lines);
	free(conf->interfaces);
	free(conf->run_dir);
	free(conf->database);
	free(conf->manager_socket);
	free(conf);
}

bool conf_has_interface(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_interfaces; i++)
		if (!strcmp(conf->interfaces[i], name))
			return true;
	return false;
}

bool conf_same_link(const struct subnet_conf *a, const struct subnet_conf *b)
{
	return a == b || (a && b && *a->link && !strcmp(a->link, b->link));
}

int conf_prefix_length(const struct mnat_range *prefix)
{
	uint32_t hosts = prefix->last - prefix->first;

	return hosts ? __builtin_clz(hosts) : 32;
}
