// SPDX-License-Identifier: GPL-2.0-only
/*
 * DHCP messages: the first byte picks the direction, the rest is the datagram.
 * What parses must survive being built again: same options, same shim.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/dhcp_auth.h"
#include "mnat/dhcp_nonce.h"

static const struct dhcp_codec codec = {
	.enterprise = DHCP_ENTERPRISE_DEFAULT,
	.seed_option = DHCP_SEED_OPTION_DEFAULT,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Two more bytes for each 255 of an option: a message near the limit may outgrow it. */
static int rebuild(const struct dhcp_message *message, uint8_t *buf, size_t size, size_t *ret_len)
{
	struct dhcp_builder b;

	dhcp_build(&b, buf, size, &message->header, message->type);
	for (int code = 1; code < DHCP_OPT_END; code++)
		if (message->options[code].present && code != DHCP_OPT_TYPE &&
		    code != DHCP_OPT_OVERLOAD)
			dhcp_put(&b, (uint8_t)code, message->options[code].data,
				 message->options[code].len);
	return dhcp_finish(&b, ret_len);
}

/* The same, as a server writes it: what there is room for, wherever that is. */
static void offer(const struct dhcp_message *message, size_t size)
{
	static struct dhcp_message again;
	const struct dhcp_option *relay = &message->options[DHCP_OPT_RELAY_INFO];
	uint8_t buf[DHCP_MAX_MESSAGE];
	bool there[256] = {false};
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, size, &message->header, message->type);
	dhcp_keep(&b, dhcp_option_size(relay->len));
	for (int code = 1; code < DHCP_OPT_END; code++)
		if (message->options[code].present && code != DHCP_OPT_TYPE &&
		    code != DHCP_OPT_OVERLOAD && code != DHCP_OPT_RELAY_INFO)
			there[code] = dhcp_offer(&b, (uint8_t)code, message->options[code].data,
						 message->options[code].len);
	dhcp_put_overload(&b);
	dhcp_put(&b, DHCP_OPT_RELAY_INFO, relay->data, relay->len);
	if (dhcp_finish(&b, &len))
		return; /* what was kept is more than all the room */
	require(len <= size);
	require(!dhcp_parse(&codec, message->header.op, buf, len, &again));
	for (int code = 1; code < DHCP_OPT_END; code++) {
		const struct dhcp_option *is = &again.options[code], *was = &message->options[code];

		require(!there[code] || (is->present && is->len == was->len &&
					 (!is->len || !memcmp(is->data, was->data, is->len))));
	}
	require(again.options[DHCP_OPT_RELAY_INFO].len == relay->len);
}

static void compare(const struct dhcp_message *a, const struct dhcp_message *b)
{
	for (int code = 1; code < DHCP_OPT_END; code++) {
		if (code == DHCP_OPT_OVERLOAD)
			continue;
		require(a->options[code].present == b->options[code].present);
		require(a->options[code].len == b->options[code].len);
		require(!a->options[code].len ||
			!memcmp(a->options[code].data, b->options[code].data,
				a->options[code].len));
	}
	require(a->shim_form == b->shim_form && a->shim.s_addr == b->shim.s_addr);
	require(a->manager.s_addr == b->manager.s_addr && a->mode == b->mode);
	require(a->domain == b->domain && a->token_present == b->token_present);
	require(!memcmp(&a->token, &b->token, sizeof(a->token)));
	require(a->n_arrivals == b->n_arrivals && a->n_arrivals <= DHCP_MNAT_MAX_ARRIVALS);
	require(!memcmp(a->arrivals, b->arrivals, sizeof(a->arrivals)));
}

/* What option 125 says, written by our own hand: it fits a block or is refused whole. */
static void rewrite(const struct dhcp_message *message)
{
	static struct dhcp_message again;
	const struct dhcp_mnat mnat = {
		.shim = message->shim,
		.manager = message->manager,
		.mode = message->mode,
		.domain = message->domain,
		.arrivals = message->arrivals,
		.n_arrivals = message->n_arrivals,
	};
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, sizeof(buf), &message->header, message->type);
	dhcp_put_mnat(&b, &codec, DHCP_SHIM_VIVSO, &mnat);
	require(!dhcp_finish(&b, &len));
	if (message->token_present &&
	    dhcp_add_token(&codec, buf, sizeof(buf), &message->token, &len))
		return;
	require(!dhcp_parse(&codec, message->header.op, buf, len, &again));
	require(again.shim.s_addr == message->shim.s_addr && again.domain == message->domain);
	require(again.manager.s_addr == message->manager.s_addr && again.mode == message->mode);
	require(again.token_present == message->token_present);
	require(!memcmp(&again.token, &message->token, sizeof(again.token)));
	require(!memcmp(again.arrivals, message->arrivals, sizeof(again.arrivals)));
}

/* Whatever is there to prove it does not; proved by us, it is, and is the same message. */
static void prove(const struct dhcp_message *message, const uint8_t *data, size_t size)
{
	static const struct dhcp_secret secret = {.len = 16, .bytes = "fifteen letters"};
	static struct dhcp_message again;
	struct dhcp_auth auth = {.how = DHCP_AUTH_MNAT, .id = 1, .counter = 2};
	uint8_t buf[DHCP_MAX_MESSAGE], nonce[DHCP_NONCE_LEN];
	size_t len = size;
	uint64_t replay;

	if (!dhcp_auth_find(&codec, data, size, &auth)) {
		require(auth.asks || auth.mac + DHCP_AUTH_MAC_LEN <= size);
		require(auth.asks || !dhcp_auth_verify(data, size, &auth, &secret));
	}
	dhcp_get_nonce(message, nonce, &replay);
	require(!dhcp_forcerenew_verify(data, size, secret.bytes, &replay));
	memcpy(buf, data, size);
	if (dhcp_auth_sign(&codec, buf, sizeof(buf), &auth, &secret, &len))
		return;
	require(len <= sizeof(buf));
	require(!dhcp_parse(&codec, message->header.op, buf, len, &again));
	require(again.shim_form == message->shim_form && again.shim.s_addr == message->shim.s_addr);
	require(!dhcp_auth_find(&codec, buf, len, &auth));
	require(auth.asks || dhcp_auth_verify(buf, len, &auth, &secret));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dhcp_message first, second;
	uint8_t buf[DHCP_MAX_MESSAGE];
	enum dhcp_op op;
	size_t len;

	if (!size)
		return 0;
	op = data[0] & 1 ? DHCP_BOOTREQUEST : DHCP_BOOTREPLY;
	if (dhcp_parse(&codec, op, data + 1, size - 1, &first))
		return 0;
	prove(&first, data + 1, size - 1);
	if (rebuild(&first, buf, sizeof(buf), &len))
		return 0;
	require(!dhcp_parse(&codec, op, buf, len, &second));
	compare(&first, &second);
	rewrite(&first);
	offer(&first, 548);
	offer(&first, sizeof(buf));
	return 0;
}
