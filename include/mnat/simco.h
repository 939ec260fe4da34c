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
 *          With PATH tunnel (2): the host is behind ENDPOINT, another domain's gateway
 *          or its own public address; NEW_ACTUAL is 0.0.0.0. FLAGS bit IMPORTING: its
 *          sessions elsewhere follow; packets of unknown sessions go to the default
 *          anchor until a HREB of the same generation without the bit.
 *   HANC   anchor: sessions of IDENTITY (a host here) begun elsewhere. request:
 *          IDENTITY, GATEWAY (tunnel address there), VIRTUAL (its address there), FLAGS
 *          (bit 0: direct; bit 1: default; bit 2: remove, with all sessions imported for
 *          it). Also admits tunnel packets {GATEWAY, VIRTUAL} for the host.
 *   HARR   arrival: admit tunnel packets from GATEWAY that come from IDENTITY (a host
 *          anchored here) by its VIRTUAL. request: IDENTITY, GATEWAY, VIRTUAL, FLAGS
 *          (bit 2: remove)
 *   FEXP   sessions of IDENTITY anchored here. request: IDENTITY, CURSOR (0: from the
 *          start). reply: FLOWS, CURSOR (0: that was all)
 *   FIMP   request: IDENTITY, GATEWAY, VIRTUAL (an anchor made by HANC), FLOWS.
 *          reply: HOSTS (how many were new). Idempotent.
 *   HEND   notification by the agent: no session of IDENTITY is anchored here any more
 *          (sent once, after the sweep that removed the last one of a host whose path is
 *          TUNNEL).
 *
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
#define SIMCO_MAX_MESSAGE 16384 /* with header; longer ones end the session */

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
	SIMCO_X_HANC = 0xe4,
	SIMCO_X_HARR = 0xe5,
	SIMCO_X_FEXP = 0xe6,
	SIMCO_X_FIMP = 0xe7,
	SIMCO_X_HEND = 0xe8,
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
	SIMCO_E_X_TAKEN = 0xe3,	  /* tunnel packets of GATEWAY and VIRTUAL are another host's */
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
	SIMCO_A_X_PATH = 0xe009,       /* 4: enum mnat_path */
	SIMCO_A_X_ENDPOINT = 0xe00a,   /* 4 */
	SIMCO_A_X_GATEWAY = 0xe00b,    /* 4 */
	SIMCO_A_X_VIRTUAL = 0xe00c,    /* 4 */
	SIMCO_A_X_CURSOR = 0xe00d,     /* 8 */
	SIMCO_A_X_FLOWS = 0xe00e,      /* 20 a flow, struct simco_flow */
};

#define SIMCO_HREB_PLAIN (1u << 0) /* no virtual address */
#define SIMCO_HREB_IMPORTING (1u << 1)
#define SIMCO_HANC_DIRECT (1u << 0)
#define SIMCO_HANC_DEFAULT (1u << 1)
#define SIMCO_REMOVE (1u << 2) /* HANC, HARR */
#define SIMCO_HSYNC_BEGIN (1u << 0)
#define SIMCO_HSYNC_END (1u << 1)

/* One session, as on the wire (network order). */
struct simco_flow {
	uint8_t proto; /* enum mnat_proto_class */
	uint8_t pad;
	uint16_t port; /* the host's */
	uint32_t remote;
	uint16_t remote_port;
	uint16_t external_port;
	uint32_t external;
	uint32_t flags; /* MNAT_SEEN_* of abi.h */
} __attribute__((packed));

_Static_assert(sizeof(struct simco_flow) == 20, "a flow on the wire");
#define SIMCO_FLOWS_MAX 512 /* in one message */

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
	uint32_t path;
	struct in_addr endpoint;
	struct in_addr gateway;
	struct in_addr virt;
	uint64_t cursor;
	const struct simco_flow *flows; /* into the decoded buffer; owned by the caller to encode */
	uint32_t n_flows;
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
