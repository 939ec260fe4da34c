// SPDX-License-Identifier: GPL-2.0-only
#include "mmd_conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/conf.h"
#include "mnat/control.h"
#include "mnat/tls.h"

static bool is_given(const char *text)
{
	return text && *text;
}

static int check_gateway(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *gateway = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *address = cfg_getstr(gateway, "address");
	bool remote = is_given(address);

	if (cfg_opt_size(opt) > MAX_GATEWAYS) {
		cfg_error(cfg, "gateway \"%s\": at most %d gateways can be managed",
			  cfg_title(gateway), MAX_GATEWAYS);
		return -1;
	}
	if (remote == is_given(cfg_getstr(gateway, "socket"))) {
		cfg_error(cfg,
			  "gateway \"%s\": expected socket = \"...\", the path of its midcom.sock, "
			  "or address = \"ADDRESS:PORT\"",
			  cfg_title(gateway));
		return -1;
	}
	if (remote &&
	    (!mnat_tls_is_target(address) || !is_given(cfg_getstr(gateway, "certificate")))) {
		cfg_error(cfg,
			  "gateway \"%s\": expected address = \"ADDRESS:PORT\" and certificate = "
			  "\"...\", the name its certificate bears",
			  cfg_title(gateway));
		return -1;
	}
	return 0;
}

int mmd_conf_domain(const char *text, uint32_t *ret_number)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || !isdigit(*text) || *end || !number || number > UINT32_MAX)
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}

static int check_peer(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *peer = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	uint32_t number;

	if (mmd_conf_domain(cfg_title(peer), &number)) {
		cfg_error(cfg, "peer \"%s\": expected the number of a domain, peer \"2\"",
			  cfg_title(peer));
		return -1;
	}
	if (cfg_opt_size(opt) > ROAM_MAX_PEERS) {
		cfg_error(cfg, "peer \"%s\": at most %d peers are possible", cfg_title(peer),
			  ROAM_MAX_PEERS);
		return -1;
	}
	if (!is_given(cfg_getstr(peer, "manager")) || !is_given(cfg_getstr(peer, "name"))) {
		cfg_error(
			cfg,
			"peer \"%s\": expected manager = \"ADDRESS\" and name = \"...\", the name "
			"its certificate bears",
			cfg_title(peer));
		return -1;
	}
	return 0;
}

static int check_not_negative(cfg_t *cfg, cfg_opt_t *opt)
{
	long number = cfg_opt_getnint(opt, cfg_opt_size(opt) - 1);

	if (number >= 0 && number <= UINT32_MAX)
		return 0;
	cfg_error(cfg, "%s: expected a number from 0 to 4294967295", cfg_opt_name(opt));
	return -1;
}

static int check_forward(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *forward = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);

	if (!strcmp(forward, "tunnel") || !strcmp(forward, "translate"))
		return 0;
	cfg_error(cfg, "forward = \"%s\": expected \"tunnel\" or \"translate\"", forward);
	return -1;
}

static int check_outer_source(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *source = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);

	if (!strcmp(source, "gateway") || !strcmp(source, "correspondent"))
		return 0;
	cfg_error(cfg, "outer-source = \"%s\": expected \"gateway\" or \"correspondent\"",
		  source);
	return -1;
}

static int check_leasequery(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *server = cfg_opt_getnstr(opt, 0);
	struct sockaddr_in endpoint;

	if (!*server || !mnat_parse_endpoint(server, DHCP_SERVER_PORT, &endpoint))
		return 0;
	cfg_error(cfg, "leasequery = \"%s\": expected the DHCP server's address, \"10.0.0.1\" or "
		       "\"10.0.0.1:67\"",
		  server);
	return -1;
}

static void validate(cfg_t *cfg)
{
	cfg_set_validate_func(cfg, "dhcp-server|leasequery", check_leasequery);
	cfg_set_validate_func(cfg, "dhcp-server|enterprise", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "gateway", check_gateway);
	cfg_set_validate_func(cfg, "domain", check_not_negative);
	cfg_set_validate_func(cfg, "ticket-lifetime", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "serve", check_not_negative);
	cfg_set_validate_func(cfg, "tunnel-address", mnat_conf_is_ip);
	cfg_set_validate_func(cfg, "gateway|tunnel-address", mnat_conf_is_ip);
	cfg_set_validate_func(cfg, "peer", check_peer);
	cfg_set_validate_func(cfg, "peer|max-visitors", check_not_negative);
	cfg_set_validate_func(cfg, "peer|max-sessions", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "peer|rate", mnat_conf_is_positive);
	cfg_set_validate_func(cfg, "peer|serve", check_not_negative);
	cfg_set_validate_func(cfg, "peer|forward", check_forward);
	cfg_set_validate_func(cfg, "peer|outer-source", check_outer_source);
}

