/* SPDX-License-Identifier: GPL-2.0-only */
/* The IP header's checksum, corrected incrementally (RFC 1624, equation 3). */
#ifndef MNAT_CHECKSUM_H
#define MNAT_CHECKSUM_H

#include "defs.h"

static __always_inline __u32 csum_add16(__u32 sum, __u16 from, __u16 to)
{
	return sum + (__u16)~from + to;
}

static __always_inline __u32 csum_add32(__u32 sum, __u32 from, __u32 to)
{
	sum = csum_add16(sum, from >> 16, to >> 16);
	return csum_add16(sum, from & 0xffff, to & 0xffff);
}

static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u16 ip_checksum(const struct iphdr *ip)
{
	const __u16 *word = (const __u16 *)ip;
	__u32 sum = 0;

	for (int i = 0; i < 10; i++)
		sum += word[i];
	return csum_fold(sum);
}

static __always_inline void ip_set_addr(struct iphdr *ip, __be32 *field, __be32 addr)
{
	ip->check = csum_fold(csum_add32((__u16)~ip->check, *field, addr));
	*field = addr;
}

static __always_inline void ip_decrement_ttl(struct iphdr *ip)
{
	/* TTL is the upper byte of its 16-bit word, wherever that lies in memory. */
	__u16 from = bpf_htons(ip->ttl << 8), to = bpf_htons((ip->ttl - 1) << 8);

	ip->check = csum_fold(csum_add16((__u16)~ip->check, from, to));
	ip->ttl--;
}

#endif
