/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What leaves in fragments, or may yet be fragmented, gets an identification of ours: pieces
 * of two hosts' datagrams behind one address must not be put together (RFC 6864; RFC 7857
 * section 8). DF says that nobody will.
 */
#ifndef MNAT_IP_ID_H
#define MNAT_IP_ID_H

#include "binding.h"
#include "checksum.h"
#include "parse.h"

/* The next identification, by destination: two that share a place use up more of them. */
#define IP_IDS 1024

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, IP_IDS);
	__type(key, __u32);
	__type(value, __u32);
} ip_ids SEC(".maps");

static __always_inline __u32 *id_counter(__be32 daddr)
{
	__u32 place = (daddr * 0x9e3779b1u) >> 16 & (IP_IDS - 1);

	return bpf_map_lookup_elem(&ip_ids, &place);
}

/* No two CPUs get the same. */
static __noinline __u32 next_id(__be32 daddr)
{
	__u32 *next = id_counter(daddr);

	return next ? __sync_fetch_and_add(next, 1) : 0;
}

/* Is what leaves translated to the outside, and not another packet than came? */
static __always_inline bool is_sent_out(const struct iphdr *ip, const struct packet *pkt)
{
	return ip->daddr == pkt->daddr && ip->protocol == pkt->ip_proto && is_external(ip->saddr);
}

static __always_inline void ip_set_id(struct iphdr *ip, __be16 id)
{
	ip->check = csum_fold(csum_add16((__u16)~ip->check, ip->id, id));
	ip->id = id;
}

/*
 * A whole packet is sent that may be fragmented on its way. It costs 3 ns so; a locked
 * addition 11: CPUs that meet at one destination may now and then use an identification
 * twice, for which to matter both packets must be cut and lose pieces.
 */
static __always_inline void ip_id_renew(ctx_t *ctx, const struct packet *pkt)
{
	struct iphdr *ip = ctx_data(ctx) + ETH_HLEN;
	__u32 *next;

	if ((void *)(ip + 1) > ctx_data_end(ctx) || !is_sent_out(ip, pkt))
		return;
	next = id_counter(pkt->daddr);
	if (next)
		ip_set_id(ip, (*next)++);
}

#endif
