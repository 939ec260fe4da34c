// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shim of a mobile node (seed figure 2): between the stack, which lives on
 * mnat0 with the virtual address, and the uplink, where the actual one counts.
 */
#include "ctx_tc.h"
#include "arp.h"
#include "node_tcp.h"
#include "node_tunnel.h"

#define MANAGER_PORT 7627 /* peering.h */
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68

/* The packet quoted in an ICMP error of the stack: its destination is the virtual address. */
static __always_inline int quoted_out(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s)
{
	struct packet inner = {};

	if (parse_quoted(ctx, pkt, &inner) != PARSE_OK || inner.daddr != pkt->saddr)
		return 0;
	return rewrite_quoted(ctx, pkt, &inner, DEST, s->actual, inner.dport);
}

static __always_inline bool is_udp(const struct packet *pkt, __u16 sport, __u16 dport)
{
	return pkt->ip_proto == IPPROTO_UDP && pkt->csum_offset && pkt->sport == bpf_htons(sport) &&
	       pkt->dport == bpf_htons(dport);
}

/* The stack's own DHCP client (table 6.3): to the daemon, which listens at mnat0's other end. */
static __always_inline int dhcp_out(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s)
{
	int reason;

	if (s->consumer)
		return refuse(ctx, MNAT_C_NODE_DHCP_STACK);
	reason = address_link(ctx, pkt->daddr, s);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	count(MNAT_C_NODE_OUT, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

/* Before there is an uplink only the stack's DHCP has somewhere to go. */
static __always_inline int unlinked_out(ctx_t *ctx, const struct mnat_shim *s, __be16 ethertype)
{
	struct packet pkt = {};

	if (s && s->consumer && ethertype == bpf_htons(ETH_P_IP) &&
	    parse_ipv4(ctx, &pkt) == PARSE_OK && parse_checksum(ctx, &pkt) == PARSE_OK &&
	    is_udp(&pkt, DHCP_CLIENT_PORT, DHCP_SERVER_PORT))
		return refuse(ctx, MNAT_C_NODE_DHCP_STACK);
	return refuse(ctx, MNAT_C_NODE_NO_LINK);
}

/* The broadcast address of the network the stack believes in is the actual subnet's here. */
static __always_inline int broadcast_out(ctx_t *ctx, struct packet *pkt, const struct mnat_shim *s)
{
	__be32 here = s->actual | ~s->mask;

	if (pkt->daddr != (s->virt | ~s->virt_mask) || !s->virt_mask)
		return 0;
	if (rewrite_address(ctx, pkt, DEST, here, false))
		return -1;
	pkt->daddr = here;
	return 0;
}

static __always_inline int translate_out(ctx_t *ctx, struct packet *pkt, struct mnat_shim *s)
{
	int reason;

	if (broadcast_out(ctx, pkt, s))
		return refuse(ctx, MNAT_C_INTERNAL);
	reason = address_link(ctx, pkt->daddr, s);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if ((is_icmp_error(pkt) && quoted_out(ctx, pkt, s)) ||
	    rewrite_address(ctx, pkt, SOURCE, s->actual, false))
		return refuse(ctx, MNAT_C_INTERNAL);
	shim_note(&s->first_out_ns);
	count(MNAT_C_NODE_OUT, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

static __always_inline bool is_direct(const struct mnat_shim *s, __be32 addr)
{
	for (__u32 i = 0; i < MNAT_MAX_DIRECT && i < s->n_direct; i++)
		if ((addr & s->direct[i].mask) == s->direct[i].addr)
			return true;
	return false;
}

/* Straight to a host of the domain, which knows the node by the virtual address. */
static __always_inline int direct_out(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s)
{
	int reason = address_link(ctx, pkt->daddr, s);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	shim_note(&s->first_out_ns);
	count(MNAT_C_NODE_DIRECT, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

/* Where the packet's tunnel ends, 0: it goes by none. */
static __always_inline __be32 tunnel_of(const struct mnat_shim *s, const struct mnat_home *home,
					const struct packet *pkt)
{
	if (home && home->gateway)
		return home->gateway;
	if (s->mode != MNAT_MODE_TUNNEL || !s->tunnel_out || is_group(pkt->daddr, s) ||
	    pkt->daddr == (s->virt | ~s->virt_mask))
		return 0;
	return s->tunnel;
}

static __always_inline int ipv4_out(ctx_t *ctx, struct mnat_shim *s)
{
	struct packet pkt = {};
	struct mnat_home *home;
	__be32 tunnel;
	int reason = parse_ipv4(ctx, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = parse_checksum(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_udp(&pkt, DHCP_CLIENT_PORT, DHCP_SERVER_PORT))
		return dhcp_out(ctx, &pkt, s);
	home = home_about(ctx, s, &pkt, true);
	if (pkt.saddr != (home ? home->virt : s->virt))
		return refuse(ctx, MNAT_C_NODE_SOURCE);
	if (!home && is_direct(s, pkt.daddr))
		return direct_out(ctx, &pkt, s);
	tunnel = tunnel_of(s, home, &pkt);
	if (tunnel)
		return wrap_out(ctx, &pkt, s, tunnel);
	return translate_out(ctx, &pkt, s);
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
		return unlinked_out(skb, s, ethertype);
	if (s->mode == MNAT_MODE_PASSTHRU) {
		count(MNAT_C_NODE_PASS, skb->len);
		return ctx_redirect(s->uplink);
	}
	if (ethertype == bpf_htons(ETH_P_ARP))
		return arp_out(skb, s);
	if (ethertype != bpf_htons(ETH_P_IP) || ctx_is_tagged(skb))
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

/* The packet quoted in an ICMP error: its source was the actual address on the wire. */
static __always_inline int quoted_in(ctx_t *ctx, const struct packet *pkt, __be32 virt)
{
	struct packet inner = {};

	if (parse_quoted(ctx, pkt, &inner) != PARSE_OK || inner.saddr != pkt->daddr)
		return 0;
	return rewrite_quoted(ctx, pkt, &inner, SOURCE, virt, inner.sport);
}

static __always_inline int translate_in(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s,
					int counter)
{
	struct mnat_home *home = home_about(ctx, s, pkt, false);
	__be32 virt = home && !home->gateway ? home->virt : s->virt;

	if ((is_icmp_error(pkt) && quoted_in(ctx, pkt, virt)) ||
	    rewrite_address(ctx, pkt, DEST, virt, false))
		return refuse(ctx, MNAT_C_INTERNAL);
	return give_to_stack(ctx, s, counter);
}

/* The actual subnet's broadcast address is not one the stack knows. */
static __always_inline int group_in(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s)
{
	if (pkt->daddr == (s->actual | ~s->mask) && s->virt_mask &&
	    rewrite_address(ctx, pkt, DEST, s->virt | ~s->virt_mask, false))
		return refuse(ctx, MNAT_C_INTERNAL);
	return give_group_to_stack(ctx, s);
}

static __always_inline int ipv4_in(ctx_t *ctx, struct mnat_shim *s)
{
	bool tunnels = s->mode == MNAT_MODE_PUBLIC || s->mode == MNAT_MODE_TUNNEL;
	struct packet pkt = {};
	int reason = parse_ipv4(ctx, &pkt), counter;
	__be32 end;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = parse_checksum(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_udp(&pkt, DHCP_SERVER_PORT, DHCP_CLIENT_PORT))
		return s->consumer ? refuse(ctx, MNAT_C_NODE_DHCP) : give_group_to_stack(ctx, s);
	/* to an address that is not in force yet, or still: the daemon asked from there */
	if (s->consumer && is_udp(&pkt, MANAGER_PORT, MANAGER_PORT))
		return refuse(ctx, MNAT_C_NODE_REBIND);
	if (is_group(pkt.daddr, s) && ctx_ifindex(ctx) == s->uplink)
		return group_in(ctx, &pkt, s);
	counter = ours(s, ctx_ifindex(ctx), pkt.daddr);
	if (counter == PARSE_OK)
		return refuse(ctx, MNAT_C_NODE_NOT_OURS);
	if (tunnels && pkt.ip_proto == IPPROTO_IPIP)
		return wrapped_in(ctx, &pkt, s);
	if (tunnels && is_tunnel_error(ctx, &pkt, pkt.daddr, &end)) {
		reason = tunnel_error_unwrap(ctx);
		return reason == PARSE_OK ? tunnel_error_in(ctx, s, end) : refuse(ctx, reason);
	}
	return translate_in(ctx, &pkt, s, counter);
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
	if (ctx_packet_type(skb) == PACKET_OTHERHOST)
		return refuse(skb, MNAT_C_OTHER_MACHINE);
	if (ctx_is_tagged(skb))
		return refuse(skb, MNAT_C_NODE_VLAN);
	if (ethertype == bpf_htons(ETH_P_IP))
		return ipv4_in(skb, s);
	if (ethertype == bpf_htons(ETH_P_ARP) && skb->ifindex == s->uplink)
		return arp_in(skb, s);
	return refuse(skb, MNAT_C_NODE_PASS);
}

char _license[] SEC("license") = "GPL";
