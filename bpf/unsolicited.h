/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A SYN to a port of the pool that nobody holds (RFC 5382 REQ-4): the kernel must not
 * reset it, the other end of a simultaneous open may be about to send its own. It is
 * dropped; mnat-midcomd answers it after six seconds, if it is still unsolicited.
 */
#ifndef MNAT_UNSOLICITED_H
#define MNAT_UNSOLICITED_H

#include "binding.h"
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, MNAT_SYNS_BYTES);
} syns SEC(".maps");

/* A full ring loses the answer only. Nobody is woken: midcomd looks once a second. */
static __noinline void syn_tell(ctx_t *ctx)
{
	__u32 *from = ctx_data(ctx) + ETH_HLEN;
	struct mnat_syn *syn;

	if ((void *)from + sizeof(syn->quote) > ctx_data_end(ctx))
		return;
	syn = bpf_ringbuf_reserve(&syns, sizeof(*syn), 0);
	if (!syn) {
		count(MNAT_C_SYN_UNTOLD, 0);
		return;
	}
	syn->at = now_seconds();
	for (__u32 i = 0; i < sizeof(syn->quote) / sizeof(__u32); i++)
		syn->quote[i] = from[i];
	bpf_ringbuf_submit(syn, BPF_RB_NO_WAKEUP);
}

/* A program on this machine listens there: a manager, say, on the gateway's own address. */
static __noinline bool is_listened_to(ctx_t *ctx, const struct packet *pkt)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sock;

	if (!pkt)
		return false;
	tuple.ipv4.saddr = pkt->saddr;
	tuple.ipv4.daddr = pkt->daddr;
	tuple.ipv4.sport = pkt->sport;
	tuple.ipv4.dport = pkt->dport;
	sock = bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return false;
	bpf_sk_release(sock);
	return true;
}

/* The counter of what came for an external endpoint that nobody holds. */
static __always_inline int unsolicited(ctx_t *ctx, const struct packet *pkt)
{
	if (pkt->proto != MNAT_TCP || (pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN ||
	    binding_index(MNAT_TCP, pkt->daddr, pkt->dport) < 0)
		return MNAT_C_NO_BINDING;
	if (is_listened_to(ctx, pkt))
		return MNAT_C_NO_BINDING;
	if (pkt->l4_offset == ETH_HLEN + sizeof(struct iphdr))
		syn_tell(ctx);
	return MNAT_C_SYN_UNSOLICITED;
}

#endif
