/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DHCP messages (RFC 2131, 2132, 3396, 3046, 3925), for the server and the client.
 *
 * Received messages are hostile: dhcp_parse() validates the whole of one before
 * anything is read from it. Addresses are struct in_addr, network order; times
 * are seconds, host order.
 */
#ifndef MNAT_DHCP_H
#define MNAT_DHCP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_MAGIC 0x63825363u
#define DHCP_MIN_MESSAGE 300 /* BOOTP's; shorter replies are padded to it */
#define DHCP_MAX_MESSAGE 1472
#define DHCP_ENTERPRISE_DEFAULT 32473 /* RFC 5612's documentation number */
#define DHCP_SEED_OPTION_DEFAULT 224

enum dhcp_op { DHCP_BOOTREQUEST = 1, DHCP_BOOTREPLY = 2 };

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
	DHCP_FORCERENEW, /* RFC 3203 */
	/* about leases, over TCP: leasequery.h */
	DHCP_LEASEQUERY,
	DHCP_LEASEUNASSIGNED,
	DHCP_LEASEUNKNOWN,
	DHCP_LEASEACTIVE,
	DHCP_BULKLEASEQUERY,
	DHCP_LEASEQUERYDONE,
	DHCP_ACTIVELEASEQUERY,
	DHCP_LEASEQUERYSTATUS,
	DHCP_TLS,
};

enum dhcp_option_code {
	DHCP_OPT_PAD = 0,
	DHCP_OPT_MASK = 1,
	DHCP_OPT_ROUTER = 3,
	DHCP_OPT_DNS = 6,
	DHCP_OPT_HOSTNAME = 12,
	DHCP_OPT_DOMAIN = 15,
	DHCP_OPT_MTU = 26,
	DHCP_OPT_BROADCAST = 28,
	DHCP_OPT_NTP = 42,
	DHCP_OPT_REQUESTED_IP = 50,
	DHCP_OPT_LEASE_TIME = 51,
	DHCP_OPT_OVERLOAD = 52,
	DHCP_OPT_TYPE = 53,
	DHCP_OPT_SERVER_ID = 54,
	DHCP_OPT_PARAMETERS = 55,
	DHCP_OPT_MESSAGE = 56,
	DHCP_OPT_MAX_SIZE = 57,
	DHCP_OPT_T1 = 58,
	DHCP_OPT_T2 = 59,
	DHCP_OPT_VENDOR_CLASS = 60,
	DHCP_OPT_CLIENT_ID = 61,
	DHCP_OPT_TFTP_SERVER = 66,
	DHCP_OPT_BOOT_FILE = 67,
	DHCP_OPT_USER_CLASS = 77,
	DHCP_OPT_RAPID_COMMIT = 80,
	DHCP_OPT_FQDN = 81,
	DHCP_OPT_RELAY_INFO = 82,
	DHCP_OPT_AUTH = 90,
	DHCP_OPT_LAST_TRANSACTION = 91, /* RFC 4388 */
	DHCP_OPT_ASSOCIATED_IP = 92,
	DHCP_OPT_SUBNET_SELECTION = 118,
	DHCP_OPT_DOMAIN_SEARCH = 119,
	DHCP_OPT_ROUTES = 121,
	DHCP_OPT_VIVSO = 125,
	DHCP_OPT_NONCE_CAPABLE = 145, /* RFC 6704 */
	DHCP_OPT_STATUS = 151, /* RFC 6926, as those up to 157 */
	DHCP_OPT_BASE_TIME = 152,
	DHCP_OPT_STATE_START = 153,
	DHCP_OPT_QUERY_START = 154,
	DHCP_OPT_QUERY_END = 155,
	DHCP_OPT_STATE = 156,
	DHCP_OPT_DATA_SOURCE = 157,
	DHCP_OPT_END = 255,
};

