// SPDX-License-Identifier: GPL-2.0-only
/* node.conf, for mnat-load and mnatc. */
#include "mnat/role_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "mnat/conf.h"
#include "mnat/control.h"
#include "mnat/dhcp.h"
#include "mnat/maps.h"

/* The position of the setting's value in choices, which ends with NULL. */
static int parse_choice(cfg_t *cfg, const char *option, const char *const *choices,
			const char *hint, int *ret_choice)
{
	const char *text = cfg_getstr(cfg, option);

	for (int i = 0; choices[i]; i++)
		if (!strcmp(choices[i], text)) {
			*ret_choice = i;
			return 0;
		}
	cfg_error(cfg, "%s = \"%s\": expected %s", option, text, hint);
	return -EINVAL;
}

/* What the seed calls the Mobile IP modes (paragraph 132) is a name only so far. */
static int parse_mode(cfg_t *cfg, struct mnat_node_conf *conf)
{
	static const char *const modes[] = {
		[DHCP_MODE_EITHER] = "either",
		[DHCP_MODE_TRANSLATE] = "translate",
		[DHCP_MODE_TUNNEL] = "tunnel",
		"mobile-ip-home",
		"mobile-ip-foreign",
		NULL,
	};
	int mode;

	if (parse_choice(cfg, "mode", modes, "\"either\", \"translate\" or \"tunnel\"", &mode))
		return -EINVAL;
	if (mode > DHCP_MODE_TUNNEL) {
		cfg_error(cfg, "mode = \"%s\": Mobile IP is not supported yet", modes[mode]);
		return -EINVAL;
	}
	conf->mode = (uint8_t)mode;
	conf->tunnel_out = cfg_getbool(cfg, "tunnel-out");
	return 0;
}

static int parse_stack(cfg_t *cfg, struct mnat_node_conf *conf)
{
	static const char *const dns[] = {
		[MNAT_DNS_AUTO] = "auto",
		[MNAT_DNS_RESOLVED] = "resolved",
		[MNAT_DNS_RESOLVCONF] = "resolvconf",
		[MNAT_DNS_FILE] = "file",
		[MNAT_DNS_NONE] = "none",
		NULL,
	};
	static const char *const stacks[] = {"netlink", "dhcp", NULL};
	int how, stack;

	if (parse_choice(cfg, "dns", dns,
			 "\"auto\", \"resolved\", \"resolvconf\", \"file\" or \"none\"", &how) ||
	    parse_choice(cfg, "stack", stacks, "\"netlink\" or \"dhcp\"", &stack) ||
	    mnat_conf_copy_text(cfg, "resolv-conf", conf->resolv_conf, sizeof(conf->resolv_conf)))
		return -EINVAL;
	conf->dns = (enum mnat_dns)how;
	conf->stack_dhcp = stack;
	return 0;
}

static int parse_roaming(cfg_t *cfg, struct mnat_node_conf *conf)
{
	static const char *const public[] = {
		[MNAT_PUBLIC_KEEP] = "keep",
		[MNAT_PUBLIC_RESET] = "reset",
		[MNAT_PUBLIC_NEVER] = "never",
		NULL,
	};
	static const char *const release[] = {"auto", "never", NULL};
	int space, never;

	if (parse_choice(cfg, "public", public, "\"keep\", \"reset\" or \"never\"", &space) ||
	    parse_choice(cfg, "release", release, "\"auto\" or \"never\"", &never))
		return -EINVAL;
	conf->public_space = (enum mnat_public)space;
	conf->release = !never;
	return 0;
}

static int parse_intra(cfg_t *cfg, struct mnat_node_conf *conf)
{
	static const char *const ways[] = {"gateway", "direct", NULL};
	unsigned int n = cfg_size(cfg, "intra-prefixes");
	int direct;

	if (parse_choice(cfg, "intra", ways, "\"gateway\" or \"direct\"", &direct))
		return -EINVAL;
	if (!direct)
		return 0;
	if (!n || n > MNAT_MAX_DIRECT) {
		cfg_error(cfg, "intra-prefixes: expected 1 to %d prefixes with intra = \"direct\"",
			  MNAT_MAX_DIRECT);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct mnat_range range;

		mnat_parse_prefix(cfg_getnstr(cfg, "intra-prefixes", i), &range);
		conf->direct[i] = (struct mnat_net){htonl(range.first),
						    htonl(~(range.last - range.first))};
	}
	conf->n_direct = n;
	conf->direct_domain = (unsigned int)cfg_getint(cfg, "intra-domain");
	return 0;
}

