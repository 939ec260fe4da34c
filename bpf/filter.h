/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may send to a binding from outside (RFC 4787 section 5, RFC 5382 REQ-3):
 * everybody, by default, or by configuration only whom the inside endpoint has sent to.
 * The configuration is constant: by default none of this is in the loaded program.
 */
#ifndef MNAT_FILTER_H
#define MNAT_FILTER_H

#include "session.h"

static __noinline void permit_put(__u32 host, __be32 remote, __be16 port, __u8 proto)
{
	struct mnat_session_key key = {
		.host = host, .remote = remote, .port = port, .proto = proto,
	};
	__u32 now = now_seconds(), *last = bpf_map_lookup_elem(&permits, &key);

	if (!last)
		bpf_map_update_elem(&permits, &key, &now, BPF_ANY);
	else if (*last != now)
		*last = now;
}

/* After an inside endpoint has sent to a remote address. */
static __always_inline void permit_note(const struct packet *pkt, __u32 host)
{
	if (cfg.filtering == MNAT_FILTERING_ADDRESS)
		permit_put(host, pkt->daddr, pkt->sport, pkt->proto);
}

static __always_inline __u32 permit_life(__u8 proto)
{
	if (proto == MNAT_TCP)
		return cfg.timeouts[MNAT_STATE_TCP_ESTABLISHED];
	return cfg.timeouts[proto == MNAT_UDP ? MNAT_STATE_UDP : MNAT_STATE_ICMP];
}

/* ports: inside and remote one. */
static __noinline bool permitted(__u32 host, __be32 remote, __u32 ports, __u8 proto)
{
	struct mnat_session_key key = {
		.host = host,
		.remote = remote,
		.port = (__be16)(ports >> 16),
		.remote_port = proto == MNAT_ICMP ? 0 : (__be16)ports,
		.proto = proto,
	};
	__u32 *last;

	if (session_lookup(&key))
		return true;
	if (cfg.filtering != MNAT_FILTERING_ADDRESS)
		return false;
	key.remote_port = 0;
	last = bpf_map_lookup_elem(&permits, &key);
	return last && now_seconds() - *last <= permit_life(proto);
}

/* May pkt go on to the owner of the binding it is for? What a rule opened is open to all. */
static __always_inline bool admitted(const struct packet *pkt, __u64 owner)
{
	if (cfg.filtering == MNAT_FILTERING_NONE || owner & MNAT_OWNER_RULE)
		return true;
	return permitted(mnat_owner_host(owner), pkt->saddr,
			 (__u32)mnat_owner_port(owner) << 16 | pkt->sport, pkt->proto);
}

#endif
