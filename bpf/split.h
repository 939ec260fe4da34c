/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets too big for the next link that may be fragmented are (RFC 791, RFC 4787
 * REQ-13): as they came, and each piece sent round, so that it is then translated, or
 * wrapped, like any fragment.
 */
#ifndef MNAT_SPLIT_H
#define MNAT_SPLIT_H

#include "checksum.h"
#include "host.h"
#include "parse.h"
#include "tunnel.h"

#define SPLIT_PIECES 16
#define SPLIT_HEADER (ETH_HLEN + sizeof(struct iphdr))
#define SPLIT_MAX 16384	     /* bytes of a frame to split */
#define SPLIT_PIECE_MAX 8192 /* ... and of a piece's payload */

/* The packet whole, as its pieces need it; headers of the piece at hand. */
struct split {
	__be32 scope;
	__u32 step;    /* payload of all pieces but the last */
	__u32 payload; /* ... of the whole */
	__u32 at;      /* the whole's own offset, when it is a fragment */
	bool more;
	bool failed;
	struct iphdr ip;
	struct iphdr outer;
	/* the verifier sees offset and length apart */
	__u8 frame[SPLIT_HEADER + SPLIT_MAX + SPLIT_PIECE_MAX];
};

/* On no stack: it is deep here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct split);
} splits SEC(".maps");

struct split_loop {
	ctx_t *ctx;
	struct split *split;
};

/*
 * Has the kernel left the transport checksum for later (CHECKSUM_PARTIAL)? Then the
 * field holds the sum of the pseudo header, and there is no way to have it completed.
 */
static __always_inline bool checksum_unfinished(ctx_t *ctx, const struct packet *pkt)
{
	__u32 len = pkt->payload, sum, at;
	__be16 *field;

	if (pkt->fragment != WHOLE)
		return false;
	if (pkt->ip_proto == IPPROTO_TCP)
		at = SPLIT_HEADER + offsetof(struct tcp_fixed, check);
	else if (pkt->ip_proto == IPPROTO_UDP)
		at = SPLIT_HEADER + offsetof(struct udp_fixed, check);
	else
		return false;
	if (!ctx_pull(ctx, at + sizeof(*field)))
		return true;
	field = ctx_data(ctx) + at;
	if ((void *)(field + 1) > ctx_data_end(ctx))
		return true;
	sum = (pkt->saddr & 0xffff) + (pkt->saddr >> 16) + (pkt->daddr & 0xffff) +
	      (pkt->daddr >> 16) + bpf_htons(pkt->ip_proto) + bpf_htons(len);
	return *field == (__u16)~csum_fold(sum);
}

static __always_inline long split_write_tunnel(ctx_t *ctx, struct split *s, __u32 total)
{
	s->outer = (struct iphdr){
		.version = 4,
		.ihl = sizeof(s->outer) / 4,
		.tot_len = bpf_htons(sizeof(s->outer) + total),
		.frag_off = bpf_htons(IP_DF),
		.ttl = TUNNEL_TTL,
		.protocol = IPPROTO_IPIP,
		.saddr = s->scope,
		.daddr = cfg.tunnel_addr,
	};
	s->outer.check = ip_checksum(&s->outer);
	return ctx_write(ctx, ETH_HLEN, &s->outer, sizeof(s->outer));
}

static __always_inline long split_write(ctx_t *ctx, struct split *s, __u32 offset)
{
	bool tunnel = s->scope != SCOPE_INSIDE && s->scope != SCOPE_OUTSIDE;
	__u32 len = s->payload - offset, room = tunnel ? TUNNEL_OVERHEAD : 0;
	bool more = len > s->step || s->more;

	if (len > s->step)
		len = s->step;
	__builtin_memcpy(&s->ip, s->frame + ETH_HLEN, sizeof(s->ip));
	s->ip.tot_len = bpf_htons(sizeof(s->ip) + len);
	s->ip.frag_off = bpf_htons((s->at + offset) / 8 | (more ? IP_MF : 0));
	s->ip.check = 0;
	s->ip.check = ip_checksum(&s->ip);
	if (ctx_resize(ctx, SPLIT_HEADER + room + len) ||
	    (tunnel && split_write_tunnel(ctx, s, sizeof(s->ip) + len)) ||
	    ctx_write(ctx, ETH_HLEN + room, &s->ip, sizeof(s->ip)))
		return -1;
	/* both are in range; so that the 6.1 verifier sees it */
	len--;
	asm volatile("%[offset] &= 0x3fff\n\t%[len] &= 0x1fff\n\t%[len] += 1"
		     : [offset] "+r"(offset), [len] "+r"(len));
	return ctx_write(ctx, SPLIT_HEADER + room, s->frame + SPLIT_HEADER + offset, len);
}

/* bpf_loop(): piece i, as a frame that comes in as the whole did. 1: that was the last. */
static long split_piece(__u32 i, struct split_loop *loop)
{
	struct split *s = loop->split;
	__u32 offset = i * s->step;

	if (split_write(loop->ctx, s, offset) || ctx_again(loop->ctx)) {
		s->failed = true;
		return 1;
	}
	return s->payload - offset <= s->step;
}

/*
 * The counter that says what becomes of the packet: its pieces are on their way, or it
 * is whole yet, to be told of or dropped.
 */
static __noinline int split_packet(ctx_t *ctx, __be32 scope, __u32 mtu)
{
	struct split_loop loop = { .ctx = ctx };
	__u32 zero = 0, len = ctx_len(ctx);
	struct packet pkt = {};
	struct split *s;

	if (parse_ipv4(ctx, &pkt) != PARSE_OK || pkt.df)
		return MNAT_C_TOO_BIG_TOLD;
	s = bpf_map_lookup_elem(&splits, &zero);
	if (!s || pkt.l4_offset != SPLIT_HEADER || ctx_is_gso(ctx))
		return MNAT_C_TOO_BIG;
	if (checksum_unfinished(ctx, &pkt))
		return MNAT_C_TOO_BIG_TOLD;
	s->scope = scope;
	s->step = (mtu - sizeof(struct iphdr)) & ~7u;
	if (s->step > SPLIT_PIECE_MAX)
		s->step = SPLIT_PIECE_MAX;
	s->payload = pkt.payload;
	s->at = pkt.fragment == WHOLE ? 0 : pkt.at;
	s->more = pkt.fragment != WHOLE && pkt.more;
	s->failed = false;
	if (mtu < sizeof(struct iphdr) + 8 || s->payload <= s->step ||
	    s->payload > s->step * SPLIT_PIECES ||
	    !LENGTH_IS_IN(len, SPLIT_HEADER, SPLIT_MAX) || ctx_save(ctx, s->frame, len))
		return MNAT_C_TOO_BIG;
	loop.split = s;
	bpf_loop(SPLIT_PIECES, split_piece, &loop, 0);
	return s->failed ? MNAT_C_INTERNAL : MNAT_C_TOO_BIG_SPLIT;
}

#endif
