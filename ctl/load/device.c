// SPDX-License-Identifier: GPL-2.0-only
/* mnat0: one end of a veth pair, which every kernel has and which is always up. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "mnat/log.h"

/* Send one request and wait for its acknowledgement. */
static int talk(struct nlmsghdr *nlh)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[MNL_SOCKET_BUFFER_SIZE];
	ssize_t n = -1;
	int r = 0;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ||
	    (n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) < 0 ||
	    mnl_cb_run(buf, (size_t)n, nlh->nlmsg_seq, mnl_socket_get_portid(nl), NULL, NULL) < 0)
		r = -errno;
	mnl_socket_close(nl);
	return r;
}

static struct nlmsghdr *new_link(char *buf, uint16_t flags, unsigned int ifi_flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = 1;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_flags = ifi_flags;
	ifi->ifi_change = ifi_flags;
	return nlh;
}

static int create_pair(const char *name, const char *peer)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = new_link(buf, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *info, *data, *other;

	/* not IFF_UP yet: an end of a veth cannot be opened before it has its peer */
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
	mnl_attr_nest_end(nlh, other);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return talk(nlh);
}

static int set_up(const char *name)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = new_link(buf, 0, IFF_UP);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return talk(nlh);
}

int device_ensure(const char *name)
{
	char peer[IF_NAMESIZE];
	int r;

	if (snprintf(peer, sizeof(peer), "%s-peer", name) >= (int)sizeof(peer)) {
		log_err("device = \"%s\": a name of at most %zu characters is needed", name,
			sizeof(peer) - sizeof("-peer"));
		return -EINVAL;
	}
	r = create_pair(name, peer);
	if (r && r != -EEXIST) {
		log_err("cannot create %s: %s", name, strerror(-r));
		return r;
	}
	r = set_up(name);
	if (!r)
		r = set_up(peer);
	if (r)
		log_err("cannot bring %s up: %s", name, strerror(-r));
	return r;
}
