// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shim of a mobile node (seed figure 2): between the stack, which lives on
 * mnat0 with the virtual address, and the uplink, where the actual one counts.
 */
#include "ctx_tc.h"
#include "arp.h"
#include "home.h"
#include "icmp_error.h"
#include "tunnel.h"

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
	if (pkt->ip_proto == IPPROTO_ICMP)
		return parse_icmp(ctx, pkt);
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

/* To the home gateway of the packet's session; the virtual address stays inside. */
static __always_inline int wrap_out(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s,
				    __be32 gateway)
{
	struct packet outer = { .daddr = gateway };
	int reason = address_link(ctx, &outer, s);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (tunnel_wrap(ctx, s->actual, gateway, pkt->ip_proto == IPPROTO_UDP))
		return refuse(ctx, MNAT_C_INTERNAL);
	shim_note(&s->first_out_ns);
	count(MNAT_C_NODE_TUNNEL_OUT, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

/* Which session an ICMP error is about is told by the packet it quotes. */
static __always_inline struct mnat_home *home_about(ctx_t *ctx, const struct mnat_shim *s,
						    const struct packet *pkt, bool out)
{
	struct packet inner = {};

	if (!s->homes || !is_icmp_error(pkt))
		return home_of(s, pkt, out);
	return parse_quoted(ctx, pkt, &inner) == PARSE_OK ? home_of(s, &inner, !out) : NULL;
}

/* The packet quoted in an ICMP error of the stack: its destination is the virtual address. */
static __always_inline int quoted_out(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s)
{
	struct packet inner = {};

	if (parse_quoted(ctx, pkt, &inner) != PARSE_OK || inner.daddr != pkt->saddr)
		return 0;
	return rewrite_quoted(ctx, pkt, &inner, DEST, s->actual, inner.dport);
}

static __always_inline int ipv4_out(ctx_t *ctx, struct mnat_shim *s)
{
	struct packet pkt = {};
	struct mnat_home *home;
	int reason = parse_ipv4(ctx, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = parse_checksum(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	home = home_about(ctx, s, &pkt, true);
	if (pkt.saddr != (home ? home->virt : s->virt))
		return refuse(ctx, MNAT_C_NODE_SOURCE);
	if (home && home->gateway)
		return wrap_out(ctx, &pkt, s, home->gateway);
	reason = address_link(ctx, &pkt, s);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if ((is_icmp_error(&pkt) && quoted_out(ctx, &pkt, s)) ||
	    rewrite_address(ctx, &pkt, SOURCE, s->actual, false))
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

/* A tunnel packet is believed if it comes from the home gateway of a session we have. */
static __always_inline int wrapped_in(ctx_t *ctx, const struct packet *outer, struct mnat_shim *s)
{
	struct packet pkt = {};
	struct mnat_home *home;
	int reason = tunnel_peek(ctx, outer, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = tunnel_unwrap(ctx, &pkt);
	if (reason == PARSE_OK)
		reason = parse_checksum(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	home = home_about(ctx, s, &pkt, false);
	if (!home || home->gateway != outer->saddr || home->virt != pkt.daddr)
		return refuse(ctx, MNAT_C_TUNNEL_UNKNOWN);
	return give_to_stack(ctx, s, MNAT_C_NODE_TUNNEL_IN);
}

/* The packet quoted in an ICMP error: its source was the actual address on the wire. */
static __always_inline int quoted_in(ctx_t *ctx, const struct packet *pkt, __be32 virt)
{
	struct packet inner = {};

	if (parse_quoted(ctx, pkt, &inner) != PARSE_OK || inner.saddr != pkt->daddr)
		return 0;
	return rewrite_quoted(ctx, pkt, &inner, SOURCE, virt, inner.sport);
}

static __always_inline int ipv4_in(ctx_t *ctx, struct mnat_shim *s)
{
	struct packet pkt = {};
	struct mnat_home *home;
	int reason = parse_ipv4(ctx, &pkt), counter;
	__be32 virt = s->virt;

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
	if (pkt.ip_proto == IPPROTO_IPIP && s->mode == MNAT_MODE_PUBLIC)
		return wrapped_in(ctx, &pkt, s);
	home = home_about(ctx, s, &pkt, false);
	if (home && !home->gateway)
		virt = home->virt;
	if ((is_icmp_error(&pkt) && quoted_in(ctx, &pkt, virt)) ||
	    rewrite_address(ctx, &pkt, DEST, virt, false))
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
