/* SPDX-License-Identifier: GPL-2.0-only */
/* The ends of a flow inside the domain: who sends, and who is meant. */
#ifndef MNAT_PARTY_H
#define MNAT_PARTY_H

#include "host.h"
#include "parse.h"

/* One end of a flow. */
struct party {
	__u32 host;  /* its id, when it is mobile; 0 */
	__be32 addr; /* as the other end knows it */
	__u64 where; /* its location word, when it is mobile */
	bool shares; /* addr with other hosts */
};

/* Who sends from this address. PARSE_OK, or the reason to refuse. */
static __always_inline int party_at(__be32 addr, struct party *ret_party)
{
	struct mnat_host_info *info;
	int reason;
	__u32 host = host_of(addr, &reason);

	*ret_party = (struct party){ .addr = addr };
	if (!host)
		return reason == MNAT_C_NO_HOST && actual_index(addr) >= 0 ? PARSE_OK : reason;
	if (host <= cfg.n_actuals)
		return PARSE_OK;
	info = bpf_map_lookup_elem(&host_info, &host);
	if (!info || !info->virt)
		return PARSE_OK;
	ret_party->host = host;
	ret_party->addr = info->virt;
	ret_party->shares = info->virt != info->identity;
	return PARSE_OK;
}

static __always_inline bool is_shared(__be32 addr)
{
	__u32 *host = bpf_map_lookup_elem(&virtuals, &addr);

	return host && *host == MNAT_HOST_SHARED;
}

/* Who is meant by this address. */
static __always_inline int party_named(__be32 addr, struct party *ret_party)
{
	__u32 *host;

	*ret_party = (struct party){ .addr = addr };
	if (!is_virtual(addr))
		return PARSE_OK;
	host = bpf_map_lookup_elem(&virtuals, &addr);
	if (!host)
		return MNAT_C_NO_VIRTUAL;
	if (*host == MNAT_HOST_SHARED)
		return MNAT_C_SHARED_IN_DOMAIN;
	ret_party->host = *host;
	ret_party->where = host_location(*host);
	return ret_party->where ? PARSE_OK : MNAT_C_HOST_GONE;
}

static __always_inline bool by_tunnel(const struct party *p)
{
	return mnat_location_path(p->where) == MNAT_PATH_TUNNEL;
}

#endif
