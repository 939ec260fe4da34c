// SPDX-License-Identifier: GPL-2.0-only
#include "sockets.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>

#define STATE(n) (1u << (n))
#define TCP_LIVE (STATE(1) | STATE(2) | STATE(4) | STATE(5) | STATE(8) | STATE(9) | STATE(11))
#define UDP_ALL	 (STATE(1) | STATE(7)) /* connected, and not */

/* States as in tcp_states.h: no TIME_WAIT 6, CLOSE 7, LISTEN 10, nor SYN_RECV 3 without a socket */
static const struct {
	uint8_t protocol;
	uint32_t states;
} kinds[] = {
	{IPPROTO_TCP, TCP_LIVE},
	{IPPROTO_UDP, UDP_ALL},
};

static const uint8_t families[] = {AF_INET, AF_INET6};

struct walk {
	uint8_t protocol;
	socket_fn fn;
	void *user;
};

int sockets_open(struct mnl_socket **ret_nl)
{
	return mnat_nl_open_bus(NETLINK_SOCK_DIAG, 0, ret_nl);
}

/* ::ffff:a.b.c.d; and :: for an unconnected socket's peer. */
static bool to_ipv4(uint8_t family, const __be32 addr[4], __be32 *ret_addr)
{
	if (family == AF_INET) {
		*ret_addr = addr[0];
		return true;
	}
	if (addr[0] || addr[1] || (addr[2] && addr[2] != htonl(0xffff)))
		return false;
	*ret_addr = addr[2] ? addr[3] : 0;
	return addr[2] || !addr[3];
}

static int on_socket(const struct nlmsghdr *nlh, void *user)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct walk *walk = user;
	struct socket_info socket = {};

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) ||
	    !to_ipv4(msg->idiag_family, msg->id.idiag_src, &socket.local.s_addr) ||
	    !to_ipv4(msg->idiag_family, msg->id.idiag_dst, &socket.key.remote) ||
	    !socket.local.s_addr)
		return MNL_CB_OK;
	socket.key.port = msg->id.idiag_sport;
	socket.key.remote_port = msg->id.idiag_dport;
	socket.key.ip_proto = walk->protocol;
	socket.family = msg->idiag_family;
	socket.id = msg->id;
	walk->fn(&socket, walk->user);
	return MNL_CB_OK;
}

static struct nlmsghdr *request(char *buf, uint16_t type, uint16_t flags,
				struct inet_diag_req_v2 **ret_req)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*ret_req = mnl_nlmsg_put_extra_header(nlh, sizeof(**ret_req));
	return nlh;
}

#define BUF_LEN (MNL_NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2) + 16)

int sockets_walk(struct mnl_socket *nl, socket_fn fn, void *user)
{
	char buf[BUF_LEN] __attribute__((aligned(4)));
	int r = 0;

	for (size_t i = 0; !r && i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct walk walk = {kinds[i / 2].protocol, fn, user};
		struct inet_diag_req_v2 *req;
		struct nlmsghdr *nlh;

		nlh = request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req);
		req->sdiag_family = families[i % 2];
		req->sdiag_protocol = walk.protocol;
		req->idiag_states = kinds[i / 2].states;
		r = mnat_nl_talk(nl, nlh, on_socket, &walk);
	}
	return r;
}

int sockets_destroy(struct mnl_socket *nl, const struct socket_info *socket)
{
	char buf[BUF_LEN] __attribute__((aligned(4)));
	struct inet_diag_req_v2 *req;
	struct nlmsghdr *nlh;

	nlh = request(buf, SOCK_DESTROY, NLM_F_ACK, &req);
	req->sdiag_family = socket->family;
	req->sdiag_protocol = socket->key.ip_proto;
	req->idiag_states = UINT32_MAX;
	req->id = socket->id;
	return mnat_nl_talk(nl, nlh, NULL, NULL);
}
