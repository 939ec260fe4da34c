// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/leasequery.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const char *const status_names[] = {
#define X(number, name, text) [number] = text,
	LEASEQUERY_STATUSES(X)
#undef X
};

const char *leasequery_status_name(enum leasequery_status status)
{
	return status < sizeof(status_names) / sizeof(status_names[0]) ? status_names[status]
								       : "unknown status";
}

size_t leasequery_next(const uint8_t *buf, size_t len, const uint8_t **ret_message, size_t *ret_len)
{
	size_t n = len >= LEASEQUERY_PREFIX ? (size_t)buf[0] << 8 | buf[1] : 0;

	if (len < LEASEQUERY_PREFIX || len - LEASEQUERY_PREFIX < n)
		return 0;
	*ret_message = buf + LEASEQUERY_PREFIX;
	*ret_len = n;
	return LEASEQUERY_PREFIX + n;
}

int leasequery_send(struct mnat_stream *stream, const void *message, size_t len)
{
	uint8_t *at = mnat_stream_reserve(stream, LEASEQUERY_PREFIX + len);

	if (!at)
		return -ENOMEM;
	at[0] = (uint8_t)(len >> 8);
	at[1] = (uint8_t)len;
	memcpy(at + LEASEQUERY_PREFIX, message, len);
	mnat_stream_commit(stream, LEASEQUERY_PREFIX + len);
	return 0;
}

void leasequery_put_status(struct dhcp_builder *b, enum leasequery_status status, const char *text)
{
	uint8_t value[1 + LEASEQUERY_TEXT] = {(uint8_t)status};
	size_t len = strnlen(text, LEASEQUERY_TEXT - 1);

	memcpy(value + 1, text, len);
	dhcp_put(b, DHCP_OPT_STATUS, value, 1 + len);
}

enum leasequery_status leasequery_get_status(const struct dhcp_message *message,
					     char ret_text[LEASEQUERY_TEXT])
{
	const struct dhcp_option *option = &message->options[DHCP_OPT_STATUS];
	size_t n = 0;

	for (size_t i = 1; i < option->len && n < LEASEQUERY_TEXT - 1; i++)
		if (isprint(option->data[i]))
			ret_text[n++] = (char)option->data[i];
	ret_text[n] = '\0';
	return option->len ? option->data[0] : LEASEQUERY_SUCCESS;
}
