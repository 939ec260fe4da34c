/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The context layer, XDP half: the functions of ctx_tc.h for packets that are no sk_buff
 * yet. The TC programs stay attached beneath: what cannot be done here (DEFER in
 * refuse.h) and what the kernel is to have is passed up unchanged and uncounted, and the
 * TC program does it and counts it.
 */
#ifndef MNAT_CTX_H
#define MNAT_CTX_H

#include "defs.h"

/* A macro, not a typedef: CO-RE looks the type up by name. */
#define ctx_t struct xdp_md
#include "ctx_pointers.h"
#include "checksum.h"

#define VERDICT_STACK XDP_PASS
#define VERDICT_DROP XDP_DROP
#define VERDICT_SENT XDP_REDIRECT
#define CTX_DEFERS 1

/*
 * The interfaces that packets may be sent on from XDP, by ifindex; mnat-load puts there
 * those that take them. To all others the TC programs send.
 */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, MNAT_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} xdp_ports SEC(".maps");

static __always_inline bool ctx_may_send(__u32 ifindex)
{
	return bpf_map_lookup_elem(&xdp_ports, &ifindex);
}

static __always_inline __u32 ctx_len(const ctx_t *ctx)
{
	return ctx_data_end(ctx) - ctx_data(ctx);
}

static __always_inline __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ingress_ifindex;
}

/* All of the packet is there to be read and written. */
static __always_inline bool ctx_pull(ctx_t *ctx, __u32 len)
{
	return ctx_data(ctx) + len <= ctx_data_end(ctx);
}

/* Apply a sum of changes to a transport checksum (RFC 1624; RFC 768 for UDP's 0). */
static __always_inline int ctx_fix_csum(ctx_t *ctx, __u32 offset, __u32 change, bool udp)
{
	/* no header that is read begins further into the frame; said for the verifier */
	__u16 *check = ctx_data(ctx) + (offset & 0xff);

	if ((void *)(check + 1) > ctx_data_end(ctx))
		return -1;
	if (udp && !*check)
		return 0;
	*check = csum_fold((__u16)~*check + change);
	if (udp && !*check)
		*check = 0xffff;
	return 0;
}

static __always_inline int ctx_fix_csum32(ctx_t *ctx, __u32 offset, __be32 from, __be32 to,
					  bool address, bool udp)
{
	return ctx_fix_csum(ctx, offset, csum_add32(0, from, to), udp);
}

static __always_inline int ctx_fix_csum16(ctx_t *ctx, __u32 offset, __be16 from, __be16 to,
					  bool udp)
{
	return ctx_fix_csum(ctx, offset, csum_add16(0, from, to), udp);
}

/* Room for an outer header behind the Ethernet header. */
static __always_inline long ctx_grow(ctx_t *ctx, __u32 len, bool udp)
{
	struct ethhdr *eth = ctx_data(ctx), copy;

	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return -1;
	copy = *eth;
	if (bpf_xdp_adjust_head(ctx, -(int)len))
		return -1;
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return -1;
	*eth = copy;
	return 0;
}

/*
 * For tunnels' ends and ICMP errors; such packets are deferred (nat.h, too_big.h), so that
 * none of these is reached.
 */
static __always_inline long ctx_shrink(ctx_t *ctx, __u32 len, bool udp)
{
	return -1;
}

static __always_inline long ctx_shrink_payload(ctx_t *ctx, __u32 len)
{
	return -1;
}

static __always_inline long ctx_grow_plain(ctx_t *ctx, __u32 len)
{
	return -1;
}

static __always_inline long ctx_cut(ctx_t *ctx, __u32 len)
{
	return -1;
}

/* Not reached: the kernel has not looked yet (own_mac.h). */
static __always_inline __u32 ctx_packet_type(const ctx_t *ctx)
{
	return PACKET_OTHERHOST;
}

/* The driver's tags are out of XDP's sight; packets with tags in the frame are no IPv4. */
static __always_inline bool ctx_is_tagged(const ctx_t *ctx)
{
	return false;
}

#define LENGTH_IS_IN(value, least, most) ((value) >= (least) && (value) <= (most))

static __always_inline long ctx_save(ctx_t *ctx, void *buffer, __u32 len)
{
	return -1;
}

static __always_inline long ctx_resize(ctx_t *ctx, __u32 len)
{
	return -1;
}

static __always_inline long ctx_write(ctx_t *ctx, __u32 offset, const void *from, __u32 len)
{
	return -1;
}

static __always_inline long ctx_again(ctx_t *ctx)
{
	return -1;
}

/* Before GRO there are no packets that stand for many. */
static __always_inline bool ctx_is_gso(const ctx_t *ctx)
{
	return false;
}

static __always_inline __u32 ctx_gso_size(const ctx_t *ctx)
{
	return 0;
}

static __always_inline int ctx_redirect(__u32 ifindex)
{
	return bpf_redirect_map(&xdp_ports, ifindex, XDP_DROP);
}

/* Not reached: route_lookup() defers what has no neighbour yet. */
static __always_inline int ctx_redirect_neigh(__u32 ifindex)
{
	return VERDICT_DROP;
}

#endif
