// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/dhcp_auth.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "dhcp_amend.h"

#define HEAD	      2					/* of an option or sub-option */
#define BLOCK_HEAD    5					/* of option 125 */
#define DELAYED	      1					/* protocol */
#define RECONFIGURE   3					/* RFC 6704: dhcp_nonce.c's */
#define HMAC_MD5      1					/* algorithm */
#define MONOTONIC     0					/* replay detection method */
#define RFC3118_BEGIN offsetof(struct dhcp_rfc3118, id) /* all there is without a MAC */

/* ---- finding it ---- */

/* The option, if it is there once and whole; its end is *ret_end. 0: none. */
static size_t only_one(const uint8_t *buf, size_t len, uint8_t code, size_t *ret_end)
{
	size_t at = dhcp_find_option(buf, len, code), next;

	if (at >= len || buf[at] != code || len - at < HEAD || len - at - HEAD < buf[at + 1])
		return 0;
	*ret_end = at + HEAD + buf[at + 1];
	for (next = *ret_end; next < len && buf[next] != DHCP_OPT_END;
	     next += buf[next] == DHCP_OPT_PAD ? 1 : HEAD + (size_t)buf[next + 1])
		if (buf[next] == code || len - next < HEAD)
			return 0;
	return at + HEAD;
}

/* Sub-option 9 of a block from at to end. 0: none. */
static size_t find_in_block(const uint8_t *buf, size_t at, size_t end)
{
	for (; at + HEAD <= end; at += HEAD + (size_t)buf[at + 1])
		if (buf[at] == DHCP_MNAT_AUTH && buf[at + 1] == DHCP_MNAT_AUTH_LEN &&
		    end - at - HEAD >= DHCP_MNAT_AUTH_LEN)
			return at + HEAD;
	return 0;
}

static size_t find_ours(const struct dhcp_codec *codec, const uint8_t *buf, size_t len)
{
	size_t end = 0, at = only_one(buf, len, DHCP_OPT_VIVSO, &end), found = 0;

	while (at && !found && at + BLOCK_HEAD <= end) {
		size_t block = at + BLOCK_HEAD;
		uint32_t enterprise;

		memcpy(&enterprise, buf + at, sizeof(enterprise));
		at = block + buf[block - 1];
		if (at <= end && ntohl(enterprise) == codec->enterprise)
			found = find_in_block(buf, block, at);
	}
	return found;
}

static bool may_ask(const uint8_t *buf, size_t len)
{
	size_t type = dhcp_find_option(buf, len, DHCP_OPT_TYPE);

	return type + HEAD < len &&
	       (buf[type + HEAD] == DHCP_DISCOVER || buf[type + HEAD] == DHCP_INFORM);
}

static int find_rfc3118(const uint8_t *buf, size_t len, struct dhcp_auth *auth)
{
	size_t end = 0, at = only_one(buf, len, DHCP_OPT_AUTH, &end);
	struct dhcp_rfc3118 option = {0};

	if (!at || (end > at && buf[at] == RECONFIGURE))
		return -ENOENT;
	if (end - at != sizeof(option) && end - at != RFC3118_BEGIN)
		return -EBADMSG;
	memcpy(&option, buf + at, end - at);
	if (option.protocol != DELAYED || option.algorithm != HMAC_MD5 || option.rdm != MONOTONIC)
		return -EBADMSG;
	*auth = (struct dhcp_auth){
		.how = DHCP_AUTH_RFC3118,
		.asks = end - at == RFC3118_BEGIN,
		.id = ntohl(option.id),
		.counter = be64toh(option.replay),
		.mac = at + offsetof(struct dhcp_rfc3118, mac),
	};
	return auth->asks && !may_ask(buf, len) ? -EBADMSG : 0;
}

int dhcp_auth_find(const struct dhcp_codec *codec, const uint8_t *buf, size_t len,
		   struct dhcp_auth *ret_auth)
{
	size_t at = find_ours(codec, buf, len);
	struct dhcp_mnat_auth ours;

	if (!at)
		return find_rfc3118(buf, len, ret_auth);
	memcpy(&ours, buf + at, sizeof(ours));
	*ret_auth = (struct dhcp_auth){
		.how = DHCP_AUTH_MNAT,
		.id = ntohl(ours.id),
		.counter = be64toh(ours.counter),
		.mac = at + offsetof(struct dhcp_mnat_auth, mac),
	};
	return 0;
}

/* ---- what is covered ---- */

struct covered {
	size_t len;
	uint8_t bytes[DHCP_MAX_MESSAGE];
};

static void cover_option(struct covered *c, const uint8_t *buf, size_t at, size_t len,
			 const struct dhcp_auth *auth)
{
	memcpy(c->bytes + c->len, buf + at, len);
	if (auth->mac > at && auth->mac < at + len)
		memset(c->bytes + c->len + (auth->mac - at), 0, DHCP_AUTH_MAC_LEN);
	c->len += len;
}

/* The header and the options up to the end, which is *ret_end of buf. */
static void cover(struct covered *c, const uint8_t *buf, size_t len, const struct dhcp_auth *auth,
		  size_t *ret_end)
{
	struct dhcp_header header;
	size_t at = sizeof(header), n;

	memcpy(&header, buf, sizeof(header));
	header.hops = 0;
	header.giaddr.s_addr = 0;
	memcpy(c->bytes, &header, sizeof(header));
	c->len = sizeof(header);
	for (; at < len && buf[at] != DHCP_OPT_END; at += n) {
		n = buf[at] == DHCP_OPT_PAD ? 1 : HEAD + (size_t)(len - at > 1 ? buf[at + 1] : 0);
		if (n > len - at)
			n = len - at;
		if (buf[at] == DHCP_OPT_RELAY_INFO ||
		    (auth->how == DHCP_AUTH_MNAT && buf[at] == DHCP_OPT_PAD))
			continue;
		cover_option(c, buf, at, n, auth);
	}
	if (at < len)
		c->bytes[c->len++] = buf[at++];
	*ret_end = at;
}

