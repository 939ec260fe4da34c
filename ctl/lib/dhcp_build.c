// SPDX-License-Identifier: GPL-2.0-only
/* Writing a DHCP message. */
#include "mnat/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define END_LEN 1 /* room kept for the end option */

void dhcp_build(struct dhcp_builder *b, void *buf, size_t size, const struct dhcp_header *header,
		enum dhcp_type type)
{
	struct dhcp_header head = *header;

	*b = (struct dhcp_builder){.buf = buf, .size = size, .len = sizeof(head)};
	if (size < DHCP_MIN_MESSAGE) {
		b->error = -EMSGSIZE;
		return;
	}
	head.magic = htonl(DHCP_MAGIC);
	memcpy(buf, &head, sizeof(head));
	dhcp_put_u8(b, DHCP_OPT_TYPE, (uint8_t)type);
}

static void put_part(struct dhcp_builder *b, uint8_t code, const uint8_t *data, size_t len)
{
	if (b->error)
		return;
	if (b->size - b->len < 2 + len + END_LEN) {
		b->error = -EMSGSIZE;
		return;
	}
	b->buf[b->len++] = code;
	b->buf[b->len++] = (uint8_t)len;
	if (len)
		memcpy(b->buf + b->len, data, len);
	b->len += len;
}

void dhcp_put(struct dhcp_builder *b, uint8_t code, const void *data, size_t len)
{
	const uint8_t *part = data;

	for (; len > UINT8_MAX; len -= UINT8_MAX, part += UINT8_MAX)
		put_part(b, code, part, UINT8_MAX);
	put_part(b, code, part, len);
}

void dhcp_put_ip(struct dhcp_builder *b, uint8_t code, struct in_addr addr)
{
	dhcp_put(b, code, &addr, sizeof(addr));
}

void dhcp_put_u32(struct dhcp_builder *b, uint8_t code, uint32_t value)
{
	value = htonl(value);
	dhcp_put(b, code, &value, sizeof(value));
}

void dhcp_put_u16(struct dhcp_builder *b, uint8_t code, uint16_t value)
{
	value = htons(value);
	dhcp_put(b, code, &value, sizeof(value));
}

void dhcp_put_u8(struct dhcp_builder *b, uint8_t code, uint8_t value)
{
	dhcp_put(b, code, &value, sizeof(value));
}

static size_t add_suboption(uint8_t *at, uint8_t code, const void *data, size_t len)
{
	at[0] = code;
	at[1] = (uint8_t)len;
	memcpy(at + 2, data, len);
	return 2 + len;
}

static void put_vivso(struct dhcp_builder *b, uint32_t enterprise, struct in_addr shim,
		      struct in_addr manager, uint8_t mode)
{
	uint8_t value[5 + 6 + 6 + 3];
	size_t len = 5;

	enterprise = htonl(enterprise);
	memcpy(value, &enterprise, sizeof(enterprise));
	len += add_suboption(value + len, DHCP_MNAT_SHIM, &shim, sizeof(shim));
	if (manager.s_addr)
		len += add_suboption(value + len, DHCP_MNAT_MANAGER, &manager, sizeof(manager));
	if (mode)
		len += add_suboption(value + len, DHCP_MNAT_MODE, &mode, sizeof(mode));
	value[4] = (uint8_t)(len - 5);
	dhcp_put(b, DHCP_OPT_VIVSO, value, len);
}

void dhcp_put_shim(struct dhcp_builder *b, const struct dhcp_codec *codec, enum dhcp_shim_form form,
		   struct in_addr shim, struct in_addr manager, uint8_t mode)
{
	if (form & DHCP_SHIM_VIVSO)
		put_vivso(b, codec->enterprise, shim, manager, mode);
	if ((form & DHCP_SHIM_SEED) && codec->seed_option)
		dhcp_put_ip(b, codec->seed_option, shim);
}

int dhcp_finish(struct dhcp_builder *b, size_t *ret_len)
{
	if (b->error)
		return b->error;
	b->buf[b->len++] = DHCP_OPT_END;
	if (b->len < DHCP_MIN_MESSAGE) {
		memset(b->buf + b->len, DHCP_OPT_PAD, DHCP_MIN_MESSAGE - b->len);
		b->len = DHCP_MIN_MESSAGE;
	}
	*ret_len = b->len;
	return 0;
}
