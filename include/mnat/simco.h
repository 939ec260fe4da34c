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
 * All integers are big-endian. A message is at most SIMCO_MAX_MESSAGE bytes with its
 * header; a longer one ends the session. Attributes come in any order, each at most once.
 *
 * Transport: a Unix socket of mode 0600, or TCP port 7626 with TLS 1.3, both sides
 * verified (tls.h). A manager opens with SE (session establishment), then HELLO; the
 * agent answers HELLO with its boot epoch, so that a manager knows when the agent's
 * state may be gone and sends all hosts again. ST, or the end of the connection, ends
 * the session; it takes nothing back.
 *
 * Requests may be pipelined; replies come in order of requests. A positive reply has
 * its request's sub-type, a negative one the error as its sub-type, and both the
 * request's transaction identifier. Notifications of the agent, with transaction
 * identifier 0, may come between any two replies.
 *
 * What an agent cannot decode (an unknown, repeated or misfit attribute) it answers
 * with MALFORMED and goes on with the next message; so it does when an attribute that
 * a request needs is not there. Attributes that a request does not use are ignored.
 *
 * Policy rules (RFC 4540 section 5; its text was not at hand: numbers are as recalled,
 * and the layouts of capabilities, tuples and parameters are ours). A rule is a static
 * binding: an external port reserved, or enabled for one inside endpoint so that anyone
 * outside may send to it. It belongs to the manager that made it, lives LIFETIME seconds
 * (as much as was asked, at most a day) and outlives sessions and the agent.
 *
 *   attribute    type    length  value
 *   CAPABILITIES 0x0004  8       0x40 (NAT), 0x04 (rules are kept), 0, 0, longest lifetime
 *   RULE         0x0005  4       a rule's identifier, not 0; PRL: any number of them
 *   GROUP        0x0006  4       a number that managers give
 *   LIFETIME     0x0007  4       seconds
 *   OWNER        0x0008  1-255   the manager's certificate's name, or "local"
 *   TUPLE        0x0009  12      location (0 inside, 1 outside), 4, protocol (6 or 17), 32,
 *                                port (2), 1 (2), address (4). Inside: the host's virtual
 *                                address. Outside, in a request: what is wished for;
 *                                port or address 0: any
 *   PROTOCOL     0x000a  4       of a reservation without a wish: 6 or 17, 0, 0, 0
 *
 *   PRR    reserve. TUPLE outside or PROTOCOL, LIFETIME, GROUP (may lack).
 *          reply: RULE, GROUP, LIFETIME, TUPLE outside
 *   PER    enable. TUPLE inside, TUPLE outside (may lack), LIFETIME, GROUP (may lack).
 *          reply: RULE, GROUP, LIFETIME, TUPLE inside and outside
 *   PEA    enable what was reserved: RULE, TUPLE inside, LIFETIME. reply as PER's
 *   PDR    end rules: TUPLE inside: all of that endpoint, whose are the manager's
 *   PLC    RULE, LIFETIME (0: end it). reply: LIFETIME
 *   PRS    RULE. reply: RULE, OWNER, GROUP, LIFETIME (left), its TUPLEs
 *   PRL    reply: RULE for each of the manager's rules
 *   BFM    notification: what came could not be followed; the session ends
 *   AST    notification: the agent ends; rules stay
 *   ARE    notification to the owner: RULE, LIFETIME 0: it has ended by itself
 *
 * SA (authentication) is NOT_APPLICABLE: the transport authenticates.
 *
 * Extensions (sub-types 0xE0-0xEF, attributes 0xE000-0xEFFF, ours until assigned).
 * Test vectors: ctl/lib/simco_test.c and selftests/fuzz/simco.corpus.
 *
 *   attribute    type    length  value
 *   VERSION      0x0001  4       major, minor, 0, 0
 *   EPOCH        0xe001  8
 *   IDENTITY     0xe002  4       virtual address, or a plain host's actual one; of a host
 *                                that shares its virtual address one of 240.0.0.0/4
 *   OLD_ACTUAL   0xe003  4       address
 *   NEW_ACTUAL   0xe004  4       address, 0.0.0.0: none
 *   GENERATION   0xe005  4
 *   FLAGS        0xe006  4       bits as below
 *   BOUND_AT     0xe007  8       CLOCK_BOOTTIME of the gateway, ns
 *   HOSTS        0xe008  4       a count
 *   PATH         0xe009  4       1 translate, 2 tunnel
 *   ENDPOINT     0xe00a  4       address
 *   GATEWAY      0xe00b  4       address
 *   VIRTUAL      0xe00c  4       address
 *   CURSOR       0xe00d  8
 *   FLOWS        0xe00e  20 n    n up to SIMCO_FLOWS_MAX, each:
 *
 *   0               1               2               3
 *  +---------------+---------------+-------------------------------+
 *  | 0 TCP, 1 UDP, |       0       |       the host's port         |
 *  | 2 ICMP echo   |               |      (ICMP: identifier)       |
 *  +---------------+---------------+-------------------------------+
 *  |                 the correspondent's address                   |
 *  +-------------------------------+-------------------------------+
 *  |  correspondent's port, or 0   | external port (ICMP: ident.)  |
 *  +-------------------------------+-------------------------------+
 *  |                      external address                         |
 *  +---------------------------------------------------------------+
 *  | seen: 1 SYN out, 2 SYN in, 4 FIN out, 8 FIN in, 16 RST        |
 *  +---------------------------------------------------------------+
 *
 *          External address and port 0: a session inside its domain; none but the anchor
 *          can lead it there, so it goes by the tunnel.
 *
 *   HELLO  request: EPOCH (manager's)          reply: EPOCH (agent's), HOSTS (count)
 *   HREB   host rebind, idempotent, all or nothing.
 *          request: IDENTITY, GENERATION, NEW_ACTUAL (0.0.0.0: host left),
 *                   OLD_ACTUAL (informative), FLAGS (bit 0: plain; bit 1: importing;
 *                   bit 2: one way), VIRTUAL (that it shares with other hosts)
 *          reply:   BOUND_AT (of the store that moved it)
 *          A generation older than the one in force: negative, STALE. An equal one
 *          with the same place: positive, nothing is done; with another place: STALE.
 *          With PATH tunnel and ENDPOINT: the host is behind that, another domain's
 *          gateway or its own public address; NEW_ACTUAL is 0.0.0.0. With PATH tunnel
 *          and no ENDPOINT: it is here, reached by a tunnel to NEW_ACTUAL. IMPORTING: its sessions
 *          elsewhere follow; packets of unknown sessions go to the default anchor until
 *          a HREB of the same generation without the bit; they stay with that anchor
 *          unless a FIMP of another names them. The bit does not come back within
 *          one generation. One way: the host behind the tunnel need not answer by it, so
 *          that packets to it keep its sessions alive. VIRTUAL, if it is not IDENTITY:
 *          the host must be here and reached by a tunnel. The address must be one of the
 *          gateway's virtual ones, and becomes nobody's IDENTITY (TAKEN) while a host
 *          shares it; nothing in the domain reaches it.
 *   HSYNC  the whole table. request: FLAGS 1: begin, 2: end; HREBs of all hosts, HANCs and
 *          HARRs between. At the end, hosts not rebound since begin are unbound, anchors
 *          and arrivals not named since are removed. One session at a time
 *          (NOT_APPLICABLE); its end cancels. reply: HOSTS.
 *   HANC   anchor: sessions of IDENTITY (a host here) begun elsewhere. request:
 *          IDENTITY, GATEWAY (tunnel address there), VIRTUAL (its address there), FLAGS
 *          (bit 0: direct; bit 1: default; bit 2: remove, with all sessions imported for
 *          it; bit 3: translate, so that FREL gives ports; bit 4: to which packets come
 *          with the correspondent as source, otherwise the session's external endpoint at
 *          GATEWAY; without bit 3: the outer source of tunnel packets). Also admits
 *          tunnel packets {GATEWAY, VIRTUAL} for the host. Said again
 *          with other flags, it changes them. TAKEN: another host that is bound has that
 *          VIRTUAL at that GATEWAY. Removing what is not there is positive.
 *   HARR   arrival: admit tunnel packets from GATEWAY that come from IDENTITY (a host
 *          anchored here) by its VIRTUAL. request: IDENTITY, GATEWAY, VIRTUAL, FLAGS
 *          (bit 2: remove). TAKEN as for HANC. HANC and HARR may precede the host's HREB.
 *   FEXP   sessions of IDENTITY anchored here. request: IDENTITY, CURSOR (0: from the
 *          start). reply: FLOWS, perhaps none, CURSOR (0: that was all; otherwise ask
 *          again with it). Sessions that stay come exactly once.
 *   FIMP   request: IDENTITY, GATEWAY, VIRTUAL (an anchor made by HANC, or
 *          NOT_APPLICABLE), FLOWS. reply: HOSTS (how many were new). Idempotent. Sessions
 *          anchored here, or claimed for another anchor by an earlier FIMP, stay as they
 *          are. RESOURCES: the table is full, some may be in.
 *   FREL   external ports of this gateway, one for each session imported for an anchor, to
 *          which the anchor may translate instead of using the tunnel. request: IDENTITY,
 *          GATEWAY, VIRTUAL, CURSOR. reply: FLOWS, whose external endpoint is that port,
 *          CURSOR; as for FEXP. Asked again, it tells the same ports. A session for which
 *          no port is free is left out. Ports end with their sessions. With bit 4 of
 *          HANC's FLAGS only: the sessions of which tunnel packets are admitted with the
 *          correspondent as outer and inner source; their external endpoint is this
 *          gateway's end of tunnels and port 0.
 *   HFWD   forward sessions of IDENTITY, which is behind the tunnel to ENDPOINT
 *          (NOT_APPLICABLE), to the external endpoints of FLOWS; those that are not
 *          anchored here are passed over, all others use the tunnel. request: IDENTITY,
 *          ENDPOINT, FLAGS (bit 0: the correspondent stays the source; otherwise it
 *          becomes the session's external endpoint here), FLOWS (port 0: by tunnel still,
 *          with the correspondent as outer source). reply: HOSTS (how many).
 *          It holds until the host is no longer behind that tunnel, however often HREB
 *          repeats that it is.
 *   HEND   notification: no session of IDENTITY is anchored here any more. IDENTITY.
 *          Sent after the sweep that finds a host whose path is tunnel without one, once
 *          in each session of a manager.
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
	SIMCO_SA = 0x02,
	SIMCO_ST = 0x03,
	SIMCO_PRR = 0x11,
	SIMCO_PER = 0x12,
	SIMCO_PEA = 0x13,
	SIMCO_PDR = 0x14,
	SIMCO_PLC = 0x15,
	SIMCO_PRS = 0x21,
	SIMCO_PRL = 0x22,
	SIMCO_X_HELLO = 0xe1,
	SIMCO_X_HREB = 0xe2,
	SIMCO_X_HSYNC = 0xe3,
	SIMCO_X_HANC = 0xe4,
	SIMCO_X_HARR = 0xe5,
	SIMCO_X_FEXP = 0xe6,
	SIMCO_X_FIMP = 0xe7,
	SIMCO_X_HEND = 0xe8,
	SIMCO_X_FREL = 0xe9,
	SIMCO_X_HFWD = 0xea,
};