static int parse_uplinks(cfg_t *cfg, struct mnat_node_conf *conf)
{
	int weak = (int)cfg_getint(cfg, "signal-weak"), margin = (int)cfg_getint(cfg, "signal-margin");

	if (mnat_conf_copy_interfaces(cfg, "uplinks", conf->uplink, &conf->n_uplink))
		return -EINVAL;
	for (int i = 0; i < conf->n_uplink; i++) {
		struct mnat_uplink_conf *uplink = &conf->uplink_conf[i];
		cfg_t *section = cfg_gettsec(cfg, "uplink", conf->uplink[i]);

		uplink->priority = (unsigned int)i;
		if (!section)
			continue;
		if (cfg_size(section, "priority"))
			uplink->priority = (unsigned int)cfg_getint(section, "priority");
		if (uplink->priority > INT32_MAX) {
			cfg_error(section, "priority: expected a number from 0");
			return -EINVAL;
		}
		if (mnat_conf_copy_text(section, "signal", uplink->signal, sizeof(uplink->signal)))
			return -EINVAL;
	}
	for (unsigned int i = 0; i < cfg_size(cfg, "uplink"); i++) {
		const char *name = cfg_title(cfg_getnsec(cfg, "uplink", i));
		int j = 0;

		while (j < conf->n_uplink && strcmp(name, conf->uplink[j]))
			j++;
		if (j < conf->n_uplink)
			continue;
		cfg_error(cfg, "uplink \"%s\": expected the name of one of uplinks", name);
		return -EINVAL;
	}
	if (weak < -200 || weak > 0 || margin < 0 || margin > 100) {
		cfg_error(cfg, "signal-weak = %d, signal-margin = %d: expected -200 to 0 dBm and "
			  "0 to 100 dB", weak, margin);
		return -EINVAL;
	}
	conf->signal_weak = weak;
	conf->signal_margin = margin;
	conf->path_check = cfg_getbool(cfg, "path-check");
	return 0;
}

static int parse_auth(cfg_t *dhcp, struct mnat_node_conf *conf)
{
	static const char *const policies[] = {
		[MNAT_AUTH_OFF] = "off",
		[MNAT_AUTH_ALLOW] = "allow",
		[MNAT_AUTH_REQUIRE] = "require",
		NULL,
	};
	static const char *const protocols[] = {"mobilenat", "rfc3118", NULL};
	long id = cfg_getint(dhcp, "auth-id");
	int policy, rfc3118;

	if (parse_choice(dhcp, "auth", policies, "\"off\", \"allow\" or \"require\"", &policy) ||
	    parse_choice(dhcp, "auth-protocol", protocols, "\"mobilenat\" or \"rfc3118\"",
			 &rfc3118) ||
	    mnat_conf_copy_text(dhcp, "auth-key-file", conf->auth_key_file,
				sizeof(conf->auth_key_file)))
		return -EINVAL;
	if (policy != MNAT_AUTH_OFF && (id < 1 || id > UINT32_MAX)) {
		cfg_error(dhcp, "auth-id = %ld: expected the number of this node's key", id);
		return -EINVAL;
	}
	conf->auth = (enum mnat_node_auth)policy;
	conf->auth_rfc3118 = rfc3118;
	conf->auth_id = (unsigned int)id;
	return 0;
}

static int parse_node(cfg_t *cfg, struct mnat_node_conf *conf)
{
	cfg_t *dhcp = cfg_getsec(cfg, "dhcp");
	const char *form = cfg_getstr(dhcp, "shim-option");
	long enterprise = cfg_getint(dhcp, "enterprise"), seed = cfg_getint(dhcp, "seed-option");
	char device[IF_NAMESIZE];

	if (mnat_conf_copy_text(cfg, "pin", conf->pin, sizeof(conf->pin)) ||
	    mnat_conf_copy_text(cfg, "run-dir", conf->run_dir, sizeof(conf->run_dir)) ||
	    mnat_conf_copy_text(cfg, "state", conf->state_file, sizeof(conf->state_file)) ||
	    mnat_conf_copy_text(cfg, "network-managers", conf->managers, sizeof(conf->managers)) ||
	    mnat_conf_copy_text(cfg, "device", conf->device, sizeof(device)) ||
	    mnat_conf_copy_text(dhcp, "client-id", conf->client_id, sizeof(conf->client_id)) ||
	    parse_uplinks(cfg, conf) ||
	    parse_mode(cfg, conf) || parse_stack(cfg, conf) || parse_roaming(cfg, conf) ||
	    parse_intra(cfg, conf) || parse_auth(dhcp, conf))
		return -EINVAL;
	if (strcmp(form, "vivso") && strcmp(form, "seed") && strcmp(form, "both")) {
		cfg_error(dhcp, "shim-option = \"%s\": expected \"vivso\", \"seed\" or \"both\"",
			  form);
		return -EINVAL;
	}
	memcpy(conf->form, form, strlen(form) + 1);
	if (enterprise < 1 || enterprise > UINT32_MAX) {
		cfg_error(dhcp, "enterprise = %ld: expected an enterprise number", enterprise);
		return -EINVAL;
	}
	if (seed && (seed < 224 || seed > 254)) {
		cfg_error(dhcp, "seed-option = %ld: expected 224 to 254 (RFC 3942), or 0", seed);
		return -EINVAL;
	}
	conf->conflict_check = cfg_getbool(dhcp, "conflict-check");
	conf->rapid_commit = cfg_getbool(dhcp, "rapid-commit");
	conf->enterprise = (unsigned int)enterprise;
	conf->seed_option = (unsigned int)seed;
	mnat_parse_ip(cfg_getstr(cfg, "virtual-gateway"), &conf->virt_gateway);
	mnat_parse_ip(cfg_getstr(cfg, "virtual-mask"), &conf->virt_mask);
	conf->default_route = cfg_getbool(cfg, "default-route");
	conf->old_grace_ms = (unsigned int)cfg_getint(cfg, "old-address-grace");
	return 0;
}

