// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/frame.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct wire_header {
	uint8_t basic;
	uint8_t subtype;
	uint16_t length;
	uint32_t transaction;
};

_Static_assert(sizeof(struct wire_header) == MNAT_FRAME_HEADER_LEN, "RFC 4540 section 4.1");

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

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static const struct mnat_frame_attribute *find(const struct mnat_frame_protocol *protocol,
					       uint16_t type)
{
	for (size_t i = 0; i < protocol->n_attributes; i++)
		if (protocol->attributes[i].type == type)
			return &protocol->attributes[i];
	return NULL;
}

static int check_length(const struct mnat_frame_attribute *a, const uint8_t *value, size_t len)
{
	static const uint8_t zeros[4];

	if (memcmp(value + len, zeros, padded(len) - len))
		return -EINVAL;
	if (a->kind == MNAT_FRAME_TEXT)
		return len && len <= a->length && !memchr(value, 0, len) ? 0 : -EINVAL;
	if (a->kind == MNAT_FRAME_LIST)
		return len % a->length == 0 && len / a->length <= a->max ? 0 : -EINVAL;
	return len == a->length ? 0 : -EINVAL;
}

static void get_value(const struct mnat_frame_attribute *a, const uint8_t *value, size_t len,
		      void *field)
{
	struct mnat_frame_list list = {value, (uint32_t)(len / a->length)};
	uint32_t v32;
	uint64_t v64;

	switch (a->kind) {
	case MNAT_FRAME_PAIR:
		memcpy(field, value, 2);
		break;
	case MNAT_FRAME_U32:
		memcpy(&v32, value, 4);
		v32 = be32toh(v32);
		memcpy(field, &v32, 4);
		break;
	case MNAT_FRAME_U64:
		memcpy(&v64, value, 8);
		v64 = be64toh(v64);
		memcpy(field, &v64, 8);
		break;
	case MNAT_FRAME_BYTES:
	case MNAT_FRAME_TEXT: /* its NUL is there: the message was zeroed */
		memcpy(field, value, len);
		break;
	case MNAT_FRAME_LIST:
		memcpy(field, &list, sizeof(list));
		break;
	case MNAT_FRAME_REPEATED:
		memcpy(&v32, field, 4);
		memcpy((uint8_t *)field + 4 + v32 * a->length, value, len);
		v32++;
		memcpy(field, &v32, 4);
		break;
	}
}

/* How often the attribute is in the message. */
static uint32_t occurrences(const struct mnat_frame *frame, const struct mnat_frame_attribute *a,
			    const void *field)
{
	uint32_t n;

	if (!(frame->has & a->bit))
		return 0;
	if (a->kind != MNAT_FRAME_REPEATED)
		return 1;
	memcpy(&n, field, sizeof(n));
	return n;
}

static bool is_one_too_many(const struct mnat_frame *frame, const struct mnat_frame_attribute *a,
			    const void *field)
{
	return occurrences(frame, a, field) >= (a->kind == MNAT_FRAME_REPEATED ? a->max : 1);
}

static size_t value_length(const struct mnat_frame_attribute *a, const void *field)
{
	struct mnat_frame_list list;

	if (a->kind == MNAT_FRAME_TEXT)
		return strnlen(field, a->length);
	if (a->kind != MNAT_FRAME_LIST)
		return a->length;
	memcpy(&list, field, sizeof(list));
	return list.n <= a->max ? (size_t)list.n * a->length : MNAT_FRAME_MAX;
}

static void put_value(const struct mnat_frame_attribute *a, const void *field, uint32_t i,
		      size_t len, uint8_t *value)
{
	struct mnat_frame_list list;
	uint32_t v32;
	uint64_t v64;

	switch (a->kind) {
	case MNAT_FRAME_PAIR:
		memset(value, 0, 4);
		memcpy(value, field, 2);
		break;
	case MNAT_FRAME_U32:
		memcpy(&v32, field, 4);
		v32 = htobe32(v32);
		memcpy(value, &v32, 4);
		break;
	case MNAT_FRAME_U64:
		memcpy(&v64, field, 8);
		v64 = htobe64(v64);
		memcpy(value, &v64, 8);
		break;
	case MNAT_FRAME_BYTES:
	case MNAT_FRAME_TEXT:
		memcpy(value, field, len);
		break;
	case MNAT_FRAME_LIST:
		memcpy(&list, field, sizeof(list));
		if (len)
			memcpy(value, list.elements, len);
		break;
	case MNAT_FRAME_REPEATED:
		memcpy(value, (const uint8_t *)field + 4 + i * len, len);
		break;
	}
}

