/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sockets of this network namespace, as the kernel tells them by sock_diag(7): TCP
 * connections and UDP sockets that have a local address of their own. Sockets of the
 * IPv6 family that speak IPv4 count. Those that listen, and those bound to no address,
 * are no sessions.
 */
#ifndef MNATC_SOCKETS_H
#define MNATC_SOCKETS_H

#include <linux/inet_diag.h>

#include "mnat/abi.h"
#include "mnat/netlink.h"

struct socket_info {
	struct mnat_home_key key;
	struct in_addr local;
	uint8_t family; /* as the kernel has it, for sockets_destroy() */
	struct inet_diag_sockid id;
};

typedef void (*socket_fn)(const struct socket_info *socket, void *user);

/* 0 or -errno. */
int sockets_open(struct mnl_socket **ret_nl);
int sockets_walk(struct mnl_socket *nl, socket_fn fn, void *user);

/* End it: ECONNABORTED for its owner, RST to its peer. 0 or -errno. */
int sockets_destroy(struct mnl_socket *nl, const struct socket_info *socket);

#endif
