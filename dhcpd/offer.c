// SPDX-License-Identifier: GPL-2.0-only
/* DISCOVER and INFORM: RFC 2131 sections 4.3.1 and 4.3.5. */
#include <errno.h>
#include <sys/param.h>

#include "mnat/abi.h"
#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#include "exchange.h"

bool arrives(const struct exchange *x)
{
	for (unsigned int i = 0; i < x->in->n_arrivals; i++)
		if (!arrival_is_ours(x->server->conf, &x->in->arrivals[i]))
			return true;
	return false;
}

struct lease *lease_here(const struct exchange *x)
{
	const struct client *client = x->client;
	struct lease *candidates[2];

	if (!client)
		return NULL;
	candidates[0] = client->offer;
	candidates[1] = client->bound;
	for (int i = 0; i < 2; i++)
		if (candidates[i] &&
		    conf_same_link(leases_subnet(&x->server->leases, candidates[i]->address),
				   x->subnet))
			return candidates[i];
	return NULL;
}

/* ---- what is kept for a client ---- */

bool may_hold(const struct exchange *x, uint32_t address)
{
	const struct leases *leases = &x->server->leases;
	const struct host_conf *owner = hosts_of_address(&leases->conf->special, address);
	const struct subnet_conf *subnet = leases_subnet(leases, address);

	if (owner)
		return owner == x->host;
	return subnet && pool_contains(leases_pool(leases, subnet), address);
}

/* A circuit's address goes to whoever is behind that circuit now. */
static bool is_circuits(const struct exchange *x)
{
	return x->host && !x->host->key[HOST_CLIENT_ID].len && !x->host->key[HOST_MAC].len;
}

static bool is_anothers(const struct exchange *x, uint32_t address)
{
	const struct lease *lease = lease_find(&x->server->leases, address);

	return lease && lease_is_held(lease) && lease->client != x->client;
}

/* ... on this link, whoever has it; 0: none. */
static uint32_t kept_here(const struct exchange *x)
{
	for (size_t i = 0; x->host && i < x->host->n_addresses; i++)
		if (conf_same_link(leases_subnet(&x->server->leases, x->host->address[i]),
				   x->subnet))
			return x->host->address[i];
	return 0;
}

uint32_t reserved_here(const struct exchange *x)
{
	uint32_t address = kept_here(x);

	return address && is_anothers(x, address) && !is_circuits(x) ? 0 : address;
}

static void take_from_last(struct exchange *x, uint32_t address)
{
	struct server *s = x->server;
	struct lease *lease = lease_find(&s->leases, address);
	struct client *last = lease ? lease->client : NULL;

	if (!last || last == x->client || !lease_is_held(lease))
		return;
	place_discount(&s->leases, last);
	lease_end(&s->leases, lease, MNAT_LEASE_EXPIRED, 0);
	place_count(&s->leases, last);
	binding_update(s, last, NULL);
	client_tidy(&s->leases, last);
}

static int find_reserved(struct exchange *x, uint32_t address, uint64_t until,
			 struct lease **ret_lease)
{
	struct leases *leases = &x->server->leases;

	if (x->client->offer)
		lease_end(leases, x->client->offer, MNAT_LEASE_EXPIRED, 0);
	if (x->client->bound && x->client->bound->address == address) {
		*ret_lease = x->client->bound;
		return 0;
	}
	take_from_last(x, address);
	*ret_lease = lease_offer(leases, x->client, address, false, until);
	return *ret_lease ? 0 : -ENOMEM;
}

/* ---- DISCOVER ---- */

static int find_actual(struct exchange *x, uint64_t until, struct lease **ret_lease)
{
	struct leases *leases = &x->server->leases;
	uint32_t reserved = reserved_here(x);
	struct lease *lease = lease_here(x);

	if (lease && (reserved ? lease->address == reserved : may_hold(x, lease->address))) {
		if (lease->state == MNAT_LEASE_OFFERED)
			heap_set(&leases->expiry, &lease->expiry, until);
		*ret_lease = lease;
		return 0;
	}
	if (reserved)
		return find_reserved(x, reserved, until, ret_lease);
	if (kept_here(x))
		server_count(x->server, COUNTER_reserved_busy);
	if (x->client->offer)
		lease_end(leases, x->client->offer, MNAT_LEASE_EXPIRED, 0);
	return alloc_actual(leases, x->client, x->subnet, requested_address(x), until, ret_lease);
}

/* The address that this client is to share with others; NULL: its own one, or none. */
static const struct share_conf *share_of(const struct exchange *x)
{
	bool has_own = x->host && (x->host->virt || x->host->is_public);

	if (!x->in->shim_form)
		return NULL;
	if (x->host && x->host->share)
		return x->host->share;
	return x->class && !has_own ? x->class->share : NULL;
}

static bool shares_already(const struct exchange *x)
{
	const struct lease *own = x->client ? x->client->virt : NULL;

	return own && lease_is_held(own) && mnat_is_sharing_identity(own->address);
}