/* NULL stays NULL, "" becomes it. */
static int copy_text(const char *text, char **ret_text)
{
	char *copy_of = is_given(text) ? strdup(text) : NULL;

	if (is_given(text) && !copy_of)
		return -ENOMEM;
	*ret_text = copy_of;
	return 0;
}

static int copy_gateway(cfg_t *gateway, struct mmd_conf *conf)
{
	const char *tunnel = cfg_getstr(gateway, "tunnel-address");
	unsigned int i = conf->n_gateways++;

	if (is_given(tunnel))
		mnat_parse_ip(tunnel, &conf->gateways[i].tunnel_addr);
	if (copy_text(cfg_title(gateway), &conf->gateways[i].name) ||
	    copy_text(cfg_getstr(gateway, "socket"), &conf->gateways[i].socket) ||
	    copy_text(cfg_getstr(gateway, "address"), &conf->gateways[i].address) ||
	    copy_text(cfg_getstr(gateway, "certificate"), &conf->gateways[i].certificate))
		return -ENOMEM;
	return 0;
}

/* "address" or "address:port" */
static int copy_manager(const char *text, char **ret_manager)
{
	if (strchr(text, ':'))
		return copy_text(text, ret_manager);
	return asprintf(ret_manager, "%s:%d", text, PEERING_PORT) < 0 ? -ENOMEM : 0;
}

static int copy_peer(cfg_t *section, struct mmd_conf *conf)
{
	struct mmd_peer_conf *peer = &conf->peers[conf->n_peers++];

	peer->max_visitors = (unsigned int)cfg_getint(section, "max-visitors");
	peer->max_flows = (unsigned int)cfg_getint(section, "max-sessions");
	peer->rate = (unsigned int)cfg_getint(section, "rate");
	peer->serve = (unsigned int)cfg_getint(section, "serve");
	peer->direct = cfg_getbool(section, "direct");
	peer->translate = !strcmp(cfg_getstr(section, "forward"), "translate");
	peer->correspondent = !strcmp(cfg_getstr(section, "outer-source"), "correspondent");
	if (mmd_conf_domain(cfg_title(section), &peer->domain))
		return -EINVAL;
	return copy_manager(cfg_getstr(section, "manager"), &peer->manager) ||
			       copy_text(cfg_getstr(section, "name"), &peer->name)
		       ? -ENOMEM
		       : 0;
}

static int copy_domain(cfg_t *cfg, struct mmd_conf *conf)
{
	conf->domain = (uint32_t)cfg_getint(cfg, "domain");
	conf->ticket_s = (unsigned int)cfg_getint(cfg, "ticket-lifetime");
	conf->serve_s = (unsigned int)cfg_getint(cfg, "serve");
	if (copy_text(cfg_getstr(cfg, "secret"), &conf->secret) ||
	    copy_text(cfg_getstr(cfg, "state"), &conf->state) ||
	    copy_text(cfg_getstr(cfg, "listen"), &conf->listen) ||
	    copy_text(cfg_getstr(cfg, "ca"), &conf->ca) ||
	    copy_text(cfg_getstr(cfg, "cert"), &conf->cert) ||
	    copy_text(cfg_getstr(cfg, "key"), &conf->key) ||
	    copy_text(cfg_getstr(cfg, "crl"), &conf->crl))
		return -ENOMEM;
	return 0;
}

static int copy_feed(cfg_t *section, struct feed_conf *feed)
{
	const char *server = cfg_getstr(section, "leasequery");

	feed->codec.enterprise = (uint32_t)cfg_getint(section, "enterprise");
	return is_given(server) ? mnat_parse_endpoint(server, DHCP_SERVER_PORT, &feed->server) : 0;
}

static int copy(cfg_t *cfg, struct mmd_conf *conf)
{
	int r = copy_domain(cfg, conf);

	if (!r)
		r = copy_text(cfg_getstr(cfg, "run-dir"), &conf->run_dir);
	for (unsigned int i = 0; i < cfg_size(cfg, "gateway") && !r; i++)
		r = copy_gateway(cfg_getnsec(cfg, "gateway", i), conf);
	if (is_given(cfg_getstr(cfg, "tunnel-address")) && !conf->gateways[0].tunnel_addr.s_addr)
		mnat_parse_ip(cfg_getstr(cfg, "tunnel-address"), &conf->gateways[0].tunnel_addr);
	if (!r)
		r = copy_feed(cfg_getsec(cfg, "dhcp-server"), &conf->feed);
	for (unsigned int i = 0; i < cfg_size(cfg, "peer") && !r; i++)
		r = copy_peer(cfg_getnsec(cfg, "peer", i), conf);
	return r;
}

static bool is_tunnel_before(const struct mmd_conf *conf, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (conf->gateways[i].tunnel_addr.s_addr == conf->gateways[n].tunnel_addr.s_addr)
			return true;
	return false;
}

