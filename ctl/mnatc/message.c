// SPDX-License-Identifier: GPL-2.0-only
#include "message.h"

#include <arpa/inet.h>
#include <net/if_arp.h>
#include <string.h>

#include "mnat/dhcp_nonce.h"

static enum dhcp_shim_form form_by_name(const struct mnat_node_conf *conf)
{
	enum dhcp_shim_form seed = conf->seed_option ? DHCP_SHIM_SEED : DHCP_SHIM_NONE;

	if (!strcmp(conf->form, "seed"))
		return seed;
	if (!strcmp(conf->form, "both"))
		return DHCP_SHIM_VIVSO | seed;
	return DHCP_SHIM_VIVSO;
}

/* RFC 2132 9.14: type 1 and the hardware address, or type 0 and any text. */
void identity_init(const struct mnat_node_conf *conf, const uint8_t mac[6],
		   struct identity *ret_identity)
{
	struct client_id id = {};
	size_t len = strnlen(conf->client_id, sizeof(id.bytes) - 1);

	if (len) {
		memcpy(id.bytes + 1, conf->client_id, len);
	} else {
		id.bytes[0] = ARPHRD_ETHER;
		memcpy(id.bytes + 1, mac, len = 6);
	}
	id.len = (uint8_t)(len + 1);
	*ret_identity = (struct identity){
		.client_id = id,
		.codec = {.enterprise = conf->enterprise,
			  .seed_option = (uint8_t)conf->seed_option},
		.form = form_by_name(conf),
		.mode = conf->mode,
	};
}

static void put_parameters(struct dhcp_builder *b, const struct identity *identity)
{
	uint8_t wanted[12] = {
		DHCP_OPT_MASK, DHCP_OPT_ROUTER, DHCP_OPT_DNS,	     DHCP_OPT_DOMAIN,
		DHCP_OPT_T1,   DHCP_OPT_T2,	DHCP_OPT_LEASE_TIME,
	};
	size_t n = 7;

	if (identity->form & DHCP_SHIM_VIVSO)
		wanted[n++] = DHCP_OPT_VIVSO;
	if (identity->form & DHCP_SHIM_SEED)
		wanted[n++] = identity->codec.seed_option;
	dhcp_put(b, DHCP_OPT_PARAMETERS, wanted, n);
}

int message_build(const struct identity *identity, const struct fsm_message *message,
		  const struct arrivals *arrivals, const uint8_t mac[6], uint8_t *buf,
		  size_t *ret_len)
{
	const struct dhcp_mnat mnat = {
		.shim = message->shim,
		.mode = identity->mode,
		.arrivals = arrivals->list,
		.n_arrivals = arrivals->n,
	};
	struct dhcp_header header = {
		.op = DHCP_BOOTREQUEST,
		.htype = ARPHRD_ETHER,
		.hlen = 6,
		.xid = htonl(message->xid),
		.secs = htons(message->secs),
		.ciaddr = message->ciaddr,
		.magic = htonl(DHCP_MAGIC),
	};
	struct dhcp_builder b;

	memcpy(header.chaddr, mac, 6);
	dhcp_build(&b, buf, DHCP_MAX_MESSAGE, &header, message->type);
	dhcp_put(&b, DHCP_OPT_CLIENT_ID, identity->client_id.bytes, identity->client_id.len);
	if (message->requested.s_addr)
		dhcp_put_ip(&b, DHCP_OPT_REQUESTED_IP, message->requested);
	if (message->server.s_addr)
		dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, message->server);
	if (message->link.s_addr)
		dhcp_put_ip(&b, DHCP_OPT_SUBNET_SELECTION, message->link);
	if (message->rapid_commit)
		dhcp_put(&b, DHCP_OPT_RAPID_COMMIT, NULL, 0);
	if (message->type != DHCP_RELEASE && message->type != DHCP_DECLINE) {
		dhcp_put_u16(&b, DHCP_OPT_MAX_SIZE, DHCP_MAX_MESSAGE);
		put_parameters(&b, identity);
		dhcp_put_nonce_capable(&b);
		dhcp_put_mnat(&b, &identity->codec, identity->form, &mnat);
	}
	return dhcp_finish(&b, ret_len);
}