/* Sub-options of option 82. */
enum dhcp_relay_option {
	DHCP_RELAY_CIRCUIT = 1,
	DHCP_RELAY_REMOTE = 2,
	DHCP_RELAY_LINK_SELECTION = 5,	   /* RFC 3527 */
	DHCP_RELAY_SERVER_OVERRIDE = 11, /* RFC 5107 */
	DHCP_RELAY_ID = 12,		   /* RFC 6925 */
	DHCP_RELAY_VPN = 151,		   /* RFC 6607 */
};

/* Sub-options of option 125 under our enterprise number. */
enum dhcp_mnat_option {
	DHCP_MNAT_SHIM = 1,	  /* 4 bytes a virtual address, the preferred one first */
	DHCP_MNAT_MANAGER = 2,	  /* 4 bytes a mobility manager */
	DHCP_MNAT_MODE = 3,	  /* 1 byte: 0 either, 1 translate, 2 tunnel */
	/* 4 and 5, the manager and virtual address of before: ARRIVAL says it, with proof */
	DHCP_MNAT_DOMAIN = 6,	 /* 4 bytes */
	DHCP_MNAT_AUTH = 9,	 /* struct dhcp_mnat_auth of dhcp_auth.h */
	/*
	 * In an ACK: what the node needs to prove, in another domain, that it is the host
	 * that has this virtual address here; struct dhcp_mnat_token. A client that moves
	 * on gives back one struct dhcp_mnat_arrival a domain where it has sessions.
	 */
	DHCP_MNAT_TOKEN = 10,
	DHCP_MNAT_GATEWAY = 11, /* 4 bytes a gateway's end of tunnels, the host's own first */
	DHCP_MNAT_ARRIVAL = 12,
	/*
	 * 4 bytes, big-endian: of what a server says of a lease (leasequery.h). Which change of
	 * where the host is this was, as "gen" of control.h: strictly increasing for a host,
	 * never 0. A plain host has one too, without DHCP_MNAT_SHIM beside it.
	 */
	DHCP_MNAT_GENERATION = 13,
};

#define DHCP_MNAT_AUTH_LEN 28

enum dhcp_mnat_mode { DHCP_MODE_EITHER, DHCP_MODE_TRANSLATE, DHCP_MODE_TUNNEL };

/* Opaque to the node but for its length; made and verified by the home manager alone. */
#define DHCP_MNAT_TICKET_LEN 48

struct dhcp_mnat_token {
	uint8_t ticket[DHCP_MNAT_TICKET_LEN];
	uint8_t key[16]; /* the node's secret, derived from the ticket by the manager */
} __attribute__((packed));

/* proof = first 16 bytes of HMAC-SHA-256(key, ticket || counter), counter ever rising. */
struct dhcp_mnat_arrival {
	struct in_addr manager; /* of the domain where the sessions began */
	uint8_t ticket[DHCP_MNAT_TICKET_LEN];
	uint64_t counter; /* big-endian */
	uint8_t proof[16];
} __attribute__((packed));

_Static_assert(sizeof(struct dhcp_mnat_token) == 64, "token");
_Static_assert(sizeof(struct dhcp_mnat_arrival) == 76, "arrival");
#define DHCP_MNAT_MAX_ARRIVALS 3 /* of one message: they share option 125's space */

/* The fixed part, as on the wire. */
struct dhcp_header {
	uint8_t op;
	uint8_t htype;
	uint8_t hlen;
	uint8_t hops;
	uint32_t xid;
	uint16_t secs;
	uint16_t flags;
	struct in_addr ciaddr;
	struct in_addr yiaddr;
	struct in_addr siaddr;
	struct in_addr giaddr;
	uint8_t chaddr[16];
	uint8_t sname[64];
	uint8_t file[128];
	uint32_t magic;
} __attribute__((packed));

_Static_assert(sizeof(struct dhcp_header) == 240, "RFC 2131 figure 1 and the magic cookie");

#define DHCP_FLAG_BROADCAST 0x8000 /* host order */

/* How a client asked for its virtual address, and how it is answered. */
enum dhcp_shim_form {
	DHCP_SHIM_NONE = 0,
	DHCP_SHIM_VIVSO = 1 << 0, /* option 125 */
	DHCP_SHIM_SEED = 1 << 1,  /* the site-specific option of four bytes */
};

