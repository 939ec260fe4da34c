// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/simco.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define ATTRIBUTE_HEADER_LEN 4

struct wire_header {
	uint8_t basic;
	uint8_t subtype;
	uint16_t length;
	uint32_t transaction;
};

_Static_assert(sizeof(struct wire_header) == SIMCO_HEADER_LEN, "RFC 4540 section 4.1");

enum kind { KIND_VERSION, KIND_ADDRESS, KIND_U32, KIND_U64, KIND_FLOWS };

/* Lengths are multiples of 4, so that no attribute we know has padding. */
static const struct attribute {
	uint16_t type;
	uint16_t length; /* KIND_FLOWS: of one flow */
	enum kind kind;
	size_t offset; /* in struct simco_message */
} attributes[] = {
	{SIMCO_A_VERSION, 4, KIND_VERSION, offsetof(struct simco_message, version_major)},
	{SIMCO_A_X_EPOCH, 8, KIND_U64, offsetof(struct simco_message, epoch)},
	{SIMCO_A_X_IDENTITY, 4, KIND_ADDRESS, offsetof(struct simco_message, identity)},
	{SIMCO_A_X_OLD_ACTUAL, 4, KIND_ADDRESS, offsetof(struct simco_message, old_actual)},
	{SIMCO_A_X_NEW_ACTUAL, 4, KIND_ADDRESS, offsetof(struct simco_message, new_actual)},
	{SIMCO_A_X_GENERATION, 4, KIND_U32, offsetof(struct simco_message, generation)},
	{SIMCO_A_X_FLAGS, 4, KIND_U32, offsetof(struct simco_message, flags)},
	{SIMCO_A_X_BOUND_AT, 8, KIND_U64, offsetof(struct simco_message, bound_at)},
	{SIMCO_A_X_HOSTS, 4, KIND_U32, offsetof(struct simco_message, hosts)},
	{SIMCO_A_X_PATH, 4, KIND_U32, offsetof(struct simco_message, path)},
	{SIMCO_A_X_ENDPOINT, 4, KIND_ADDRESS, offsetof(struct simco_message, endpoint)},
	{SIMCO_A_X_GATEWAY, 4, KIND_ADDRESS, offsetof(struct simco_message, gateway)},
	{SIMCO_A_X_VIRTUAL, 4, KIND_ADDRESS, offsetof(struct simco_message, virt)},
	{SIMCO_A_X_CURSOR, 8, KIND_U64, offsetof(struct simco_message, cursor)},
	{SIMCO_A_X_FLOWS, sizeof(struct simco_flow), KIND_FLOWS,
	 offsetof(struct simco_message, flows)},
};

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static uint16_t get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static void put_u16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static const struct attribute *find(uint16_t type)
{
	for (size_t i = 0; i < N_ATTRIBUTES; i++)
		if (attributes[i].type == type)
			return &attributes[i];
	return NULL;
}

/* An impossible length for this attribute? */
static bool is_misfit(const struct attribute *a, size_t length)
{
	if (a->kind != KIND_FLOWS)
		return length != a->length;
	return length % a->length || length / a->length > SIMCO_FLOWS_MAX;
}

static size_t length_of(const struct attribute *a, const struct simco_message *m)
{
	return a->kind == KIND_FLOWS ? (size_t)a->length * m->n_flows : a->length;
}

static void get_value(const struct attribute *a, const uint8_t *value, size_t length,
		      struct simco_message *m)
{
	uint8_t *field = (uint8_t *)m + a->offset;
	uint32_t v32;
	uint64_t v64;

	switch (a->kind) {
	case KIND_VERSION:
		m->version_major = value[0];
		m->version_minor = value[1];
		break;
	case KIND_ADDRESS:
		memcpy(field, value, 4);
		break;
	case KIND_U32:
		memcpy(&v32, value, 4);
		v32 = be32toh(v32);
		memcpy(field, &v32, 4);
		break;
	case KIND_U64:
		memcpy(&v64, value, 8);
		v64 = be64toh(v64);
		memcpy(field, &v64, 8);
		break;
	case KIND_FLOWS:
		m->flows = (const struct simco_flow *)value;
		m->n_flows = (uint32_t)(length / a->length);
		break;
	}
}