/* Sub-types of notifications; HEND besides. */
enum simco_notification {
	SIMCO_BFM = 0x01,
	SIMCO_AST = 0x02,
	SIMCO_ARE = 0x03,
};

/* Sub-types of negative replies. */
enum simco_error {
	SIMCO_E_BASIC_TYPE = 0x10,
	SIMCO_E_SUBTYPE = 0x11,
	SIMCO_E_MALFORMED = 0x12,
	SIMCO_E_NOT_APPLICABLE = 0x20,
	SIMCO_E_RESOURCES = 0x21,
	SIMCO_E_VERSION = 0x22,
	SIMCO_E_RULES_FULL = 0x42,
	SIMCO_E_NO_RULE = 0x43,
	SIMCO_E_NOT_OWNER = 0x45,
	SIMCO_E_TAKEN = 0x47,	  /* the external endpoint that was wished for */
	SIMCO_E_NO_PORTS = 0x49,
	SIMCO_E_INCONSISTENT = 0x4b,
	SIMCO_E_CONFLICT = 0x50,  /* the inside endpoint has another external one */
	SIMCO_E_ADDRESS = 0x53,
	SIMCO_E_PROTOCOL = 0x54,
	SIMCO_E_PORT = 0x55,
	SIMCO_E_X_STALE = 0xe1,	  /* generation older than the one in force */
	SIMCO_E_X_ADDRESS = 0xe2, /* an address that is not in the gateway's prefixes */
	SIMCO_E_X_TAKEN = 0xe3,	  /* tunnel packets of GATEWAY and VIRTUAL are another host's */
};

