// SPDX-License-Identifier: GPL-2.0-only
#include "mmd_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/conf.h"
#include "mnat/control.h"

static int check_gateway(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *gateway = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *socket = cfg_getstr(gateway, "socket");

	if (cfg_opt_size(opt) > MAX_GATEWAYS) {
		cfg_error(cfg, "gateway \"%s\": at most %d gateways can be managed",
			  cfg_title(gateway), MAX_GATEWAYS);
		return -1;
	}
	if (!socket || !*socket) {
		cfg_error(cfg,
			  "gateway \"%s\": expected socket = \"...\", the path of its midcom.sock",
			  cfg_title(gateway));
		return -1;
	}
	return 0;
}

static void validate(cfg_t *cfg)
{
	cfg_set_validate_func(cfg, "gateway", check_gateway);
}

static int copy(cfg_t *cfg, struct mmd_conf *conf)
{
	conf->run_dir = strdup(cfg_getstr(cfg, "run-dir"));
	if (!conf->run_dir)
		return -ENOMEM;
	for (unsigned int i = 0; i < cfg_size(cfg, "gateway"); i++) {
		cfg_t *gateway = cfg_getnsec(cfg, "gateway", i);

		conf->gateways[i].name = strdup(cfg_title(gateway));
		conf->gateways[i].socket = strdup(cfg_getstr(gateway, "socket"));
		conf->n_gateways++;
		if (!conf->gateways[i].name || !conf->gateways[i].socket)
			return -ENOMEM;
	}
	return 0;
}

int mmd_conf_load(const char *path, struct mmd_conf *ret_conf)
{
	cfg_opt_t gateway[] = {
		CFG_STR("socket", NULL, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t options[] = {
		CFG_SEC("gateway", gateway, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_STR("run-dir", MNAT_RUN_DIR, CFGF_NONE),
		CFG_END(),
	};
	struct mmd_conf conf = {0};
	cfg_t *cfg;
	int r = mnat_conf_load(path, options, validate, &cfg);

	if (r)
		return r;
	if (!cfg_size(cfg, "gateway")) {
		cfg_error(cfg, "missing: expected at least one gateway \"NAME\" { socket = ... }");
		r = -EINVAL;
	}
	if (!r)
		r = copy(cfg, &conf);
	cfg_free(cfg);
	if (r)
		mmd_conf_free(&conf);
	else
		*ret_conf = conf;
	return r;
}

void mmd_conf_free(struct mmd_conf *conf)
{
	for (unsigned int i = 0; i < conf->n_gateways; i++) {
		free(conf->gateways[i].name);
		free(conf->gateways[i].socket);
	}
	free(conf->run_dir);
}