struct wish virtual_wish(const struct exchange *x)
{
	struct wish wish = {.address = ntohl(x->in->shim.s_addr),
			    .arrives = arrives(x),
			    .is_public = (x->host && x->host->is_public) ||
					 (x->class && x->class->is_public),
			    .share = share_of(x),
			    .tunnels = x->in->shim_form & DHCP_SHIM_VIVSO,
			    .reserved = x->host ? x->host->virt : 0};

	if (!wish.share || (wish.tunnels && !wish.arrives && x->in->mode != DHCP_MODE_TRANSLATE))
		return wish;
	wish.share = NULL;
	if (!shares_already(x))
		server_count(x->server, COUNTER_share_refused);
	return wish;
}

/* A client that asks for no virtual address, or can have none, is a plain host. */
static int find_virtual(struct exchange *x, uint64_t until, struct lease **ret_lease)
{
	const struct wish wish = virtual_wish(x);
	int r;

	*ret_lease = NULL;
	if (!x->in->shim_form)
		return 0;
	r = alloc_virtual(&x->server->leases, x->client, &wish, until, ret_lease);
	if (r == -ENOSPC)
		server_count(x->server, COUNTER_virtual_pool_empty);
	return r == -ENOSPC || r == -EOPNOTSUPP ? 0 : r;
}

/*
 * RFC 4039: two messages instead of four, for a client that asks for it. Not for one that
 * comes from another domain: what proves that is in its REQUEST.
 */
static bool commits_at_once(const struct exchange *x)
{
	const struct dhcp_option *option = &x->in->options[DHCP_OPT_RAPID_COMMIT];

	return x->subnet->rapid_commit && option->present && x->in->type == DHCP_DISCOVER &&
	       !arrives(x) && auth_allows_commit(x);
}

/*
 * Not one that the client has had, nor one kept for a host: that is the network's order. Nor
 * if a mobile host moves here: it has no time.
 */
static bool is_to_be_probed(const struct exchange *x, const struct lease *lease,
			    const struct lease *virt)
{
	const struct conf *conf = x->server->conf;
	bool moves = arrives(x) || (virt && virt->state == MNAT_LEASE_BOUND);

	return conf->probe != PROBE_NONE && lease->state == MNAT_LEASE_OFFERED && lease->fresh &&
	       !moves && !hosts_of_address(&conf->special, lease->address);
}

bool server_probed(struct server *s, uint32_t address, bool taken)
{
	uint64_t until = mnat_clock_now() + QUARANTINE_SECONDS * MNAT_NS_PER_SEC;
	struct lease *lease = lease_find(&s->leases, address);
	char text[MNAT_IP_LEN];
	struct client *client;

	if (!lease || lease->state != MNAT_LEASE_OFFERED || !lease->fresh)
		return false;
	lease->fresh = false;
	if (!taken)
		return true;
	server_count(s, COUNTER_probe_taken);
	log_warn("%s is in use by a host that has no lease of it: put aside for %d s",
		 mnat_ip((struct in_addr){htonl(address)}, text), QUARANTINE_SECONDS);
	client = lease->client;
	place_discount(&s->leases, client);
	lease_end(&s->leases, lease, MNAT_LEASE_DECLINED, until);
	place_count(&s->leases, client);
	client_tidy(&s->leases, client);
	return false;
}

static bool make_offer(struct exchange *x)
{
	uint64_t until = x->now + x->server->conf->offer_time * MNAT_NS_PER_SEC;
	struct lease *lease, *virt = NULL;
	int r = find_actual(x, until, &lease);
	bool probe;

	if (!r)
		r = find_virtual(x, until, &virt);
	if (r) {
		server_count(x->server, r == -ENOSPC ? COUNTER_pool_empty : COUNTER_no_memory);
		return false;
	}
	probe = is_to_be_probed(x, lease, virt);
	if (!probe && commits_at_once(x)) {
		server_count(x->server, COUNTER_rapid_commit);
		return acknowledge(x, lease);
	}
	x->reply->probe = probe ? lease->address : 0;
	x->subnet = leases_subnet(&x->server->leases, lease->address);
	return reply_lease(x, DHCP_OFFER, lease, virt, lease_seconds(x));
}

bool handle_discover(struct exchange *x)
{
	struct leases *leases = &x->server->leases;
	bool sent;

	if (!within_limits(x))
		return false;
	x->client = client_get(leases, x->key, x->key_len, x->in->header.chaddr);
	if (!x->client) {
		server_count(x->server, COUNTER_no_memory);
		return false;
	}
	place_set(leases, x->client, &x->place);
	sent = make_offer(x);
	client_tidy(leases, x->client);
	return sent;
}

bool handle_inform(struct exchange *x)
{
	if (client_address(x))
		return reply_inform(x);
	server_count(x->server, COUNTER_inform_no_address);
	return false;
}
