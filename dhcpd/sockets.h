/* SPDX-License-Identifier: GPL-2.0-only */
/* The sockets by which clients and relays are answered. */
#ifndef DHCPD_SOCKETS_H
#define DHCPD_SOCKETS_H

#include "io.h"

struct sockets {
	int udp; /* port 67, with IP_PKTINFO */
	int raw; /* AF_PACKET, for clients that have no address yet */
};

/* Needs CAP_NET_RAW and CAP_NET_BIND_SERVICE. 0 or -errno, logged. */
int sockets_open(struct sockets *ret_sockets);
void sockets_close(struct sockets *sockets);

/* The way that out->reply.how says. Below 0: errno tells why not. */
ssize_t sockets_send(const struct sockets *sockets, const struct outgoing *out);

/* Room for what recvmmsg() says of where a datagram was sent to. */
struct pktinfo_space {
	_Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

#endif
