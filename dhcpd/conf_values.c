// SPDX-License-Identifier: GPL-2.0-only
#include "conf_values.h"

#include <stdio.h>
#include <string.h>

#include "mnat/conf.h"

#include "conf.h"

#define PROBE_MS_MAX 5000 /* clients ask again after 4 s (RFC 2131 section 4.1) */

const char *const conf_policies[] = {
	[POLICY_RFC2131] = "rfc2131", [POLICY_STRICT_SEED] = "strict-seed", NULL};
const char *const conf_probes[] = {[PROBE_NONE] = "none", [PROBE_ICMP] = "icmp", NULL};
const char *const conf_modes[] = {[DHCP_MODE_EITHER] = "client",
				  [DHCP_MODE_TRANSLATE] = "translate",
				  [DHCP_MODE_TUNNEL] = "tunnel", NULL};
const char *const conf_auths[] = {
	[AUTH_OFF] = "off", [AUTH_ALLOW] = "allow", [AUTH_REQUIRE] = "require", NULL};

/* -1: it is none of them. */
static int find_word(const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(text, words[i]))
			return i;
	return -1;
}

int conf_word(cfg_t *cfg, const char *name, const char *const *words)
{
	return find_word(cfg_getstr(cfg, name), words);
}

/* "a", "b" or "c" */
static int is_word(cfg_t *cfg, cfg_opt_t *opt, const char *const *words)
{
	const char *text = cfg_opt_getstr(opt);
	char list[128] = "";
	size_t at = 0;

	if (find_word(text, words) >= 0)
		return 0;
	for (int i = 0; words[i]; i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s\"%s\"",
				       !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
	cfg_error(cfg, "%s = \"%s\": expected %s", cfg_opt_name(opt), text, list);
	return -1;
}

static int is_policy(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_word(cfg, opt, conf_policies);
}

static int is_probe(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_word(cfg, opt, conf_probes);
}

static int is_mode(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_word(cfg, opt, conf_modes);
}

static int is_auth(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_word(cfg, opt, conf_auths);
}

/* 0, where it may be given too, turns the setting off. */
static int is_number(cfg_t *cfg, cfg_opt_t *opt, long min, long max, const char *expected)
{
	long value = cfg_opt_getnint(opt, 0);

	if (value >= min && value <= max)
		return 0;
	cfg_error(cfg, "%s = %ld: expected %s", cfg_opt_name(opt), value, expected);
	return -1;
}

static int is_seed_option(cfg_t *cfg, cfg_opt_t *opt)
{
	return !cfg_opt_getnint(opt, 0) ? 0
					: is_number(cfg, opt, 224, 254,
						    "a site-specific code, 224 to 254, or 0");
}

static int is_count(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_number(cfg, opt, 0, INT32_MAX, "a number, 0 or more");
}

static int is_endpoint(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	struct sockaddr_in endpoint;

	if (!*text || !mnat_parse_endpoint(text, DHCP_SERVER_PORT, &endpoint))
		return 0;
	cfg_error(cfg, "%s = \"%s\": expected an address of this machine, \"10.0.0.1\" or "
		       "\"10.0.0.1:67\"",
		  cfg_opt_name(opt), text);
	return -1;
}

static int is_connections(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_number(cfg, opt, 1, 1000, "how many connections at a time, 1 to 1000");
}

static int is_domain(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_number(cfg, opt, 0, UINT32_MAX,
			 "the number of this domain, as in mmd.conf, or 0");
}

static int is_probe_time(cfg_t *cfg, cfg_opt_t *opt)
{
	return is_number(cfg, opt, 1, PROBE_MS_MAX, "milliseconds, 1 to 5000");
}

void conf_validate(cfg_t *cfg)
{
	static const struct {
		const char *name;
		cfg_validate_callback_t check;
	} settings[] = {
		{"server-id", mnat_conf_is_ip},
		{"policy", is_policy},
		{"lease-time", mnat_conf_is_positive},
		{"offer-time", mnat_conf_is_positive},
		{"reserve-first", is_count},
		{"probe", is_probe},
		{"probe-time", is_probe_time},
		{"relays", mnat_conf_is_range},
		{"external", mnat_conf_is_range},
		{"limits|circuit", is_count},
		{"limits|link", is_count},
		{"limits|mac", is_count},
		{"auth|policy", is_auth},
		{"leasequery|listen", is_endpoint},
		{"leasequery|clients", mnat_conf_is_range},
		{"leasequery|connections", is_connections},
		{"virtual|pool", mnat_conf_is_range},
		{"virtual|public", mnat_conf_is_range},
		{"virtual|lease-time", mnat_conf_is_positive},
		{"virtual|manager", mnat_conf_is_ip},
		{"virtual|domain", is_domain},
		{"virtual|enterprise", mnat_conf_is_positive},
		{"virtual|seed-option", is_seed_option},
		{"virtual|mode", is_mode},
		{"virtual|gateway", mnat_conf_is_ip},
		{"virtual|share|identities", mnat_conf_is_range},
		{"subnet|pool", mnat_conf_is_range},
		{"subnet|next-server", mnat_conf_is_ip},
		{"subnet|lease-time", mnat_conf_is_positive},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		cfg_set_validate_func(cfg, settings[i].name, settings[i].check);
}
