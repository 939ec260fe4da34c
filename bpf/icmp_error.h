/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors (RFC 5508 section 4): the outer destination or source and the packet
 * quoted inside are translated, so that each side sees its own endpoints. They make,
 * refresh and end no session.
 */
#ifndef MNAT_ICMP_ERROR_H
#define MNAT_ICMP_ERROR_H

#include "checksum.h"
#include "parse.h"
#include "rewrite.h"

static __always_inline bool is_icmp_error(const struct packet *pkt)
{
	return pkt->ip_proto == IPPROTO_ICMP &&
	       (pkt->icmp_type == ICMP_DEST_UNREACH || pkt->icmp_type == ICMP_TIME_EXCEEDED ||
		pkt->icmp_type == ICMP_PARAMETERPROB);
}

/*
 * The quoted packet, with offsets from the start of the frame. Its transport header
 * may be cut after 8 bytes. csum_offset 0: its checksum is not there.
 */
static __always_inline int parse_quoted(ctx_t *ctx, const struct packet *pkt,
					struct packet *ret_inner)
{
	__u32 at = bounded(pkt->l4_offset) + sizeof(struct icmphdr);
	struct ports *ports;
	struct iphdr *ip;

	if (!ctx_pull(ctx, at + sizeof(*ip)))
		return MNAT_C_SHORT_PACKET;
	ip = ctx_data(ctx) + at;
	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	if (ip->version != 4 || ip->ihl < 5)
		return MNAT_C_BAD_HEADER;
	ret_inner->saddr = ip->saddr;
	ret_inner->daddr = ip->daddr;
	ret_inner->ip_proto = ip->protocol;
	ret_inner->l4_offset = at + ip->ihl * 4;
	if (ip->frag_off & bpf_htons(IP_OFFSET)) {
		ret_inner->id = ip->id;
		ret_inner->fragment = LATER_FRAGMENT;
		return MNAT_C_ICMP_ERROR_FRAGMENT;
	}
	if (!ctx_pull(ctx, bounded(ret_inner->l4_offset) + 8))
		return MNAT_C_SHORT_PACKET;
	ports = ctx_data(ctx) + bounded(ret_inner->l4_offset);
	if ((void *)(ports + 2) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	ret_inner->sport = ports->source;
	ret_inner->dport = ports->dest;
	switch (ret_inner->ip_proto) {
	case IPPROTO_TCP:
		ret_inner->proto = MNAT_TCP;
		return PARSE_OK;
	case IPPROTO_UDP:
		ret_inner->proto = MNAT_UDP;
		ret_inner->csum_offset = ret_inner->l4_offset + offsetof(struct udp_fixed, check);
		return PARSE_OK;
	case IPPROTO_ICMP:
		ret_inner->proto = MNAT_ICMP;
		ret_inner->sport = ret_inner->dport = ports[1].source; /* identifier */
		ret_inner->csum_offset = ret_inner->l4_offset + offsetof(struct icmphdr, checksum);
		return PARSE_OK;
	}
	return MNAT_C_PROTO_UNSUPPORTED;
}

/* One 16-bit word inside the ICMP message changes; *sum gathers it for the outer checksum. */
static __always_inline void quoted_set(__be16 *field, __be16 value, __u32 *sum)
{
	*sum = csum_add16(*sum, *field, value);
	*field = value;
}

/*
 * Replace one endpoint of the quoted packet; a later fragment has no ports. The quoted IP
 * header's checksum follows its address, so the two cancel out in the ICMP checksum; the
 * quoted transport checksum is corrected where it is there (TCP's is beyond the 8 bytes).
 */
static __always_inline int rewrite_quoted(ctx_t *ctx, const struct packet *pkt,
					  const struct packet *inner, enum side side, __be32 addr,
					  __be16 port)
{
	__u32 at = bounded(pkt->l4_offset) + sizeof(struct icmphdr), sum = 0, change = 0;
	__be32 from = side == SOURCE ? inner->saddr : inner->daddr;
	__be16 from_port = side == SOURCE ? inner->sport : inner->dport;
	struct iphdr *ip = ctx_data(ctx) + at;
	struct icmphdr *icmp;
	__be16 *field;

	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return -1;
	ip_set_addr(ip, side == SOURCE ? &ip->saddr : &ip->daddr, addr);
	if (inner->fragment == LATER_FRAGMENT)
		return 0;
	field = ctx_data(ctx) + bounded(port_offset(inner, side));
	if ((void *)(field + 1) > ctx_data_end(ctx))
		return -1;
	quoted_set(field, port, &sum);
	if (inner->ip_proto != IPPROTO_ICMP)
		change = csum_add32(0, from, addr);
	change = csum_add16(change, from_port, port);
	if (inner->csum_offset) {
		field = ctx_data(ctx) + bounded(inner->csum_offset);
		if ((void *)(field + 1) > ctx_data_end(ctx))
			return -1;
		if (*field || inner->ip_proto != IPPROTO_UDP)
			quoted_set(field, csum_fold((__u16)~*field + change), &sum);
	}
	icmp = ctx_data(ctx) + bounded(pkt->l4_offset);
	if ((void *)(icmp + 1) > ctx_data_end(ctx))
		return -1;
	icmp->checksum = csum_fold((__u16)~icmp->checksum + sum);
	return 0;
}

#endif