enum simco_attribute {
	SIMCO_A_VERSION = 0x0001, /* 4 bytes: major, minor, 0, 0 */
	SIMCO_A_CAPABILITIES = 0x0004,
	SIMCO_A_RULE = 0x0005,
	SIMCO_A_GROUP = 0x0006,
	SIMCO_A_LIFETIME = 0x0007,
	SIMCO_A_OWNER = 0x0008,
	SIMCO_A_TUPLE = 0x0009,
	SIMCO_A_PROTOCOL = 0x000a,
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
#define SIMCO_HREB_ONE_WAY (1u << 2)
#define SIMCO_HANC_DIRECT (1u << 0)
#define SIMCO_HANC_DEFAULT (1u << 1)
#define SIMCO_REMOVE (1u << 2) /* HANC, HARR */
#define SIMCO_HANC_TRANSLATE (1u << 3)
#define SIMCO_HANC_CORRESPONDENT (1u << 4)
#define SIMCO_HFWD_KEEP_SOURCE (1u << 0)
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
	uint32_t external; /* 0: inside its domain */
	uint32_t flags; /* MNAT_SEEN_* of abi.h */
} __attribute__((packed));

_Static_assert(sizeof(struct simco_flow) == 20, "a flow on the wire");
#define SIMCO_FLOWS_MAX 512 /* in one message */

