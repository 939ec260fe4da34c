// SPDX-License-Identifier: GPL-2.0-only
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Followed by the client's identifier and the host name, without its NUL. */
struct packed {
	int64_t expires;
	uint32_t address;
	uint32_t generation;
	uint32_t virt;
	uint8_t kind; /* 0 actual, 4 actual and by tunnel, 1 virtual, 3 virtual and foreign */
	uint8_t state;
	uint8_t mac[6];
	uint8_t client_len;
	uint8_t hostname_len;
	uint8_t zero[2];
};

_Static_assert(sizeof(struct packed) == 32, "no holes: it is sent as it is");

size_t wire_pack(const struct mnat_lease_record *record, uint8_t *buf)
{
	struct packed packed = {
		.expires = record->expires,
		.address = record->address,
		.generation = record->generation,
		.virt = record->virt,
		.kind = (uint8_t)(record->is_virtual | record->is_foreign << 1 |
				  record->tunnel << 2),
		.state = (uint8_t)record->state,
		.client_len = record->client_len,
		.hostname_len = (uint8_t)strnlen(record->hostname, MNAT_HOSTNAME_LEN - 1),
	};
	uint8_t *at = buf + sizeof(packed);

	memcpy(packed.mac, record->mac, sizeof(packed.mac));
	memcpy(buf, &packed, sizeof(packed));
	memcpy(at, record->client, packed.client_len);
	at += packed.client_len;
	memcpy(at, record->hostname, packed.hostname_len);
	return (size_t)(at + packed.hostname_len - buf);
}

size_t wire_unpack(const uint8_t *buf, size_t len, struct mnat_lease_record *ret_record)
{
	struct packed packed;
	const uint8_t *at = buf + sizeof(packed);

	if (len < sizeof(packed))
		return 0;
	memcpy(&packed, buf, sizeof(packed));
	if (len - sizeof(packed) < (size_t)packed.client_len + packed.hostname_len ||
	    packed.hostname_len >= MNAT_HOSTNAME_LEN || packed.state > MNAT_LEASE_DECLINED ||
	    (packed.kind > 1 && packed.kind != 3 && packed.kind != 4) || !packed.address ||
	    memchr(at + packed.client_len, '\0', packed.hostname_len))
		return 0;
	*ret_record = (struct mnat_lease_record){
		.address = packed.address,
		.is_virtual = packed.kind & 1,
		.is_foreign = packed.kind >> 1 & 1,
		.tunnel = packed.kind >> 2,
		.state = (enum mnat_lease_state)packed.state,
		.generation = packed.generation,
		.virt = packed.virt,
		.expires = packed.expires,
		.client_len = packed.client_len,
	};
	memcpy(ret_record->mac, packed.mac, sizeof(packed.mac));
	memcpy(ret_record->client, at, packed.client_len);
	memcpy(ret_record->hostname, at + packed.client_len, packed.hostname_len);
	return sizeof(packed) + packed.client_len + packed.hostname_len;
}

/* Followed by the client's identifier. */
struct packed_auth {
	uint64_t counter;
	uint64_t replay;
	uint32_t key;
	uint8_t client_len;
	uint8_t zero[3];
};

_Static_assert(sizeof(struct packed_auth) == 24, "no holes: it is sent as it is");

size_t wire_pack_auth(const struct mnat_auth_record *record, uint8_t *buf)
{
	const struct packed_auth packed = {
		.counter = record->counter,
		.replay = record->replay,
		.key = record->key,
		.client_len = record->client_len,
	};

	memcpy(buf, &packed, sizeof(packed));
	memcpy(buf + sizeof(packed), record->client, packed.client_len);
	return sizeof(packed) + packed.client_len;
}

size_t wire_unpack_auth(const uint8_t *buf, size_t len, struct mnat_auth_record *ret_record)
{
	struct packed_auth packed;

	if (len < sizeof(packed))
		return 0;
	memcpy(&packed, buf, sizeof(packed));
	if (!packed.client_len || len - sizeof(packed) < packed.client_len)
		return 0;
	*ret_record = (struct mnat_auth_record){
		.counter = packed.counter,
		.replay = packed.replay,
		.key = packed.key,
		.client_len = packed.client_len,
	};
	memcpy(ret_record->client, buf + sizeof(packed), packed.client_len);
	return sizeof(packed) + packed.client_len;
}

/* The event loop has made our end non-blocking; here we wait for the other one. */
static bool try_again(int fd, short events)
{
	struct pollfd wait = {.fd = fd, .events = events};

	if (errno == EINTR)
		return true;
	return errno == EAGAIN && poll(&wait, 1, -1) >= 0;
}

int wire_read(int fd, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len) {
		ssize_t n = recv(fd, at, len, MSG_WAITALL);

		if (n < 0 && try_again(fd, POLLIN))
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const void *buf, size_t len, int flags)
{
	const uint8_t *at = buf;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL | flags);

		if (n < 0 && try_again(fd, POLLOUT))
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int wire_write(int fd, const struct frame *frame, const void *records)
{
	int r = write_all(fd, frame, sizeof(*frame), frame->len ? MSG_MORE : 0);

	return r ? r : write_all(fd, records, frame->len, 0);
}
