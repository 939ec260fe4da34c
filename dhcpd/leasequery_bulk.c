// SPDX-License-Identifier: GPL-2.0-only
/* Bulk queries (RFC 6926): which leases, and telling them piece by piece. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/clock.h"

#include "leasequery_reader.h"

#define OPT_VPN 221 /* RFC 6607 */

struct wanted {
	const struct dhcp_option *client; /* NULL: any */
	const uint8_t *mac;		  /* NULL: any */
	bool timed;
	uint32_t from, to; /* seconds since 1970 */
};

/* ---- the query ---- */

static const char *contradiction(const struct dhcp_message *query, const struct wanted *wanted)
{
	const struct dhcp_header *header = &query->header;

	if (header->ciaddr.s_addr || header->yiaddr.s_addr || header->siaddr.s_addr)
		return "ciaddr, yiaddr and siaddr of a bulk query are to be 0";
	if (wanted->client && wanted->mac)
		return "ask for a hardware address or a client identifier, not for both";
	if (wanted->from > wanted->to)
		return "query-start-time is after query-end-time";
	return NULL;
}

static const char *unknown(const struct dhcp_message *query)
{
	struct dhcp_option option;

	if (query->options[OPT_VPN].present || dhcp_get_relay(query, DHCP_RELAY_VPN, &option))
		return "there are no VPNs here";
	if (dhcp_get_relay(query, DHCP_RELAY_ID, &option) ||
	    dhcp_get_relay(query, DHCP_RELAY_REMOTE, &option))
		return "relay and remote ids are not kept: ask by client identifier or hardware "
		       "address, or for all";
	return NULL;
}

static void read_wanted(const struct dhcp_message *query, struct wanted *ret_wanted)
{
	const struct dhcp_option *client = &query->options[DHCP_OPT_CLIENT_ID];
	struct wanted wanted = {.to = UINT32_MAX};

	if (client->len)
		wanted.client = client;
	if (query->header.hlen)
		wanted.mac = query->header.chaddr;
	wanted.timed = dhcp_get_u32(query, DHCP_OPT_QUERY_START, &wanted.from);
	wanted.timed |= dhcp_get_u32(query, DHCP_OPT_QUERY_END, &wanted.to);
	*ret_wanted = wanted;
}

/* ---- the leases ---- */

/* When anything about it was last said; of one from before our start, that. */
static uint32_t last_change(const struct leasequery *lq, const struct lease *lease)
{
	uint32_t when = lease->heard > lease->since ? lease->heard : lease->since;
	uint32_t now = (uint32_t)(mnat_clock_now() / MNAT_NS_PER_SEC);

	return when ? (uint32_t)lq->server->wall() - (now - when) : lq->started;
}

static bool is_wanted(const struct leasequery *lq, const struct lease *lease,
		      const struct wanted *wanted)
{
	const struct client *client = lease->client;
	uint32_t when;

	if (lease->is_virtual || lease->state == MNAT_LEASE_OFFERED)
		return false;
	if (wanted->mac && (!client || memcmp(client->mac, wanted->mac, sizeof(client->mac))))
		return false;
	if (wanted->client && (!client || client->key_len != wanted->client->len ||
			       memcmp(client->key, wanted->client->data, client->key_len)))
		return false;
	if (!wanted->timed)
		return lease->state == MNAT_LEASE_BOUND || !lease_is_durable(lease);
	when = last_change(lq, lease);
	return when >= wanted->from && when <= wanted->to;
}

static bool collect(struct reader *reader, const struct wanted *wanted)
{
	const struct leasequery *lq = reader->leasequery;
	const struct leases *leases = &lq->server->leases;
	struct bulk *bulk = &reader->bulk;

	*bulk = (struct bulk){.timed = wanted->timed};
	bulk->addresses = calloc(HASH_COUNT(leases->addresses) + 1, sizeof(*bulk->addresses));
	if (!bulk->addresses)
		return false;
	for (const struct lease *lease = leases->addresses; lease; lease = lease->hh.next)
		if (is_wanted(lq, lease, wanted))
			bulk->addresses[bulk->n++] = lease->address;
	return true;
}

bool bulk_begin(struct reader *reader, const struct dhcp_message *query)
{
	struct server *s = reader->leasequery->server;
	struct wanted wanted;
	const char *why;

	read_wanted(query, &wanted);
	why = contradiction(query, &wanted);
	if (why) {
		server_count(s, COUNTER_leasequery_malformed);
		reader_say(reader, DHCP_LEASEQUERYDONE, LEASEQUERY_MALFORMED, why);
		return false;
	}
	why = unknown(query);
	if (why) {
		server_count(s, COUNTER_leasequery_refused);
		reader_say(reader, DHCP_LEASEQUERYDONE, LEASEQUERY_NOT_ALLOWED, why);
		return false;
	}
	if (collect(reader, &wanted))
		return true;
	reader_say(reader, DHCP_LEASEQUERYDONE, LEASEQUERY_FAIL, "out of memory; ask again later");
	return false;
}

void bulk_done(struct bulk *bulk)
{
	free(bulk->addresses);
	*bulk = (struct bulk){0};
}

/* ---- telling ---- */

/* It is free; who had it last is told if it is known. */
static int make_free(const struct server *s, const struct record_head *head,
		     const struct lease *lease, struct record *record)
{
	struct event event = {.old = lease->address};

	if (lease->client) {
		event.client_len = lease->client->key_len;
		memcpy(event.client, lease->client->key, event.client_len);
		memcpy(event.mac, lease->client->mac, sizeof(event.mac));
	}
	return record_unassigned(s, head, &event, false, record);
}

/* False: what is to be told of it is not stored yet. */
static bool tell(struct reader *reader, uint32_t address)
{
	struct server *s = reader->leasequery->server;
	const struct record_head head = reader_head(reader);
	const struct lease *lease = lease_find(&s->leases, address);
	const struct client *client = lease ? lease->client : NULL;
	struct record record;
	struct event event;
	int r = -1;

	if (!lease)
		return true;
	if (!lease_is_durable(lease) || (client && client->batch > reader->leasequery->last_batch))
		return false;
	if (client && client->told.actual == address) {
		event = binding_told(s->conf, client);
		r = record_active(s, &head, &event, &record);
	} else if (reader->bulk.timed && lease->state != MNAT_LEASE_OFFERED) {
		r = make_free(s, &head, lease, &record);
	}
	if (!r) {
		server_count(s, COUNTER_leasequery_told);
		reader_send(reader, &record);
	}
	return true;
}

void bulk_go_on(struct reader *reader)
{
	struct bulk *bulk = &reader->bulk;

	while (bulk->next < bulk->n && reader->phase == READER_BULK &&
	       mnat_stream_backlog(reader->stream) < READER_BACKLOG) {
		uint32_t address = bulk->addresses[bulk->next++];

		if (!tell(reader, address))
			bulk->addresses[bulk->later++] = address;
	}
	if (bulk->next < bulk->n || reader->phase != READER_BULK)
		return;
	if (bulk->later) { /* when the next batch is stored */
		bulk->n = bulk->later;
		bulk->next = bulk->later = 0;
		return;
	}
	bulk_done(bulk);
	reader_say(reader, DHCP_LEASEQUERYDONE, LEASEQUERY_SUCCESS, "");
	reader->phase = READER_SILENT;
	mnat_stream_pause(reader->stream, false);
}
