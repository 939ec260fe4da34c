// SPDX-License-Identifier: GPL-2.0-only
/*
 * DHCP messages: the first byte picks the direction, the rest is the datagram.
 * What parses must survive being built again: same options, same shim.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/dhcp.h"

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
	if (rebuild(&first, buf, sizeof(buf), &len))
		return 0;
	require(!dhcp_parse(&codec, op, buf, len, &second));
	compare(&first, &second);
	return 0;
}
