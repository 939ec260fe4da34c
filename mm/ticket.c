// SPDX-License-Identifier: GPL-2.0-only
#include "ticket.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

struct wire_ticket {
	uint32_t domain;
	struct in_addr virt;
	struct in_addr gateway;
	uint32_t generation;
	uint64_t expires;
	uint8_t nonce[8];
	uint8_t mac[PEERING_MAC_LEN];
} __attribute__((packed));

_Static_assert(sizeof(struct wire_ticket) == PEERING_TICKET_LEN, "peering.h");
#define SIGNED_LEN offsetof(struct wire_ticket, mac)

/* ---- The secret ---- */

static int make_secret(const char *path, struct secret *ret_secret)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct secret secret;

	if (fd < 0)
		return -errno;
	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret) ||
	    write(fd, &secret, sizeof(secret)) != sizeof(secret) || fsync(fd)) {
		unlink(path);
		return -EIO;
	}
	*ret_secret = secret;
	return 0;
}

static int read_secret(const char *path, struct secret *ret_secret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct secret secret;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_mode & 077)
		return -EPERM;
	if (st.st_size != sizeof(secret) || read(fd, &secret, sizeof(secret)) != sizeof(secret))
		return -EINVAL;
	*ret_secret = secret;
	return 0;
}

int secret_load(const char *path, struct secret *ret_secret)
{
	int r = read_secret(path, ret_secret);

	if (r == -ENOENT)
		r = make_secret(path, ret_secret);
	if (r == -EPERM)
		log_err("%s: others may read the secret; chmod 600 it", path);
	else if (r == -EINVAL)
		log_err("%s: not a secret of %d bytes; remove it to have another made (nodes "
			"that are away lose their sessions)",
			path, SECRET_LEN);
	else if (r)
		log_err("%s: the secret can neither be read nor made: %s", path, strerror(-r));
	return r;
}

/* ---- Tickets ---- */

static void mac(const struct secret *secret, const void *data, size_t len,
		uint8_t ret_mac[PEERING_MAC_LEN])
{
	uint8_t whole[EVP_MAX_MD_SIZE] = {0};

	HMAC(EVP_sha256(), secret->bytes, sizeof(secret->bytes), data, len, whole, NULL);
	memcpy(ret_mac, whole, PEERING_MAC_LEN);
}

int ticket_make(const struct secret *secret, const struct ticket *ticket,
		uint8_t ret_bytes[PEERING_TICKET_LEN])
{
	struct wire_ticket wire = {
		.domain = htobe32(ticket->domain),
		.virt = ticket->virt,
		.gateway = ticket->gateway,
		.generation = htobe32(ticket->generation),
		.expires = htobe64(ticket->expires),
	};

	if (getrandom(wire.nonce, sizeof(wire.nonce), 0) != sizeof(wire.nonce))
		return -EIO;
	mac(secret, &wire, SIGNED_LEN, wire.mac);
	memcpy(ret_bytes, &wire, sizeof(wire));
	return 0;
}

void ticket_read(const uint8_t bytes[PEERING_TICKET_LEN], struct ticket *ret_ticket)
{
	struct wire_ticket wire;

	memcpy(&wire, bytes, sizeof(wire));
	*ret_ticket = (struct ticket){
		.domain = be32toh(wire.domain),
		.virt = wire.virt,
		.gateway = wire.gateway,
		.generation = be32toh(wire.generation),
		.expires = be64toh(wire.expires),
	};
}

bool ticket_verify(const struct secret *secret, uint32_t domain, uint64_t now_s,
		   const uint8_t bytes[PEERING_TICKET_LEN], struct ticket *ret_ticket)
{
	uint8_t expected[PEERING_MAC_LEN];
	struct ticket ticket;

	mac(secret, bytes, SIGNED_LEN, expected);
	if (CRYPTO_memcmp(expected, bytes + SIGNED_LEN, sizeof(expected)))
		return false;
	ticket_read(bytes, &ticket);
	if (ticket.domain != domain || ticket.expires <= now_s)
		return false;
	*ret_ticket = ticket;
	return true;
}

void ticket_key(const struct secret *secret, const uint8_t bytes[PEERING_TICKET_LEN],
		uint8_t ret_key[PEERING_MAC_LEN])
{
	uint8_t data[3 + PEERING_TICKET_LEN] = "key";

	memcpy(data + 3, bytes, PEERING_TICKET_LEN);
	mac(secret, data, sizeof(data), ret_key);
}

bool ticket_proves(const struct secret *secret, const uint8_t bytes[PEERING_TICKET_LEN],
		   uint64_t counter, const uint8_t proof[PEERING_MAC_LEN])
{
	uint8_t key[PEERING_MAC_LEN], expected[PEERING_MAC_LEN];
	bool proves;

	ticket_key(secret, bytes, key);
	peering_prove(key, bytes, counter, expected);
	proves = !CRYPTO_memcmp(expected, proof, sizeof(expected));
	OPENSSL_cleanse(key, sizeof(key));
	return proves;
}
