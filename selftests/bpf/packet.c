// SPDX-License-Identifier: GPL-2.0-only
#include "packet.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

static uint32_t sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		start += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		start += (uint32_t)p[len - 1] << 8;
	return start;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

static uint16_t transport_checksum(const struct iphdr *ip, const void *l4, size_t len)
{
	uint32_t s = 0;

	if (ip->protocol != IPPROTO_ICMP) {
		s = sum(&ip->saddr, 8, 0);
		s += ip->protocol + (uint32_t)len;
	}
	return fold(sum(l4, len, s));
}

static uint16_t *checksum_field(uint8_t proto, uint8_t *l4)
{
	switch (proto) {
	case IPPROTO_TCP:
		return &((struct tcphdr *)l4)->check;
	case IPPROTO_UDP:
		return &((struct udphdr *)l4)->check;
	case IPPROTO_ICMP:
		return &((struct icmphdr *)l4)->checksum;
	}
	return NULL;
}

/* The one checksum that is the checksum of the quoted bytes, itself among them. */
static void settle_checksum(uint8_t proto, uint8_t *l4, size_t len)
{
	uint16_t *check = checksum_field(proto, l4);

	for (unsigned int value = 0; value <= 0xffff; value++) {
		*check = htons((uint16_t)value);
		if (fold(sum(l4, len, 0)) == *check)
			return;
	}
}

/* The IPv4 packet inside another, or as much of it as ICMP errors quote. */
static size_t build_inner(const struct packet *p, uint8_t *at)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p->inner, frame) - ETH_HLEN, quote = p->ours ? 20 : p->quote ? p->quote : 8;

	if (p->proto == IPPROTO_ICMP && len > sizeof(struct iphdr) + quote)
		len = sizeof(struct iphdr) + quote;
	memcpy(at, frame + ETH_HLEN, len);
	if (p->ours)
		settle_checksum(p->inner->proto, at + sizeof(struct iphdr), quote);
	return len;
}

static size_t build_transport(const struct packet *p, uint8_t *l4)
{
	struct tcphdr *tcp = (void *)l4;
	struct udphdr *udp = (void *)l4;
	struct icmphdr *icmp = (void *)l4;
	size_t header = 0;

	switch (p->proto) {
	case IPPROTO_TCP:
		header = sizeof(*tcp);
		tcp->source = htons(p->sport);
		tcp->dest = htons(p->dport);
		tcp->doff = 5;
		tcp->window = htons(1000);
		l4[13] = p->tcp_flags;
		break;
	case IPPROTO_UDP:
		header = sizeof(*udp);
		udp->source = htons(p->sport);
		udp->dest = htons(p->dport);
		udp->len = htons((uint16_t)(header + p->payload));
		break;
	case IPPROTO_ICMP:
		header = sizeof(*icmp);
		icmp->type = p->icmp_type;
		icmp->code = p->icmp_code;
		if (p->inner) {
			icmp->un.frag.mtu = htons(p->mtu);
			break;
		}
		icmp->un.echo.id = htons(p->sport);
		icmp->un.echo.sequence = htons(1);
		break;
	}
	if (p->inner)
		return header + build_inner(p, l4 + header);
	for (size_t i = 0; i < p->payload; i++)
		l4[header + i] = (uint8_t)(i * 7 + 1);
	return header + p->payload;
}

size_t packet_build(const struct packet *p, uint8_t buf[PACKET_MAX])
{
	struct ethhdr *eth = (void *)buf;
	struct iphdr *ip = (void *)(eth + 1);
	size_t ihl = sizeof(*ip) + 4u * p->options, len;
	uint8_t *l4 = (uint8_t *)ip + ihl;
	uint16_t *check;

	memset(buf, 0, PACKET_MAX);
	if (p->dmac)
		memcpy(eth->h_dest, p->dmac, ETH_ALEN);
	if (p->smac)
		memcpy(eth->h_source, p->smac, ETH_ALEN);
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = (unsigned int)(ihl / 4) & 0xf;
	ip->ttl = p->ttl ? p->ttl : 64;
	ip->protocol = p->proto;
	ip->id = p->id_zero ? 0 : htons(p->id ? p->id : 4711);
	ip->frag_off = htons(p->frag);
	inet_pton(AF_INET, p->src, &ip->saddr);
	inet_pton(AF_INET, p->dst, &ip->daddr);
	memset(ip + 1, 1, ihl - sizeof(*ip));
	len = build_transport(p, l4);
	ip->tot_len = htons((uint16_t)(ihl + len));
	ip->check = fold(sum(ip, ihl, 0));
	check = checksum_field(p->proto, l4);
	if (check && !(p->proto == IPPROTO_UDP && p->no_udp_checksum)) {
		*check = transport_checksum(ip, l4, len);
		if (p->proto == IPPROTO_UDP && !*check)
			*check = 0xffff;
	}
	return sizeof(*eth) + ihl + len;
}

size_t packet_build_arp(const struct arp_packet *p, uint8_t buf[PACKET_MAX])
{
	static const uint8_t fixed[] = { 0, 1, 8, 0, 6, 4 };
	uint8_t *arp = buf + ETH_HLEN;

	memset(buf, 0, PACKET_MAX);
	memcpy(buf, p->eth_dst, ETH_ALEN);
	memcpy(buf + 6, p->eth_src, ETH_ALEN);
	buf[12] = 8;
	buf[13] = 6;
	memcpy(arp, fixed, sizeof(fixed));
	arp[7] = (uint8_t)p->op;
	memcpy(arp + 8, p->sha, ETH_ALEN);
	inet_pton(AF_INET, p->spa, arp + 14);
	if (p->tha)
		memcpy(arp + 18, p->tha, ETH_ALEN);
	inet_pton(AF_INET, p->tpa, arp + 24);
	return ETH_HLEN + 28;
}

int packet_checksums_ok(const uint8_t *frame, size_t len)
{
	const struct iphdr *ip = (const void *)(frame + ETH_HLEN);
	_Alignas(4) uint8_t copy[2 + PACKET_MAX]; /* the headers behind Ethernet's are aligned */
	uint8_t *l4;
	uint16_t *check, found;
	size_t ihl = ip->ihl * 4u, l4_len = ntohs(ip->tot_len) - ihl;

	if (fold(sum(ip, ihl, 0)))
		return 0;
	memcpy(copy + 2, frame, len);
	l4 = copy + 2 + ETH_HLEN + ihl;
	check = checksum_field(ip->protocol, l4);
	if (!check || (ip->protocol == IPPROTO_UDP && !*check))
		return 1;
	found = *check;
	*check = 0;
	*check = transport_checksum(ip, l4, l4_len);
	return found == (*check ? *check : ip->protocol == IPPROTO_UDP ? 0xffff : 0);
}
