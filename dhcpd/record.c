// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/hex.h"

static const char *const states[] = {
	[MNAT_LEASE_OFFERED] = "offered",   [MNAT_LEASE_BOUND] = "bound",
	[MNAT_LEASE_RELEASED] = "released", [MNAT_LEASE_EXPIRED] = "expired",
	[MNAT_LEASE_DECLINED] = "declined",
};

#define N_STATES (sizeof(states) / sizeof(states[0]))

const char *record_state_name(enum mnat_lease_state state)
{
	return states[state];
}

int record_set_state(struct mnat_lease_record *record, const char *text)
{
	for (size_t i = 0; text && i < N_STATES; i++)
		if (!strcmp(states[i], text)) {
			record->state = (enum mnat_lease_state)i;
			return 0;
		}
	return -EINVAL;
}

const char *record_kind(const struct mnat_lease_record *record)
{
	if (!record->is_virtual)
		return "actual";
	return record->is_foreign ? "foreign" : "virtual";
}

int record_set_kind(struct mnat_lease_record *record, const char *text)
{
	bool is_foreign = text && !strcmp(text, "foreign");
	bool is_virtual = is_foreign || (text && !strcmp(text, "virtual"));

	if (!text || (!is_virtual && strcmp(text, "actual") != 0))
		return -EINVAL;
	record->is_virtual = is_virtual;
	record->is_foreign = is_foreign;
	return 0;
}

/* ---- JSON ---- */

static json_t *json_ip(uint32_t address)
{
	char text[MNAT_IP_LEN];

	return address ? json_string(mnat_ip((struct in_addr){htonl(address)}, text)) : json_null();
}

json_t *record_to_json(const struct mnat_lease_record *record)
{
	char mac[MNAT_MAC_LEN], client[MNAT_HEX_LEN(MNAT_CLIENT_MAX)];
	bool held = record->client_len;

	return json_pack(
		"{s:o, s:s, s:s, s:I, s:I, s:o, s:s?, s:s?, s:s?, s:b}", "address",
		json_ip(record->address), "kind", record_kind(record), "state",
		record_state_name(record->state), "expires", (json_int_t)record->expires,
		"generation", (json_int_t)record->generation, "virtual", json_ip(record->virt),
		"mac", held ? mnat_mac(record->mac, mac) : NULL, "client",
		held ? mnat_hex(record->client, record->client_len, client) : NULL, "hostname",
		*record->hostname ? record->hostname : NULL, "tunnel", record->tunnel);
}

static int get_ip(const json_t *json, const char *key, uint32_t *ret_address)
{
	const json_t *value = json_object_get(json, key);
	struct in_addr addr = {0};

	if (json_is_null(value))
		return 0;
	if (!json_is_string(value) || mnat_parse_ip(json_string_value(value), &addr))
		return -EINVAL;
	*ret_address = ntohl(addr.s_addr);
	return 0;
}

static int get_number(const json_t *json, const char *key, json_int_t max, json_int_t *ret_number)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > max)
		return -EINVAL;
	*ret_number = json_integer_value(value);
	return 0;
}

/* null: nobody's, and *ret_len stays as it was. */
static int get_client(const json_t *json, uint8_t client[MNAT_CLIENT_MAX], uint8_t *ret_len)
{
	const json_t *value = json_object_get(json, "client");
	size_t len = json_string_length(value);

	if (json_is_null(value))
		return 0;
	if (!len || len % 2 || len / 2 > MNAT_CLIENT_MAX ||
	    mnat_unhex(json_string_value(value), client, len / 2))
		return -EINVAL;
	*ret_len = (uint8_t)(len / 2);
	return 0;
}

static int get_mac(const json_t *json, struct mnat_lease_record *record)
{
	const char *text = json_string_value(json_object_get(json, "mac"));

	return text ? mnat_parse_mac(text, record->mac) : record->client_len ? -EINVAL : 0;
}

static int get_hostname(const json_t *json, struct mnat_lease_record *record)
{
	const char *text = json_string_value(json_object_get(json, "hostname"));

	if (!text)
		return 0;
	if (strlen(text) >= sizeof(record->hostname))
		return -EINVAL;
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return -EINVAL;
	strcpy(record->hostname, text);
	return 0;
}

/* An address in use is somebody's, but for a declined one: whose that is nobody knows. */
static bool has_right_holder(const struct mnat_lease_record *record)
{
	return record->state == MNAT_LEASE_BOUND      ? record->client_len
	       : record->state == MNAT_LEASE_DECLINED ? !record->client_len
						      : true;
}

const char *record_from_json(const json_t *json, struct mnat_lease_record *ret_record)
{
	struct mnat_lease_record record = {0};
	json_int_t generation, expires;

	if (get_ip(json, "address", &record.address) || !record.address)
		return "address";
	if (record_set_kind(&record, json_string_value(json_object_get(json, "kind"))))
		return "kind";
	if (record_set_state(&record, json_string_value(json_object_get(json, "state"))) ||
	    record.state == MNAT_LEASE_OFFERED)
		return "state";
	if (get_number(json, "expires", INT64_MAX, &expires))
		return "expires";
	if (get_number(json, "generation", UINT32_MAX, &generation))
		return "generation";
	if (get_ip(json, "virtual", &record.virt) || (record.virt && record.is_virtual))
		return "virtual";
	if (get_client(json, record.client, &record.client_len) || !has_right_holder(&record))
		return "client";
	if (get_mac(json, &record))
		return "mac";
	if (get_hostname(json, &record))
		return "hostname";
	if (json_object_get(json, "tunnel") && !json_is_boolean(json_object_get(json, "tunnel")))
		return "tunnel";
	record.tunnel = !record.is_virtual && json_is_true(json_object_get(json, "tunnel"));
	record.expires = expires;
	record.generation = (uint32_t)generation;
	*ret_record = record;
	return NULL;
}

/* ---- proofs ---- */

json_t *proof_to_json(const struct mnat_auth_record *record)
{
	char client[MNAT_HEX_LEN(MNAT_CLIENT_MAX)];

	/* numbers of 64 bits are text: JSON's have a sign */
	return json_pack("{s:s, s:s, s:I, s:o, s:o}", "kind", "proof", "client",
			 mnat_hex(record->client, record->client_len, client), "key",
			 (json_int_t)record->key, "counter",
			 json_sprintf("%llu", (unsigned long long)record->counter), "replay",
			 json_sprintf("%llu", (unsigned long long)record->replay));
}

bool proof_is(const json_t *json)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));

	return kind && !strcmp(kind, "proof");
}

static int get_counter(const json_t *json, const char *key, uint64_t *ret_counter)
{
	const char *text = json_string_value(json_object_get(json, key));
	char *end;

	if (!text || !isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*ret_counter = strtoull(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

const char *proof_from_json(const json_t *json, struct mnat_auth_record *ret_record)
{
	struct mnat_auth_record record = {0};
	json_int_t key;

	if (get_client(json, record.client, &record.client_len) || !record.client_len)
		return "client";
	if (get_number(json, "key", UINT32_MAX, &key))
		return "key";
	if (get_counter(json, "counter", &record.counter))
		return "counter";
	if (get_counter(json, "replay", &record.replay))
		return "replay";
	record.key = (uint32_t)key;
	*ret_record = record;
	return NULL;
}
