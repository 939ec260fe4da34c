/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What survives a restart, in a JSON file of mode 0600 that is replaced as a whole:
 * the virtual address, the lease, the address last held on each network, and what
 * the domains visited have given us to prove ourselves there: these are secrets.
 */
#ifndef MNATC_STATE_H
#define MNATC_STATE_H

#include "lease.h"
#include "roam.h"

#define STATE_NETWORKS 16

struct network {
	uint64_t gateway_mac; /* a network is known by it; shim_mac_word() */
	struct in_addr actual;
	struct in_addr mask;
	struct in_addr router;
	uint32_t domain; /* 0: not told */
	uint64_t until_ns; /* CLOCK_BOOTTIME: when the lease there ends */
};

struct state {
	struct in_addr virt; /* 0.0.0.0: none yet */
	bool have_lease;
	struct lease lease;
	struct network networks[STATE_NETWORKS]; /* the latest first */
	int n_networks;
	struct roam roam;
	uint64_t dhcp_replay; /* of the DHCP server's last answer by RFC 3118 */
};

/*
 * 0; -ENOENT: there is none; -EINVAL: there is one that makes no sense, which is
 * logged. A lease that has run out is not returned.
 */
int state_load(const char *path, struct state *ret_state);

/*
 * Creates the file's directory if need be. On success more proofs are reserved
 * (roam.h). 0 or -errno, printed.
 */
int state_save(const char *path, struct state *state);

/* One of the same gateway's is replaced. */
void state_remember_network(struct state *state, const struct network *network);

#endif
