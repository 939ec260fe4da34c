/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions of a node that are not its preferred address's, or that are anchored at a
 * home gateway while the node is in public space (seed paragraphs 77 and 82).
 */
#ifndef MNAT_HOME_H
#define MNAT_HOME_H

#include "parse.h"
#include "shim.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mnat_home_key);
	__type(value, struct mnat_home);
} homes SEC(".maps");

/* The home of the session between local port and remote, of an unconnected socket else. */
static __always_inline struct mnat_home *home_of(const struct mnat_shim *s,
						 const struct packet *pkt, bool out)
{
	struct mnat_home_key key = {
		.remote = out ? pkt->daddr : pkt->saddr,
		.port = out ? pkt->sport : pkt->dport,
		.remote_port = out ? pkt->dport : pkt->sport,
		.ip_proto = pkt->ip_proto,
	};
	struct mnat_home *home;

	if (!s->homes)
		return NULL;
	home = bpf_map_lookup_elem(&homes, &key);
	if (home || pkt->ip_proto != IPPROTO_UDP)
		return home;
	key.remote = 0;
	key.remote_port = 0;
	return bpf_map_lookup_elem(&homes, &key);
}

#endif
