/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. Sessions and hosts of other domains. */
#ifndef MNAT_ABI_DOMAINS_H
#define MNAT_ABI_DOMAINS_H

/* ---- Gateway: between domains ------------------------------------------------
 *
 * A session stays anchored at the gateway where it began (seed paragraph 65). The
 * gateway a host visits sends what belongs to sessions anchored elsewhere to their
 * anchors, in IP-in-IP with the virtual address the host has there as inner source
 * (reverse tunnel), or straight to the correspondent with the anchor's external
 * endpoint as source (direct; paragraph 78). An anchor sends what comes from
 * correspondents by the host's location word, path TUNNEL; a session that map
 * "elsewhere" says more of is translated: its packets go to an external port that it
 * alone has at the visited gateway (map "relays" there), and need no tunnel.
 *
 * Map "anchors", ARRAY[max_anchors]: one a host and gateway where it has sessions.
 * Slot 0 is never used. Written by mnat-midcomd.
 */
struct mnat_anchor {
	__be32 gateway; /* tunnel address there; 0: slot is free, or being freed */
	__be32 virt;	/* the host's virtual address there */
	__u32 host;	/* its id here */
	__u32 flags;	/* MNAT_ANCHOR_* */
};

#define MNAT_ANCHOR_DIRECT (1u << 0) /* straight to the correspondent, not by the anchor */
#define MNAT_ANCHOR_REMOVED (1u << 1) /* midcomd is removing the sessions that name it */
#define MNAT_ANCHOR_TRANSLATE (1u << 2) /* its sessions get ports here */
/* ... to which packets come with the correspondent's endpoint as source, not the anchor's;
 * or, without ports, tunnel packets */
#define MNAT_ANCHOR_CORRESPONDENT (1u << 3)

/* A session's binding, when it is anchored elsewhere: this bit and the anchor's slot. */
#define MNAT_BINDING_ANCHOR 0x80000000u

/*
 * The binding of a session between hosts of the domain: this bit, and the other host's id
 * when it is mobile too. Addresses change, ports do not: there is no external endpoint.
 * Of two mobile hosts the one with the lower id is the session's, the other its remote.
 */
#define MNAT_BINDING_INTRA 0x40000000u

static inline __u32 mnat_intra_peer(__u32 binding)
{
	return binding & ~MNAT_BINDING_INTRA;
}

/* No external endpoint here: the binding is no index. */
static inline int mnat_binding_is_none(__u32 binding)
{
	return !!(binding & (MNAT_BINDING_ANCHOR | MNAT_BINDING_INTRA));
}

static inline int mnat_binding_is_intra(__u32 binding)
{
	return (binding & (MNAT_BINDING_ANCHOR | MNAT_BINDING_INTRA)) == MNAT_BINDING_INTRA;
}

/* Map "defaults", ARRAY as "hosts", of __u32: a host's default anchor, 0: none. */

/*
 * Map "elsewhere", HASH: mnat_session_key -> what another gateway has to do with it. Filled
 * by mnat-midcomd, emptied with the session. A session that is forwarded has a second
 * entry, for errors that come back: the same key with the other gateway's endpoint as
 * remote, saying who the correspondent is.
 */
enum mnat_elsewhere_kind {
	MNAT_ANCHORED = 1, /* begun elsewhere: its external endpoint there */
	MNAT_FORWARDED,	   /* begun here: its endpoint at the gateway its host visits now */
	MNAT_CORRESPONDENT,
};

struct mnat_elsewhere {
	__be32 addr;
	__be16 port; /* forwarded: 0: by tunnel after all, only its outer source is another */
	__u8 kind;
	__u8 flags;
	__u32 number; /* anchored: its relay, plus 1; forwarded: the stay it belongs to */
};

#define MNAT_KEEP_SOURCE (1 << 0) /* forwarded with the correspondent's as (outer) source */

/*
 * Map "arrivals", HASH: which tunnel packets are believed. peer: outer source. If the
 * inner destination is virt, the packet is for host, which is here; if the inner
 * source is, it comes from host, which is behind peer (its location says so too).
 * All other tunnel packets are dropped and counted. With MNAT_ARRIVAL_TO the peer is a
 * correspondent, in whose name an anchor sends what it has sent (the outer source is the
 * inner one): to the host only.
 */
#define MNAT_ARRIVAL_TO 0x80000000u
struct mnat_arrival_key {
	__be32 peer;
	__be32 virt;
};

#endif
