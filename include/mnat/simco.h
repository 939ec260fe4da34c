/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Midcom between the mobility manager and a gateway's agent: SIMCO 3.0 framing
 * (RFC 4540) over a stream, with our extension range.
 *
 *   0               1               2               3
 *  +---------------+---------------+-------------------------------+
 *  |  basic type   |   sub-type    |  length, without this header  |
 *  +---------------+---------------+-------------------------------+
 *  |                     transaction identifier                    |
 *  +---------------------------------------------------------------+
 *  attributes: type (2), length (2), value, padded to 4 with zeros
 *
 * All integers are big-endian. A manager opens with SE (session establishment),
 * then HELLO; the agent answers HELLO with its boot epoch, so that a manager
 * knows when the agent's state may be gone and sends all hosts again.
 *
 * Extensions (sub-types 0xE0-0xEF, attributes 0xE000-0xEFFF, ours until assigned):
 *
 *   HELLO  request: EPOCH (manager's)          reply: EPOCH (agent's), HOSTS (count)
 *   HREB   host rebind, idempotent, all or nothing.
 *          request: IDENTITY, GENERATION, NEW_ACTUAL (0.0.0.0: host left),
 *                   OLD_ACTUAL (informative), FLAGS
 *          reply:   BOUND_AT (CLOCK_BOOTTIME ns of the store that moved it)
 *          A generation older than the one in force: negative, STALE. An equal one
 *          with the same address: positive, nothing is done.
 *   HSYNC  request: IDENTITY list follows as HREBs; FLAGS bit 0: begin, 1: end.
 *          At the end, hosts not rebound since begin are unbound. Reply: HOSTS.
 *
 * Requests may be pipelined; replies come in order of requests.
 */
#ifndef MNAT_SIMCO_H
#define MNAT_SIMCO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMCO_VERSION_MAJOR 3
#define SIMCO_VERSION_MINOR 0
#define SIMCO_HEADER_LEN 8
#define SIMCO_MAX_MESSAGE 1024 /* with header; longer ones end the session */

enum simco_basic {
	SIMCO_REQUEST = 1,
	SIMCO_POSITIVE = 2,
	SIMCO_NEGATIVE = 3,
	SIMCO_NOTIFICATION = 4,
};

enum simco_subtype {
	SIMCO_SE = 0x01,
	SIMCO_ST = 0x03,
	SIMCO_X_HELLO = 0xe1,
	SIMCO_X_HREB = 0xe2,
	SIMCO_X_HSYNC = 0xe3,
};

/* Sub-types of negative replies. */
enum simco_error {
	SIMCO_E_BASIC_TYPE = 0x10,
	SIMCO_E_SUBTYPE = 0x11,
	SIMCO_E_MALFORMED = 0x12,
	SIMCO_E_NOT_APPLICABLE = 0x20,
	SIMCO_E_RESOURCES = 0x21,
	SIMCO_E_VERSION = 0x22,
	SIMCO_E_X_STALE = 0xe1,	  /* generation older than the one in force */
	SIMCO_E_X_ADDRESS = 0xe2, /* an address that is not in the gateway's prefixes */
};

enum simco_attribute {
	SIMCO_A_VERSION = 0x0001, /* 4 bytes: major, minor, 0, 0 */
	SIMCO_A_X_EPOCH = 0xe001, /* 8 bytes */
	SIMCO_A_X_IDENTITY = 0xe002, /* 4: virtual address, or a plain host's actual one */
	SIMCO_A_X_OLD_ACTUAL = 0xe003,
	SIMCO_A_X_NEW_ACTUAL = 0xe004,
	SIMCO_A_X_GENERATION = 0xe005, /* 4 */
	SIMCO_A_X_FLAGS = 0xe006,      /* 4 */
	SIMCO_A_X_BOUND_AT = 0xe007,   /* 8 */
	SIMCO_A_X_HOSTS = 0xe008,      /* 4 */
};

#define SIMCO_HREB_PLAIN (1u << 0) /* no virtual address */
#define SIMCO_HSYNC_BEGIN (1u << 0)
#define SIMCO_HSYNC_END (1u << 1)

/* A decoded message: has says which of the attributes came, one SIMCO_HAS() bit each. */
struct simco_message {
	uint8_t basic;
	uint8_t subtype;
	uint32_t transaction;
	uint32_t has;
	uint8_t version_major;
	uint8_t version_minor;
	uint64_t epoch;
	struct in_addr identity;
	struct in_addr old_actual;
	struct in_addr new_actual;
	uint32_t generation;
	uint32_t flags;
	uint64_t bound_at;
	uint32_t hosts;
};

/* Attributes of the RFC take bits 0-15, ours 16-31. */
#define SIMCO_HAS(type) (1u << (((type) & 15) | ((type) >> 11 & 16)))

/*
 * Decode the first message of len buffered bytes. Returns the bytes it took, 0 if
 * more are needed, -EBADMSG if the stream cannot be followed further (impossible
 * length), or -EINVAL with *ret_message's header fields valid and the message
 * skippable by its length field (malformed, unknown or duplicate attribute):
 * *ret_skip is then that length.
 */
int simco_decode(const uint8_t *buf, size_t len, struct simco_message *ret_message,
		 size_t *ret_skip);

/* Encode the attributes named by has. Returns the length, or -EMSGSIZE. */
int simco_encode(const struct simco_message *message, uint8_t *buf, size_t size);

const char *simco_error_text(uint8_t error);

#endif
