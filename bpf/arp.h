/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ARP at the shim (seed paragraphs 133, 134; features 6.3). The stack on mnat0 is
 * answered here for everything beyond the link; on the link the actual address
 * speaks, in ARP bodies too; the virtual one never shows on an uplink.
 */
#ifndef MNAT_ARP_H
#define MNAT_ARP_H

#include "refuse.h"
#include "shim.h"

struct arp_body {
	struct arphdr header;
	__u8 sha[ETH_ALEN];
	__be32 spa;
	__u8 tha[ETH_ALEN];
	__be32 tpa;
} __attribute__((packed));

struct arp_frame {
	struct ethhdr eth;
	struct arp_body arp;
} __attribute__((packed));

/* What the stack gets as the gateway's address while the real one is unknown. */
#define ARP_DUMMY_MAC 0x0100fe544e4d02ull /* 02:4d:4e:54:fe:00, first byte lowest */

static __always_inline struct arp_frame *arp_parse(ctx_t *ctx)
{
	struct arp_frame *f;

	if (!ctx_pull(ctx, sizeof(*f)))
		return NULL;
	f = ctx_data(ctx);
	if ((void *)(f + 1) > ctx_data_end(ctx))
		return NULL;
	if (f->arp.header.ar_hrd != bpf_htons(ARPHRD_ETHER) ||
	    f->arp.header.ar_pro != bpf_htons(ETH_P_IP) || f->arp.header.ar_hln != ETH_ALEN ||
	    f->arp.header.ar_pln != sizeof(__be32))
		return NULL;
	return f;
}

/* Turn a request into the reply that says mac is its target. */
static __always_inline void arp_answer(struct arp_frame *f, const __u8 *mac)
{
	__be32 target = f->arp.tpa;

	f->arp.header.ar_op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(f->arp.tha, f->arp.sha, ETH_ALEN);
	f->arp.tpa = f->arp.spa;
	__builtin_memcpy(f->arp.sha, mac, ETH_ALEN);
	f->arp.spa = target;
	__builtin_memcpy(f->eth.h_dest, f->eth.h_source, ETH_ALEN);
	__builtin_memcpy(f->eth.h_source, mac, ETH_ALEN);
}

static __always_inline int arp_answer_stack(ctx_t *ctx, struct mnat_shim *s, struct arp_frame *f,
					    enum mnat_counter_id counter)
{
	__u64 mac = s->gateway_mac ? s->gateway_mac : ARP_DUMMY_MAC;

	arp_answer(f, (__u8 *)&mac);
	count(counter, ctx_len(ctx));
	return bpf_redirect(ctx_ifindex(ctx), BPF_F_INGRESS);
}

/* The stack asks for a neighbour on the link: ask the wire as the actual address. */
static __always_inline int arp_ask_link(ctx_t *ctx, struct mnat_shim *s, struct arp_frame *f)
{
	__builtin_memcpy(f->eth.h_source, s->uplink_mac, ETH_ALEN);
	__builtin_memcpy(f->arp.sha, s->uplink_mac, ETH_ALEN);
	f->arp.spa = s->actual;
	count(MNAT_C_ARP_ON_LINK, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

static __always_inline int arp_out(ctx_t *ctx, struct mnat_shim *s)
{
	struct arp_frame *f = arp_parse(ctx);

	if (!f)
		return refuse(ctx, MNAT_C_ARP_MALFORMED);
	if (f->arp.header.ar_op == bpf_htons(ARPOP_REPLY))
		return refuse(ctx, MNAT_C_ARP_REPLY_OUT);
	if (f->arp.header.ar_op != bpf_htons(ARPOP_REQUEST))
		return refuse(ctx, MNAT_C_ARP_OTHER);
	/* the stack announcing or probing its own address: nobody may answer */
	if (f->arp.tpa == s->virt || f->arp.tpa == f->arp.spa)
		return refuse(ctx, MNAT_C_ARP_OTHER);
	if (f->arp.tpa == s->virt_gateway || f->arp.tpa == s->gateway)
		return arp_answer_stack(ctx, s, f, MNAT_C_ARP_GATEWAY);
	if (!shim_on_link(s, f->arp.tpa))
		return arp_answer_stack(ctx, s, f, MNAT_C_ARP_OFF_LINK);
	return arp_ask_link(ctx, s, f);
}

static __always_inline int arp_request_in(ctx_t *ctx, struct mnat_shim *s, struct arp_frame *f)
{
	if (f->arp.tpa != s->actual)
		return refuse(ctx, MNAT_C_ARP_OTHER);
	arp_answer(f, s->uplink_mac);
	count(MNAT_C_ARP_ANSWERED, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

/* The gateway's MAC address changes only on an answer to our own question (design 9). */
static __always_inline int arp_reply_in(ctx_t *ctx, struct mnat_shim *s, struct arp_frame *f)
{
	if (f->arp.spa == s->gateway) {
		if (!s->arp_pending)
			return refuse(ctx, MNAT_C_ARP_UNSOLICITED);
		s->gateway_mac = mac_pack(f->arp.sha);
		s->arp_pending = 0;
		count(MNAT_C_ARP_LEARNED, ctx_len(ctx));
		return VERDICT_STACK; /* mnatc listens there */
	}
	/* an answer to a probe for an address, or in a network, not in force yet */
	if (f->arp.tpa != s->actual && f->arp.tpa != s->virt)
		return refuse(ctx, MNAT_C_ARP_TO_DAEMON);
	f->arp.tpa = s->virt;
	__builtin_memcpy(f->arp.tha, s->device_mac, ETH_ALEN);
	__builtin_memcpy(f->eth.h_dest, s->device_mac, ETH_ALEN);
	count(MNAT_C_ARP_TO_STACK, ctx_len(ctx));
	return bpf_redirect(s->device, BPF_F_INGRESS);
}

static __always_inline int arp_in(ctx_t *ctx, struct mnat_shim *s)
{
	struct arp_frame *f = arp_parse(ctx);

	if (!f)
		return refuse(ctx, MNAT_C_ARP_MALFORMED);
	if (f->arp.header.ar_op == bpf_htons(ARPOP_REQUEST))
		return arp_request_in(ctx, s, f);
	if (f->arp.header.ar_op == bpf_htons(ARPOP_REPLY))
		return arp_reply_in(ctx, s, f);
	return refuse(ctx, MNAT_C_ARP_OTHER);
}

#endif
