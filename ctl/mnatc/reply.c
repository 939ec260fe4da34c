// SPDX-License-Identifier: GPL-2.0-only
#include "reply.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

/* An address a host can have: not 0/8, 127/8, multicast, reserved or broadcast. */
static bool is_host_address(struct in_addr addr)
{
	uint32_t a = ntohl(addr.s_addr), net = a >> 24;

	return net != 0 && net != 127 && net < 224;
}

static bool is_mask(struct in_addr mask)
{
	uint32_t host = ~ntohl(mask.s_addr);

	return mask.s_addr && !(host & (host + 1));
}

static void decode_text(const struct dhcp_message *message, char text[REPLY_TEXT_MAX])
{
	const struct dhcp_option *option = &message->options[DHCP_OPT_MESSAGE];
	size_t len = option->present ? option->len : 0;

	if (len > REPLY_TEXT_MAX - 1)
		len = REPLY_TEXT_MAX - 1;
	for (size_t i = 0; i < len; i++)
		text[i] = isprint(option->data[i]) ? (char)option->data[i] : '?';
	text[len] = '\0';
}

/* RFC 2131 4.4.5: without T1 and T2, or with senseless ones, the usual fractions. */
static void decode_times(const struct dhcp_message *message, struct lease *lease)
{
	if (!dhcp_get_u32(message, DHCP_OPT_T2, &lease->t2_s) || !lease->t2_s ||
	    lease->t2_s >= lease->lease_s)
		lease->t2_s = (uint32_t)((uint64_t)lease->lease_s * 7 / 8);
	if (!dhcp_get_u32(message, DHCP_OPT_T1, &lease->t1_s) || !lease->t1_s ||
	    lease->t1_s >= lease->t2_s)
		lease->t1_s =
			lease->t2_s < lease->lease_s / 2 ? lease->t2_s / 2 : lease->lease_s / 2;
}

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '.')
			return false;
	return len && isalnum((unsigned char)text[0]);
}

/* It goes into a file that programs trust: what is not a name is left out. */
static void decode_dns(const struct dhcp_message *message, struct lease_dns *dns)
{
	const struct dhcp_option *servers = &message->options[DHCP_OPT_DNS];
	const struct dhcp_option *domain = &message->options[DHCP_OPT_DOMAIN];
	size_t len = domain->present ? strnlen((const char *)domain->data, domain->len) : 0;
	struct in_addr server;

	for (size_t i = 0; servers->present && i + 4 <= servers->len && dns->n < LEASE_MAX_DNS;
	     i += 4) {
		memcpy(&server, servers->data + i, sizeof(server));
		if (is_host_address(server))
			dns->servers[dns->n++] = server;
	}
	if (len < sizeof(dns->search) && is_name((const char *)domain->data, len))
		memcpy(dns->search, domain->data, len);
}

static const char *decode_lease(const struct dhcp_message *message, struct lease *lease)
{
	lease->actual = message->header.yiaddr;
	if (!is_host_address(lease->actual))
		return "your-address is not one a host can have";
	if (!dhcp_get_ip(message, DHCP_OPT_MASK, &lease->mask) || !is_mask(lease->mask))
		return "subnet mask is missing or has holes";
	if (!dhcp_get_u32(message, DHCP_OPT_LEASE_TIME, &lease->lease_s) || !lease->lease_s)
		return "lease time is missing or zero";
	if (dhcp_get_ip(message, DHCP_OPT_ROUTER, &lease->router) &&
	    !is_host_address(lease->router))
		return "router is not an address a host can have";
	decode_times(message, lease);
	lease->mobile = message->shim_form != DHCP_SHIM_NONE && message->shim.s_addr;
	if (lease->mobile && !is_host_address(message->shim))
		return "virtual address is not one a host can have";
	lease->virt = lease->mobile ? message->shim : lease->actual;
	decode_dns(message, &lease->dns);
	lease->manager = message->manager;
	lease->domain = message->domain;
	if (lease->mobile && message->mode == DHCP_MODE_TUNNEL)
		lease->tunnel = message->gateway;
	lease->have_token = lease->mobile && message->token_present;
	if (lease->have_token)
		lease->token = message->token;
	return NULL;
}

int reply_decode(const struct dhcp_message *message, struct reply *ret_reply, const char **ret_why)
{
	struct reply reply = {.type = message->type, .xid = ntohl(message->header.xid)};
	const char *why = NULL;

	if (reply.type != DHCP_OFFER && reply.type != DHCP_ACK && reply.type != DHCP_NAK)
		why = "not an answer to a client";
	else if (!dhcp_get_ip(message, DHCP_OPT_SERVER_ID, &reply.server) ||
		 !is_host_address(reply.server))
		why = "server identifier is missing or impossible";
	else if (reply.type == DHCP_NAK)
		decode_text(message, reply.text);
	else
		why = decode_lease(message, &reply.lease);
	if (why) {
		*ret_why = why;
		return -EBADMSG;
	}
	reply.lease.server = reply.server;
	reply.rapid_commit = message->options[DHCP_OPT_RAPID_COMMIT].present;
	*ret_reply = reply;
	return 0;
}
