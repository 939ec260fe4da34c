/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DHCPD_HEX_H
#define DHCPD_HEX_H

#include <stddef.h>
#include <stdint.h>

#define HEX_LEN(n) (2 * (n) + 1)

/* Write len bytes as HEX_LEN(len) characters into buf and return it. */
static inline const char *hex(const uint8_t *bytes, size_t len, char *buf)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		buf[2 * i] = digits[bytes[i] >> 4];
		buf[2 * i + 1] = digits[bytes[i] & 15];
	}
	buf[2 * len] = '\0';
	return buf;
}

#endif
