// SPDX-License-Identifier: GPL-2.0-only
#include "local_dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/netlink.h"
#include "port.h"

static const struct dhcp_codec plain; /* the stack's client knows nothing of MobileNAT */

/* OFFER, ACK or NAK; 0: silence. */
static enum dhcp_type decide(const struct dhcp_message *in, const struct local_offer *offer)
{
	struct in_addr server, wanted = in->header.ciaddr;

	if (in->type == DHCP_DISCOVER)
		return DHCP_OFFER;
	if (in->type == DHCP_INFORM)
		return DHCP_ACK;
	if (in->type != DHCP_REQUEST)
		return 0;
	if (dhcp_get_ip(in, DHCP_OPT_SERVER_ID, &server) && server.s_addr != offer->server.s_addr)
		return 0; /* it took another server's offer: there is no other here */
	if (!wanted.s_addr)
		dhcp_get_ip(in, DHCP_OPT_REQUESTED_IP, &wanted);
	return wanted.s_addr == offer->virt.s_addr ? DHCP_ACK : DHCP_NAK;
}

static void put_parameters(struct dhcp_builder *b, const struct dhcp_message *in,
			   const struct local_offer *offer)
{
	if (in->type != DHCP_INFORM)
		dhcp_put_u32(b, DHCP_OPT_LEASE_TIME, LEASE_INFINITE);
	dhcp_put_ip(b, DHCP_OPT_MASK, offer->mask);
	dhcp_put_ip(b, DHCP_OPT_ROUTER, offer->gateway);
	if (offer->mtu)
		dhcp_put_u16(b, DHCP_OPT_MTU, (uint16_t)offer->mtu);
	if (offer->dns.n)
		dhcp_put(b, DHCP_OPT_DNS, offer->dns.servers,
			 (size_t)offer->dns.n * sizeof(offer->dns.servers[0]));
	if (offer->dns.search[0])
		dhcp_put(b, DHCP_OPT_DOMAIN, offer->dns.search, strlen(offer->dns.search));
}

size_t local_dhcp_answer(const struct dhcp_message *in, const struct local_offer *offer,
			 uint8_t *buf)
{
	enum dhcp_type type = decide(in, offer);
	struct dhcp_header header = {
		.op = DHCP_BOOTREPLY,
		.htype = ARPHRD_ETHER,
		.hlen = 6,
		.xid = in->header.xid,
		.flags = in->header.flags,
		.ciaddr = type == DHCP_NAK ? (struct in_addr){0} : in->header.ciaddr,
		.magic = htonl(DHCP_MAGIC),
	};
	const struct dhcp_option *id = &in->options[DHCP_OPT_CLIENT_ID];
	struct dhcp_builder b;
	size_t len;

	if (!type)
		return 0;
	memcpy(header.chaddr, in->header.chaddr, sizeof(header.chaddr));
	if (type != DHCP_NAK && in->type != DHCP_INFORM)
		header.yiaddr = offer->virt;
	dhcp_build(&b, buf, DHCP_MAX_MESSAGE, &header, type);
	dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, offer->server);
	if (type != DHCP_NAK)
		put_parameters(&b, in, offer);
	if (id->present)
		dhcp_put(&b, DHCP_OPT_CLIENT_ID, id->data, id->len); /* RFC 6842 */
	return dhcp_finish(&b, &len) ? 0 : len;
}

static void answer(struct local_dhcp *server)
{
	const struct dhcp_header *header = &server->in.header;
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = local_dhcp_answer(&server->in, &server->offer, buf);
	struct in_addr to = header->ciaddr;
	int r;

	if (!len)
		return;
	if (!to.s_addr)
		to.s_addr = INADDR_BROADCAST;
	r = port_send_udp(server->fd, server->index, server->offer.gateway, DHCP_SERVER_PORT, to,
			  DHCP_CLIENT_PORT, header->chaddr, buf, len);
	if (r < 0)
		log_warn("the stack's %s cannot be answered: %s", dhcp_type_name(server->in.type),
			 strerror(-r));
	if (server->in.type == DHCP_REQUEST)
		server->given = server->offer.virt;
}

static void readable(void *user)
{
	struct local_dhcp *server = user;
	uint8_t buf[DHCP_MAX_MESSAGE + 64];
	const uint8_t *payload;
	int len;

	while ((len = port_receive_udp(server->fd, DHCP_SERVER_PORT, buf, sizeof(buf), &payload)) !=
	       -EAGAIN) {
		if (len < 0 || dhcp_parse(&plain, DHCP_BOOTREQUEST, payload, (size_t)len,
					  &server->in) != DHCP_E_NONE)
			continue;
		server->held = !server->offer.virt.s_addr;
		if (!server->held)
			answer(server);
	}
}

int local_dhcp_open(uv_loop_t *loop, const char *device, struct local_dhcp *server)
{
	char peer[IF_NAMESIZE];
	int r = -ENODEV;

	*server = (struct local_dhcp){.fd = -1};
	snprintf(peer, sizeof(peer), "%.9s-peer", device);
	server->index = (int)if_nametoindex(peer);
	if (server->index)
		r = port_open_udp(server->index, DHCP_SERVER_PORT, &server->fd);
	if (!r)
		r = watch_start(loop, server->fd, readable, server, &server->watch);
	if (r < 0) {
		log_err("%s: the stack's DHCP cannot be listened to: %s", peer, strerror(-r));
		local_dhcp_close(server);
	}
	return r;
}

void local_dhcp_close(struct local_dhcp *server)
{
	if (!server->index)
		return;
	watch_stop(&server->watch);
	mnat_closep(&server->fd);
	*server = (struct local_dhcp){.fd = -1};
}

static void flap(const struct local_dhcp *server)
{
	struct mnl_socket *nl = NULL;
	int r = mnat_nl_open(0, &nl);

	if (!r)
		r = mnat_link_set_down(nl, server->index);
	if (!r)
		r = mnat_link_set_up(nl, server->index);
	if (r)
		log_warn("the stack cannot be told of its new address: %s", strerror(-r));
	mnat_nl_closep(&nl);
}

void local_dhcp_set(struct local_dhcp *server, const struct local_offer *offer)
{
	if (!server->index)
		return;
	server->offer = *offer;
	if (!offer->virt.s_addr)
		return;
	if (server->held) {
		server->held = false;
		answer(server);
	} else if (server->given.s_addr && server->given.s_addr != offer->virt.s_addr) {
		server->given = (struct in_addr){0};
		flap(server);
	}
}