/* An endpoint of a rule, as on the wire (network order). */
struct simco_tuple {
	uint8_t location; /* enum simco_location */
	uint8_t version;
	uint8_t protocol; /* IANA's number */
	uint8_t prefix;
	uint16_t port;
	uint16_t n_ports;
	uint32_t address;
} __attribute__((packed));

_Static_assert(sizeof(struct simco_tuple) == 12, "a tuple on the wire");

enum simco_location { SIMCO_INSIDE, SIMCO_OUTSIDE };

#define SIMCO_TUPLES_MAX 2
#define SIMCO_RULES_MAX	 256 /* of one manager: their list fits a message */
#define SIMCO_OWNER_MAX	 255
#define SIMCO_NAT	 0x40 /* of the capabilities' first byte */
#define SIMCO_KEPT	 0x04

/* What PRS, PRR, PER and their like speak of. */
struct simco_capabilities {
	uint8_t type;
	uint8_t flags;
	uint16_t pad;
	uint32_t max_lifetime; /* network order */
};

_Static_assert(sizeof(struct simco_capabilities) == 8, "capabilities on the wire");

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
	struct simco_capabilities capabilities;
	uint32_t group;
	uint32_t lifetime;
	uint8_t protocol[4];
	char owner[SIMCO_OWNER_MAX + 1];
	uint32_t n_tuples;
	struct simco_tuple tuples[SIMCO_TUPLES_MAX];
	uint32_t n_rules;
	uint32_t rules[SIMCO_RULES_MAX]; /* network order */
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