/* What one setting needs of another: NULL, or what is missing. */
static const char *lacks(const struct mmd_conf *conf)
{
	bool tls = conf->n_peers;

	for (unsigned int i = 0; i < conf->n_gateways; i++)
		tls |= conf->gateways[i].address != NULL;
	if (!conf->n_gateways)
		return "expected at least one gateway \"NAME\" { socket = ... }";
	if (tls && (!conf->ca || !conf->cert || !conf->key))
		return "expected ca, cert and key: gateways by address and peers are spoken to "
		       "by TLS";
	if (conf->n_peers && !conf->domain)
		return "expected domain = N, this domain's number, because there are peers";
	for (unsigned int i = 0; i < conf->n_peers; i++)
		if (conf->peers[i].domain == conf->domain)
			return "expected each peer to be another domain than this one";
	for (unsigned int i = 0; conf->domain && i < conf->n_gateways; i++) {
		if (!conf->gateways[i].tunnel_addr.s_addr)
			return "expected each gateway to have its tunnel-address = \"...\", its end "
			       "of tunnels, because there is a domain";
		if (is_tunnel_before(conf, i))
			return "expected each gateway to have a tunnel-address of its own";
	}
	if (conf->domain && (!conf->secret || !conf->state || !conf->listen))
		return "expected secret, state and listen not to be empty, because there is a "
		       "domain";
	return NULL;
}

static cfg_opt_t gateway_opts[] = {
	CFG_STR("socket", NULL, CFGF_NONE),
	CFG_STR("address", NULL, CFGF_NONE),
	CFG_STR("certificate", NULL, CFGF_NONE),
	CFG_STR("tunnel-address", NULL, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t peer_opts[] = {
	CFG_STR("manager", NULL, CFGF_NONE),
	CFG_STR("name", NULL, CFGF_NONE),
	CFG_INT("max-visitors", 1000, CFGF_NONE),
	CFG_INT("max-sessions", 100000, CFGF_NONE),
	CFG_INT("rate", 1000, CFGF_NONE),
	CFG_INT("serve", 0, CFGF_NONE),
	CFG_BOOL("direct", cfg_false, CFGF_NONE),
	CFG_STR("forward", "tunnel", CFGF_NONE),
	CFG_STR("outer-source", "gateway", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t dhcp_server_opts[] = {
	CFG_STR("leasequery", NULL, CFGF_NONE),
	CFG_INT("enterprise", DHCP_ENTERPRISE_DEFAULT, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t options[] = {
	CFG_SEC("gateway", gateway_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_STR("run-dir", MNAT_RUN_DIR, CFGF_NONE),
	CFG_INT("domain", 0, CFGF_NONE),
	CFG_STR("tunnel-address", NULL, CFGF_NONE),
	CFG_INT("ticket-lifetime", 30 * 86400, CFGF_NONE),
	CFG_INT("serve", 0, CFGF_NONE),
	CFG_STR("secret", "/var/lib/mobilenat/mmd.secret", CFGF_NONE),
	CFG_STR("state", "/var/lib/mobilenat/mmd.sqlite", CFGF_NONE),
	CFG_STR("listen", "0.0.0.0:7627", CFGF_NONE),
	CFG_STR("ca", NULL, CFGF_NONE),
	CFG_STR("cert", NULL, CFGF_NONE),
	CFG_STR("key", NULL, CFGF_NONE),
	CFG_STR("crl", NULL, CFGF_NONE),
	CFG_SEC("dhcp-server", dhcp_server_opts, CFGF_NONE),
	CFG_SEC("peer", peer_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_END(),
};

int mmd_conf_load(const char *path, struct mmd_conf *ret_conf)
{
	struct mmd_conf conf = {0};
	const char *why = NULL;
	cfg_t *cfg;
	int r = mnat_conf_load(path, options, validate, &cfg);

	if (r)
		return r;
	r = copy(cfg, &conf);
	if (!r)
		why = lacks(&conf);
	if (why) {
		cfg_error(cfg, "%s", why);
		r = -EINVAL;
	}
	cfg_free(cfg);
	if (r)
		mmd_conf_free(&conf);
	else
		*ret_conf = conf;
	return r;
}

void mmd_conf_free(struct mmd_conf *conf)
{
	char *texts[] = {conf->run_dir, conf->secret, conf->state, conf->listen,
			 conf->ca,	conf->cert,   conf->key,   conf->crl};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (unsigned int i = 0; i < conf->n_gateways; i++) {
		free(conf->gateways[i].name);
		free(conf->gateways[i].socket);
		free(conf->gateways[i].address);
		free(conf->gateways[i].certificate);
	}
	for (unsigned int i = 0; i < conf->n_peers; i++) {
		free(conf->peers[i].manager);
		free(conf->peers[i].name);
	}
}
