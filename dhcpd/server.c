// SPDX-License-Identifier: GPL-2.0-only
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <time.h>

#include "mnat/clock.h"
#include "mnat/log.h"

#include "exchange.h"

#define EXPIRE_AT_ONCE 1000 /* clients that ask meanwhile wait for these to be stored */

static bool (*const handlers[])(struct exchange *x) = {
	[DHCP_DISCOVER] = handle_discover, [DHCP_REQUEST] = handle_request,
	[DHCP_DECLINE] = handle_decline,   [DHCP_RELEASE] = handle_release,
	[DHCP_INFORM] = handle_inform,
};

static int64_t wall_clock(void)
{
	return time(NULL);
}

struct restoring {
	struct leases *leases;
	int64_t now;
};

static int restore(const struct mnat_lease_record *record, void *user)
{
	struct restoring *r = user;

	return leases_restore(r->leases, record, r->now);
}

static int restore_auth(const struct mnat_auth_record *record, void *user)
{
	return auth_restore(user, record);
}

int server_init(struct server *s, const struct conf *conf, const struct mnat_store_ops *ops,
		struct mnat_store *store, int64_t (*wall)(void))
{
	struct restoring restoring = {.leases = &s->leases};
	int r;

	*s = (struct server){
		.conf = conf, .store_ops = ops, .store = store, .wall = wall, .batch = 1};
	if (!wall)
		s->wall = wall_clock;
	restoring.now = s->wall();
	r = leases_init(&s->leases, conf);
	if (r) {
		log_err("no memory for the address pools");
		return r;
	}
	r = ops->load(store, restore, &restoring);
	if (!r)
		r = ops->load_auth(store, restore_auth, &s->auth);
	if (r)
		server_done(s);
	return r;
}

void server_done(struct server *s)
{
	leases_done(&s->leases);
	auth_done(&s->auth);
	free(s->events);
	free(s->storing);
	s->events = NULL;
	s->storing = NULL;
}

bool server_set_conf(struct server *s, const struct conf *conf)
{
	if (leases_set_conf(&s->leases, conf))
		return false;
	s->conf = conf;
	return true;
}

/* ---- where a message comes from ---- */

/*
 * An address of the client's link. Its relay knows best: by sub-option 5 (RFC 3527), or
 * its own address; between them comes option 118 (RFC 3011). Without a relay, one that
 * unicasts uses the address it has (section 4.3.2, RENEWING), others are on the link.
 */
static uint32_t whereabouts(const struct exchange *x)
{
	const struct dhcp_header *header = &x->in->header;
	struct in_addr addr;

	if (header->giaddr.s_addr && dhcp_get_relay_ip(x->in, DHCP_RELAY_LINK_SELECTION, &addr))
		return ntohl(addr.s_addr);
	if (dhcp_get_ip(x->in, DHCP_OPT_SUBNET_SELECTION, &addr))
		return ntohl(addr.s_addr);
	if (header->giaddr.s_addr)
		return ntohl(header->giaddr.s_addr);
	if (header->ciaddr.s_addr && !x->arrival->broadcast)
		return ntohl(header->ciaddr.s_addr);
	return x->arrival->local;
}

static bool may_relay(const struct conf *conf, struct in_addr giaddr)
{
	return !conf->relays.n || ranges_contain(&conf->relays, ntohl(giaddr.s_addr));
}

/* What a relay says counts only if there is one (RFC 3046 section 2.1). */
static void find_place(struct exchange *x)
{
	const struct in_addr giaddr = x->in->header.giaddr;
	struct dhcp_option circuit;

	/* all of it: it is a key, padding too */
	memset(&x->place, 0, sizeof(x->place));
	x->place.relayed = giaddr.s_addr;
	x->place.where = giaddr.s_addr ? ntohl(giaddr.s_addr) : (uint32_t)x->arrival->ifindex;
	x->server_id = x->server->conf->server_id;
	if (!giaddr.s_addr)
		return;
	dhcp_get_relay_ip(x->in, DHCP_RELAY_SERVER_OVERRIDE, &x->server_id);
	if (!dhcp_get_relay(x->in, DHCP_RELAY_CIRCUIT, &circuit))
		return;
	x->place.circuit_len = (uint8_t)MIN(circuit.len, PLACE_CIRCUIT_MAX);
	memcpy(x->place.circuit, circuit.data, x->place.circuit_len);
}

static bool locate(struct exchange *x)
{
	struct server *s = x->server;

	find_place(x);
	if (x->place.relayed && !may_relay(s->conf, x->in->header.giaddr)) {
		server_count(s, COUNTER_relay_refused);
		return false;
	}
	x->subnet = leases_subnet(&s->leases, whereabouts(x));
	if (!x->subnet)
		server_count(s, COUNTER_unknown_subnet);
	return x->subnet;
}

/* ---- who it is from ---- */

static bool user_class_matches(const struct match *match, const struct dhcp_option *option)
{
	/* RFC 3004 has a length before each class; many clients send one without */
	return match_prefix(match, option->data, option->len) ||
	       (option->len && match_prefix(match, option->data + 1, option->len - 1u));
}

