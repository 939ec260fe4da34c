/* SPDX-License-Identifier: GPL-2.0-only */
/* rtnetlink by libmnl: links, addresses and routes, as the node's programs need them. */
#ifndef MNAT_NETLINK_H
#define MNAT_NETLINK_H

#include <libmnl/libmnl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* What RTM_NEWLINK or RTM_DELLINK says of one interface. */
struct mnat_link {
	int index;
	char name[IF_NAMESIZE];
	bool present; /* false: RTM_DELLINK */
	bool up;      /* administratively */
	bool carrier; /* up, and the layer below carries packets */
	uint32_t mtu;
	uint8_t mac[6];
	/* times the carrier came up since the device exists: tells of flaps too short
	 * for a message of their own */
	uint32_t carrier_ups;
};

/* 0 or a negative errno ends the walk and is returned. */
typedef int (*mnat_link_fn)(const struct mnat_link *link, void *user);

/* A socket in the current network namespace; groups: RTMGRP_*, or 0. 0 or -errno. */
int mnat_nl_open(unsigned int groups, struct mnl_socket **ret_nl);
/* The same for another netlink family than NETLINK_ROUTE. */
int mnat_nl_open_bus(int bus, unsigned int groups, struct mnl_socket **ret_nl);
void mnat_nl_closep(struct mnl_socket **nl);

/* Send a request and feed its answers to cb (may be NULL) until the last one. 0 or -errno. */
int mnat_nl_talk(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb, void *user);

/* Call fn for every link there is. The socket must belong to no group. */
int mnat_links_dump(struct mnl_socket *nl, mnat_link_fn fn, void *user);

/*
 * Call fn for the link messages waiting on a socket of RTMGRP_LINK. -ENOBUFS: some
 * were lost, dump again. -EAGAIN is not reported.
 */
int mnat_links_receive(struct mnl_socket *nl, mnat_link_fn fn, void *user);

/* The link named so. -ENODEV: there is none. */
int mnat_link_get(struct mnl_socket *nl, const char *name, struct mnat_link *ret_link);

/* A veth pair, both ends down. -EEXIST: one of the names is taken. */
int mnat_link_add_pair(struct mnl_socket *nl, const char *name, const char *peer);

int mnat_link_set_up(struct mnl_socket *nl, int index);
int mnat_link_set_down(struct mnl_socket *nl, int index);
int mnat_link_set_mtu(struct mnl_socket *nl, int index, uint32_t mtu);

/* An IPv4 address on an interface. */
struct mnat_ifaddr {
	struct in_addr addr;
	uint8_t prefix_len;
	bool deprecated; /* no new session should use it: preferred for 0 seconds */
};

/* Up to max addresses of the interface; returns how many there are, or -errno. */
int mnat_addr_list(struct mnl_socket *nl, int index, struct mnat_ifaddr *ret_addrs, int max);
int mnat_addr_add(struct mnl_socket *nl, int index, const struct mnat_ifaddr *addr);
int mnat_addr_del(struct mnl_socket *nl, int index, const struct mnat_ifaddr *addr);

/*
 * A default route through gateway on index, preferred to others of its metric, by which
 * packets leave from src; the gateway need not be on a connected subnet. -EEXIST: it is
 * there already.
 */
int mnat_route_default(struct mnl_socket *nl, int index, struct in_addr gateway,
		       struct in_addr src);
/* Remove just that route. -ESRCH: it is not there. */
int mnat_route_default_del(struct mnl_socket *nl, int index, struct in_addr gateway,
			   struct in_addr src);

/* Are there IPv4 routing rules beside the kernel's own three? 1, 0 or -errno. */
int mnat_rules_exist(struct mnl_socket *nl);

/* The length of a netmask, or -EINVAL if its ones are not contiguous. */
int mnat_mask_len(struct in_addr mask);

#endif
