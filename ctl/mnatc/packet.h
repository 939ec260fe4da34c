/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPv4 and UDP headers by hand, as a client needs them that has no address yet, and
 * ARP (RFC 826). Nothing here touches a socket.
 */
#ifndef MNATC_PACKET_H
#define MNATC_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_UDP_HEADERS 28

/*
 * Put IPv4 and UDP headers and the payload into buf. Returns the length, or
 * -EMSGSIZE.
 */
int packet_udp_build(struct in_addr from, uint16_t from_port, struct in_addr to, uint16_t to_port,
		     const void *payload, size_t payload_len, uint8_t *buf, size_t size);

/*
 * The payload of an unfragmented UDP datagram to port, lengths and checksums
 * checked; partial: the kernel says the UDP checksum is not filled in yet (the packet
 * never left this machine). 0, or -EBADMSG. *ret_payload points into buf.
 */
int packet_udp_parse(const uint8_t *buf, size_t len, uint16_t port, bool partial,
		     const uint8_t **ret_payload, size_t *ret_payload_len);

/* A TCP segment as an ICMP error quotes it; ports in network, seq in host byte order. */
struct packet_segment {
	struct in_addr from;
	struct in_addr to;
	uint16_t from_port;
	uint16_t to_port;
	uint32_t seq;
};

#define PACKET_UNREACHABLE 56

/* ICMP to the segment's sender: its host was unreachable (RFC 792: type 3, code 1). */
void packet_unreachable_build(struct in_addr from, const struct packet_segment *segment,
			      uint8_t ret_packet[PACKET_UNREACHABLE]);

/* ARP for IPv4 over Ethernet, without the Ethernet header. */
struct arp_packet {
	uint16_t hrd;
	uint16_t pro;
	uint8_t hln;
	uint8_t pln;
	uint16_t op;
	uint8_t sha[6];
	struct in_addr spa;
	uint8_t tha[6];
	struct in_addr tpa;
} __attribute__((packed));

_Static_assert(sizeof(struct arp_packet) == 28, "RFC 826");

/* sender 0.0.0.0: a probe (RFC 5227 2.1.1), which changes nobody's cache. */
void packet_arp_request(const uint8_t mac[6], struct in_addr sender, struct in_addr target,
			struct arp_packet *ret_arp);

/* A reply to mac: whose address is where. 0, or -EBADMSG for anything else. */
int packet_arp_reply(const uint8_t *buf, size_t len, const uint8_t mac[6],
		     struct in_addr *ret_owner, uint8_t ret_mac[6]);

#endif
