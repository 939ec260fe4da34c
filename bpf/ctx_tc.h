/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The context layer, TC half: all that the translation core asks of its hook.
 * A program includes one ctx_*.h before the core.
 */
#ifndef MNAT_CTX_H
#define MNAT_CTX_H

#include "defs.h"

/* A macro, not a typedef: CO-RE looks the type up by name. */
#define ctx_t struct __sk_buff
#include "ctx_pointers.h"

#define VERDICT_STACK TC_ACT_OK
#define VERDICT_DROP TC_ACT_SHOT
#define VERDICT_SENT TC_ACT_REDIRECT

/* This is the last program to see a packet: it leaves nothing to another (ctx_xdp.h). */
#define CTX_DEFERS 0

static __always_inline bool ctx_may_send(__u32 ifindex)
{
	return true;
}

static __always_inline __u32 ctx_len(const ctx_t *ctx)
{
	return ctx->len;
}

static __always_inline __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ifindex;
}

/*
 * Make the first len bytes readable and writable. False: the packet is shorter.
 * Packet pointers must be taken anew afterwards.
 */
static __always_inline bool ctx_pull(ctx_t *ctx, __u32 len)
{
	if (ctx_data(ctx) + len <= ctx_data_end(ctx))
		return true;
	return !bpf_skb_pull_data(ctx, len);
}

/*
 * Correct a transport checksum at offset for a field that changed. Only the
 * kernel knows whether the checksum there is complete or, for packets born on
 * this machine, just the pseudo header's (CHECKSUM_PARTIAL): leave it to the
 * helper. address: the field is part of the pseudo header. A UDP checksum of 0
 * ("none") stays.
 */
static __always_inline int ctx_fix_csum32(ctx_t *ctx, __u32 offset, __be32 from, __be32 to,
					  bool address, bool udp)
{
	return bpf_l4_csum_replace(ctx, offset, from, to,
				   sizeof(to) | (address ? BPF_F_PSEUDO_HDR : 0) |
					   (udp ? BPF_F_MARK_MANGLED_0 : 0));
}

static __always_inline int ctx_fix_csum16(ctx_t *ctx, __u32 offset, __be16 from, __be16 to,
					  bool udp)
{
	return bpf_l4_csum_replace(ctx, offset, from, to,
				   sizeof(to) | (udp ? BPF_F_MARK_MANGLED_0 : 0));
}

/*
 * Room for an outer IPv4 header before the inner one. A TCP segment too big for one
 * packet is to be cut smaller by as much; a UDP one is cut where its sender said. What was
 * unwrapped here and never left this machine is still a tunnel's to the kernel, which
 * refuses to mark it so again: there, room is all that is missing.
 */
static __always_inline long ctx_grow(ctx_t *ctx, __u32 len, bool udp)
{
	__u64 flags = udp ? BPF_F_ADJ_ROOM_FIXED_GSO : 0;
	long r = bpf_skb_adjust_room(ctx, len, BPF_ADJ_ROOM_MAC,
				     flags | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);

	return r == -EALREADY ? bpf_skb_adjust_room(ctx, len, BPF_ADJ_ROOM_MAC, flags) : r;
}

static __always_inline long ctx_shrink(ctx_t *ctx, __u32 len, bool udp)
{
	return bpf_skb_adjust_room(ctx, -(__s32)len, BPF_ADJ_ROOM_MAC,
				   udp ? BPF_F_ADJ_ROOM_FIXED_GSO : 0);
}

/* Take len bytes out that follow the IPv4 header, which has no options. */
static __always_inline long ctx_shrink_payload(ctx_t *ctx, __u32 len)
{
	return bpf_skb_adjust_room(ctx, -(__s32)len, BPF_ADJ_ROOM_NET, 0);
}

/* Room that is no tunnel header; for packets of one link only. */
static __always_inline long ctx_grow_plain(ctx_t *ctx, __u32 len)
{
	return bpf_skb_adjust_room(ctx, len, BPF_ADJ_ROOM_MAC, 0);
}

/* PACKET_*: whether the kernel takes the frame for this machine's. */
static __always_inline __u32 ctx_packet_type(const ctx_t *ctx)
{
	return ctx->pkt_type;
}

/* In a VLAN whose tag the kernel has taken out of the frame. */
static __always_inline bool ctx_is_tagged(const ctx_t *ctx)
{
	return ctx->vlan_present;
}

/*
 * Said right before a helper is called with a length: the 6.1 verifier forgets what was
 * compared before, if the value has been on the stack since, and what clang makes of two
 * comparisons at once.
 */
#define LENGTH_IS_IN(value, least, most)                                                       \
	({                                                                                     \
		bool _is_in = false;                                                           \
		asm volatile("" : "+r"(value));                                                \
		if ((value) >= (least)) {                                                      \
			asm volatile("" : "+r"(value));                                        \
			_is_in = (value) <= (most);                                            \
		}                                                                              \
		_is_in;                                                                        \
	})

/* Copy the first len bytes out. len: proven to be in 1 .. the buffer's size. */
static __always_inline long ctx_save(ctx_t *ctx, void *buffer, __u32 len)
{
	return bpf_skb_load_bytes(ctx, 0, buffer, len);
}

/*
 * Cut or lengthen to len bytes. What hardware verified of the checksum says nothing
 * about what is written then.
 */
static __always_inline long ctx_resize(ctx_t *ctx, __u32 len)
{
	long r = bpf_skb_change_tail(ctx, len, 0);

	if (!r)
		bpf_csum_level(ctx, BPF_CSUM_LEVEL_RESET);
	return r;
}

/* Write bytes over the packet's own; no checksum is corrected. */
static __always_inline long ctx_write(ctx_t *ctx, __u32 offset, const void *from, __u32 len)
{
	return bpf_skb_store_bytes(ctx, offset, from, len, BPF_F_INVALIDATE_HASH);
}

/* A copy of the packet as it is now comes in again, after this one. */
static __always_inline long ctx_again(ctx_t *ctx)
{
	return bpf_clone_redirect(ctx, ctx_ifindex(ctx), BPF_F_INGRESS);
}

/* A packet that stands for many: the kernel cuts it, its length says nothing of theirs. */
static __always_inline bool ctx_is_gso(const ctx_t *ctx)
{
	return ctx->gso_size;
}

static __always_inline __u32 ctx_gso_size(const ctx_t *ctx)
{
	return ctx->gso_size;
}

/* Send on ifindex; the Ethernet header is complete. */
static __always_inline int ctx_redirect(__u32 ifindex)
{
	return bpf_redirect(ifindex, 0);
}

/* Send on ifindex; the kernel resolves the neighbour and writes the header. */
static __always_inline int ctx_redirect_neigh(__u32 ifindex)
{
	return bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

#endif
