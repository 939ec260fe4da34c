/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets for tables: described by a struct, built with correct checksums, so that
 * an expected packet is made without any of the code under test.
 */
#ifndef TEST_PACKET_H
#define TEST_PACKET_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 4096

struct packet {
	const char *src; /* "10.0.1.5" */
	const char *dst;
	uint16_t sport; /* ICMP: identifier */
	uint16_t dport;
	uint8_t proto; /* IPPROTO_TCP, _UDP, _ICMP, others: payload follows the header */
	uint8_t ttl;   /* 0: 64 */
	uint8_t tcp_flags;
	uint8_t icmp_type;
	uint8_t options;	/* 32-bit words of IP options (no-ops) */
	uint16_t frag;		/* fragment field, host order */
	uint16_t payload;	/* bytes of payload */
	uint8_t no_udp_checksum;
	uint8_t id_zero; /* IP identification 0, not 4711 */
	uint16_t id;	 /* IP identification, if it is another */
	uint8_t icmp_code;
	uint16_t mtu; /* ICMP 3/4 */
	uint8_t ours; /* ICMP 3/4 by the gateway: it quotes 20 bytes, their checksum settled */
	uint16_t quote; /* ICMP errors: bytes quoted after the header; 0: 8 */
	/* IPPROTO_IPIP: the packet inside; ICMP errors: quoted */
	const struct packet *inner;
	const uint8_t *smac; /* NULL: zeros */
	const uint8_t *dmac;
};

/* The frame's length. */
size_t packet_build(const struct packet *p, uint8_t buf[PACKET_MAX]);

struct arp_packet {
	uint16_t op;
	const uint8_t *eth_src;
	const uint8_t *eth_dst;
	const uint8_t *sha;
	const char *spa;
	const uint8_t *tha;
	const char *tpa;
};

size_t packet_build_arp(const struct arp_packet *p, uint8_t buf[PACKET_MAX]);

/* True if the IP header's and (unless UDP has none) the transport's checksum are right. */
int packet_checksums_ok(const uint8_t *frame, size_t len);

#define F_FIN 0x01
#define F_SYN 0x02
#define F_RST 0x04
#define F_ACK 0x10

/* The most common ones: a segment with 100 bytes, and a tunnel packet as ours are. */
static inline struct packet tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
				uint8_t flags)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_TCP, .tcp_flags = flags, .payload = 100 };
}

static inline struct packet ipip(const char *from, const char *to, const struct packet *inner)
{
	return (struct packet){ .src = from, .dst = to, .proto = IPPROTO_IPIP, .frag = 0x4000,
				.id_zero = 1, .inner = inner };
}

#endif
