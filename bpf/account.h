/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets and bytes of each host, as they came. One array access, if it is configured. */
#ifndef MNAT_ACCOUNT_H
#define MNAT_ACCOUNT_H

#include "gateway_maps.h"

/* Functions: the frames of their callers are full. */
static __noinline int account_add(__u32 host, __u32 len, bool out)
{
	struct mnat_host_traffic *traffic = bpf_map_lookup_elem(&host_traffic, &host);

	if (!traffic)
		return -1;
	if (out) {
		traffic->packets_out++;
		traffic->bytes_out += len;
	} else {
		traffic->packets_in++;
		traffic->bytes_in += len;
	}
	return 0;
}

static __always_inline void account_out(const ctx_t *ctx, __u32 host)
{
	if (cfg.accounting)
		account_add(host, ctx_len(ctx), true);
}

static __always_inline void account_in(const ctx_t *ctx, __u32 host)
{
	if (cfg.accounting)
		account_add(host, ctx_len(ctx), false);
}

#endif
