/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP 3/4 about a tunnel packet of ours (RFC 2003 section 4): some link on the way is
 * narrower than the one we sent on. The sender of the packet inside is who can do
 * something about it, so the error becomes one about that packet. Errors of other kinds
 * say nothing of the inner packet's destination and are left to the kernel.
 */
#ifndef MNAT_TUNNEL_ERROR_H
#define MNAT_TUNNEL_ERROR_H

#include "icmp_error.h"
#include "tunnel.h"

#define MIN_MTU 68 /* RFC 791 */

/* An ICMP error without IP options that quotes a tunnel packet, and what is inside that. */
struct tunnel_error {
	struct iphdr ip;
	struct icmphdr icmp;
	struct iphdr outer;
	struct iphdr inner;
} __attribute__((packed));

static __always_inline bool is_too_big_error(ctx_t *ctx, const struct packet *pkt)
{
	struct icmphdr *icmp = ctx_data(ctx) + bounded(pkt->l4_offset);

	return pkt->ip_proto == IPPROTO_ICMP && pkt->icmp_type == ICMP_DEST_UNREACH &&
	       (void *)(icmp + 1) <= ctx_data_end(ctx) && icmp->code == ICMP_FRAG_NEEDED;
}

/*
 * Is it an error about a tunnel packet from address from? ret_end: where that was sent to.
 * False also if too little is quoted to tell.
 */
static __always_inline bool is_tunnel_error(ctx_t *ctx, const struct packet *pkt, __be32 from,
					    __be32 *ret_end)
{
	struct tunnel_error *e;

	if (pkt->l4_offset != ETH_HLEN + sizeof(e->ip) || !is_too_big_error(ctx, pkt) ||
	    !ctx_pull(ctx, ETH_HLEN + sizeof(*e)))
		return false;
	e = ctx_data(ctx) + ETH_HLEN;
	if ((void *)(e + 1) > ctx_data_end(ctx))
		return false;
	*ret_end = e->outer.daddr;
	return e->outer.ihl == 5 && e->outer.protocol == IPPROTO_IPIP && e->outer.saddr == from &&
	       e->inner.version == 4;
}

/*
 * Take the outer header out of the quotation, and its length off the MTU: what is left is
 * an error about the packet that was inside. Only after is_tunnel_error().
 */
static __noinline int tunnel_error_unwrap(ctx_t *ctx)
{
	struct tunnel_error *e = ctx_data(ctx) + ETH_HLEN;
	struct icmphdr icmp, *field;
	__u16 mtu, total, less;
	struct iphdr *ip;
	__u32 sum;

	if ((void *)(e + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	mtu = bpf_ntohs(e->icmp.un.frag.mtu);
	if (mtu < MIN_MTU + TUNNEL_OVERHEAD)
		return MNAT_C_TUNNEL_MALFORMED;
	icmp = e->icmp;
	icmp.un.frag.mtu = bpf_htons(mtu - TUNNEL_OVERHEAD);
	sum = csum_add16((__u16)~icmp.checksum, bpf_htons(mtu), icmp.un.frag.mtu);
	icmp.checksum = csum_fold(sum + ip_checksum(&e->outer)); /* minus its sum */
	total = e->ip.tot_len;
	if (ctx_shrink_payload(ctx, TUNNEL_OVERHEAD) ||
	    !ctx_pull(ctx, ETH_HLEN + sizeof(*ip) + sizeof(*field)))
		return MNAT_C_INTERNAL;
	ip = ctx_data(ctx) + ETH_HLEN;
	field = (void *)(ip + 1);
	if ((void *)(field + 1) > ctx_data_end(ctx))
		return MNAT_C_INTERNAL;
	less = bpf_htons(bpf_ntohs(total) - TUNNEL_OVERHEAD);
	ip->check = csum_fold(csum_add16((__u16)~ip->check, total, less));
	ip->tot_len = less;
	*field = icmp;
	return PARSE_OK;
}

/* The error that tunnel_error_unwrap() has left, and what it quotes. */
static __always_inline int parse_error(ctx_t *ctx, struct packet *ret_pkt, struct packet *ret_inner)
{
	int reason = parse_ipv4(ctx, ret_pkt);

	if (reason == PARSE_OK)
		reason = parse_icmp(ctx, ret_pkt);
	return reason == PARSE_OK ? parse_quoted(ctx, ret_pkt, ret_inner) : reason;
}

#endif
