// SPDX-License-Identifier: GPL-2.0-only
/* Writing answers, and where they go (RFC 2131 sections 4.1 and 4.3). */
#include <string.h>
#include <sys/param.h>

#include "exchange.h"

#define IP_UDP_LEN   28
#define MIN_DATAGRAM 576 /* every client takes this: RFC 2131 section 2 */

static size_t room_for_reply(const struct exchange *x)
{
	const struct dhcp_option *max = &x->in->options[DHCP_OPT_MAX_SIZE];
	size_t size = max->present ? (size_t)max->data[0] << 8 | max->data[1] : 0;

	return MIN(MAX(size, MIN_DATAGRAM) - IP_UDP_LEN, DHCP_MAX_MESSAGE);
}

static void begin(struct exchange *x, struct dhcp_builder *b, enum dhcp_type type,
		  struct in_addr yiaddr)
{
	const struct dhcp_header *in = &x->in->header;
	struct dhcp_header header = {
		.op = DHCP_BOOTREPLY,
		.htype = in->htype,
		.hlen = in->hlen,
		.xid = in->xid,
		.flags = in->flags,
		.ciaddr = type == DHCP_ACK ? in->ciaddr : (struct in_addr){0},
		.yiaddr = yiaddr,
		.giaddr = in->giaddr,
	};

	memcpy(header.chaddr, in->chaddr, sizeof(header.chaddr));
	/* so that the relay broadcasts it: RFC 2131 section 4.3.2 */
	if (type == DHCP_NAK && in->giaddr.s_addr)
		header.flags |= htons(DHCP_FLAG_BROADCAST);
	x->reply->type = type;
	x->reply->room = room_for_reply(x);
	dhcp_build(b, x->reply->bytes, x->reply->room, &header, type);
	dhcp_put_ip(b, DHCP_OPT_SERVER_ID, x->server->conf->server_id);
}

static void address_reply(struct exchange *x, struct in_addr yiaddr)
{
	const struct dhcp_header *in = &x->in->header;
	struct reply *reply = x->reply;

	memcpy(reply->mac, in->chaddr, sizeof(reply->mac));
	if (in->giaddr.s_addr) {
		reply->how = REPLY_RELAY;
		reply->to = in->giaddr;
	} else if (reply->type == DHCP_NAK) {
		reply->how = REPLY_BROADCAST;
	} else if (in->ciaddr.s_addr) {
		reply->how = REPLY_UNICAST;
		reply->to = in->ciaddr;
	} else if (in->flags & htons(DHCP_FLAG_BROADCAST)) {
		reply->how = REPLY_BROADCAST;
	} else {
		reply->how = REPLY_HARDWARE;
		reply->to = yiaddr;
	}
}

static bool finish(struct exchange *x, struct dhcp_builder *b, struct in_addr yiaddr)
{
	static const uint8_t echoed[] = {
		DHCP_OPT_CLIENT_ID,  /* RFC 6842 */
		DHCP_OPT_RELAY_INFO, /* RFC 3046 section 2.2: byte for byte, and last */
	};

	for (size_t i = 0; i < sizeof(echoed); i++) {
		const struct dhcp_option *option = &x->in->options[echoed[i]];

		if (option->present)
			dhcp_put(b, echoed[i], option->data, option->len);
	}
	if (dhcp_finish(b, &x->reply->len)) {
		server_count(x->server, COUNTER_reply_too_big);
		return false;
	}
	address_reply(x, yiaddr);
	return true;
}

/* A client that gives no list takes what there is. */
static bool wanted(const struct exchange *x, uint8_t code)
{
	return !x->in->options[DHCP_OPT_PARAMETERS].present || dhcp_wants(x->in, code);
}

static void put_network(struct exchange *x, struct dhcp_builder *b)
{
	const struct subnet_conf *subnet = x->subnet;

	dhcp_put_u32(b, DHCP_OPT_MASK, ~(subnet->prefix.last - subnet->prefix.first));
	if (subnet->router.s_addr && wanted(x, DHCP_OPT_ROUTER))
		dhcp_put_ip(b, DHCP_OPT_ROUTER, subnet->router);
	if (subnet->n_dns && wanted(x, DHCP_OPT_DNS))
		dhcp_put(b, DHCP_OPT_DNS, subnet->dns, subnet->n_dns * sizeof(subnet->dns[0]));
	if (*subnet->domain && wanted(x, DHCP_OPT_DOMAIN))
		dhcp_put(b, DHCP_OPT_DOMAIN, subnet->domain, strlen(subnet->domain));
	if (subnet->mtu && wanted(x, DHCP_OPT_MTU))
		dhcp_put_u16(b, DHCP_OPT_MTU, subnet->mtu);
	if (dhcp_wants(x->in, DHCP_OPT_BROADCAST))
		dhcp_put_u32(b, DHCP_OPT_BROADCAST, subnet->prefix.last);
}

static void put_virtual(struct exchange *x, struct dhcp_builder *b, const struct lease *virt)
{
	const struct virtual_conf *conf = &x->server->conf->virt;

	struct dhcp_mnat mnat = {.manager = conf->manager, .domain = conf->domain};

	if (!virt || !x->in->shim_form)
		return;
	mnat.shim.s_addr = htonl(virt->address);
	dhcp_put_mnat(b, &conf->codec, x->in->shim_form, &mnat);
}

bool reply_lease(struct exchange *x, enum dhcp_type type, const struct lease *lease,
		 const struct lease *virt, uint32_t seconds)
{
	struct in_addr yiaddr = {htonl(lease->address)};
	struct dhcp_builder b;

	begin(x, &b, type, yiaddr);
	dhcp_put_u32(&b, DHCP_OPT_LEASE_TIME, seconds);
	dhcp_put_u32(&b, DHCP_OPT_T1, seconds / 2);
	dhcp_put_u32(&b, DHCP_OPT_T2, (uint32_t)((uint64_t)seconds * 7 / 8));
	put_network(x, &b);
	put_virtual(x, &b, virt);
	return finish(x, &b, yiaddr);
}

bool reply_nak(struct exchange *x, const char *why)
{
	struct dhcp_builder b;

	begin(x, &b, DHCP_NAK, (struct in_addr){0});
	dhcp_put(&b, DHCP_OPT_MESSAGE, why, strlen(why));
	return finish(x, &b, (struct in_addr){0});
}

/* RFC 2131 section 4.3.5: no lease times, no yiaddr. */
bool reply_inform(struct exchange *x)
{
	const struct client *client = x->client;
	struct dhcp_builder b;

	begin(x, &b, DHCP_ACK, (struct in_addr){0});
	put_network(x, &b);
	if (client && client->virt && client->virt->state == MNAT_LEASE_BOUND)
		put_virtual(x, &b, client->virt);
	return finish(x, &b, (struct in_addr){0});
}
