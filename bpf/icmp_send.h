/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors of the gateway's own (RFC 792, RFC 1812 4.3.2): about the packet at hand,
 * to its sender, on the interface it came by.
 */
#ifndef MNAT_ICMP_SEND_H
#define MNAT_ICMP_SEND_H

#include "checksum.h"
#include "host.h"
#include "icmp_error.h"
#include "refuse.h"

/*
 * About a packet whose header has no options: 20 bytes of its payload, filled up with
 * zeros if it has fewer. Where the kernel
 * is still to compute a TCP checksum it does not let us cut before the field.
 */
struct icmp_message {
	struct iphdr ip;
	struct icmphdr icmp;
	struct iphdr about;
	__u16 payload[10];
} __attribute__((packed));

#define ICMP_QUOTE (sizeof(struct iphdr) + 20)
#define ICMP_A_SECOND 1000 /* at most so many, each CPU (RFC 1812 4.3.2.8) */

struct icmp_budget {
	__u32 second;
	__u32 spent;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_budget);
} icmp_budgets SEC(".maps");

static __always_inline bool icmp_may_send(void)
{
	__u32 zero = 0, now = now_seconds();
	struct icmp_budget *budget = bpf_map_lookup_elem(&icmp_budgets, &zero);

	if (!budget)
		return false;
	if (budget->second != now)
		*budget = (struct icmp_budget){ .second = now };
	return budget->spent++ < ICMP_A_SECOND;
}

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
static __always_inline void settle_checksum(struct icmp_message *e)
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

static __always_inline void icmp_write(struct icmp_message *e, __be32 to, __u8 type, __u8 code,
					__u16 mtu)
{
	e->ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(e->ip) / 4,
		.tot_len = bpf_htons(sizeof(*e)),
		.ttl = 64,
		.protocol = IPPROTO_ICMP,
		.saddr = cfg.tunnel_addr,
		.daddr = to,
	};
	e->ip.check = ip_checksum(&e->ip);
	e->icmp = (struct icmphdr){
		.type = type,
		.code = code,
		.un.frag.mtu = bpf_htons(mtu),
	};
	settle_checksum(e);
	e->icmp.checksum = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&e->icmp,
						   sizeof(*e) - sizeof(e->ip), 0));
}

/* RFC 1122 3.2.2: what no error may be about. */
static __always_inline bool icmp_is_due(ctx_t *ctx, struct packet *pkt)
{
	if (pkt->fragment == LATER_FRAGMENT || pkt->l4_offset != ETH_HLEN + sizeof(struct iphdr) ||
	    pkt->payload < 8)
		return false;
	if (pkt->ip_proto != IPPROTO_ICMP)
		return true;
	return parse_icmp(ctx, pkt) == PARSE_OK && !is_icmp_error(pkt);
}

/*
 * Make the packet an error about itself, ready for the interface it came by. mtu: of
 * 3/4, 0 for others. 0, or -1: none is sent, and if its bytes are no longer the
 * packet's it can only be dropped.
 */
static __noinline int icmp_become(ctx_t *ctx, __u8 type, __u8 code, __u16 mtu)
{
	struct packet pkt = {};
	struct icmp_message *e;
	struct ethhdr *eth;

	if (parse_ipv4(ctx, &pkt) != PARSE_OK || !icmp_is_due(ctx, &pkt) || !icmp_may_send() ||
	    ctx_resize(ctx, ETH_HLEN + ICMP_QUOTE) ||
	    ctx_grow_plain(ctx, sizeof(e->ip) + sizeof(e->icmp)) ||
	    !ctx_pull(ctx, ETH_HLEN + sizeof(*e)))
		return -1;
	eth = ctx_data(ctx);
	e = (void *)(eth + 1);
	if ((void *)(e + 1) > ctx_data_end(ctx))
		return -1;
	mac_swap(eth);
	icmp_write(e, pkt.saddr, type, code, mtu);
	return 0;
}

/*
 * Refuse a packet for which no session can be made, its sender being told (RFC 5508
 * REQ-8). Only senders inside learn so: no other packet makes a session.
 */
static __always_inline int refuse_telling(ctx_t *ctx, __be32 scope, int reason)
{
	if (scope != SCOPE_INSIDE ||
	    (reason != MNAT_C_PORTS_EXHAUSTED && reason != MNAT_C_SESSIONS_FULL &&
	     reason != MNAT_C_BINDINGS_FULL && reason != MNAT_C_PORTS_QUOTA &&
	     reason != MNAT_C_SESSIONS_QUOTA && reason != MNAT_C_PEER_TAKEN))
		return refuse(ctx, reason);
	if (CTX_DEFERS)
		return refuse(ctx, DEFER);
	count(reason, ctx_len(ctx));
	if (icmp_become(ctx, ICMP_DEST_UNREACH, ICMP_PROHIBITED, 0))
		return VERDICT_DROP;
	count(MNAT_C_PROHIBITED_TOLD, ctx_len(ctx));
	return ctx_redirect(ctx_ifindex(ctx));
}

#endif
