// SPDX-License-Identifier: GPL-2.0-only
#include "dhcp_amend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define HEAD	   2 /* of an option or sub-option: code, length */
#define END_LEN	   1
#define BLOCK_HEAD 5 /* of option 125: enterprise number, length */

size_t dhcp_find_option(const uint8_t *buf, size_t len, uint8_t code)
{
	size_t at = sizeof(struct dhcp_header);

	while (at < len && buf[at] != DHCP_OPT_END && buf[at] != code) {
		if (buf[at] == DHCP_OPT_PAD)
			at++;
		else if (len - at < HEAD || len - at - HEAD < buf[at + 1])
			return len;
		else
			at += HEAD + (size_t)buf[at + 1];
	}
	return at;
}

/* The padding behind the end option makes room first. */
static int make_room(uint8_t *buf, size_t size, size_t at, size_t grow, size_t *len)
{
	size_t end = dhcp_find_option(buf, *len, DHCP_OPT_END);

	if (end >= *len || at > end)
		return -ENOENT;
	if (end + END_LEN + grow > size)
		return -EMSGSIZE;
	memmove(buf + at + grow, buf + at, end + END_LEN - at);
	if (end + END_LEN + grow > *len)
		*len = end + END_LEN + grow;
	return 0;
}

static void write_option(uint8_t *at, uint8_t code, const void *data, size_t len)
{
	at[0] = code;
	at[1] = (uint8_t)len;
	memcpy(at + HEAD, data, len);
}

int dhcp_add_option(uint8_t *buf, size_t size, uint8_t code, const void *data, size_t data_len,
		    size_t *len)
{
	size_t at = dhcp_find_option(buf, *len, DHCP_OPT_RELAY_INFO);
	int r = make_room(buf, size, at, HEAD + data_len, len);

	if (!r)
		write_option(buf + at, code, data, data_len);
	return r;
}

/* Where option 125 has a single block, ours, that has room for so much more. */
static bool may_grow(const struct dhcp_codec *codec, const uint8_t *option, size_t grow)
{
	uint32_t enterprise;

	memcpy(&enterprise, option + HEAD, sizeof(enterprise));
	return option[1] >= BLOCK_HEAD && ntohl(enterprise) == codec->enterprise &&
	       option[1] == option[HEAD + BLOCK_HEAD - 1] + BLOCK_HEAD &&
	       option[1] + grow <= UINT8_MAX;
}

int dhcp_add_suboption(const struct dhcp_codec *codec, uint8_t *buf, size_t size, uint8_t code,
		       const void *data, size_t data_len, size_t *len)
{
	const size_t grow = HEAD + data_len;
	size_t end = dhcp_find_option(buf, *len, DHCP_OPT_END);
	size_t option = dhcp_find_option(buf, *len, DHCP_OPT_VIVSO), at;
	int r;

	if (option >= end || !may_grow(codec, buf + option, grow))
		return -ENOENT;
	at = option + HEAD + buf[option + 1];
	r = make_room(buf, size, at, grow, len);
	if (r)
		return r;
	write_option(buf + at, code, data, data_len);
	buf[option + 1] += (uint8_t)grow;
	buf[option + HEAD + BLOCK_HEAD - 1] += (uint8_t)grow;
	return 0;
}

int dhcp_add_token(const struct dhcp_codec *codec, uint8_t *buf, size_t size,
		   const struct dhcp_mnat_token *token, size_t *len)
{
	return dhcp_add_suboption(codec, buf, size, DHCP_MNAT_TOKEN, token, sizeof(*token), len);
}