static int is_mask(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getstr(opt);
	struct in_addr mask;
	uint32_t hosts;

	if (mnat_conf_is_ip(cfg, opt))
		return -1;
	mnat_parse_ip(text, &mask);
	hosts = ~ntohl(mask.s_addr);
	if (!(hosts & (hosts + 1)))
		return 0;
	cfg_error(cfg, "%s = \"%s\": expected a mask such as 255.0.0.0", cfg_opt_name(opt), text);
	return -1;
}

static void validate_node(cfg_t *cfg)
{
	cfg_set_validate_func(cfg, "uplinks", mnat_conf_is_interfaces);
	cfg_set_validate_func(cfg, "virtual-gateway", mnat_conf_is_ip);
	cfg_set_validate_func(cfg, "virtual-mask", is_mask);
	cfg_set_validate_func(cfg, "intra-prefixes", mnat_conf_is_prefix);
	cfg_set_validate_func(cfg, "old-address-grace", mnat_conf_is_positive);
}

static cfg_opt_t dhcp_opts[] = {
	CFG_STR("shim-option", "vivso", CFGF_NONE),
	CFG_INT("enterprise", DHCP_ENTERPRISE_DEFAULT, CFGF_NONE),
	CFG_INT("seed-option", DHCP_SEED_OPTION_DEFAULT, CFGF_NONE),
	CFG_STR("client-id", "", CFGF_NONE),
	CFG_BOOL("rapid-commit", cfg_true, CFGF_NONE),
	CFG_BOOL("conflict-check", cfg_true, CFGF_NONE),
	CFG_STR("auth", "off", CFGF_NONE),
	CFG_INT("auth-id", 0, CFGF_NONE),
	CFG_STR("auth-key-file", "/etc/mobilenat/dhcp.key", CFGF_NONE),
	CFG_STR("auth-protocol", "mobilenat", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t uplink_opts[] = {
	CFG_INT("priority", 0, CFGF_NODEFAULT),
	CFG_STR("signal", "", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t opts[] = {
	CFG_STR_LIST("uplinks", NULL, CFGF_NONE),
	CFG_SEC("uplink", uplink_opts, CFGF_TITLE | CFGF_MULTI | CFGF_NO_TITLE_DUPES),
	CFG_INT("signal-weak", -78, CFGF_NONE),
	CFG_INT("signal-margin", 6, CFGF_NONE),
	CFG_BOOL("path-check", cfg_true, CFGF_NONE),
	CFG_STR("device", "mnat0", CFGF_NONE),
	CFG_STR("virtual-gateway", "10.0.0.1", CFGF_NONE),
	CFG_STR("virtual-mask", "255.0.0.0", CFGF_NONE),
	CFG_BOOL("default-route", cfg_true, CFGF_NONE),
	CFG_STR("mode", "either", CFGF_NONE),
	CFG_STR("intra", "gateway", CFGF_NONE),
	CFG_STR_LIST("intra-prefixes", NULL, CFGF_NONE),
	CFG_INT("intra-domain", 0, CFGF_NONE),
	CFG_STR("stack", "netlink", CFGF_NONE),
	CFG_STR("dns", "auto", CFGF_NONE),
	CFG_STR("resolv-conf", "/etc/resolv.conf", CFGF_NONE),
	CFG_BOOL("tunnel-out", cfg_false, CFGF_NONE),
	CFG_STR("public", "keep", CFGF_NONE),
	CFG_STR("release", "auto", CFGF_NONE),
	CFG_SEC("dhcp", dhcp_opts, CFGF_NONE),
	CFG_INT("old-address-grace", 2000, CFGF_NONE),
	CFG_STR("pin", MNAT_PIN_NODE, CFGF_NONE),
	CFG_STR("run-dir", MNAT_RUN_DIR, CFGF_NONE),
	CFG_STR("network-managers", "/run", CFGF_NONE),
	CFG_STR("state", "/var/lib/mobilenat/mnatc.json", CFGF_NONE),
	CFG_END(),
};

int mnat_node_conf_load(const char *path, struct mnat_node_conf *ret_conf)
{
	struct mnat_node_conf conf = {};
	cfg_t *cfg;
	int r;

	r = mnat_conf_load(path, opts, validate_node, &cfg);
	if (r)
		return r;
	r = parse_node(cfg, &conf);
	if (!r)
		*ret_conf = conf;
	cfg_free(cfg);
	return r;
}
