/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where leases are kept. The DHCP server collects what a batch of packets changed
 * and writes it by begin, put..., commit: one transaction, durable when commit
 * returns 0. Only then may replies leave.
 *
 * All functions return 0 or -errno, with the reason logged; after any failure of
 * put or commit the transaction is gone and nothing of it is on disk.
 */
#ifndef MNAT_STORE_H
#define MNAT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#define MNAT_CLIENT_MAX	  255 /* bytes of a client identifier */
#define MNAT_HOSTNAME_LEN 64  /* with its NUL */

enum mnat_lease_state {
	MNAT_LEASE_OFFERED,  /* never stored */
	MNAT_LEASE_BOUND,    /* in use until it expires */
	MNAT_LEASE_RELEASED, /* free; its last client gets it first */
	MNAT_LEASE_EXPIRED,  /* free; its last client gets it first */
	MNAT_LEASE_DECLINED, /* in use by a stranger: given to nobody until it expires */
};

/* An address and its last holder. Addresses are host order and the key. */
struct mnat_lease_record {
	uint32_t address;
	bool is_virtual;
	bool is_foreign; /* ... of another domain's pool */
	bool tunnel;	 /* actual, bound: its host is reached by tunnel */
	enum mnat_lease_state state;
	uint32_t generation; /* last one told to a mobility manager for this identity */
	uint32_t virt;	     /* of an actual address: the virtual one bound to it, or 0 */
	int64_t expires;     /* wall clock, seconds since 1970 */
	uint8_t mac[6];
	uint8_t client_len; /* 0: nobody's */
	uint8_t client[MNAT_CLIENT_MAX];
	char hostname[MNAT_HOSTNAME_LEN];
};

/* What a client has proved itself by last: nothing older counts (RFC 3118, dhcp_auth.h). */
struct mnat_auth_record {
	uint32_t key;	  /* its number */
	uint64_t counter; /* of our own form */
	uint64_t replay;  /* RFC 3118's */
	uint8_t client_len;
	uint8_t client[MNAT_CLIENT_MAX];
};

struct mnat_store;

struct mnat_store_ops {
	/* where: a path. -EBUSY: another server has it; -EPROTONOSUPPORT: written by a newer one.
	 */
	int (*open)(const char *where, struct mnat_store **ret_store);
	/* Every record, in no order; each is valid during the call only. */
	int (*load)(struct mnat_store *store,
		    int (*each)(const struct mnat_lease_record *record, void *user), void *user);
	int (*load_auth)(struct mnat_store *store,
			 int (*each)(const struct mnat_auth_record *record, void *user),
			 void *user);
	int (*begin)(struct mnat_store *store);
	int (*put)(struct mnat_store *store, const struct mnat_lease_record *record);
	/* ... after all leases */
	int (*put_auth)(struct mnat_store *store, const struct mnat_auth_record *record);
	/* -EINPROGRESS: not durable yet; the store's own header says how that ends. */
	int (*commit)(struct mnat_store *store);
	void (*close)(struct mnat_store *store);
};

#endif