/* Where the shim option lives in this domain. */
struct dhcp_codec {
	uint32_t enterprise;
	uint8_t seed_option; /* 224..254 (RFC 3942); 0: not accepted */
};

/* One decoded option: all its parts (RFC 3396), joined. */
struct dhcp_option {
	uint16_t len;
	bool present;
	const uint8_t *data; /* into struct dhcp_message.bytes or .joined */
};

/*
 * A parsed message. Owns copies of all it points to, so it may be moved only by
 * dhcp_parse()ing again; keep it where it was parsed.
 */
struct dhcp_message {
	struct dhcp_header header; /* network order */
	enum dhcp_type type;
	struct dhcp_option options[256];
	uint32_t generation; /* DHCP_MNAT_GENERATION; 0: not told */
	/* the shim option decoded; shim_form DHCP_SHIM_NONE: the rest is zero */
	enum dhcp_shim_form shim_form;
	struct in_addr shim; /* 0.0.0.0 in a request: allocate one */
	struct in_addr manager;
	struct in_addr gateway;
	uint8_t mode;
	uint32_t domain; /* 0: not told */
	bool token_present;
	struct dhcp_mnat_token token;
	unsigned int n_arrivals; /* further ones are left out */
	struct dhcp_mnat_arrival arrivals[DHCP_MNAT_MAX_ARRIVALS];
	size_t len;
	uint8_t bytes[DHCP_MAX_MESSAGE];
	uint8_t joined[DHCP_MAX_MESSAGE];
};

/* Why a datagram is not a DHCP message; also the counters' names. */
#define DHCP_ERRORS(X)                                                                         \
	X(SHORT, "shorter than the fixed header")                                              \
	X(LONG, "longer than any datagram we read")                                            \
	X(OP, "neither a request nor a reply, or not the one expected")                        \
	X(HARDWARE, "hardware address longer than 16 bytes, or not Ethernet")                  \
	X(MAGIC, "no DHCP magic cookie")                                                       \
	X(OPTION, "an option runs past the end of its field")                                  \
	X(TYPE, "message type missing, or of an impossible length or value")                   \
	X(LENGTH, "an option has a length its definition does not allow")                      \
	X(HOPS, "more than 16 relays")

enum dhcp_error {
	DHCP_E_NONE,
#define X(name, text) DHCP_E_##name,
	DHCP_ERRORS(X)
#undef X
	DHCP_N_ERRORS,
};

const char *dhcp_error_name(enum dhcp_error error); /* lower case, "option" */
const char *dhcp_error_text(enum dhcp_error error);
const char *dhcp_type_name(enum dhcp_type type); /* "DISCOVER" */

/*
 * Parse len bytes of UDP payload; op is the one expected. Options in sname and
 * file are read when option 52 says so. Unknown options are kept undecoded,
 * unknown sub-options skipped. Options with a fixed meaning used by this project
 * (1 3 6 50 51 53 54 57 58 59 and the shim forms) have their length checked.
 */
enum dhcp_error dhcp_parse(const struct dhcp_codec *codec, enum dhcp_op op, const void *data,
			   size_t len, struct dhcp_message *ret_message);

/*
 * The same of a message about leases, and of no other (dhcp_parse() takes none of them). Any
 * hardware type is good, and none; of ours the options' lengths are checked besides.
 */
enum dhcp_error dhcp_parse_query(const struct dhcp_codec *codec, enum dhcp_op op, const void *data,
				 size_t len, struct dhcp_message *ret_message);

/* Typed access; false if the option is absent (length is already checked). */
bool dhcp_get_ip(const struct dhcp_message *message, uint8_t code, struct in_addr *ret_addr);
bool dhcp_get_u32(const struct dhcp_message *message, uint8_t code, uint32_t *ret_value);
/* Does the parameter request list (55) name code? */
bool dhcp_wants(const struct dhcp_message *message, uint8_t code);

