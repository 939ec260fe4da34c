// SPDX-License-Identifier: GPL-2.0-only
/*
 * FORCERENEW (RFC 3203) by the nonces of RFC 6704. They are not stored: after a restart a
 * client gets another one with its next ACK.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mnat/dhcp_nonce.h"

#include "exchange.h"

struct nonce {
	uint8_t bytes[DHCP_NONCE_LEN];
	uint32_t xid; /* of the client's last exchange: some want to see it again */
};

static void forget(struct client *client)
{
	free(client->nonce);
	client->nonce = NULL;
}

/* One that renews has its nonce, if we know of it; others may have forgotten theirs. */
void put_nonce(struct exchange *x, struct dhcp_builder *b)
{
	struct client *client = x->client;
	bool has = client->nonce && client_address(x);

	/* RFC 3118's proof takes option 90 */
	if (!dhcp_takes_nonce(x->in) || x->proof.auth.how == DHCP_AUTH_RFC3118) {
		forget(client);
		return;
	}
	if (!client->nonce)
		client->nonce = calloc(1, sizeof(*client->nonce));
	if (!client->nonce)
		return;
	client->nonce->xid = x->in->header.xid;
	if (has)
		return;
	if (getrandom(client->nonce->bytes, DHCP_NONCE_LEN, 0) == DHCP_NONCE_LEN)
		dhcp_put_nonce(b, client->nonce->bytes, auth_next_stamp(&x->server->auth));
	else
		forget(client);
}

bool server_forcerenew(struct server *s, const struct client *client, struct reply *ret_reply)
{
	struct dhcp_header header = {.op = DHCP_BOOTREPLY, .htype = 1, .hlen = 6};
	struct dhcp_builder b;

	if (!client->bound || !client->nonce)
		return false;
	header.xid = client->nonce->xid;
	memcpy(header.chaddr, client->mac, sizeof(client->mac));
	*ret_reply = (struct reply){
		.type = DHCP_FORCERENEW,
		.how = REPLY_UNICAST,
		.to = {htonl(client->bound->address)},
	};
	dhcp_build(&b, ret_reply->bytes, sizeof(ret_reply->bytes), &header, DHCP_FORCERENEW);
	dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, s->conf->server_id);
	dhcp_put(&b, DHCP_OPT_CLIENT_ID, client->key, client->key_len);
	return !dhcp_finish_forcerenew(&b, client->nonce->bytes, auth_next_stamp(&s->auth),
				       &ret_reply->len);
}
