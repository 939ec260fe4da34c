/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP-in-IP (RFC 2003), done here because no device is needed for it. The outer
 * header's DF bit is always set: a packet too big for the tunnel is refused before
 * it is wrapped, and its sender told.
 */
#ifndef MNAT_TUNNEL_H
#define MNAT_TUNNEL_H

#include "checksum.h"
#include "parse.h"

#define TUNNEL_OVERHEAD sizeof(struct iphdr)
#define TUNNEL_TTL 64

/* Wrap the IPv4 packet in ctx. 0, or -1 and the packet must be dropped. */
static __always_inline int tunnel_wrap(ctx_t *ctx, __be32 from, __be32 to, bool udp)
{
	struct iphdr *outer, *inner;
	__u16 total;
	__u8 tos;

	if (ctx_grow(ctx, TUNNEL_OVERHEAD, udp) ||
	    !ctx_pull(ctx, ETH_HLEN + 2 * sizeof(struct iphdr)))
		return -1;
	outer = ctx_data(ctx) + ETH_HLEN;
	inner = outer + 1;
	if ((void *)(inner + 1) > ctx_data_end(ctx))
		return -1;
	total = bpf_ntohs(inner->tot_len) + TUNNEL_OVERHEAD;
	tos = inner->tos;
	*outer = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*outer) / 4,
		.tos = tos,
		.tot_len = bpf_htons(total),
		.frag_off = bpf_htons(IP_DF),
		.ttl = TUNNEL_TTL,
		.protocol = IPPROTO_IPIP,
		.saddr = from,
		.daddr = to,
	};
	outer->check = ip_checksum(outer);
	return 0;
}

/* The addresses of the packet inside a tunnel packet that parse_ipv4() has read. */
static __always_inline int tunnel_peek(ctx_t *ctx, const struct packet *outer,
				       struct packet *ret_inner)
{
	struct iphdr *inner;

	if (outer->fragment != WHOLE || outer->l4_offset != ETH_HLEN + sizeof(*inner) ||
	    !ctx_pull(ctx, ETH_HLEN + 2 * sizeof(*inner)))
		return MNAT_C_TUNNEL_MALFORMED;
	inner = ctx_data(ctx) + ETH_HLEN + sizeof(*inner);
	if ((void *)(inner + 1) > ctx_data_end(ctx))
		return MNAT_C_TUNNEL_MALFORMED;
	if (inner->version != 4 || inner->ihl < 5 || bpf_ntohs(inner->tot_len) < inner->ihl * 4)
		return MNAT_C_TUNNEL_MALFORMED;
	ret_inner->scope = outer->saddr; /* first: the two may be one */
	ret_inner->saddr = inner->saddr;
	ret_inner->daddr = inner->daddr;
	ret_inner->ip_proto = inner->protocol;
	ret_inner->ttl = inner->ttl;
	ret_inner->total = bpf_ntohs(inner->tot_len);
	parse_fragment(inner, ret_inner);
	ret_inner->l4_offset = ETH_HLEN + TUNNEL_OVERHEAD + inner->ihl * 4;
	return PARSE_OK;
}

/* Take the outer header off; afterwards the packet is parsed as if it had come so. */
static __always_inline int tunnel_unwrap(ctx_t *ctx, struct packet *ret_inner)
{
	if (ctx_shrink(ctx, TUNNEL_OVERHEAD, ret_inner->ip_proto == IPPROTO_UDP))
		return MNAT_C_INTERNAL;
	if (parse_ipv4(ctx, ret_inner) != PARSE_OK)
		return MNAT_C_TUNNEL_MALFORMED;
	return PARSE_OK;
}

#endif
