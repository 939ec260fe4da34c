// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "mnat/dhcp.h"

/* RFC 1071: the sum of big-endian words, odd bytes padded, not yet folded. */
static uint32_t add_up(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

void frame_make(struct frame_header *header, struct in_addr from, struct in_addr to,
		const void *payload, size_t len)
{
	size_t udp_len = sizeof(header->udp) + len;
	uint32_t sum = IPPROTO_UDP + (uint32_t)udp_len;

	*header = (struct frame_header){
		.ip = {.version = 4,
		       .ihl = 5,
		       .tos = 0x10,
		       .tot_len = htons((uint16_t)(sizeof(header->ip) + udp_len)),
		       .ttl = 64,
		       .protocol = IPPROTO_UDP,
		       .saddr = from.s_addr,
		       .daddr = to.s_addr},
		.udp = {.source = htons(DHCP_SERVER_PORT),
			.dest = htons(DHCP_CLIENT_PORT),
			.len = htons((uint16_t)udp_len)},
	};
	header->ip.check = fold(add_up(&header->ip, sizeof(header->ip), 0));
	sum = add_up(&header->ip.saddr, 8, sum);
	sum = add_up(&header->udp, sizeof(header->udp), sum);
	header->udp.check = fold(add_up(payload, len, sum));
	if (!header->udp.check)
		header->udp.check = 0xffff;
}
