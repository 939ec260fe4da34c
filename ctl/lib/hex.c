// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/hex.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

const char *mnat_hex(const void *bytes, size_t len, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++) {
		buf[2 * i] = digits[from[i] >> 4];
		buf[2 * i + 1] = digits[from[i] & 15];
	}
	buf[2 * len] = '\0';
	return buf;
}

static uint8_t value(char digit)
{
	return (uint8_t)(isdigit((unsigned char)digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

int mnat_unhex(const char *text, void *ret_bytes, size_t len)
{
	uint8_t *to = ret_bytes;

	if (!text || strlen(text) != 2 * len || strspn(text, "0123456789abcdefABCDEF") != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(value(text[2 * i]) << 4 | value(text[2 * i + 1]));
	return 0;
}
