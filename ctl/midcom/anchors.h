/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between domains: the maps "anchors", "defaults" and "arrivals", of which
 * this is the only writer, and the sessions of visiting hosts in the map "sessions".
 * All state is in the maps, so that a killed agent finds everything again.
 *
 * An anchor that is removed has no gateway any more (the data path drops what names
 * it) and MNAT_ANCHOR_REMOVED; its sessions are removed a piece a turn of the loop, and
 * then the slot is free.
 */
#ifndef MIDCOM_ANCHORS_H
#define MIDCOM_ANCHORS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "batch.h"
#include "hosts.h"
#include "mnat/maps.h"
#include "mnat/simco.h"

struct anchors {
	const struct mnat_gateway *gateway;
	struct hosts *hosts;
	uv_idle_t reaper;
	bool open;
	bool reaping;
	bool again; /* a slot was removed since the walk began */
	struct batch batch; /* of the walk */
	uint32_t n;
	uint32_t next_free;	   /* slots are used in turn: the longest unused first */
	uint32_t n_used;
	struct mnat_anchor *slots; /* what the map says; [0] is never used */
	uint8_t *walked;	   /* a bit a slot: removed before the walk began */
	struct anchors_named *named; /* while a sync is on */
};

/* Read the maps; go on with what a killed agent was removing. 0 or -errno. */
int anchors_open(struct anchors *anchors, uv_loop_t *loop, const struct mnat_gateway *gateway,
		 struct hosts *hosts);
void anchors_close(struct anchors *anchors);

/* What a manager names an anchor by. */
struct anchor_name {
	uint32_t host;
	__be32 gateway;
	__be32 virt;
};

/* The slot of an anchor, 0: there is none. */
uint32_t anchors_find(const struct anchors *anchors, const struct anchor_name *name);

/*
 * Make an anchor, or change its flags (MNAT_ANCHOR_*), and admit its tunnel packets for
 * the host. -EEXIST: they are another host's; -ENOSPC: no slot is free; -EINVAL: no address.
 */
int anchors_set(struct anchors *anchors, const struct anchor_name *name, uint32_t flags,
		bool is_default);
void anchors_remove(struct anchors *anchors, const struct anchor_name *name);

/* Admit tunnel packets from the gateway that come from the host, or no more. */
int anchors_admit(struct anchors *anchors, const struct anchor_name *name);
void anchors_dismiss(struct anchors *anchors, const struct anchor_name *name);

/*
 * Admit tunnel packets with that correspondent as outer and inner source for the anchor's
 * host, as long as it has the anchor. -EEXIST: they are another host's; -ENOSPC.
 */
int anchors_admit_correspondent(const struct anchors *anchors, uint32_t slot,
				__be32 correspondent);

/* Hosts were released: what still names them goes too. */
void anchors_forget_released(struct anchors *anchors);

/* Remove the arrivals of which that is true. */
void anchors_drop_arrivals(struct anchors *anchors,
			   bool (*is_dead)(const struct anchors *anchors,
					   const struct mnat_arrival_key *key, uint32_t host));

/* ---- anchors_sync.c: what is not made or admitted between the two is removed ---- */

int anchors_sync_begin(struct anchors *anchors); /* -EBUSY, -ENOMEM */
void anchors_sync_note_anchor(struct anchors *anchors, uint32_t slot);
void anchors_sync_note_arrival(struct anchors *anchors, const struct anchor_name *name);
void anchors_sync_end(struct anchors *anchors);
void anchors_sync_cancel(struct anchors *anchors);

/*
 * Sessions of the host that are anchored here, from *cursor (0: the start): at most
 * SIMCO_FLOWS_MAX of them, after which *cursor is where to go on, 0: nowhere. A piece
 * of the table is looked at, so that there may be none and yet more to come.
 */
int anchors_export(const struct anchors *anchors, uint32_t host, uint64_t *cursor,
		   struct simco_flow *flows, uint32_t *ret_n);

/*
 * Sessions of an anchor that have an external port here of their own, which they are given
 * by this (if the anchor has MNAT_ANCHOR_TRANSLATE), with that port as external endpoint;
 * if it has only MNAT_ANCHOR_CORRESPONDENT, those whose tunnel packets may have the
 * correspondent as source, with our end of tunnels and port 0. Cursor as above. -ENOENT:
 * no such anchor.
 */
int anchors_relay(const struct anchors *anchors, const struct anchor_name *name, uint64_t *cursor,
		  uint32_t now, struct simco_flow *flows, uint32_t *ret_n);

/*
 * Forward sessions of the host, which must be behind the tunnel to end, to the external
 * endpoints that the flows name. *ret_n: how many. -ENOENT: it is not behind it.
 */
int anchors_forward(const struct anchors *anchors, uint32_t host, __be32 end, bool keep_source,
		    const struct simco_flow *flows, uint32_t n, uint32_t *ret_n);

/*
 * Make sessions of an anchor known. *ret_new: how many were not. -ENOENT: no such
 * anchor; -EINVAL: a flow of no protocol; -ENOSPC: the table is full (some are in).
 */
int anchors_import(struct anchors *anchors, const struct anchor_name *name,
		   const struct simco_flow *flows, uint32_t n, uint32_t now, uint32_t *ret_new);

#endif
