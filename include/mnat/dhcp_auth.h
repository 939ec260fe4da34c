/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Authentication of DHCP messages, in two forms:
 *
 * Ours, sub-option 9 of option 125: a key's number, a counter and the first 16 bytes of an
 * HMAC-SHA-256. In every message of a client, DISCOVER too, the counter is higher than in
 * the one before. In an answer it is that of the message answered: so a client knows it
 * for the answer to what it has just said, and the server keeps no counter.
 *
 * RFC 3118's delayed authentication, option 90: protocol 1, HMAC-MD5, replay detection by
 * a value that rises in each direction. A client's DISCOVER and INFORM only ask for it.
 *
 * A MAC covers the UDP payload, with hops, giaddr and the MAC itself as zeros and without
 * option 82: what relays change. Relays also move the padding. Ours covers the message up
 * to its end option, without pad options; so it does not matter what a relay does with
 * those. RFC 3118 says nothing of it: there the MAC covers the message up to its end
 * option and zeros up to 300 bytes, which is what clients and relays send; on receipt also
 * the whole as it is. Neither is ever in parts (RFC 3396), nor in sname and file: there it
 * is not looked for.
 */
#ifndef MNAT_DHCP_AUTH_H
#define MNAT_DHCP_AUTH_H

#include "mnat/dhcp.h"

#define DHCP_AUTH_MAC_LEN  16
#define DHCP_KEY_MIN	   16 /* bytes of a secret */
#define DHCP_KEY_MAX	   64
#define DHCP_KEY_DERIVED   32
#define DHCP_AUTH_ARRIVALS 2 /* fit into option 125 beside it */

/* Sub-option 9; big-endian. */
struct dhcp_mnat_auth {
	uint32_t id;
	uint64_t counter;
	uint8_t mac[DHCP_AUTH_MAC_LEN];
} __attribute__((packed));

_Static_assert(sizeof(struct dhcp_mnat_auth) == DHCP_MNAT_AUTH_LEN, "sub-option 9");

/* Option 90 of protocol 1. */
struct dhcp_rfc3118 {
	uint8_t protocol;
	uint8_t algorithm;
	uint8_t rdm;
	uint64_t replay;
	uint32_t id;
	uint8_t mac[DHCP_AUTH_MAC_LEN];
} __attribute__((packed));

_Static_assert(sizeof(struct dhcp_rfc3118) == 31, "RFC 3118 section 5");

/* What an answer may grow by: an option 125 of its own for ours, or option 90. */
#define DHCP_AUTH_ROOM 37

enum dhcp_auth_how { DHCP_AUTH_NONE, DHCP_AUTH_MNAT, DHCP_AUTH_RFC3118, DHCP_N_AUTH };

struct dhcp_auth {
	enum dhcp_auth_how how;
	bool asks; /* RFC 3118 in a DISCOVER or INFORM: there is no MAC */
	uint32_t id;
	uint64_t counter; /* or replay detection value */
	size_t mac;	  /* its offset in the message */
};

/*
 * A secret. client: the only identifier (option 61) that may use it, or NULL: any. Of a
 * master's each client has its own, dhcp_auth_derive()d.
 */
struct dhcp_key {
	uint32_t id;
	bool master;
	uint8_t len;
	uint8_t secret[DHCP_KEY_MAX];
	uint8_t client_len;
	uint8_t *client;
};

struct dhcp_keys {
	struct dhcp_key *key; /* in the order of their numbers */
	size_t n;
};

/* A secret as it is used. */
struct dhcp_secret {
	uint8_t len;
	uint8_t bytes[DHCP_KEY_MAX];
};

/*
 * What proves the message, which dhcp_parse() took; ours before RFC 3118's. 0; -ENOENT:
 * there is nothing; -EBADMSG: option 90 is of another protocol, or not as it should be.
 */
int dhcp_auth_find(const struct dhcp_codec *codec, const uint8_t *buf, size_t len,
		   struct dhcp_auth *ret_auth);

/* Is the MAC right? In constant time. */
bool dhcp_auth_verify(const uint8_t *buf, size_t len, const struct dhcp_auth *auth,
		      const struct dhcp_secret *secret);

/*
 * Prove a finished message by auth's how, id and counter, in place of what proof it has.
 * 0 and the new *len; -EMSGSIZE: there is no room, and nothing has changed.
 */
int dhcp_auth_sign(const struct dhcp_codec *codec, uint8_t *buf, size_t size,
		   const struct dhcp_auth *auth, const struct dhcp_secret *secret, size_t *len);

/* RFC 3118 appendix A: HMAC-SHA-256(master, identifier), 32 bytes. */
void dhcp_auth_derive(const struct dhcp_key *master, const void *client, size_t client_len,
		      struct dhcp_secret *ret_secret);

/*
 * The secret of the client under key; false: the key is another's. client_len 0: the
 * reader is the client itself, whose file has its own secret.
 */
bool dhcp_key_secret(const struct dhcp_key *key, const void *client, size_t client_len,
		     struct dhcp_secret *ret_secret);

/*
 * Read a file of lines NUMBER SECRET [CLIENT], and master NUMBER SECRET: see
 * mnat-dhcpd.conf(5). It must be ours or root's and for nobody else to read. 0, or -errno
 * with the error printed as FILE:LINE: ...
 */
int dhcp_keys_load(const char *path, struct dhcp_keys **ret_keys);
void dhcp_keys_free(struct dhcp_keys *keys);
/* Whose it is and who may read it; a broker (broker.h) looks itself, for those it opens it for. */
int dhcp_keys_check(const char *path, int fd);

const struct dhcp_key *dhcp_keys_find(const struct dhcp_keys *keys, uint32_t id);
/* What a server uses that is asked: the client's own, else a master's, else any. NULL: none. */
const struct dhcp_key *dhcp_keys_for(const struct dhcp_keys *keys, const void *client,
				     size_t client_len);

#endif
