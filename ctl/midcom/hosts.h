/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where each host is: the only writer of the maps "hosts", "actuals", "host_info"
 * and "virtuals". All state is in those maps, so that a killed agent finds
 * everything again; what is kept here can be read back from them.
 *
 * A move's order of stores is a contract with the data path:
 *   (a) actuals[new] = the host           its packets from the new address are known
 *   (b) hosts[id] = location word         the move: packets to it go to the new address
 *   (c) actuals[old] = the host, until now + grace, if it is still this host's
 *   (d) host_info[id]                     what a restarted agent reads
 * No packet can meet a host without a location, whatever moment one looks. A host that
 * goes to another domain has no new address here: (b), (c) and (d).
 *
 * An id whose host has left is not given to another before no session or binding
 * names it any more (hosts_release); the host itself may return to it at any time.
 */
#ifndef MIDCOM_HOSTS_H
#define MIDCOM_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mnat/abi.h"

/* The maps host_info and virtuals. All return 0 or -errno. */
struct hosts_store_ops {
	int (*get_info)(void *store, uint32_t id, struct mnat_host_info *ret_info);
	int (*set_info)(void *store, uint32_t id, const struct mnat_host_info *info);
	int (*find)(void *store, __be32 addr, uint32_t *ret_id); /* -ENOENT */
	int (*add)(void *store, __be32 addr, uint32_t id);
	int (*remove)(void *store, __be32 addr);
};

/* What hosts_open() is given. */
struct hosts_maps {
	volatile uint64_t *hosts;
	volatile uint64_t *actuals;
	uint32_t n_hosts;
	const struct mnat_gateway_config *config;
	const struct hosts_store_ops *ops;
	void *store;
};

enum slot_state { SLOT_FREE, SLOT_BOUND, SLOT_LEFT };

/* An id above n_actuals. */
struct slot {
	enum slot_state state;
	uint32_t since; /* seconds */
	bool end_told;	/* managers know that no session of the host is anchored here */
	uint32_t graced_until; /* the last second an address it has left is accepted */
};

/* An address in its grace period. */
struct graced {
	uint32_t index;
	uint32_t until;
};

/* A virtual address that n hosts have. */
struct shared {
	__be32 virt;
	uint32_t n;
};

struct hosts {
	struct hosts_maps maps;
	uint32_t grace;
	uint64_t epoch;	    /* of the maps */
	struct slot *slots; /* slots[i]: id n_actuals + 1 + i */
	uint32_t n_slots;
	uint32_t *free_ids; /* a stack */
	uint32_t n_free;
	uint32_t n_left;
	uint32_t n_bound; /* mobile and plain */
	struct graced *graced;
	uint32_t n_graced;
	uint32_t graced_size;
	struct shared shared[MNAT_MAX_SHARED];
	uint32_t n_shared;
	/*
	 * May be NULL: an id is free again; a host is somewhere else now, or nowhere, than its
	 * location word said. After hosts_open().
	 */
	void (*released)(uint32_t id, void *user);
	void (*moved)(uint32_t id, const struct mnat_host_info *info, uint64_t was, void *user);
	void *user;
	uint8_t *synced; /* bit an id, while a sync is on */
};

struct rebind {
	__be32 identity;
	__be32 actual; /* 0: the host has left, or is behind: */
	uint32_t generation;
	bool plain;
	bool importing;	 /* more sessions of other domains will be made known */
	bool tunnel;	 /* here, but reached by a tunnel to actual */
	__be32 endpoint; /* of the tunnel to it elsewhere, 0: none */
	bool one_way;	 /* ... by which it need not answer */
	__be32 virt;	 /* that it shares with other hosts, 0: none; needs tunnel */
};

/*
 * Read the maps, finish what a killed agent left half done. now: seconds of
 * CLOCK_MONOTONIC, as everywhere here. 0 or -errno.
 */
int hosts_open(struct hosts *hosts, const struct hosts_maps *maps, uint32_t grace, uint32_t now);
void hosts_close(struct hosts *hosts);

