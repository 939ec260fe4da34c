/* SPDX-License-Identifier: GPL-2.0-only */
/* The IP and UDP headers of a datagram that the stack cannot route yet. */
#ifndef DHCPD_FRAME_H
#define DHCPD_FRAME_H

#include <linux/ip.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stddef.h>

struct frame_header {
	struct iphdr ip;
	struct udphdr udp;
};

/* From port 67 to port 68, carrying len bytes of payload; checksums filled in. */
void frame_make(struct frame_header *header, struct in_addr from, struct in_addr to,
		const void *payload, size_t len);

#endif
