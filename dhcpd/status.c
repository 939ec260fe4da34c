// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/hex.h"
#include "mnat/log.h"

#include "conf_values.h"
#include "control.h"
#include "links.h"

#define WARN_FULL   80 /* percent: said in the log */
#define NEARLY_FULL 95 /* ... and in the status, as a problem */
#define NAME_LEN    (MNAT_IP_LEN + 4)

const struct mnat_control_command control_commands[] = {
	{"status", true, control_status},
	{"dump", true, control_dump},
	{"export", false, control_export},
	{"import", false, control_import},
	{"config", false, control_config}, /* it may come to hold secrets */
	{"reload", false, control_reload},
	{"forcerenew", false, control_forcerenew},
	{0},
};

static const char *pool_name(const struct conf *conf, size_t i, char buf[NAME_LEN])
{
	char ip[MNAT_IP_LEN];

	if (i == conf->n_subnets)
		return "virtual";
	if (i == conf->n_subnets + 1)
		return "public";
	if (i > conf->n_subnets + 1) {
		const struct share_conf *share = &conf->virt.shares.share[i - conf->n_subnets - 2];

		return mnat_ip((struct in_addr){htonl(share->address)}, buf);
	}
	snprintf(buf, NAME_LEN, "%s/%d",
		 mnat_ip((struct in_addr){htonl(conf->subnets[i].prefix.first)}, ip),
		 conf_prefix_length(&conf->subnets[i].prefix));
	return buf;
}

static json_t *pools(const struct server *s)
{
	json_t *list = json_array();
	char name[NAME_LEN];

	for (size_t i = 0; i < conf_n_pools(s->conf); i++) {
		const struct pool *pool = &s->leases.pools[i];

		if (i > s->conf->n_subnets && !pool->n)
			continue; /* no public ones are configured */
		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "subnet",
						      pool_name(s->conf, i, name), "used",
						      (json_int_t)pool->used, "size",
						      (json_int_t)pool->size));
	}
	return list;
}

static unsigned int percent_used(const struct pool *pool)
{
	return pool->size ? (unsigned int)((uint64_t)pool->used * 100 / pool->size) : 0;
}

/* Once on the way up; again only after it has been well below. */
void control_watch_pools(struct server *s)
{
	char name[NAME_LEN];

	for (size_t i = 0; i < conf_n_pools(s->conf); i++) {
		struct pool *pool = &s->leases.pools[i];
		unsigned int percent = percent_used(pool);
		unsigned int level = percent >= NEARLY_FULL ? NEARLY_FULL
				     : percent >= WARN_FULL ? WARN_FULL
							    : 0;

		if (level > pool->warned)
			log_warn("pool %s is %u %% full: %u of %u addresses",
				 pool_name(s->conf, i, name), percent, pool->used, pool->size);
		if (level > pool->warned || percent < WARN_FULL - 10)
			pool->warned = level;
	}
}

static void full_pools(const struct server *s, json_t *list)
{
	char name[NAME_LEN];

	for (size_t i = 0; i < conf_n_pools(s->conf); i++) {
		unsigned int percent = percent_used(&s->leases.pools[i]);

		if (percent >= NEARLY_FULL)
			json_array_append_new(
				list, json_sprintf("pool %s is %d %% full: enlarge it or "
						   "shorten its lease-time",
						   pool_name(s->conf, i, name), (int)percent));
	}
}

static void lost_interfaces(const struct server *s, json_t *list)
{
	for (size_t i = 0; i < s->conf->n_interfaces; i++)
		if (!link_exists(s->conf->interfaces[i]))
			json_array_append_new(list, json_sprintf("interface %s is not there",
								 s->conf->interfaces[i]));
}

/* Virtual addresses of other domains that hosts have brought along. */
static json_int_t foreign(const struct server *s)
{
	json_int_t n = 0;

	for (const struct lease *lease = s->leases.addresses; lease; lease = lease->hh.next)
		n += lease->foreign && lease_is_held(lease);
	return n;
}

