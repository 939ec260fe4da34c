/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet sockets of one uplink: DHCP and ARP go past the IP stack, which has no
 * address there. They see what the shim leaves to the stack, which includes DHCP and
 * the ARP replies meant for us (bpf/arp.h); a socket of all protocols would see more
 * and cost every packet.
 */
#ifndef MNATC_PORT_H
#define MNATC_PORT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct port {
	int index; /* ifindex */
	uint8_t mac[6];
	int dhcp_fd; /* UDP to port 68, IPv4 header first */
	int arp_fd;
};

/* 0, or -errno and nothing is open. */
int port_open(int index, const uint8_t mac[6], struct port *ret_port);
void port_close(struct port *port);

/*
 * Send a DHCP message, from port 68 to port 67. to 0.0.0.0: from nobody to everybody;
 * else in a frame to mac, or to all if mac is NULL. 0 or -errno.
 */
int port_send_dhcp(const struct port *port, struct in_addr from, struct in_addr to,
		   const uint8_t *mac, const void *message, size_t len);

/*
 * The next datagram waiting. Returns its payload's length, *ret_payload points into
 * buf; -EAGAIN: none is waiting; -EBADMSG: one that is not sound was skipped.
 */
int port_receive_dhcp(const struct port *port, uint8_t *buf, size_t size,
		      const uint8_t **ret_payload);

int port_send_arp(const struct port *port, struct in_addr sender, struct in_addr target);
/* The same question to one neighbour only. */
int port_send_arp_to(const struct port *port, const uint8_t *mac, struct in_addr sender,
		     struct in_addr target);

/* As port_receive_dhcp(): 0 for a reply, which says whose address is where. */
int port_receive_arp(const struct port *port, struct in_addr *ret_owner, uint8_t ret_mac[6]);

/*
 * The same for one UDP port of any interface: a socket of its own, datagrams with their
 * IPv4 headers made and checked here. mac NULL: in a frame to all.
 */
int port_open_udp(int index, uint16_t port, int *ret_fd);
int port_send_udp(int fd, int index, struct in_addr from, uint16_t from_port, struct in_addr to,
		  uint16_t to_port, const uint8_t *mac, const void *message, size_t len);
int port_receive_udp(int fd, uint16_t port, uint8_t *buf, size_t size, const uint8_t **ret_payload);

#endif