static void pad(struct covered *c)
{
	if (c->len >= DHCP_MIN_MESSAGE)
		return;
	memset(c->bytes + c->len, DHCP_OPT_PAD, DHCP_MIN_MESSAGE - c->len);
	c->len = DHCP_MIN_MESSAGE;
}

static void make_mac(const struct covered *c, enum dhcp_auth_how how,
		     const struct dhcp_secret *secret, uint8_t mac[DHCP_AUTH_MAC_LEN])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	/* of an HMAC-MD5 that is all, of an HMAC-SHA-256 half */
	HMAC(how == DHCP_AUTH_MNAT ? EVP_sha256() : EVP_md5(), secret->bytes, secret->len, c->bytes,
	     c->len, digest, NULL);
	memcpy(mac, digest, DHCP_AUTH_MAC_LEN);
}

static bool is_right(const struct covered *c, const struct dhcp_auth *auth, const uint8_t *mac,
		     const struct dhcp_secret *secret)
{
	uint8_t expected[DHCP_AUTH_MAC_LEN];

	make_mac(c, auth->how, secret, expected);
	return !CRYPTO_memcmp(expected, mac, DHCP_AUTH_MAC_LEN);
}

bool dhcp_auth_verify(const uint8_t *buf, size_t len, const struct dhcp_auth *auth,
		      const struct dhcp_secret *secret)
{
	struct covered c, whole;
	size_t end;

	if (len > sizeof(c.bytes) || auth->mac + DHCP_AUTH_MAC_LEN > len)
		return false;
	cover(&c, buf, len, auth, &end);
	if (auth->how == DHCP_AUTH_MNAT)
		return is_right(&c, auth, buf + auth->mac, secret);
	memcpy(whole.bytes, c.bytes, c.len);
	memcpy(whole.bytes + c.len, buf + end, len - end);
	whole.len = c.len + len - end;
	pad(&c);
	return is_right(&c, auth, buf + auth->mac, secret) ||
	       is_right(&whole, auth, buf + auth->mac, secret);
}

/* ---- signing ---- */

static int add_ours(const struct dhcp_codec *codec, uint8_t *buf, size_t size,
		    const struct dhcp_auth *auth, size_t *len)
{
	struct {
		uint32_t enterprise;
		uint8_t block_len, code, auth_len;
		struct dhcp_mnat_auth auth;
	} __attribute__((packed)) option = {
		.enterprise = htonl(codec->enterprise),
		.block_len = HEAD + sizeof(struct dhcp_mnat_auth),
		.code = DHCP_MNAT_AUTH,
		.auth_len = sizeof(struct dhcp_mnat_auth),
		.auth = {.id = htonl(auth->id), .counter = htobe64(auth->counter)},
	};

	_Static_assert(HEAD + sizeof(option) == DHCP_AUTH_ROOM, "the room it takes alone");
	if (dhcp_find_option(buf, *len, DHCP_OPT_VIVSO) < dhcp_find_option(buf, *len, DHCP_OPT_END))
		return dhcp_add_suboption(codec, buf, size, DHCP_MNAT_AUTH, &option.auth,
					  sizeof(option.auth), len);
	return dhcp_add_option(buf, size, DHCP_OPT_VIVSO, &option, sizeof(option), len);
}

static int add_rfc3118(uint8_t *buf, size_t size, const struct dhcp_auth *auth, size_t *len)
{
	const struct dhcp_rfc3118 option = {
		.protocol = DELAYED,
		.algorithm = HMAC_MD5,
		.rdm = MONOTONIC,
		.replay = auth->asks ? 0 : htobe64(auth->counter),
		.id = htonl(auth->id),
	};

	return dhcp_add_option(buf, size, DHCP_OPT_AUTH, &option,
			       auth->asks ? RFC3118_BEGIN : sizeof(option), len);
}

void dhcp_auth_seal(uint8_t *buf, size_t len, const struct dhcp_auth *placed,
		    const struct dhcp_secret *secret)
{
	struct covered c;
	size_t end;

	cover(&c, buf, len, placed, &end);
	if (placed->how == DHCP_AUTH_RFC3118)
		pad(&c);
	make_mac(&c, placed->how, secret, buf + placed->mac);
}

int dhcp_auth_sign(const struct dhcp_codec *codec, uint8_t *buf, size_t size,
		   const struct dhcp_auth *auth, const struct dhcp_secret *secret, size_t *len)
{
	struct dhcp_auth placed;
	int r = 0;

	if (dhcp_auth_find(codec, buf, *len, &placed))
		r = auth->how == DHCP_AUTH_MNAT ? add_ours(codec, buf, size, auth, len)
						: add_rfc3118(buf, size, auth, len);
	if (!r)
		r = dhcp_auth_find(codec, buf, *len, &placed);
	if (!r && !placed.asks)
		dhcp_auth_seal(buf, *len, &placed, secret);
	return r;
}

void dhcp_auth_derive(const struct dhcp_key *master, const void *client, size_t client_len,
		      struct dhcp_secret *ret_secret)
{
	ret_secret->len = DHCP_KEY_DERIVED;
	HMAC(EVP_sha256(), master->secret, master->len, client, client_len, ret_secret->bytes,
	     NULL);
}