static void put_value(const struct attribute *a, const struct simco_message *m, uint8_t *value)
{
	const uint8_t *field = (const uint8_t *)m + a->offset;
	uint32_t v32;
	uint64_t v64;

	switch (a->kind) {
	case KIND_VERSION:
		memcpy(value, (uint8_t[4]){m->version_major, m->version_minor}, 4);
		break;
	case KIND_ADDRESS:
		memcpy(value, field, 4);
		break;
	case KIND_U32:
		memcpy(&v32, field, 4);
		v32 = htobe32(v32);
		memcpy(value, &v32, 4);
		break;
	case KIND_U64:
		memcpy(&v64, field, 8);
		v64 = htobe64(v64);
		memcpy(value, &v64, 8);
		break;
	case KIND_FLOWS:
		if (m->n_flows)
			memcpy(value, m->flows, m->n_flows * sizeof(*m->flows));
		break;
	}
}

static int decode_attributes(const uint8_t *p, size_t len, struct simco_message *m)
{
	while (len) {
		const struct attribute *a;
		size_t length;

		if (len < ATTRIBUTE_HEADER_LEN)
			return -EINVAL;
		a = find(get_u16(p));
		length = get_u16(p + 2);
		if (!a || is_misfit(a, length) || m->has & SIMCO_HAS(a->type) ||
		    len < ATTRIBUTE_HEADER_LEN + length)
			return -EINVAL;
		get_value(a, p + ATTRIBUTE_HEADER_LEN, length, m);
		m->has |= SIMCO_HAS(a->type);
		p += ATTRIBUTE_HEADER_LEN + length;
		len -= ATTRIBUTE_HEADER_LEN + length;
	}
	return 0;
}

int simco_decode(const uint8_t *buf, size_t len, struct simco_message *ret_message,
		 size_t *ret_skip)
{
	struct simco_message m = {0};
	struct wire_header header;
	size_t body;

	if (len < sizeof(header))
		return 0;
	memcpy(&header, buf, sizeof(header));
	body = be16toh(header.length);
	if (sizeof(header) + body > SIMCO_MAX_MESSAGE)
		return -EBADMSG;
	if (len < sizeof(header) + body)
		return 0;
	m.basic = header.basic;
	m.subtype = header.subtype;
	m.transaction = be32toh(header.transaction);
	if (decode_attributes(buf + sizeof(header), body, &m)) {
		*ret_message = (struct simco_message){.basic = m.basic,
						      .subtype = m.subtype,
						      .transaction = m.transaction};
		*ret_skip = sizeof(header) + body;
		return -EINVAL;
	}
	*ret_message = m;
	return (int)(sizeof(header) + body);
}

int simco_encode(const struct simco_message *m, uint8_t *buf, size_t size)
{
	struct wire_header header = {
		.basic = m->basic,
		.subtype = m->subtype,
		.transaction = htobe32(m->transaction),
	};
	size_t len = sizeof(header);

	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		const struct attribute *a = &attributes[i];
		size_t length = length_of(a, m);

		if (!(m->has & SIMCO_HAS(a->type)))
			continue;
		if (is_misfit(a, length) || len + ATTRIBUTE_HEADER_LEN + length > size)
			return -EMSGSIZE;
		put_u16(buf + len, a->type);
		put_u16(buf + len + 2, (uint16_t)length);
		put_value(a, m, buf + len + ATTRIBUTE_HEADER_LEN);
		len += ATTRIBUTE_HEADER_LEN + length;
	}
	if (len > size || len > SIMCO_MAX_MESSAGE)
		return -EMSGSIZE;
	header.length = htobe16((uint16_t)(len - sizeof(header)));
	memcpy(buf, &header, sizeof(header));
	return (int)len;
}

const char *simco_error_text(uint8_t error)
{
	static const struct {
		uint8_t error;
		const char *text;
	} texts[] = {
		{SIMCO_E_BASIC_TYPE, "wrong basic message type"},
		{SIMCO_E_SUBTYPE, "unknown request"},
		{SIMCO_E_MALFORMED, "badly formed request"},
		{SIMCO_E_NOT_APPLICABLE, "request not applicable now"},
		{SIMCO_E_RESOURCES, "the gateway has no room for another host"},
		{SIMCO_E_VERSION, "protocol version mismatch"},
		{SIMCO_E_X_STALE, "generation older than the one in force"},
		{SIMCO_E_X_ADDRESS, "address outside the gateway's inside prefixes"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return "unknown error";
}
