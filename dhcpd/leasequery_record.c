// SPDX-License-Identifier: GPL-2.0-only
#include "leasequery_record.h"

#include <arpa/inet.h>
#include <string.h>

#include "mnat/clock.h"

#define LOCAL 0 /* option 157: we heard it ourselves */

static void begin(const struct server *s, struct dhcp_builder *b, const struct record_head *head,
		  enum dhcp_type type, uint32_t address, const uint8_t mac[6],
		  struct record *record)
{
	struct dhcp_header header = {
		.op = DHCP_BOOTREPLY,
		.xid = head->xid,
		.ciaddr = {htonl(address)},
	};

	if (mac) {
		header.htype = 1;
		header.hlen = 6;
		memcpy(header.chaddr, mac, 6);
	}
	dhcp_build(b, record->bytes, sizeof(record->bytes), &header, type);
	dhcp_put_ip(b, DHCP_OPT_SERVER_ID, s->conf->server_id);
	dhcp_put_u32(b, DHCP_OPT_BASE_TIME, head->time);
}

/* How long ago something was; nothing, if nobody knows. */
static void put_ago(struct dhcp_builder *b, uint8_t code, const struct record_head *head,
		    uint32_t second)
{
	uint32_t now = (uint32_t)(head->now / MNAT_NS_PER_SEC);

	if (second)
		dhcp_put_u32(b, code, now > second ? now - second : 0);
}

static void put_state(struct dhcp_builder *b, const struct record_head *head,
		      enum leasequery_state state, const struct lease_times *times)
{
	dhcp_put_u8(b, DHCP_OPT_STATE, (uint8_t)state);
	dhcp_put_u8(b, DHCP_OPT_DATA_SOURCE, LOCAL);
	put_ago(b, DHCP_OPT_STATE_START, head, times->since);
	put_ago(b, DHCP_OPT_LAST_TRANSACTION, head, times->heard);
}

/* What its relay said of it, as far as it is kept. */
static void put_circuit(struct dhcp_builder *b, const struct event *event)
{
	uint8_t info[2 + PLACE_CIRCUIT_MAX] = {DHCP_RELAY_CIRCUIT, event->circuit_len};

	memcpy(info + 2, event->circuit, event->circuit_len);
	if (event->circuit_len)
		dhcp_put(b, DHCP_OPT_RELAY_INFO, info, 2u + event->circuit_len);
}

static void put_lease(struct dhcp_builder *b, const struct record_head *head, uint64_t until)
{
	uint64_t left = until > head->now ? until - head->now : 0;

	dhcp_put_u32(b, DHCP_OPT_LEASE_TIME, (uint32_t)(left / MNAT_NS_PER_SEC));
}

/* With the virtual address, which is the client's too, perhaps along with others. */
static void put_addresses(struct dhcp_builder *b, const struct event *event)
{
	const uint32_t all[] = {htonl(event->actual),
				htonl(event->shows ? event->shows : event->virt)};

	if (event->virt)
		dhcp_put(b, DHCP_OPT_ASSOCIATED_IP, all, sizeof(all));
}

static void put_host(const struct server *s, struct dhcp_builder *b, const struct event *event)
{
	const struct dhcp_mnat mnat = {
		.shim = {htonl(event->virt)},
		.generation = event->generation,
		.mode = event->tunnel ? DHCP_MODE_TUNNEL : 0,
		.arrivals = event->arrivals,
		.n_arrivals = event->n_arrivals,
	};

	dhcp_put_mnat(b, &s->conf->virt.codec, DHCP_SHIM_VIVSO, &mnat);
}

int record_active(const struct server *s, const struct record_head *head, const struct event *event,
		  struct record *ret_record)
{
	struct dhcp_builder b;

	begin(s, &b, head, DHCP_LEASEACTIVE, event->actual, event->mac, ret_record);
	put_lease(&b, head, event->times.until);
	put_state(&b, head, LEASEQUERY_ACTIVE, &event->times);
	dhcp_put(&b, DHCP_OPT_CLIENT_ID, event->client, event->client_len);
	put_circuit(&b, event);
	put_addresses(&b, event);
	put_host(s, &b, event);
	return dhcp_finish(&b, &ret_record->len);
}

/* What has become of it since is told when it is stored. */
static enum leasequery_state state_of(const struct lease *lease)
{
	if (!lease || !lease_is_durable(lease))
		return LEASEQUERY_AVAILABLE;
	switch (lease->state) {
	case MNAT_LEASE_RELEASED:
		return LEASEQUERY_RELEASED;
	case MNAT_LEASE_EXPIRED:
		return LEASEQUERY_EXPIRED;
	case MNAT_LEASE_DECLINED:
		return LEASEQUERY_ABANDONED;
	default:
		return LEASEQUERY_AVAILABLE;
	}
}

int record_unassigned(const struct server *s, const struct record_head *head,
		      const struct event *event, bool whole, struct record *ret_record)
{
	const struct lease *lease = lease_find(&s->leases, event->old);
	enum leasequery_state state = state_of(lease);
	struct lease_times times = {0};
	struct dhcp_builder b;

	if (state != LEASEQUERY_AVAILABLE)
		times = lease_times(lease);
	begin(s, &b, head, DHCP_LEASEUNASSIGNED, event->old, event->mac, ret_record);
	put_state(&b, head, state, &times);
	if (event->client_len)
		dhcp_put(&b, DHCP_OPT_CLIENT_ID, event->client, event->client_len);
	if (whole)
		put_host(s, &b, event);
	return dhcp_finish(&b, &ret_record->len);
}

int record_status(const struct server *s, const struct record_head *head, enum dhcp_type type,
		  enum leasequery_status status, const char *text, struct record *ret_record)
{
	struct dhcp_builder b;

	begin(s, &b, head, type, 0, NULL, ret_record);
	if (status != LEASEQUERY_SUCCESS || *text)
		leasequery_put_status(&b, status, text);
	return dhcp_finish(&b, &ret_record->len);
}
