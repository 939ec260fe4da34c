/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the BPF programs and user space: maps, their keys and
 * values, counters, and the load-time configuration. Nothing else is shared.
 *
 * Byte order: fields named __be32/__be16 hold network order, as on the wire.
 * All other integers are host order. Times in maps are whole seconds of
 * CLOCK_MONOTONIC (the coarse clock BPF reads for 13 ns).
 *
 * Any change to a struct, a map's meaning or the counter list's order raises
 * MNAT_ABI_VERSION: mnat-load refuses to reuse pinned maps of another version.
 */
#ifndef MNAT_ABI_H
#define MNAT_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define MNAT_ABI_MAGIC 0x4d4e4154 /* "MNAT" */
#define MNAT_ABI_VERSION 7

enum mnat_role { MNAT_ROLE_GATEWAY = 1, MNAT_ROLE_NODE = 2 };

/* Map "abi", ARRAY[1]: written once by mnat-load when it creates the maps. */
struct mnat_abi {
	__u32 magic;
	__u32 version;
	__u32 role;
	__u32 pad;
};

#include "mnat/abi/counters.h"
#include "mnat/abi/hosts.h"
#include "mnat/abi/domains.h"
#include "mnat/abi/sessions.h"
#include "mnat/abi/next_hops.h"
#include "mnat/abi/config.h"
#include "mnat/abi/node.h"
#include "mnat/abi/blocks.h"

#ifdef __cplusplus
#define MNAT_ASSERT(c, m) static_assert(c, m)
#else
#define MNAT_ASSERT(c, m) _Static_assert(c, m)
#endif
MNAT_ASSERT(sizeof(struct mnat_abi) == 16, "abi");
MNAT_ASSERT(sizeof(struct mnat_host_info) == 32, "host info");
MNAT_ASSERT(sizeof(struct mnat_anchor) == 16, "anchor");
MNAT_ASSERT(sizeof(struct mnat_elsewhere) == 12, "elsewhere");
MNAT_ASSERT(sizeof(struct mnat_relay) == 28, "relay");
MNAT_ASSERT(sizeof(struct mnat_arrival_key) == 8, "arrival key");
MNAT_ASSERT(sizeof(struct mnat_binding) == 16, "binding");
MNAT_ASSERT(sizeof(struct mnat_block) == 16, "block");
MNAT_ASSERT(MNAT_BLOCK_HOST_BITS + MNAT_N_PROTO * MNAT_BLOCK_COUNT_BITS <= 64, "block word");
MNAT_ASSERT(sizeof(struct mnat_host_use) == 12 + 4 * MNAT_N_PROTO, "host use");
MNAT_ASSERT(sizeof(struct mnat_event) == 24, "event");
MNAT_ASSERT(sizeof(struct mnat_bib_key) == 8, "bib key");
MNAT_ASSERT(sizeof(struct mnat_session_key) == 16, "session key");
MNAT_ASSERT(sizeof(struct mnat_session) == 16, "session");
MNAT_ASSERT(sizeof(struct mnat_session_slot) == 32, "session slot");
MNAT_ASSERT(sizeof(struct mnat_next_hop) == 40, "next hop");
MNAT_ASSERT(sizeof(struct mnat_carried_key) == 16, "carried key");
MNAT_ASSERT(sizeof(struct mnat_carried) == 8, "carried");
MNAT_ASSERT(sizeof(struct mnat_syn) == 32, "syn");
MNAT_ASSERT(sizeof(struct mnat_sweep) == 32 + 16 * MNAT_SWEEP_KEYS, "sweep");
MNAT_ASSERT(sizeof(struct mnat_shim) == 136, "shim");
MNAT_ASSERT(sizeof(struct mnat_home_key) == 12, "home key");
MNAT_ASSERT(sizeof(struct mnat_home) == 8, "home");

#endif