static json_t *problems(const struct control_source *source)
{
	const struct server *s = source->server;
	json_t *list = json_array();

	full_pools(s, list);
	lost_interfaces(s, list);
	if (manager_is_wanted(source->manager) && !manager_is_connected(source->manager))
		json_array_append_new(list, json_sprintf("no mobility manager answers at %s: moves "
							 "do not reach the gateways; is mnat-mmd "
							 "running?",
							 s->conf->manager_socket));
	if (s->store_fails)
		json_array_append_new(list, json_sprintf("leases cannot be stored in %s: no client "
							 "gets an ACK",
							 s->conf->database));
	return list;
}

static const char *manager_state(const struct manager *manager)
{
	if (!manager_is_wanted(manager))
		return "none";
	return manager_is_connected(manager) ? "connected" : "absent";
}

void control_status(struct mnat_control_client *client, const json_t *request, void *user)
{
	const struct control_source *source = user;
	const struct server *s = source->server;
	json_t *list = problems(source);

	mnat_control_done(
		client,
		json_pack("{s:s, s:I, s:b, s:o, s:s, s:I, s:s, s:s, s:I, s:I, s:o}", "daemon",
			  "mnat-dhcpd", "uptime_s",
			  (json_int_t)((mnat_clock_now() - source->started) / MNAT_NS_PER_SEC),
			  "healthy", json_array_size(list) == 0, "problems", list, "manager",
			  manager_state(source->manager), "readers",
			  (json_int_t)leasequery_readers(source->leasequery), "policy",
			  conf_policies[s->conf->policy], "auth", conf_auths[s->conf->auth.policy],
			  "clients", (json_int_t)HASH_COUNT(s->leases.clients), "foreign",
			  foreign(s), "pools", pools(s)));
}

void control_config(struct mnat_control_client *client, const json_t *request, void *user)
{
	const struct control_source *source = user;
	const struct conf_lines *lines = &source->server->conf->lines;

	for (size_t i = 0; i < lines->n; i++)
		mnat_control_row(client, json_pack("{s:s}", "line", lines->line[i]));
	mnat_control_done(client, NULL);
}

void control_reload(struct mnat_control_client *client, const json_t *request, void *user)
{
	const struct control_source *source = user;

	if (source->reload(source->user))
		mnat_control_done(client, NULL);
	else
		mnat_control_fail(client, MNAT_E_FAILED,
				  "the configuration stays as it was; mnat-dhcpd -t and its log "
				  "say why");
}

/* Its identifier need not be its hardware address. */
static const struct client *client_of_mac(const struct server *s, const uint8_t mac[6])
{
	for (const struct client *c = s->leases.clients; c; c = c->hh.next)
		if (c->bound && !memcmp(c->mac, mac, sizeof(c->mac)))
			return c;
	return NULL;
}

/* By an address, a hardware address, or the bytes of an identifier. */
static const struct client *client_named(const struct server *s, const char *text)
{
	uint8_t id[MNAT_CLIENT_MAX], mac[6];
	size_t len = strlen(text);
	const struct lease *lease;
	struct in_addr addr;

	if (!mnat_parse_ip(text, &addr)) {
		lease = lease_find(&s->leases, ntohl(addr.s_addr));
		return lease && lease_is_held(lease) ? lease->client : NULL;
	}
	if (!mnat_parse_mac(text, mac))
		return client_of_mac(s, mac);
	if (len % 2 || len / 2 > sizeof(id) || mnat_unhex(text, id, len / 2))
		return NULL;
	return client_find(&s->leases, id, len / 2);
}

void control_forcerenew(struct mnat_control_client *client, const json_t *request, void *user)
{
	const struct control_source *source = user;
	const char *text = json_string_value(json_object_get(request, "client"));
	const struct client *named = text ? client_named(source->server, text) : NULL;
	struct outgoing out = {0};
	char ip[MNAT_IP_LEN];

	if (!named) {
		mnat_control_fail(
			client, MNAT_E_NOT_FOUND,
			"no client is known by \"%s\": give an address it has, its MAC or "
			"its identifier, as mnatctl dump leases shows them",
			text ? text : "");
	} else if (!server_forcerenew(source->server, named, &out.reply)) {
		mnat_control_fail(client, MNAT_E_FAILED,
				  "that client has no address, or does not take a FORCERENEW (it "
				  "sent no option 145 since mnat-dhcpd was started)");
	} else {
		io_send(source->io, &out);
		mnat_control_done(client, json_pack("{s:s}", "sent_to", mnat_ip(out.reply.to, ip)));
	}
}