/*
 * A sub-option of option 82, as the relay wrote it; a malformed rest is not looked at.
 * False: absent, or the relay's option is.
 */
bool dhcp_get_relay(const struct dhcp_message *message, uint8_t code,
		    struct dhcp_option *ret_option);
/* ... that is one address, and not 0.0.0.0 */
bool dhcp_get_relay_ip(const struct dhcp_message *message, uint8_t code, struct in_addr *ret_addr);

/*
 * Building. The options are appended in call order; an error (no room) sticks and
 * is returned by dhcp_finish(), so that callers need not check each call. Options
 * over 255 bytes are split (RFC 3396).
 */
struct dhcp_builder {
	uint8_t *buf;
	size_t size;
	size_t len;
	int error;
	size_t kept; /* bytes at the end of the option field that are for later options */
	/* the fields of the header that options overflow into: file, then sname */
	struct {
		size_t used;
		size_t room; /* 0: it holds a name */
	} field[2];
};

/* header: network order; buf: at least DHCP_MIN_MESSAGE bytes. */
void dhcp_build(struct dhcp_builder *b, void *buf, size_t size,
		const struct dhcp_header *header, enum dhcp_type type);
void dhcp_put(struct dhcp_builder *b, uint8_t code, const void *data, size_t len);
void dhcp_put_ip(struct dhcp_builder *b, uint8_t code, struct in_addr addr);
void dhcp_put_u32(struct dhcp_builder *b, uint8_t code, uint32_t value);
void dhcp_put_u16(struct dhcp_builder *b, uint8_t code, uint16_t value);
void dhcp_put_u8(struct dhcp_builder *b, uint8_t code, uint8_t value);

/*
 * Options that may be left out. Keep room for those that may not, whatever comes; then
 * offer others: one that does not fit beside what is kept goes to file or sname, in
 * parts if it is longer than 255 bytes (RFC 2131 section 4.1, RFC 3396), or nowhere
 * (false). Then dhcp_put_overload(), which gives back what was kept, and the rest.
 */
void dhcp_keep(struct dhcp_builder *b, size_t len);
bool dhcp_offer(struct dhcp_builder *b, uint8_t code, const void *data, size_t len);
void dhcp_put_overload(struct dhcp_builder *b);

/* Bytes that an option of len bytes takes: two more for each of its parts. */
size_t dhcp_option_size(size_t len);

/* What option 125 says. All but shim are left out when 0 or NULL; beside a generation, shim too. */
struct dhcp_mnat {
	struct in_addr shim;
	struct in_addr manager;
	struct in_addr gateway;
	uint8_t mode;
	uint32_t domain;
	const struct dhcp_mnat_token *token;
	const struct dhcp_mnat_arrival *arrivals;
	unsigned int n_arrivals;
	uint32_t generation;
};

/*
 * The shim option in the given form(s); the seed's form holds the address alone. All
 * in one block of our enterprise number, as RFC 3925 section 4 wants it: -EMSGSIZE if
 * that is more than its 255 bytes.
 */
void dhcp_put_mnat(struct dhcp_builder *b, const struct dhcp_codec *codec,
		   enum dhcp_shim_form form, const struct dhcp_mnat *mnat);

/* The same, for an address with its manager and mode alone. */
void dhcp_put_shim(struct dhcp_builder *b, const struct dhcp_codec *codec,
		   enum dhcp_shim_form form, struct in_addr shim, struct in_addr manager,
		   uint8_t mode);

/*
 * Add a token to a finished message, to its option 125. size: of the room it may take.
 * 0 and *len is the new length; else the message is as it was: -ENOENT it has no such
 * option, -EMSGSIZE there is no room.
 */
int dhcp_add_token(const struct dhcp_codec *codec, uint8_t *buf, size_t size,
		   const struct dhcp_mnat_token *token, size_t *len);

/* End option and padding. 0 and the length, or -EMSGSIZE. */
int dhcp_finish(struct dhcp_builder *b, size_t *ret_len);

#endif
