/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SIMCO's framing (RFC 4540 section 4): a header, then attributes of type, length and
 * value, padded to 4 bytes with zeros. A protocol is a table of its attributes, each a
 * field of the protocol's own message structure; simco.h and peering.h are two.
 */
#ifndef MNAT_FRAME_H
#define MNAT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define MNAT_FRAME_HEADER_LEN 8
#define MNAT_FRAME_MAX 16384 /* with header; longer ones end the session */
#define MNAT_FRAME_ATTRIBUTE_LEN 4 /* before the value */

/* Every message structure begins with this. */
struct mnat_frame {
	uint8_t basic;
	uint8_t subtype;
	uint32_t transaction;
	uint32_t has; /* a bit an attribute */
};

enum mnat_frame_kind {
	MNAT_FRAME_PAIR,  /* uint8_t[2]; two zeros follow on the wire */
	MNAT_FRAME_U32,
	MNAT_FRAME_U64,
	MNAT_FRAME_BYTES, /* length of them as they are: addresses, keys */
	MNAT_FRAME_TEXT,  /* char[length + 1]; 1 to length bytes without NUL */
	MNAT_FRAME_LIST,  /* struct mnat_frame_list: at most max elements of length bytes */
	MNAT_FRAME_REPEATED, /* uint32_t n, then max elements of length bytes: n attributes */
};

/* Into the decoded buffer; the caller's when encoding. */
struct mnat_frame_list {
	const void *elements;
	uint32_t n;
};

struct mnat_frame_attribute {
	uint16_t type;
	uint16_t length;
	uint16_t max; /* of a list */
	enum mnat_frame_kind kind;
	uint32_t bit; /* in has */
	size_t offset; /* in the message structure */
};

struct mnat_frame_protocol {
	const struct mnat_frame_attribute *attributes; /* encoded in this order */
	size_t n_attributes;
	size_t message_size; /* of the message structure */
};

/*
 * Decode the first message of len buffered bytes. Returns the bytes it took, 0 if
 * more are needed, -EBADMSG if the stream cannot be followed further (impossible
 * length), or -EINVAL with only the first fields of *ret_message valid and the message
 * skippable (malformed, unknown or duplicate attribute): *ret_skip is its length.
 */
int mnat_frame_decode(const struct mnat_frame_protocol *protocol, const uint8_t *buf, size_t len,
		      void *ret_message, size_t *ret_skip);

/* Encode the attributes named by has. Returns the length, or -EMSGSIZE. */
int mnat_frame_encode(const struct mnat_frame_protocol *protocol, const void *message,
		      uint8_t *buf, size_t size);

#endif
