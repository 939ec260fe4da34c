/* SPDX-License-Identifier: GPL-2.0-only */
/* Adding to a message of our own making that is finished. */
#ifndef MNAT_DHCP_AMEND_H
#define MNAT_DHCP_AMEND_H

#include "mnat/dhcp_auth.h"

/*
 * The position of the first option of this code in the option field; without one, that
 * of the end option, or len. Safe for any bytes.
 */
size_t dhcp_find_option(const uint8_t *buf, size_t len, uint8_t code);

/*
 * An option, the last one but for option 82, which stays last. size: of the room for the
 * message. 0 and *len is the new length, or -EMSGSIZE and nothing has changed.
 */
int dhcp_add_option(uint8_t *buf, size_t size, uint8_t code, const void *data, size_t data_len,
		    size_t *len);

/* A sub-option of option 125, at the end of our block. -ENOENT: there is no such option. */
int dhcp_add_suboption(const struct dhcp_codec *codec, uint8_t *buf, size_t size, uint8_t code,
		       const void *data, size_t data_len, size_t *len);

/* The MAC of a finished message, which goes where placed says. */
void dhcp_auth_seal(uint8_t *buf, size_t len, const struct dhcp_auth *placed,
		    const struct dhcp_secret *secret);

#endif
