// SPDX-License-Identifier: GPL-2.0-only
#include "packet.h"

#include <errno.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>

#define TTL	   64
#define TCP_HEADER 20

/* RFC 1071, unfolded; buf of odd length counts as padded with a zero. */
static uint32_t sum(const void *buf, size_t len, uint32_t start)
{
	const uint8_t *p = buf;

	for (; len > 1; p += 2, len -= 2)
		start += (uint32_t)p[0] << 8 | p[1];
	return len ? start + ((uint32_t)p[0] << 8) : start;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

/* udp points at the header, len counts it. */
static uint16_t udp_sum(struct in_addr from, struct in_addr to, const void *udp, size_t len)
{
	uint32_t total = IPPROTO_UDP + (uint32_t)len;

	total = sum(&from, sizeof(from), total);
	total = sum(&to, sizeof(to), total);
	return fold(sum(udp, len, total));
}

/* len: of the packet with this header. */
static struct iphdr ip_header(struct in_addr from, struct in_addr to, uint8_t protocol, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)len),
		.ttl = TTL,
		.protocol = protocol,
		.saddr = from.s_addr,
		.daddr = to.s_addr,
	};

	ip.check = htons((uint16_t)~fold(sum(&ip, sizeof(ip), 0)));
	return ip;
}

int packet_udp_build(struct in_addr from, uint16_t from_port, struct in_addr to, uint16_t to_port,
		     const void *payload, size_t payload_len, uint8_t *buf, size_t size)
{
	struct udphdr udp = {.uh_sport = htons(from_port), .uh_dport = htons(to_port)};
	size_t len = sizeof(struct iphdr) + sizeof(udp) + payload_len;
	struct iphdr ip;
	uint16_t check;

	if (payload_len > UINT16_MAX - PACKET_UDP_HEADERS || len > size)
		return -EMSGSIZE;
	ip = ip_header(from, to, IPPROTO_UDP, len);
	udp.uh_ulen = htons((uint16_t)(sizeof(udp) + payload_len));
	memcpy(buf, &ip, sizeof(ip));
	memcpy(buf + sizeof(ip), &udp, sizeof(udp));
	memcpy(buf + sizeof(ip) + sizeof(udp), payload, payload_len);
	check = (uint16_t)~udp_sum(from, to, buf + sizeof(ip), sizeof(udp) + payload_len);
	udp.uh_sum = htons(check ? check : 0xffff); /* RFC 768: 0 means none */
	memcpy(buf + sizeof(ip), &udp, sizeof(udp));
	return (int)len;
}

int packet_udp_parse(const uint8_t *buf, size_t len, uint16_t port, bool partial,
		     const uint8_t **ret_payload, size_t *ret_payload_len)
{
	size_t header, total, udp_len;
	struct udphdr udp;
	struct iphdr ip;

	if (len < sizeof(ip))
		return -EBADMSG;
	memcpy(&ip, buf, sizeof(ip));
	header = ip.ihl * 4u;
	total = ntohs(ip.tot_len);
	if (ip.version != 4 || header < sizeof(ip) || total < header + sizeof(udp) || total > len)
		return -EBADMSG;
	if (ip.protocol != IPPROTO_UDP || (ip.frag_off & htons(IP_MF | IP_OFFMASK)))
		return -EBADMSG;
	if (fold(sum(buf, header, 0)) != 0xffff)
		return -EBADMSG;
	memcpy(&udp, buf + header, sizeof(udp));
	udp_len = ntohs(udp.uh_ulen);
	if (udp_len < sizeof(udp) || udp_len > total - header || ntohs(udp.uh_dport) != port)
		return -EBADMSG;
	if (udp.uh_sum && !partial &&
	    udp_sum((struct in_addr){ip.saddr}, (struct in_addr){ip.daddr}, buf + header,
		    udp_len) != 0xffff)
		return -EBADMSG;
	*ret_payload = buf + header + sizeof(udp);
	*ret_payload_len = udp_len - sizeof(udp);
	return 0;
}

void packet_unreachable_build(struct in_addr from, const struct packet_segment *segment,
			      uint8_t ret_packet[PACKET_UNREACHABLE])
{
	struct {
		struct iphdr ip;
		struct icmphdr icmp;
		struct iphdr quoted;
		uint16_t from_port;
		uint16_t to_port;
		uint32_t seq;
	} packet = {
		.ip = ip_header(from, segment->from, IPPROTO_ICMP, PACKET_UNREACHABLE),
		.icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_HOST_UNREACH},
		.quoted = ip_header(segment->from, segment->to, IPPROTO_TCP,
				    sizeof(struct iphdr) + TCP_HEADER),
		.from_port = segment->from_port,
		.to_port = segment->to_port,
		.seq = htonl(segment->seq),
	};

	_Static_assert(sizeof(packet) == PACKET_UNREACHABLE, "RFC 792");
	packet.icmp.checksum = htons((uint16_t)~fold(
		sum(&packet.icmp, sizeof(packet) - offsetof(typeof(packet), icmp), 0)));
	memcpy(ret_packet, &packet, sizeof(packet));
}

void packet_arp_request(const uint8_t mac[6], struct in_addr sender, struct in_addr target,
			struct arp_packet *ret_arp)
{
	*ret_arp = (struct arp_packet){
		.hrd = htons(ARPHRD_ETHER),
		.pro = htons(ETH_P_IP),
		.hln = 6,
		.pln = 4,
		.op = htons(ARPOP_REQUEST),
		.spa = sender,
		.tpa = target,
	};
	memcpy(ret_arp->sha, mac, 6);
}

int packet_arp_reply(const uint8_t *buf, size_t len, const uint8_t mac[6],
		     struct in_addr *ret_owner, uint8_t ret_mac[6])
{
	static const uint8_t zero[6];
	struct arp_packet arp;

	if (len < sizeof(arp))
		return -EBADMSG;
	memcpy(&arp, buf, sizeof(arp));
	if (arp.hrd != htons(ARPHRD_ETHER) || arp.pro != htons(ETH_P_IP) || arp.hln != 6 ||
	    arp.pln != 4 || arp.op != htons(ARPOP_REPLY))
		return -EBADMSG;
	if (memcmp(arp.tha, mac, 6))
		return -EBADMSG;
	if ((arp.sha[0] & 1) || !memcmp(arp.sha, zero, 6))
		return -EBADMSG; /* a group address is nobody's */
	*ret_owner = arp.spa;
	memcpy(ret_mac, arp.sha, 6);
	return 0;
}
