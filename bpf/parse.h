/* SPDX-License-Identifier: GPL-2.0-only */
/* From bytes to what translation needs to know, every length checked first. */
#ifndef MNAT_PARSE_H
#define MNAT_PARSE_H

#include "count.h"

/* An IPv4 packet. Offsets are from the start of the frame. */
struct packet {
	__be32 saddr;
	__be32 daddr;
	__be16 sport; /* ICMP echo: identifier, in both */
	__be16 dport;
	__u16 l4_offset;
	__u16 csum_offset; /* of the transport checksum */
	__u8 ip_proto;
	__u8 proto; /* enum mnat_proto_class, once transport is parsed */
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 ttl;
	__u8 fragment; /* enum fragment_kind */
	__u8 df;
	__u16 total; /* IP's length; of a GSO packet more than a link takes */
	__u16 payload; /* ... without its header, whatever padding the frame has */
	/* of fragments only: */
	__be16 id;
	__u16 at;     /* offset of its payload, bytes */
	bool more;    /* not the last */
	__be32 scope; /* SCOPE_*, or the tunnel's other end: whose addresses these are */
};

enum fragment_kind { WHOLE, FIRST_FRAGMENT, LATER_FRAGMENT };

#define PROTO_CARRIED MNAT_N_PROTO /* carried.h: no port is translated */

#define SCOPE_OUTSIDE 0
#define SCOPE_INSIDE 0xffffffff

struct ports {
	__be16 source;
	__be16 dest;
};

/* TCP, RFC 9293 3.1: only what is read here. */
struct tcp_fixed {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack;
	__u8 offset; /* upper four bits, words */
	__u8 flags;
	__be16 window;
	__be16 check;
	__be16 urgent;
};

struct udp_fixed {
	__be16 source;
	__be16 dest;
	__be16 len;
	__be16 check;
};

/*
 * A packet's offset, for pointers: the verifier does not follow what we know of it through
 * memory, where a packet is that a function is called with; nor may clang leave this out.
 */
static __always_inline __u32 bounded(__u32 offset)
{
	asm volatile("%[offset] &= 0xff" : [offset] "+r"(offset));
	return offset;
}

/* All return 0 or the reason the packet is refused, an enum mnat_counter_id. */

#define PARSE_OK (-1)

static __always_inline int parse_ethertype(ctx_t *ctx, __be16 *ret_type)
{
	struct ethhdr *eth;

	if (!ctx_pull(ctx, ETH_HLEN))
		return MNAT_C_SHORT_PACKET;
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	*ret_type = eth->h_proto;
	return PARSE_OK;
}

static __always_inline void parse_fragment(const struct iphdr *ip, struct packet *pkt)
{
	__u16 field = bpf_ntohs(ip->frag_off);

	pkt->payload = pkt->total - ip->ihl * 4;
	pkt->df = !!(field & IP_DF);
	pkt->fragment = WHOLE;
	if (!(field & (IP_MF | IP_OFFSET)))
		return;
	pkt->id = ip->id;
	pkt->at = (field & IP_OFFSET) * 8;
	pkt->more = !!(field & IP_MF);
	pkt->fragment = pkt->at ? LATER_FRAGMENT : FIRST_FRAGMENT;
}

static __always_inline int parse_ipv4(ctx_t *ctx, struct packet *pkt)
{
	struct iphdr *ip;
	__u32 ihl, total;

	if (!ctx_pull(ctx, ETH_HLEN + sizeof(*ip)))
		return MNAT_C_SHORT_PACKET;
	ip = ctx_data(ctx) + ETH_HLEN;
	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	ihl = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || ihl < sizeof(*ip))
		return MNAT_C_BAD_HEADER;
	if (total < ihl || ETH_HLEN + total > ctx_len(ctx))
		return MNAT_C_SHORT_PACKET;
	pkt->saddr = ip->saddr;
	pkt->daddr = ip->daddr;
	pkt->ip_proto = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->total = total;
	pkt->l4_offset = ETH_HLEN + ihl;
	parse_fragment(ip, pkt);
	return PARSE_OK;
}

