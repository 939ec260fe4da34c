// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/dhcp_nonce.h"

#include <endian.h>
#include <string.h>

#include "dhcp_amend.h"

#define PROTOCOL  3
#define HMAC_MD5  1
#define MONOTONIC 0
#define NONCE	  1
#define MAC	  2

void dhcp_put_nonce_capable(struct dhcp_builder *b)
{
	dhcp_put_u8(b, DHCP_OPT_NONCE_CAPABLE, HMAC_MD5);
}

bool dhcp_takes_nonce(const struct dhcp_message *message)
{
	const struct dhcp_option *option = &message->options[DHCP_OPT_NONCE_CAPABLE];

	return option->len && memchr(option->data, HMAC_MD5, option->len);
}

static void put(struct dhcp_builder *b, uint8_t type, uint64_t replay,
		const uint8_t value[DHCP_NONCE_LEN])
{
	struct dhcp_rfc6704 option = {
		.protocol = PROTOCOL,
		.algorithm = HMAC_MD5,
		.rdm = MONOTONIC,
		.replay = htobe64(replay),
		.type = type,
	};

	memcpy(option.value, value, sizeof(option.value));
	dhcp_put(b, DHCP_OPT_AUTH, &option, sizeof(option));
}

static bool is_of(const struct dhcp_rfc6704 *option, uint8_t type)
{
	return option->protocol == PROTOCOL && option->algorithm == HMAC_MD5 &&
	       option->rdm == MONOTONIC && option->type == type;
}

void dhcp_put_nonce(struct dhcp_builder *b, const uint8_t nonce[DHCP_NONCE_LEN], uint64_t replay)
{
	put(b, NONCE, replay, nonce);
}

bool dhcp_get_nonce(const struct dhcp_message *ack, uint8_t ret_nonce[DHCP_NONCE_LEN],
		    uint64_t *ret_replay)
{
	const struct dhcp_option *found = &ack->options[DHCP_OPT_AUTH];
	struct dhcp_rfc6704 option;

	if (found->len != sizeof(option))
		return false;
	memcpy(&option, found->data, sizeof(option));
	if (!is_of(&option, NONCE))
		return false;
	memcpy(ret_nonce, option.value, sizeof(option.value));
	*ret_replay = be64toh(option.replay);
	return true;
}

/* Where the option is, whole; 0: nowhere. */
static size_t find(const uint8_t *buf, size_t len)
{
	size_t at = dhcp_find_option(buf, len, DHCP_OPT_AUTH);

	if (at + 2 + sizeof(struct dhcp_rfc6704) > len || buf[at] != DHCP_OPT_AUTH ||
	    buf[at + 1] != sizeof(struct dhcp_rfc6704))
		return 0;
	return at + 2;
}

/* The MAC covers what RFC 3118's does. */
static struct dhcp_auth placed_at(size_t at)
{
	return (struct dhcp_auth){.how = DHCP_AUTH_RFC3118,
				  .mac = at + offsetof(struct dhcp_rfc6704, value)};
}

static struct dhcp_secret secret_of(const uint8_t nonce[DHCP_NONCE_LEN])
{
	struct dhcp_secret secret = {.len = DHCP_NONCE_LEN};

	memcpy(secret.bytes, nonce, DHCP_NONCE_LEN);
	return secret;
}

int dhcp_finish_forcerenew(struct dhcp_builder *b, const uint8_t nonce[DHCP_NONCE_LEN],
			   uint64_t replay, size_t *ret_len)
{
	static const uint8_t zero[DHCP_NONCE_LEN];
	const struct dhcp_secret secret = secret_of(nonce);
	struct dhcp_auth placed;
	int r;

	put(b, MAC, replay, zero);
	r = dhcp_finish(b, ret_len);
	if (r)
		return r;
	placed = placed_at(find(b->buf, *ret_len));
	dhcp_auth_seal(b->buf, *ret_len, &placed, &secret);
	return 0;
}

bool dhcp_forcerenew_verify(const uint8_t *buf, size_t len, const uint8_t nonce[DHCP_NONCE_LEN],
			    uint64_t *ret_replay)
{
	const struct dhcp_secret secret = secret_of(nonce);
	size_t at = find(buf, len);
	const struct dhcp_auth placed = placed_at(at);
	struct dhcp_rfc6704 option;

	if (!at)
		return false;
	memcpy(&option, buf + at, sizeof(option));
	if (!is_of(&option, MAC) || !dhcp_auth_verify(buf, len, &placed, &secret))
		return false;
	*ret_replay = be64toh(option.replay);
	return true;
}