static int decode_attributes(const struct mnat_frame_protocol *protocol, const uint8_t *p,
			     size_t len, uint8_t *message)
{
	struct mnat_frame *frame = (struct mnat_frame *)message;

	while (len) {
		const struct mnat_frame_attribute *a;
		size_t n;

		if (len < MNAT_FRAME_ATTRIBUTE_LEN)
			return -EINVAL;
		a = find(protocol, get_u16(p));
		n = get_u16(p + 2);
		p += MNAT_FRAME_ATTRIBUTE_LEN;
		len -= MNAT_FRAME_ATTRIBUTE_LEN;
		if (!a || is_one_too_many(frame, a, message + a->offset) || len < padded(n) ||
		    check_length(a, p, n))
			return -EINVAL;
		get_value(a, p, n, message + a->offset);
		frame->has |= a->bit;
		p += padded(n);
		len -= padded(n);
	}
	return 0;
}

int mnat_frame_decode(const struct mnat_frame_protocol *protocol, const uint8_t *buf, size_t len,
		      void *ret_message, size_t *ret_skip)
{
	struct wire_header header;
	struct mnat_frame frame;
	size_t body;

	if (len < sizeof(header))
		return 0;
	memcpy(&header, buf, sizeof(header));
	body = be16toh(header.length);
	if (sizeof(header) + body > MNAT_FRAME_MAX)
		return -EBADMSG;
	if (len < sizeof(header) + body)
		return 0;
	frame = (struct mnat_frame){
		.basic = header.basic,
		.subtype = header.subtype,
		.transaction = be32toh(header.transaction),
	};
	memset(ret_message, 0, protocol->message_size);
	memcpy(ret_message, &frame, sizeof(frame));
	if (!decode_attributes(protocol, buf + sizeof(header), body, ret_message))
		return (int)(sizeof(header) + body);
	memset(ret_message, 0, protocol->message_size);
	memcpy(ret_message, &frame, sizeof(frame));
	*ret_skip = sizeof(header) + body;
	return -EINVAL;
}

/* The attribute's i-th occurrence at buf + *at. 0 or -EMSGSIZE. */
static int encode_one(const struct mnat_frame_attribute *a, const uint8_t *field, uint32_t i,
		      uint8_t *buf, size_t size, size_t *at)
{
	size_t n = value_length(a, field), from = *at;

	if (from + MNAT_FRAME_ATTRIBUTE_LEN + padded(n) > size)
		return -EMSGSIZE;
	put_u16(buf + from, a->type);
	put_u16(buf + from + 2, (uint16_t)n);
	from += MNAT_FRAME_ATTRIBUTE_LEN;
	memset(buf + from + n, 0, padded(n) - n);
	put_value(a, field, i, n, buf + from);
	*at = from + padded(n);
	return 0;
}

int mnat_frame_encode(const struct mnat_frame_protocol *protocol, const void *message, uint8_t *buf,
		      size_t size)
{
	const struct mnat_frame *frame = message;
	struct wire_header header = {
		.basic = frame->basic,
		.subtype = frame->subtype,
		.transaction = htobe32(frame->transaction),
	};
	size_t at = sizeof(header);

	if (size > MNAT_FRAME_MAX)
		size = MNAT_FRAME_MAX;
	for (size_t i = 0; i < protocol->n_attributes; i++) {
		const struct mnat_frame_attribute *a = &protocol->attributes[i];
		const uint8_t *field = (const uint8_t *)message + a->offset;
		uint32_t n = occurrences(frame, a, field);

		if (a->kind == MNAT_FRAME_REPEATED && n > a->max)
			return -EMSGSIZE;
		for (uint32_t j = 0; j < n; j++)
			if (encode_one(a, field, j, buf, size, &at))
				return -EMSGSIZE;
	}
	if (at > size)
		return -EMSGSIZE;
	header.length = htobe16((uint16_t)(at - sizeof(header)));
	memcpy(buf, &header, sizeof(header));
	return (int)at;
}
