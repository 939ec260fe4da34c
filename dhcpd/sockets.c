// SPDX-License-Identifier: GPL-2.0-only
#include "sockets.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

#include "frame.h"

#define RECEIVE_BUFFER (4 << 20)

/* ---- sending ---- */

static ssize_t send_udp(int udp, const struct outgoing *out, struct in_addr to, uint16_t port,
			int ifindex)
{
	struct pktinfo_space space = {0};
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = to};
	struct iovec iov = {.iov_base = (void *)out->reply.bytes, .iov_len = out->reply.len};
	struct msghdr msg = {
		.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct in_pktinfo info = {.ipi_ifindex = ifindex, .ipi_spec_dst = out->from};

	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	return sendmsg(udp, &msg, MSG_DONTWAIT);
}

static ssize_t send_frame(int raw, const struct outgoing *out)
{
	const struct reply *reply = &out->reply;
	struct sockaddr_ll name = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = out->ifindex,
		.sll_halen = ETH_ALEN,
	};
	struct frame_header header;
	struct iovec iov[2] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)reply->bytes, .iov_len = reply->len},
	};
	struct msghdr msg = {
		.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = iov, .msg_iovlen = 2};

	memcpy(name.sll_addr, reply->mac, sizeof(reply->mac));
	frame_make(&header, out->from, reply->to, reply->bytes, reply->len);
	return sendmsg(raw, &msg, MSG_DONTWAIT);
}

ssize_t sockets_send(const struct sockets *sockets, const struct outgoing *out)
{
	const struct reply *reply = &out->reply;

	switch (reply->how) {
	case REPLY_RELAY:
		return send_udp(sockets->udp, out, reply->to, DHCP_SERVER_PORT, 0);
	case REPLY_UNICAST:
		return send_udp(sockets->udp, out, reply->to, DHCP_CLIENT_PORT, 0);
	case REPLY_BROADCAST:
		return send_udp(sockets->udp, out, (struct in_addr){INADDR_BROADCAST},
				DHCP_CLIENT_PORT, out->ifindex);
	case REPLY_HARDWARE:
		return send_frame(sockets->raw, out);
	}
	return -1;
}

/* ---- open and close ---- */

static int bind_error(int error)
{
	if (error == EADDRINUSE)
		log_err("UDP port %d is in use by another program: stop that DHCP server or relay "
			"(ss -lunp 'sport = %d' names it)",
			DHCP_SERVER_PORT, DHCP_SERVER_PORT);
	else if (error == EACCES || error == EPERM)
		log_err("not permitted to open UDP port %d and packet sockets: run as root, or "
			"with CAP_NET_BIND_SERVICE and CAP_NET_RAW",
			DHCP_SERVER_PORT);
	else
		log_err("UDP port %d cannot be opened: %s", DHCP_SERVER_PORT, strerror(error));
	return -error;
}

static int open_udp(int *ret_fd)
{
	_cleanup_close_ int fd =
		socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	const int on = 1, buffer = RECEIVE_BUFFER;
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT)};

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)))
		return bind_error(errno);
	/* may be refused without CAP_NET_ADMIN: then the default serves */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return bind_error(errno);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int sockets_open(struct sockets *ret_sockets)
{
	_cleanup_close_ int udp = -1, raw = -1;
	int r = open_udp(&udp);

	if (r)
		return r;
	raw = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (raw < 0)
		return bind_error(errno);
	*ret_sockets = (struct sockets){.udp = TAKE_FD(udp), .raw = TAKE_FD(raw)};
	return 0;
}

void sockets_close(struct sockets *sockets)
{
	close(sockets->udp);
	close(sockets->raw);
}
