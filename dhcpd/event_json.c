// SPDX-License-Identifier: GPL-2.0-only
#include "event_json.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>

#include "mnat/addr.h"
#include "mnat/hex.h"

static json_t *json_ip(uint32_t address)
{
	char text[MNAT_IP_LEN];

	return address ? json_string(mnat_ip((struct in_addr){htonl(address)}, text)) : json_null();
}

static json_t *arrival_to_json(const struct dhcp_mnat_arrival *arrival)
{
	char ticket[MNAT_HEX_LEN(sizeof(arrival->ticket))],
		proof[MNAT_HEX_LEN(sizeof(arrival->proof))];

	return json_pack("{s:o, s:s, s:I, s:s}", "manager", json_ip(ntohl(arrival->manager.s_addr)),
			 "ticket", mnat_hex(arrival->ticket, sizeof(arrival->ticket), ticket),
			 "counter", (json_int_t)be64toh(arrival->counter), "proof",
			 mnat_hex(arrival->proof, sizeof(arrival->proof), proof));
}

static void add_arrivals(json_t *json, const struct event *event)
{
	json_t *list = event->n_arrivals ? json_array() : NULL;

	for (unsigned int i = 0; i < event->n_arrivals; i++)
		json_array_append_new(list, arrival_to_json(&event->arrivals[i]));
	if (list)
		json_object_set_new(json, "arrivals", list);
}

json_t *event_to_json(const struct event *event)
{
	char circuit[MNAT_HEX_LEN(PLACE_CIRCUIT_MAX)];
	char mac[MNAT_MAC_LEN], client[MNAT_HEX_LEN(MNAT_CLIENT_MAX)];
	json_t *json;

	json = json_pack("{s:o, s:o, s:o, s:I, s:s, s:s}", "virtual", json_ip(event->virt),
			 "actual", json_ip(event->actual), "old", json_ip(event->old), "gen",
			 (json_int_t)event->generation, "mac", mnat_mac(event->mac, mac), "client",
			 mnat_hex(event->client, event->client_len, client));
	if (event->circuit_len)
		json_object_set_new(
			json, "circuit",
			json_string(mnat_hex(event->circuit, event->circuit_len, circuit)));
	if (event->tunnel)
		json_object_set_new(json, "tunnel", json_true());
	if (event->shows)
		json_object_set_new(json, "shows", json_ip(event->shows));
	add_arrivals(json, event);
	return json;
}

int token_from_json(const json_t *tokens, uint32_t virt, struct dhcp_mnat_token *ret_token)
{
	struct dhcp_mnat_token token;
	char name[MNAT_IP_LEN];
	const json_t *json;

	json = json_object_get(tokens, mnat_ip((struct in_addr){htonl(virt)}, name));
	if (mnat_unhex(json_string_value(json_object_get(json, "ticket")), token.ticket,
		       sizeof(token.ticket)) ||
	    mnat_unhex(json_string_value(json_object_get(json, "key")), token.key,
		       sizeof(token.key)))
		return -EINVAL;
	*ret_token = token;
	return 0;
}
