/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for other machines. A switch floods what it does not know the way to, and an
 * interface that is listened on (tcpdump) takes it all: translated here too, one packet
 * would arrive twice, from two gateways. TC is told by the kernel; XDP goes by what TC saw.
 */
#ifndef MNAT_OWN_MAC_H
#define MNAT_OWN_MAC_H

#include "defs.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MNAT_OWN_MACS);
	__type(key, __u32);
	__type(value, __u64);
} own_macs SEC(".maps");

/* In XDP true also of what only may be: TC looks again. */
static __always_inline bool is_for_another(ctx_t *ctx)
{
	const struct ethhdr *eth = ctx_data(ctx);
	__u32 slot = ctx_ifindex(ctx) % MNAT_OWN_MACS;
	__u64 *own = bpf_map_lookup_elem(&own_macs, &slot);
	__u64 to;

	if (!own || (void *)(eth + 1) > ctx_data_end(ctx))
		return true;
	to = mnat_own_mac(ctx_ifindex(ctx), eth->h_dest);
	if (CTX_DEFERS)
		return *own != to;
	if (ctx_packet_type(ctx) == PACKET_HOST && *own != to)
		*own = to;
	return ctx_packet_type(ctx) == PACKET_OTHERHOST;
}

#endif
