/* SPDX-License-Identifier: GPL-2.0-only */
/* The shim's two ends: the link below and the stack above. */
#ifndef MNAT_NODE_ENDS_H
#define MNAT_NODE_ENDS_H

#include "home.h"
#include "icmp_error.h"
#include "refuse.h"

/* A datagram to everybody on the link: of IPv4's addresses or the actual subnet's own. */
static __always_inline bool is_group(__be32 addr, const struct mnat_shim *s)
{
	return bpf_ntohl(addr) >= 0xe0000000 || addr == (s->actual | ~s->mask);
}

/* Link addresses for the uplink: the stack knows only mnat0's and what ARP told it. */
static __always_inline int address_link(ctx_t *ctx, __be32 daddr, const struct mnat_shim *s)
{
	__u64 gateway = s->gateway_mac;
	struct ethhdr *eth = ctx_data(ctx);

	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return MNAT_C_SHORT_PACKET;
	__builtin_memcpy(eth->h_source, s->uplink_mac, ETH_ALEN);
	if (is_group(daddr, s) || shim_on_link(s, daddr))
		return PARSE_OK;
	if (!gateway)
		return MNAT_C_NODE_NO_GATEWAY;
	__builtin_memcpy(eth->h_dest, &gateway, ETH_ALEN);
	return PARSE_OK;
}

/* To all on the link, or to a group: the frame's destination stays what it is. */
static __always_inline int give_group_to_stack(ctx_t *ctx, struct mnat_shim *s)
{
	count(MNAT_C_NODE_GROUP_IN, ctx_len(ctx));
	return bpf_redirect(s->device, BPF_F_INGRESS);
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

/* Which session an ICMP error is about is told by the packet it quotes. */
static __always_inline struct mnat_home *home_about(ctx_t *ctx, const struct mnat_shim *s,
						    const struct packet *pkt, bool out)
{
	struct packet inner = {};

	if (!s->homes || !is_icmp_error(pkt))
		return home_of(s, pkt, out);
	return parse_quoted(ctx, pkt, &inner) == PARSE_OK ? home_of(s, &inner, !out) : NULL;
}

#endif
