/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets larger than the next link takes: their sender is told by ICMP 3/4 (RFC 1191)
 * on the interface they came by. Those that may be fragmented are dropped and counted.
 */
#ifndef MNAT_TOO_BIG_H
#define MNAT_TOO_BIG_H

#include "checksum.h"
#include "refuse.h"

/*
 * An ICMP error about a packet whose header has no options: 20 bytes of its payload. Where
 * the kernel is still to compute a TCP checksum it does not let us cut before the field.
 */
struct icmp_too_big {
	struct iphdr ip;
	struct icmphdr icmp;
	struct iphdr about;
	__u16 payload[10];
} __attribute__((packed));

#define ICMP_QUOTE (sizeof(struct iphdr) + 20)

static __always_inline void mac_swap(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

/*
 * A checksum that the kernel left for later (CHECKSUM_PARTIAL, which nobody tells us) will
 * be computed over what we leave of the payload, and written into our quotation. So the
 * field gets the one value that computing leaves as it is: half of the complement of all
 * else, in the ring of 16-bit one's complement, where halving is rotating.
 */
static __always_inline void settle_checksum(struct icmp_too_big *e)
{
	__u16 *field, half;
	__u32 sum = 0;

	if (e->about.protocol == IPPROTO_TCP)
		field = &e->payload[offsetof(struct tcp_fixed, check) / 2];
	else if (e->about.protocol == IPPROTO_UDP)
		field = &e->payload[offsetof(struct udp_fixed, check) / 2];
	else
		return;
	*field = 0;
	for (int i = 0; i < 10; i++)
		sum += e->payload[i];
	half = csum_fold(sum);
	*field = half >> 1 | half << 15;
}

static __always_inline void write_too_big(struct icmp_too_big *e, __be32 from, __be32 to,
					  __u16 mtu)
{
	e->ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(e->ip) / 4,
		.tot_len = bpf_htons(sizeof(*e)),
		.ttl = 64,
		.protocol = IPPROTO_ICMP,
		.saddr = from,
		.daddr = to,
	};
	e->ip.check = ip_checksum(&e->ip);
	e->icmp = (struct icmphdr){
		.type = ICMP_DEST_UNREACH,
		.code = ICMP_FRAG_NEEDED,
		.un.frag.mtu = bpf_htons(mtu),
	};
	settle_checksum(e);
	e->icmp.checksum = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&e->icmp,
						   sizeof(*e) - sizeof(e->ip), 0));
}

/* from: the address that speaks. */
static __noinline int tell_too_big(ctx_t *ctx, __be32 from, __u16 mtu)
{
	struct packet pkt = {};
	struct icmp_too_big *e;
	struct ethhdr *eth;

	if (CTX_DEFERS)
		return refuse(ctx, DEFER);
	if (parse_ipv4(ctx, &pkt) != PARSE_OK || !pkt.df ||
	    pkt.l4_offset != ETH_HLEN + sizeof(struct iphdr) || pkt.total < ICMP_QUOTE ||
	    ctx_cut(ctx, ETH_HLEN + ICMP_QUOTE) ||
	    ctx_grow_plain(ctx, sizeof(e->ip) + sizeof(e->icmp)) ||
	    !ctx_pull(ctx, ETH_HLEN + sizeof(*e)))
		return refuse(ctx, MNAT_C_TOO_BIG);
	eth = ctx_data(ctx);
	e = (void *)(eth + 1);
	if ((void *)(e + 1) > ctx_data_end(ctx))
		return refuse(ctx, MNAT_C_TOO_BIG);
	mac_swap(eth);
	write_too_big(e, from, pkt.saddr, mtu);
	count(MNAT_C_TOO_BIG_TOLD, ctx_len(ctx));
	return ctx_redirect(ctx_ifindex(ctx));
}

#endif
