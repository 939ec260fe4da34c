/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes as lower-case hexadecimal text. */
#ifndef MNAT_HEX_H
#define MNAT_HEX_H

#include <stddef.h>
#include <stdint.h>

#define MNAT_HEX_LEN(n) (2 * (n) + 1)

/* Write len bytes as MNAT_HEX_LEN(len) characters into buf and return it. */
const char *mnat_hex(const void *bytes, size_t len, char *buf);

/* Exactly len bytes from text (NULL is fine). 0, or -EINVAL and nothing is written. */
int mnat_unhex(const char *text, void *ret_bytes, size_t len);

#endif
