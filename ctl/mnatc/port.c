// SPDX-License-Identifier: GPL-2.0-only
#include "port.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/socket.h>

#include "mnat/cleanup.h"
#include "mnat/dhcp.h"

#define PORT_AT 6 /* in this filter */

/* UDP, first fragment or whole, to one port; the socket hands over from the IP header on. */
static const struct sock_filter udp_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* ARP replies only: requests for our address are the shim's business. */
static struct sock_filter arp_filter[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* Protocol 0 until the filter is on, so that nothing unfiltered is ever queued. */
static int open_filtered(int index, uint16_t protocol, struct sock_filter *filter, unsigned short n)
{
	struct sock_fprog program = {.len = n, .filter = filter};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = index,
	};
	_cleanup_close_ int fd = -1;
	int on = 1;

	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return TAKE_FD(fd);
}

int port_open_udp(int index, uint16_t port, int *ret_fd)
{
	struct sock_filter filter[sizeof(udp_filter) / sizeof(udp_filter[0])];
	int fd;

	memcpy(filter, udp_filter, sizeof(filter));
	filter[PORT_AT].k = port;
	fd = open_filtered(index, ETH_P_IP, filter, sizeof(filter) / sizeof(filter[0]));
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int port_open(int index, const uint8_t mac[6], struct port *ret_port)
{
	_cleanup_close_ int dhcp = -1, arp = -1;
	int r = port_open_udp(index, DHCP_CLIENT_PORT, &dhcp);

	if (r < 0)
		return r;
	arp = open_filtered(index, ETH_P_ARP, arp_filter,
			    sizeof(arp_filter) / sizeof(arp_filter[0]));
	if (arp < 0)
		return arp;
	*ret_port = (struct port){.index = index, .dhcp_fd = TAKE_FD(dhcp), .arp_fd = TAKE_FD(arp)};
	memcpy(ret_port->mac, mac, 6);
	return 0;
}

void port_close(struct port *port)
{
	mnat_closep(&port->dhcp_fd);
	mnat_closep(&port->arp_fd);
	port->dhcp_fd = port->arp_fd = -1;
}

/* mac NULL: to everybody on the link. */
static int send_frame(int fd, int index, uint16_t protocol, const uint8_t *mac, const void *data,
		      size_t len)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = index,
		.sll_halen = 6,
	};

	if (mac)
		memcpy(address.sll_addr, mac, 6);
	else
		memset(address.sll_addr, 0xff, 6);
	/* the error left from when the interface was last down is reported only once */
	for (int i = 0; i < 2; i++) {
		if (sendto(fd, data, len, 0, (struct sockaddr *)&address, sizeof(address)) >= 0)
			return 0;
		if (errno != ENETDOWN)
			break;
	}
	return -errno;
}

int port_send_udp(int fd, int index, struct in_addr from, uint16_t from_port, struct in_addr to,
		  uint16_t to_port, const uint8_t *mac, const void *message, size_t len)
{
	uint8_t buf[DHCP_MAX_MESSAGE + PACKET_UDP_HEADERS];
	int n = packet_udp_build(from, from_port, to, to_port, message, len, buf, sizeof(buf));

	return n < 0 ? n : send_frame(fd, index, ETH_P_IP, mac, buf, (size_t)n);
}

int port_send_dhcp(const struct port *port, struct in_addr from, struct in_addr to,
		   const uint8_t *mac, const void *message, size_t len)
{
	if (!to.s_addr) {
		from.s_addr = 0;
		to.s_addr = INADDR_BROADCAST;
		mac = NULL;
	}
	return port_send_udp(port->dhcp_fd, port->index, from, DHCP_CLIENT_PORT, to,
			     DHCP_SERVER_PORT, mac, message, len);
}

int port_send_arp_to(const struct port *port, const uint8_t *mac, struct in_addr sender,
		     struct in_addr target)
{
	struct arp_packet arp;

	packet_arp_request(port->mac, sender, target, &arp);
	return send_frame(port->arp_fd, port->index, ETH_P_ARP, mac, &arp, sizeof(arp));
}

int port_send_arp(const struct port *port, struct in_addr sender, struct in_addr target)
{
	return port_send_arp_to(port, NULL, sender, target);
}

struct received {
	struct sockaddr_ll from;
	bool partial; /* the kernel has not filled the checksum in */
};

static void read_auxdata(struct msghdr *message, struct received *received)
{
	struct tpacket_auxdata aux;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
		    c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		received->partial = aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
}

static int receive_frame(int fd, uint8_t *buf, size_t size, struct received *ret_received)
{
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct received received = {};
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr message = {
		.msg_name = &received.from,
		.msg_namelen = sizeof(received.from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, 0);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if ((message.msg_flags & MSG_TRUNC) || received.from.sll_pkttype == PACKET_OTHERHOST ||
	    received.from.sll_pkttype == PACKET_OUTGOING)
		return -EBADMSG;
	read_auxdata(&message, &received);
	*ret_received = received;
	return (int)n;
}

int port_receive_udp(int fd, uint16_t port, uint8_t *buf, size_t size, const uint8_t **ret_payload)
{
	struct received received;
	size_t len;
	int n, r;

	n = receive_frame(fd, buf, size, &received);
	if (n < 0)
		return n;
	r = packet_udp_parse(buf, (size_t)n, port, received.partial, ret_payload, &len);
	return r < 0 ? r : (int)len;
}

int port_receive_dhcp(const struct port *port, uint8_t *buf, size_t size,
		      const uint8_t **ret_payload)
{
	return port_receive_udp(port->dhcp_fd, DHCP_CLIENT_PORT, buf, size, ret_payload);
}

int port_receive_arp(const struct port *port, struct in_addr *ret_owner, uint8_t ret_mac[6])
{
	struct received received;
	uint8_t buf[128];
	int n;

	n = receive_frame(port->arp_fd, buf, sizeof(buf), &received);
	if (n < 0)
		return n;
	return packet_arp_reply(buf, (size_t)n, port->mac, ret_owner, ret_mac);
}
