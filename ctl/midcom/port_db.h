/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log's database: which host had which external ports, from when to when, and where
 * hosts were. Times are seconds since 1970, addresses host order. One thread at a time.
 */
#ifndef MIDCOM_PORT_DB_H
#define MIDCOM_PORT_DB_H

#include <stddef.h>
#include <stdint.h>

#define PORT_DB_ANY_PROTO (-1)

enum port_record_kind {
	PORT_TAKEN,   /* of ports that are logged as taken already: nothing */
	PORT_FREED,   /* of ports that are not: nothing */
	PORT_MOVED,   /* the host of virt is at actual */
	PORT_SETTLED, /* what was open before and was not told again has ended */
};

struct port_record {
	enum port_record_kind kind;
	int proto;	/* enum mnat_proto_class, or PORT_DB_ANY_PROTO */
	uint32_t addr;
	uint16_t first; /* ports, both included */
	uint16_t last;
	uint32_t host;	/* id */
	uint32_t virt;	/* 0: a plain host */
	uint32_t actual;
	int64_t at;
};

/* An answer: who had it. */
struct port_holder {
	int proto;
	uint16_t first;
	uint16_t last;
	uint32_t virt;
	uint32_t actual; /* at the time asked for; 0: elsewhere */
	int64_t since;
	int64_t until; /* 0: still */
};

struct port_db;

/* Errors are logged; all return 0 or -errno. */
int port_db_open(const char *path, struct port_db **ret_db);
void port_db_close(struct port_db *db);

/* All or none. now: the log is known to be true up to here. */
int port_db_write(struct port_db *db, const struct port_record *records, size_t n, int64_t now);

/* Remove what ended before. */
int port_db_purge(struct port_db *db, int64_t before);

/* Up to size holders; those of one port only come first. */
int port_db_who(struct port_db *db, uint32_t addr, uint16_t port, int64_t at,
		struct port_holder *ret_holders, size_t size, size_t *ret_n);

#endif
