// SPDX-License-Identifier: GPL-2.0-only
/* Writing answers, and where they go (RFC 2131 sections 4.1 and 4.3). */
#include <string.h>
#include <sys/param.h>

#include "mnat/abi.h"

#include "exchange.h"

#define IP_UDP_LEN   28
#define MIN_DATAGRAM 576 /* every client takes this: RFC 2131 section 2 */

static size_t room_for_reply(const struct exchange *x)
{
	const struct dhcp_option *max = &x->in->options[DHCP_OPT_MAX_SIZE];
	size_t size = max->present ? (size_t)max->data[0] << 8 | max->data[1] : 0;

	return MIN(MAX(size, MIN_DATAGRAM) - IP_UDP_LEN, DHCP_MAX_MESSAGE);
}

const struct option_value *option_for(const struct exchange *x, uint8_t code)
{
	const struct option_set *sets[] = {
		x->host ? &x->host->options : NULL,
		x->class ? &x->class->options : NULL,
		&x->subnet->options,
		&x->server->conf->options,
	};
	const struct option_value *value = NULL;

	for (size_t i = 0; !value && i < sizeof(sets) / sizeof(sets[0]); i++)
		if (sets[i])
			value = options_find(sets[i], code);
	return value;
}

/* For clients that look there rather than among the options: boot ROMs. */
static void name_boot_file(const struct exchange *x, struct dhcp_header *header)
{
	const struct option_value *file = option_for(x, DHCP_OPT_BOOT_FILE);

	header->siaddr = x->subnet->next_server;
	if (file && file->len < sizeof(header->file))
		memcpy(header->file, file->data, file->len);
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

	if (type != DHCP_NAK)
		name_boot_file(x, &header);
	memcpy(header.chaddr, in->chaddr, sizeof(header.chaddr));
	/* so that the relay broadcasts it: RFC 2131 section 4.3.2 */
	if (type == DHCP_NAK && in->giaddr.s_addr)
		header.flags |= htons(DHCP_FLAG_BROADCAST);
	x->reply->type = type;
	x->reply->room = room_for_reply(x);
	dhcp_build(b, x->reply->bytes, x->reply->room, &header, type);
	dhcp_put_ip(b, DHCP_OPT_SERVER_ID, x->server_id);
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

/* A client that gives no list takes what there is. */
bool is_wanted(const struct exchange *x, uint8_t code)
{
	return !x->in->options[DHCP_OPT_PARAMETERS].present || dhcp_wants(x->in, code);
}

void offer_option(struct exchange *x, struct dhcp_builder *b, uint8_t code, const void *data,
		  size_t len)
{
	if (!dhcp_offer(b, code, data, len))
		server_count(x->server, COUNTER_option_no_room);
}

static void put_option(struct exchange *x, struct dhcp_builder *b, uint8_t code)
{
	const struct option_value *value = option_for(x, code);

	if (value)
		offer_option(x, b, code, value->data, value->len);
	else if (code == DHCP_OPT_BROADCAST)
		offer_option(x, b, code, &(uint32_t){htonl(x->subnet->prefix.last)}, 4);
}

/* In the client's order, which is that of its preference (RFC 2132 section 9.8). */
static void put_options(struct exchange *x, struct dhcp_builder *b)
{
	const struct dhcp_option *list = &x->in->options[DHCP_OPT_PARAMETERS];
	uint64_t done[4] = {0};

	for (unsigned int i = 0; i < list->len; i++) {
		uint8_t code = list->data[i];

		if (!(done[code / 64] >> code % 64 & 1))
			put_option(x, b, code);
		done[code / 64] |= 1ull << code % 64;
	}
	for (int code = 1; !list->present && code < DHCP_OPT_END; code++)
		if (code != DHCP_OPT_BROADCAST)
			put_option(x, b, (uint8_t)code);
}

/*
 * What says who and where, and must be there: the client's identifier (RFC 6842), the
 * subnet it chose (RFC 3011), and, last, what its relay said, byte for byte (RFC 3046
 * section 2.2).
 */
static void echo(struct exchange *x, struct dhcp_builder *b, uint8_t code)
{
	const struct dhcp_option *option = &x->in->options[code];

	if (option->present)
		dhcp_put(b, code, option->data, option->len);
}

/* Room that must be left for what comes after the options that may be left out. */
static size_t room_for_rest(const struct exchange *x)
{
	const struct dhcp_option *relay = &x->in->options[DHCP_OPT_RELAY_INFO];
	size_t room = auth_room(x) + (relay->present ? dhcp_option_size(relay->len) : 0);

	if (x->reply->token_for)
		room += 2 + sizeof(struct dhcp_mnat_token);
	return room;
}

static void put_network(struct exchange *x, struct dhcp_builder *b)
{
	dhcp_keep(b, room_for_rest(x));
	put_names(x, b);
	put_options(x, b);
	dhcp_put_overload(b);
}

static bool finish(struct exchange *x, struct dhcp_builder *b, struct in_addr yiaddr)
{
	echo(x, b, DHCP_OPT_RELAY_INFO);
	if (dhcp_finish(b, &x->reply->len)) {
		server_count(x->server, COUNTER_reply_too_big);
		return false;
	}
	address_reply(x, yiaddr);
	return true;
}

static void put_mask(struct exchange *x, struct dhcp_builder *b)
{
	dhcp_put_u32(b, DHCP_OPT_MASK, ~(x->subnet->prefix.last - x->subnet->prefix.first));
}

/*
 * The domain decides how the shim works, or leaves it to the client. Who shares its address is
 * reached by tunnel: nothing else tells such hosts' packets apart.
 */
static uint8_t mode_for(const struct exchange *x, const struct lease *virt)
{
	const struct virtual_conf *conf = &x->server->conf->virt;
	uint8_t mode = conf->mode ? conf->mode : x->in->mode;

	if (mnat_is_sharing_identity(virt->address))
		return DHCP_MODE_TUNNEL;
	if (mode == DHCP_MODE_TUNNEL && !conf->gateway.s_addr)
		return DHCP_MODE_TRANSLATE;
	return mode <= DHCP_MODE_TUNNEL ? mode : DHCP_MODE_EITHER;
}

/* The seed's own form has no word for it. */
bool uses_tunnel(const struct exchange *x, const struct lease *virt)
{
	return x->in->shim_form & DHCP_SHIM_VIVSO && mode_for(x, virt) == DHCP_MODE_TUNNEL;
}

static void put_virtual(struct exchange *x, struct dhcp_builder *b, const struct lease *virt)
{
	const struct virtual_conf *conf = &x->server->conf->virt;
	uint32_t shown = virt ? shown_address(x->server->conf, virt->address) : 0;
	struct dhcp_mnat mnat = {.manager = conf->manager};

	if (!shown || !x->in->shim_form)
		return;
	if (shown != virt->address && !uses_tunnel(x, virt))
		return; /* it would translate */
	mnat.mode = mode_for(x, virt);
	if (uses_tunnel(x, virt))
		mnat.gateway = conf->gateway;
	if (!mnat_is_sharing_identity(virt->address))
		mnat.domain = conf->domain; /* which gives it tickets */
	mnat.shim.s_addr = htonl(shown);
	dhcp_put_mnat(b, &conf->codec, x->in->shim_form, &mnat);
}

static void put_times(struct dhcp_builder *b, uint32_t seconds)
{
	dhcp_put_u32(b, DHCP_OPT_LEASE_TIME, seconds);
	dhcp_put_u32(b, DHCP_OPT_T1, seconds / 2);
	dhcp_put_u32(b, DHCP_OPT_T2, (uint32_t)((uint64_t)seconds * 7 / 8));
}

bool reply_lease(struct exchange *x, enum dhcp_type type, const struct lease *lease,
		 const struct lease *virt, uint32_t seconds)
{
	struct in_addr yiaddr = {htonl(lease->address)};
	struct dhcp_builder b;

	begin(x, &b, type, yiaddr);
	put_times(&b, seconds);
	put_mask(x, &b);
	if (type == DHCP_ACK && x->in->type == DHCP_DISCOVER)
		dhcp_put(&b, DHCP_OPT_RAPID_COMMIT, NULL, 0);
	echo(x, &b, DHCP_OPT_CLIENT_ID);
	echo(x, &b, DHCP_OPT_SUBNET_SELECTION);
	put_virtual(x, &b, virt);
	if (type == DHCP_ACK)
		put_nonce(x, &b);
	put_network(x, &b);
	return finish(x, &b, yiaddr);
}

bool reply_nak(struct exchange *x, const char *why)
{
	struct dhcp_builder b;

	begin(x, &b, DHCP_NAK, (struct in_addr){0});
	dhcp_put(&b, DHCP_OPT_MESSAGE, why, strlen(why));
	echo(x, &b, DHCP_OPT_CLIENT_ID);
	echo(x, &b, DHCP_OPT_SUBNET_SELECTION);
	return finish(x, &b, (struct in_addr){0});
}

/* RFC 2131 section 4.3.5: no lease times, no yiaddr. */
bool reply_inform(struct exchange *x)
{
	const struct client *client = x->client;
	struct dhcp_builder b;

	begin(x, &b, DHCP_ACK, (struct in_addr){0});
	put_mask(x, &b);
	echo(x, &b, DHCP_OPT_CLIENT_ID);
	echo(x, &b, DHCP_OPT_SUBNET_SELECTION);
	if (client && client->virt && client->virt->state == MNAT_LEASE_BOUND)
		put_virtual(x, &b, client->virt);
	put_network(x, &b);
	return finish(x, &b, (struct in_addr){0});
}