static const struct class_conf *class_of(const struct exchange *x)
{
	const struct hosts_conf *special = &x->server->conf->special;
	const struct dhcp_option *vendor = &x->in->options[DHCP_OPT_VENDOR_CLASS];
	const struct dhcp_option *user = &x->in->options[DHCP_OPT_USER_CLASS];
	const struct dhcp_option *id = &x->in->options[DHCP_OPT_CLIENT_ID];

	for (size_t i = 0; i < special->n_classes; i++) {
		const struct class_conf *class = &special->classes[i];

		if (match_prefix(&class->vendor_class, vendor->data, vendor->len) &&
		    user_class_matches(&class->user_class, user) &&
		    match_prefix(&class->client_id, id->data, id->len))
			return class;
	}
	return NULL;
}

static const struct host_conf *host_of(const struct exchange *x)
{
	const struct hosts_conf *special = &x->server->conf->special;
	const struct host_conf *host = hosts_find(special, HOST_CLIENT_ID, x->key, x->key_len);

	if (!host)
		host = hosts_find(special, HOST_MAC, x->in->header.chaddr, 6);
	if (!host)
		host = hosts_find(special, HOST_CIRCUIT, x->place.circuit, x->place.circuit_len);
	return host;
}

size_t client_identifier(const struct dhcp_message *message, uint8_t hardware[CLIENT_HARDWARE_LEN],
			 const uint8_t **ret_id)
{
	const struct dhcp_option *id = &message->options[DHCP_OPT_CLIENT_ID];

	hardware[0] = message->header.htype;
	memcpy(hardware + 1, message->header.chaddr, CLIENT_HARDWARE_LEN - 1);
	*ret_id = id->len ? id->data : hardware;
	return id->len ? id->len : CLIENT_HARDWARE_LEN;
}

static bool name(struct exchange *x, uint8_t hardware[CLIENT_HARDWARE_LEN])
{
	x->key_len = client_identifier(x->in, hardware, &x->key);
	if (x->key_len <= MNAT_CLIENT_MAX)
		return true;
	server_count(x->server, COUNTER_client_id_long);
	return false;
}

static void identify(struct exchange *x)
{
	x->client = client_find(&x->server->leases, x->key, x->key_len);
	x->host = host_of(x);
	x->class = class_of(x);
}

bool within_limits(struct exchange *x)
{
	const struct limits_conf *limits = &x->server->conf->limits;
	const struct leases *leases = &x->server->leases;
	uint32_t limit = x->place.circuit_len ? limits->circuit : limits->link;

	if (limit && place_clients(leases, &x->place) >= limit) {
		server_count(x->server,
			     x->place.circuit_len ? COUNTER_limit_circuit : COUNTER_limit_link);
		return false;
	}
	if (limits->mac && hardware_count(&leases->hardware, x->in->header.chaddr) >= limits->mac) {
		server_count(x->server, COUNTER_limit_mac);
		return false;
	}
	return true;
}

/* ---- one message ---- */

/* The client is there as long as it has leases: before and after it may be another one. */
static bool handle(struct exchange *x)
{
	struct leases *leases = &x->server->leases;
	bool answered;

	if (x->client)
		place_set(leases, x->client, &x->place); /* and it does not count meanwhile */
	answered = handlers[x->in->type](x);
	x->client = client_find(leases, x->key, x->key_len);
	if (x->client)
		place_count(leases, x->client);
	return answered;
}

bool server_handle(struct server *s, const struct arrival *arrival, const void *data, size_t len,
		   struct reply *ret_reply)
{
	struct dhcp_message in;
	struct exchange x = {.server = s,
			     .arrival = arrival,
			     .in = &in,
			     .now = mnat_clock_now(),
			     .reply = ret_reply};
	uint8_t hardware[CLIENT_HARDWARE_LEN];
	enum dhcp_error error = dhcp_parse(&s->conf->virt.codec, DHCP_BOOTREQUEST, data, len, &in);

	if (error) {
		server_count(s, (enum counter)error);
		return false;
	}
	server_count(s, counter_received(in.type));
	ret_reply->batch = 0;
	ret_reply->token_for = 0;
	ret_reply->probe = 0;
	/* who it is comes before anything of it is looked up */
	if (!name(&x, hardware) || !auth_check(&x) || !locate(&x))
		return false;
	identify(&x);
	return handle(&x) && auth_sign(&x);
}

static void expire(struct server *s, struct lease *lease)
{
	struct client *client = lease->client;

	if (lease->state == MNAT_LEASE_BOUND)
		server_count(s, COUNTER_expired);
	if (client)
		place_discount(&s->leases, client);
	lease_end(&s->leases, lease, MNAT_LEASE_EXPIRED, 0);
	if (!client)
		return;
	place_count(&s->leases, client);
	binding_update(s, client, NULL);
	client_tidy(&s->leases, client);
}

void server_expire(struct server *s)
{
	uint64_t now = mnat_clock_now();
	struct lease *lease;

	for (int i = 0; i < EXPIRE_AT_ONCE && (lease = leases_due(&s->leases, now)); i++)
		expire(s, lease);
}
