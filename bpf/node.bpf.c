// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shim of a mobile node (seed figure 2): between the stack, which lives on
 * mnat0 with the virtual address, and the uplink, where the actual one counts.
 */
#include "ctx_tc.h"
#include "arp.h"
#include "rewrite.h"

#define DHCP_CLIENT_PORT 68

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
	return PARSE_OK;
}

static __always_inline bool is_group(__be32 addr, const struct mnat_shim *s)
{
	__be32 directed = s->actual | ~s->mask;

	return bpf_ntohl(addr) >= 0xe0000000 || addr == directed;
}

/* Link addresses for the uplink: the stack knows only mnat0's and what ARP told it. */
static __always_inline int address_link(ctx_t *ctx, const struct packet *pkt,
					const struct mnat_shim *s)
{
	__u64 gateway = s->gateway_mac;
	struct ethhdr *eth = ctx_data(ctx);

	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	__builtin_memcpy(eth->h_source, s->uplink_mac, ETH_ALEN);
	if (is_group(pkt->daddr, s) || shim_on_link(s, pkt->daddr))
		return PARSE_OK;
	if (!gateway)
		return MNAT_C_NODE_NO_GATEWAY;
	__builtin_memcpy(eth->h_dest, &gateway, ETH_ALEN);
	return PARSE_OK;
}

static __always_inline int ipv4_out(ctx_t *ctx, struct mnat_shim *s)
{
	struct packet pkt = {};
	int reason = parse_ipv4(ctx, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (pkt.saddr != s->virt)
		return refuse(ctx, MNAT_C_NODE_SOURCE);
	reason = parse_checksum(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = address_link(ctx, &pkt, s);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (rewrite_address(ctx, &pkt, SOURCE, s->actual, false))
		return refuse(ctx, MNAT_C_INTERNAL);
	shim_note(&s->first_out_ns);
	count(MNAT_C_NODE_OUT, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

/* Egress of mnat0. */
SEC("tc")
int node_out(struct __sk_buff *skb)
{
	struct mnat_shim *s = shim_in_force();
	__be16 ethertype;

	if (parse_ethertype(skb, &ethertype) != PARSE_OK)
		return refuse(skb, MNAT_C_SHORT_PACKET);
	if (!s || !s->uplink)
		return refuse(skb, MNAT_C_NODE_NO_LINK);
	if (s->mode == MNAT_MODE_PASSTHRU) {
		count(MNAT_C_NODE_PASS, skb->len);
		return ctx_redirect(s->uplink);
	}
	if (ethertype == bpf_htons(ETH_P_ARP))
		return arp_out(skb, s);
	if (ethertype != bpf_htons(ETH_P_IP))
		return refuse(skb, MNAT_C_NODE_NOT_IPV4);
	return ipv4_out(skb, s);
}

/* The counter for a packet to this address, or PARSE_OK if it is not ours. */
static __always_inline int ours(const struct mnat_shim *s, __u32 ifindex, __be32 daddr)
{
	if (daddr == s->actual && ifindex == s->uplink)
		return MNAT_C_NODE_IN;
	if (s->old_actual && daddr == s->old_actual && bpf_ktime_get_boot_ns() < s->old_until_ns)
		return MNAT_C_NODE_IN_OLD;
	return PARSE_OK;
}

static __always_inline int give_to_stack(ctx_t *ctx, struct mnat_shim *s, int counter)
{
	struct ethhdr *eth = ctx_data(ctx);

	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return refuse(ctx, MNAT_C_SHORT_PACKET);
	__builtin_memcpy(eth->h_dest, s->device_mac, ETH_ALEN);
	shim_note(&s->first_in_ns);
	count(counter, ctx_len(ctx));
	return bpf_redirect(s->device, BPF_F_INGRESS);
}

static __always_inline int ipv4_in(ctx_t *ctx, struct mnat_shim *s)
{
	struct packet pkt = {};
	int reason = parse_ipv4(ctx, &pkt), counter;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = parse_checksum(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (pkt.ip_proto == IPPROTO_UDP && pkt.csum_offset &&
	    pkt.dport == bpf_htons(DHCP_CLIENT_PORT))
		return refuse(ctx, MNAT_C_NODE_DHCP);
	counter = ours(s, ctx_ifindex(ctx), pkt.daddr);
	if (counter == PARSE_OK)
		return refuse(ctx, MNAT_C_NODE_NOT_OURS);
	if (rewrite_address(ctx, &pkt, DEST, s->virt, false))
		return refuse(ctx, MNAT_C_INTERNAL);
	return give_to_stack(ctx, s, counter);
}

/* Ingress of every uplink. */
SEC("tc")
int node_in(struct __sk_buff *skb)
{
	struct mnat_shim *s = shim_in_force();
	__be16 ethertype;

	if (parse_ethertype(skb, &ethertype) != PARSE_OK)
		return refuse(skb, MNAT_C_SHORT_PACKET);
	if (!s || !s->uplink || s->mode == MNAT_MODE_PASSTHRU)
		return refuse(skb, MNAT_C_NODE_PASS);
	if (ethertype == bpf_htons(ETH_P_IP))
		return ipv4_in(skb, s);
	if (ethertype == bpf_htons(ETH_P_ARP) && skb->ifindex == s->uplink)
		return arp_in(skb, s);
	return refuse(skb, MNAT_C_NODE_PASS);
}

char _license[] SEC("license") = "GPL";