static __always_inline int parse_tcp(ctx_t *ctx, struct packet *pkt)
{
	__u32 at = bounded(pkt->l4_offset);
	struct tcp_fixed *tcp;

	if (pkt->payload < sizeof(*tcp) || !ctx_pull(ctx, at + sizeof(*tcp)))
		return MNAT_C_SHORT_PACKET;
	tcp = ctx_data(ctx) + at;
	if ((void *)(tcp + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	if (tcp->offset >> 4 < 5)
		return MNAT_C_BAD_HEADER;
	pkt->proto = MNAT_TCP;
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->tcp_flags = tcp->flags;
	pkt->csum_offset = at + offsetof(struct tcp_fixed, check);
	return PARSE_OK;
}

static __always_inline int parse_udp(ctx_t *ctx, struct packet *pkt)
{
	__u32 at = bounded(pkt->l4_offset);
	struct udp_fixed *udp;

	if (pkt->payload < sizeof(*udp) || !ctx_pull(ctx, at + sizeof(*udp)))
		return MNAT_C_SHORT_PACKET;
	udp = ctx_data(ctx) + at;
	if ((void *)(udp + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	pkt->proto = MNAT_UDP;
	pkt->sport = udp->source;
	pkt->dport = udp->dest;
	pkt->csum_offset = at + offsetof(struct udp_fixed, check);
	return PARSE_OK;
}

static __always_inline int parse_icmp(ctx_t *ctx, struct packet *pkt)
{
	__u32 at = bounded(pkt->l4_offset);
	struct icmphdr *icmp;

	if (pkt->payload < sizeof(*icmp) || !ctx_pull(ctx, at + sizeof(*icmp)))
		return MNAT_C_SHORT_PACKET;
	icmp = ctx_data(ctx) + at;
	if ((void *)(icmp + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	pkt->proto = MNAT_ICMP;
	pkt->icmp_type = icmp->type;
	pkt->sport = pkt->dport = icmp->un.echo.id;
	pkt->csum_offset = at + offsetof(struct icmphdr, checksum);
	return PARSE_OK;
}

/* SCTP's ports, or both halves of ESP's SPI. */
static __always_inline int parse_first_word(ctx_t *ctx, struct packet *pkt)
{
	__u32 at = bounded(pkt->l4_offset);
	struct ports *word;

	if (pkt->payload < 8 || !ctx_pull(ctx, at + sizeof(*word)))
		return MNAT_C_SHORT_PACKET;
	word = ctx_data(ctx) + at;
	if ((void *)(word + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	pkt->proto = PROTO_CARRIED;
	pkt->sport = word->source;
	pkt->dport = word->dest;
	return PARSE_OK;
}

/*
 * Where the checksum that covers the addresses stands. Fragments after the first
 * have none, nor have protocols without a pseudo header.
 */
static __always_inline int parse_checksum(ctx_t *ctx, struct packet *pkt)
{
	struct iphdr *ip = ctx_data(ctx) + ETH_HLEN;

	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	if (ip->frag_off & bpf_htons(IP_OFFSET))
		return PARSE_OK;
	if (pkt->ip_proto == IPPROTO_TCP)
		return parse_tcp(ctx, pkt);
	if (pkt->ip_proto == IPPROTO_UDP)
		return parse_udp(ctx, pkt);
	if (pkt->ip_proto == IPPROTO_ICMP)
		return parse_icmp(ctx, pkt);
	return PARSE_OK;
}

/* A later fragment's ports are known already, or it does not come this far (fragment.h). */
static __always_inline int parse_transport(ctx_t *ctx, struct packet *pkt)
{
	if (pkt->fragment == LATER_FRAGMENT)
		return PARSE_OK;
	switch (pkt->ip_proto) {
	case IPPROTO_TCP:
		return parse_tcp(ctx, pkt);
	case IPPROTO_UDP:
		return parse_udp(ctx, pkt);
	case IPPROTO_ICMP:
		return parse_icmp(ctx, pkt);
	case IPPROTO_SCTP:
	case IPPROTO_ESP:
		return parse_first_word(ctx, pkt);
	case IPPROTO_GRE:
	case IPPROTO_IPIP:
		pkt->proto = PROTO_CARRIED;
		return PARSE_OK;
	case IPPROTO_AH:
		return MNAT_C_AH;
	}
	return MNAT_C_PROTO_UNSUPPORTED;
}

#endif
