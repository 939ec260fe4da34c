/* SPDX-License-Identifier: GPL-2.0-only */
/* Replace one endpoint of a packet, all checksums kept right. */
#ifndef MNAT_REWRITE_H
#define MNAT_REWRITE_H

#include "checksum.h"
#include "parse.h"

enum side { SOURCE, DEST };

/*
 * Replace the address of one side, in the IP header and, where one is there, in
 * the transport checksum's pseudo header (pkt->csum_offset 0: there is none).
 * 0, or -1 and the packet must be dropped: it may be half written.
 */
static __always_inline int rewrite_address(ctx_t *ctx, const struct packet *pkt, enum side side,
					   __be32 addr, bool forward)
{
	struct iphdr *ip = ctx_data(ctx) + ETH_HLEN;

	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return -1;
	ip_set_addr(ip, side == SOURCE ? &ip->saddr : &ip->daddr, addr);
	if (forward)
		ip_decrement_ttl(ip);
	if (!pkt->csum_offset || pkt->ip_proto == IPPROTO_ICMP)
		return 0;
	return ctx_fix_csum32(ctx, pkt->csum_offset, side == SOURCE ? pkt->saddr : pkt->daddr,
			      addr, true, pkt->ip_proto == IPPROTO_UDP);
}

/* Where the port of that side stands; ICMP echo has one identifier for both. */
static __always_inline __u32 port_offset(const struct packet *pkt, enum side side)
{
	__u32 at = bounded(pkt->l4_offset);

	if (pkt->proto == MNAT_ICMP)
		return at + offsetof(struct icmphdr, un.echo.id);
	return at + (side == SOURCE ? 0 : sizeof(__be16));
}

static __always_inline int rewrite_port(ctx_t *ctx, const struct packet *pkt, enum side side,
					__be16 port)
{
	__be16 from = side == SOURCE ? pkt->sport : pkt->dport;
	__be16 *field = ctx_data(ctx) + port_offset(pkt, side);

	if (port == from || pkt->fragment == LATER_FRAGMENT)
		return 0;
	if ((void *)(field + 1) > ctx_data_end(ctx))
		return -1;
	*field = port;
	return ctx_fix_csum16(ctx, pkt->csum_offset, from, port, pkt->proto == MNAT_UDP);
}

static __always_inline int rewrite_endpoint(ctx_t *ctx, const struct packet *pkt, enum side side,
					    __be32 addr, __be16 port)
{
	if (rewrite_address(ctx, pkt, side, addr, true))
		return -1;
	return rewrite_port(ctx, pkt, side, port);
}

/* The source as it should have been, besides what else is done: the hop is not counted. */
static __always_inline int rewrite_source(ctx_t *ctx, const struct packet *pkt, __be32 addr,
					  __be16 port)
{
	if (rewrite_address(ctx, pkt, SOURCE, addr, false))
		return -1;
	return pkt->proto == MNAT_ICMP ? 0 : rewrite_port(ctx, pkt, SOURCE, port);
}

#endif
