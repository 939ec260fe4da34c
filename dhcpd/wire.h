/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the server and the keeper of its database say to each other over a pair of
 * stream sockets: frames of packed lease records. The keeper checks every byte: the
 * server speaks to strangers, and may have fallen to one.
 */
#ifndef DHCPD_WIRE_H
#define DHCPD_WIRE_H

#include <stddef.h>

#include "mnat/store.h"

enum frame_type {
	FRAME_OPEN,  /* server: open the database. keeper: done, result */
	FRAME_LOAD,  /* server: send all records. keeper: records; the last one has none, result */
	FRAME_LOAD_AUTH, /* the same, of what clients last proved themselves by */
	FRAME_STORE, /* server: records, store them in one transaction. keeper: done, result */
	FRAME_END,   /* server: it ends in order; no answer */
	N_FRAMES,
};

#define FRAME_MAX (256u << 20) /* bytes of records in one */

struct frame {
	uint32_t type;
	int32_t result; /* 0 or -errno */
	uint32_t len;	/* bytes of records that follow */
	uint32_t auth;	/* of a FRAME_STORE: the last of these are no leases but proofs */
};

#define WIRE_RECORD_MAX (32 + MNAT_CLIENT_MAX + MNAT_HOSTNAME_LEN)

/* Bytes written to buf, WIRE_RECORD_MAX at most. */
size_t wire_pack(const struct mnat_lease_record *record, uint8_t *buf);
/* Bytes read, or 0: this is no record. */
size_t wire_unpack(const uint8_t *buf, size_t len, struct mnat_lease_record *ret_record);

#define WIRE_AUTH_MAX (24 + MNAT_CLIENT_MAX)

/* The same of a client's proof. */
size_t wire_pack_auth(const struct mnat_auth_record *record, uint8_t *buf);
size_t wire_unpack_auth(const uint8_t *buf, size_t len, struct mnat_auth_record *ret_record);

/* Whole, or -errno; -EPIPE: the other side is gone. */
int wire_read(int fd, void *buf, size_t len);
int wire_write(int fd, const struct frame *frame, const void *records);

#endif
