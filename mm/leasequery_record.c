// SPDX-License-Identifier: GPL-2.0-only
/* What a message of a leasequery means to the manager. */
#include <errno.h>
#include <string.h>
#include <sys/param.h>

#include "leasequery.h"
#include "mnat/abi.h"
#include "mnat/addr.h"

#define ETHERNET     1
#define ETHERNET_LEN 6

/* Nothing has changed: it has been renewed, or is told again. */
static bool is_known(const struct host *host, const struct event *event)
{
	return host && event->actual.s_addr && event->actual.s_addr == host->actual.s_addr &&
	       event->tunnel == host->tunnel && !strcmp(event->mac, host->mac);
}

static uint32_t derive(const struct host *host, const struct event *event, uint32_t base,
		       uint32_t *left)
{
	uint32_t generation;

	if (is_known(host, event))
		return host->generation;
	generation = MAX(base, (host ? host->generation : *left) + 1);
	if (!event->actual.s_addr)
		*left = MAX(*left, generation);
	return generation;
}

/* The client's addresses are its actual one and that which it shows. */
static void take_shown(const struct dhcp_message *message, struct event *event)
{
	const struct dhcp_option *all = &message->options[DHCP_OPT_ASSOCIATED_IP];

	if (!mnat_is_sharing_identity(ntohl(event->identity.s_addr)))
		return;
	event->n_arrivals = 0;
	if (event->actual.s_addr && all->len >= 2 * sizeof(event->shows))
		memcpy(&event->shows, all->data + sizeof(event->shows), sizeof(event->shows));
}

static void take_host(const struct dhcp_message *message, struct event *event)
{
	event->plain = !message->shim.s_addr;
	event->identity = event->plain ? message->header.ciaddr : message->shim;
	event->tunnel = !event->plain && event->actual.s_addr && message->mode == DHCP_MODE_TUNNEL;
	event->n_arrivals = event->plain ? 0 : message->n_arrivals;
	memcpy(event->arrivals, message->arrivals, event->n_arrivals * sizeof(event->arrivals[0]));
	take_shown(message, event);
	if (message->header.htype == ETHERNET && message->header.hlen == ETHERNET_LEN)
		mnat_mac(message->header.chaddr, event->mac);
}

int feed_read(const struct dhcp_message *message, const struct registry *registry, bool ordered,
	      uint32_t *left, struct feed_record *ret_record)
{
	struct event event = {0};
	const struct host *host;
	uint32_t base = 1;

	if (!message->header.ciaddr.s_addr)
		return -EINVAL;
	if (message->type == DHCP_LEASEACTIVE)
		event.actual = message->header.ciaddr;
	else
		event.old = message->header.ciaddr;
	take_host(message, &event);
	if (event_check_shared(&event))
		return -EINVAL;
	host = registry_find(registry, event.identity, event.plain);
	dhcp_get_u32(message, DHCP_OPT_BASE_TIME, &base);
	event.generation =
		message->generation ? message->generation : derive(host, &event, base, left);
	*ret_record = (struct feed_record){
		.event = event,
		.stale = ordered && host && event.generation < host->generation,
	};
	return 0;
}