/*
 * Put a host where the manager says. *ret_bound_at: CLOCK_BOOTTIME ns of the store
 * that moved it. -ESTALE: older than what is known; -ERANGE: address outside the
 * prefixes; -ENOSPC: no id is free, or too many addresses are shared; -EEXIST: the address
 * it is to share is a host's own, or its identity is shared; -EINVAL: no identity, one that
 * is only for hosts that share (MNAT_IDENTITIES), or not one of those though it shares.
 */
int hosts_rebind(struct hosts *hosts, const struct rebind *rebind, uint32_t now,
		 uint64_t *ret_bound_at);

/*
 * The id of a mobile host; one is given to a host that is not known. 0 or -errno
 * (hosts_find: -ENOENT; -EEXIST: several share that address). An id without a location is
 * freed in time, as when a host left.
 */
int hosts_find(const struct hosts *hosts, __be32 identity, uint32_t *ret_id);
int hosts_find_or_add(struct hosts *hosts, __be32 identity, uint32_t now, uint32_t *ret_id);

/*
 * Move whichever host is at from to to (seed paragraph 94); doing it again changes
 * nothing. The manager's generation stays, so that its next word is accepted.
 * -ENOENT: no host is there; -EEXIST: to is another's; -EOPNOTSUPP: a plain host,
 * which is its address.
 */
int hosts_replace(struct hosts *hosts, __be32 from, __be32 to, uint32_t now);

/* Take the host's location away. For hosts_sync.c. */
void hosts_unbind(struct hosts *hosts, uint32_t id, struct mnat_host_info *info, uint32_t now);

/* Between begin and end all hosts are bound again; end unbinds those that were not. */
int hosts_sync_begin(struct hosts *hosts);
void hosts_sync_end(struct hosts *hosts, uint32_t now);
void hosts_sync_cancel(struct hosts *hosts);

/*
 * One more host, or one less, has virt beside others: while any has, map "virtuals" says so.
 * For hosts.c and hosts_open.c. -EEXIST: it is a host's own; -ENOSPC: too many are shared.
 * An agent killed in between may leave it shared by nobody until it is shared again.
 */
int hosts_share(struct hosts *hosts, __be32 virt);
void hosts_unshare(struct hosts *hosts, __be32 virt);

/* Is it to share its virtual address, and may it? 0, -EINVAL or -ERANGE. */
int hosts_check_shared(const struct hosts *hosts, const struct rebind *rebind);

/*
 * The virtual address it shall have, if the order says one; kept at once, so that an agent
 * killed before the move counts whom it finds. 0, -EEXIST or -ENOSPC as above, or -errno.
 */
int hosts_set_virtual(struct hosts *hosts, uint32_t id, const struct rebind *rebind,
		      struct mnat_host_info *info);

/* Clear addresses whose grace is over. */
void hosts_expire(struct hosts *hosts, uint32_t now);

/*
 * Free the ids of hosts that left before the given second and that are not in use:
 * bit i of in_use says that a session or binding names id n_actuals + 1 + i. Nor is an
 * id freed while an address its host has left is in grace: packets from there would be
 * the next host's. Returns how many were freed.
 */
uint32_t hosts_release(struct hosts *hosts, const uint8_t *in_use, uint32_t before);

static inline bool hosts_is_plain(const struct hosts *hosts, uint32_t id)
{
	return id <= hosts->maps.config->n_actuals;
}

/* The slot of a mobile host's id, or NULL. */
static inline struct slot *hosts_slot(struct hosts *hosts, uint32_t id)
{
	uint32_t first = hosts->maps.config->n_actuals + 1;

	return id >= first && id - first < hosts->n_slots ? &hosts->slots[id - first] : NULL;
}

/* The inside address a location word leads to; 0: none. */
static inline __be32 hosts_actual_of(uint64_t word)
{
	return mnat_location_is_away(word) ? 0 : mnat_location_endpoint(word);
}

static inline bool hosts_is_away(const struct hosts *hosts, uint32_t id)
{
	return mnat_location_is_away(hosts->maps.hosts[id]);
}

/* The generation in force: the manager's, and one more for each replace since. */
static inline uint32_t hosts_generation(const struct mnat_host_info *info)
{
	return info->gen + info->flags;
}

#endif
