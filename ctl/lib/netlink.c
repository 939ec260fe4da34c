// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/netlink.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <time.h>

#define BUF_SIZE 32768

int mnat_nl_open_bus(int bus, unsigned int groups, struct mnl_socket **ret_nl)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	int r;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		r = -errno;
		mnl_socket_close(nl);
		return r;
	}
	*ret_nl = nl;
	return 0;
}

int mnat_nl_open(unsigned int groups, struct mnl_socket **ret_nl)
{
	return mnat_nl_open_bus(NETLINK_ROUTE, groups, ret_nl);
}

void mnat_nl_closep(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
	*nl = NULL;
}

int mnat_nl_talk(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb, void *user)
{
	static uint32_t sequence;
	unsigned int port = mnl_socket_get_portid(nl);
	char buf[BUF_SIZE];
	ssize_t n;
	int r;

	nlh->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		errno = 0;
		r = mnl_cb_run(buf, (size_t)n, nlh->nlmsg_seq, port, cb, user);
		if (r < 0)
			return errno ? -errno : -EIO;
		if (r == MNL_CB_STOP)
			return 0;
	}
}

static struct nlmsghdr *request(char *buf, uint16_t type, uint16_t flags, size_t payload,
				void *ret_payload)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*(void **)ret_payload = mnl_nlmsg_put_extra_header(nlh, payload);
	return nlh;
}

/* ---- links ---- */

static int link_attribute(const struct nlattr *attr, void *user)
{
	struct mnat_link *link = user;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attr, MNL_TYPE_STRING) >= 0)
			strncpy(link->name, mnl_attr_get_str(attr), sizeof(link->name) - 1);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(link->mac))
			memcpy(link->mac, mnl_attr_get_payload(attr), sizeof(link->mac));
		break;
	case IFLA_MTU:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			link->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_CARRIER_UP_COUNT:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			link->carrier_ups = mnl_attr_get_u32(attr);
		break;
	case IFLA_OPERSTATE:
		/* DORMANT: the link is there, 802.1X has not let us in yet */
		if (mnl_attr_validate(attr, MNL_TYPE_U8) >= 0 &&
		    mnl_attr_get_u8(attr) != IF_OPER_UP && mnl_attr_get_u8(attr) != IF_OPER_UNKNOWN)
			link->carrier = false;
		break;
	}
	return MNL_CB_OK;
}

struct walk {
	mnat_link_fn fn;
	void *user;
};

static int link_message(const struct nlmsghdr *nlh, void *user)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct walk *walk = user;
	struct mnat_link link = {};
	int r;

	if (nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK)
		return MNL_CB_OK;
	link.index = info->ifi_index;
	link.present = nlh->nlmsg_type == RTM_NEWLINK;
	link.up = link.present && (info->ifi_flags & IFF_UP);
	link.carrier = link.up && (info->ifi_flags & IFF_LOWER_UP);
	mnl_attr_parse(nlh, sizeof(*info), link_attribute, &link);
	r = walk->fn(&link, walk->user);
	errno = -r;
	return r < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int mnat_links_dump(struct mnl_socket *nl, mnat_link_fn fn, void *user)
{
	struct walk walk = {fn, user};
	char buf[MNL_NLMSG_HDRLEN + 64] __attribute__((aligned(4)));
	struct ifinfomsg *info;
	struct nlmsghdr *nlh;

	nlh = request(buf, RTM_GETLINK, NLM_F_DUMP, sizeof(*info), &info);
	info->ifi_family = AF_UNSPEC;
	return mnat_nl_talk(nl, nlh, link_message, &walk);
}

int mnat_links_receive(struct mnl_socket *nl, mnat_link_fn fn, void *user)
{
	struct walk walk = {fn, user};
	char buf[BUF_SIZE];
	ssize_t n;

	for (;;) {
		n = recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (mnl_cb_run(buf, (size_t)n, 0, 0, link_message, &walk) < 0)
			return -errno;
	}
}

static int link_found(const struct mnat_link *link, void *user)
{
	*(struct mnat_link *)user = *link;
	return 0;
}

int mnat_link_get(struct mnl_socket *nl, const char *name, struct mnat_link *ret_link)
{
	struct mnat_link link = {};
	struct walk walk = {link_found, &link};
	char buf[MNL_NLMSG_HDRLEN + 128] __attribute__((aligned(4)));
	struct ifinfomsg *info;
	struct nlmsghdr *nlh;
	int r;

	nlh = request(buf, RTM_GETLINK, NLM_F_ACK, sizeof(*info), &info);
	info->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	r = mnat_nl_talk(nl, nlh, link_message, &walk);
	if (r < 0)
		return r;
	*ret_link = link;
	return 0;
}

int mnat_link_add_pair(struct mnl_socket *nl, const char *name, const char *peer)
{
	char buf[MNL_NLMSG_HDRLEN + 256] __attribute__((aligned(4)));
	struct nlattr *link, *data, *other;
	struct ifinfomsg *info;
	struct nlmsghdr *nlh;

	nlh = request(buf, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*info), &info);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	link = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
	mnl_attr_nest_end(nlh, other);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, link);
	return mnat_nl_talk(nl, nlh, NULL, NULL);
}

static int set_up(struct mnl_socket *nl, int index, bool up)
{
	char buf[MNL_NLMSG_HDRLEN + 64] __attribute__((aligned(4)));
	struct ifinfomsg *info;
	struct nlmsghdr *nlh;

	nlh = request(buf, RTM_NEWLINK, NLM_F_ACK, sizeof(*info), &info);
	info->ifi_index = index;
	info->ifi_flags = up ? IFF_UP : 0;
	info->ifi_change = IFF_UP;
	return mnat_nl_talk(nl, nlh, NULL, NULL);
}

int mnat_link_set_up(struct mnl_socket *nl, int index)
{
	return set_up(nl, index, true);
}

int mnat_link_set_down(struct mnl_socket *nl, int index)
{
	return set_up(nl, index, false);
}

int mnat_link_set_mtu(struct mnl_socket *nl, int index, uint32_t mtu)
{
	char buf[MNL_NLMSG_HDRLEN + 64] __attribute__((aligned(4)));
	struct ifinfomsg *info;
	struct nlmsghdr *nlh;

	nlh = request(buf, RTM_NEWLINK, NLM_F_ACK, sizeof(*info), &info);
	info->ifi_index = index;
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return mnat_nl_talk(nl, nlh, NULL, NULL);
}

/* ---- addresses and routes ---- */

struct addr_list {
	int index;
	int n;
	int max;
	struct mnat_ifaddr *addrs;
};

static int addr_message(const struct nlmsghdr *nlh, void *user)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
	struct addr_list *list = user;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWADDR || (int)info->ifa_index != list->index)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*info))
	{
		if (mnl_attr_get_type(attr) != IFA_LOCAL ||
		    mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			continue;
		if (list->n < list->max)
			list->addrs[list->n] = (struct mnat_ifaddr){
				.addr.s_addr = mnl_attr_get_u32(attr),
				.prefix_len = info->ifa_prefixlen,
				.deprecated = info->ifa_flags & IFA_F_DEPRECATED,
			};
		list->n++;
	}
	return MNL_CB_OK;
}

int mnat_addr_list(struct mnl_socket *nl, int index, struct mnat_ifaddr *ret_addrs, int max)
{
	struct addr_list list = {.index = index, .max = max, .addrs = ret_addrs};
	char buf[MNL_NLMSG_HDRLEN + 64] __attribute__((aligned(4)));
	struct ifaddrmsg *info;
	struct nlmsghdr *nlh;
	int r;

	nlh = request(buf, RTM_GETADDR, NLM_F_DUMP, sizeof(*info), &info);
	info->ifa_family = AF_INET;
	r = mnat_nl_talk(nl, nlh, addr_message, &list);
	return r < 0 ? r : list.n;
}

static int addr_change(struct mnl_socket *nl, uint16_t type, uint16_t flags, int index,
		       const struct mnat_ifaddr *addr)
{
	char buf[MNL_NLMSG_HDRLEN + 128] __attribute__((aligned(4)));
	struct ifa_cacheinfo lifetime = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
	struct ifaddrmsg *info;
	struct nlmsghdr *nlh;

	nlh = request(buf, type, NLM_F_ACK | flags, sizeof(*info), &info);
	info->ifa_family = AF_INET;
	info->ifa_prefixlen = addr->prefix_len;
	info->ifa_index = (unsigned int)index;
	mnl_attr_put_u32(nlh, IFA_LOCAL, addr->addr.s_addr);
	mnl_attr_put_u32(nlh, IFA_ADDRESS, addr->addr.s_addr);
	if (addr->deprecated)
		mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	return mnat_nl_talk(nl, nlh, NULL, NULL);
}

int mnat_addr_add(struct mnl_socket *nl, int index, const struct mnat_ifaddr *addr)
{
	return addr_change(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, addr);
}

int mnat_addr_del(struct mnl_socket *nl, int index, const struct mnat_ifaddr *addr)
{
	return addr_change(nl, RTM_DELADDR, 0, index, addr);
}

static int route_change(struct mnl_socket *nl, uint16_t type, uint16_t flags, int index,
			struct in_addr gateway, struct in_addr src)
{
	char buf[MNL_NLMSG_HDRLEN + 128] __attribute__((aligned(4)));
	struct rtmsg *info;
	struct nlmsghdr *nlh;

	nlh = request(buf, type, NLM_F_ACK | flags, sizeof(*info), &info);
	info->rtm_family = AF_INET;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_DHCP;
	info->rtm_scope = RT_SCOPE_UNIVERSE;
	info->rtm_type = RTN_UNICAST;
	info->rtm_flags = RTNH_F_ONLINK;
	mnl_attr_put_u32(nlh, RTA_GATEWAY, gateway.s_addr);
	mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)index);
	mnl_attr_put_u32(nlh, RTA_PREFSRC, src.s_addr);
	return mnat_nl_talk(nl, nlh, NULL, NULL);
}

int mnat_route_default(struct mnl_socket *nl, int index, struct in_addr gateway, struct in_addr src)
{
	/* NLM_F_CREATE alone puts the route before its equals and replaces none */
	return route_change(nl, RTM_NEWROUTE, NLM_F_CREATE, index, gateway, src);
}

int mnat_route_default_del(struct mnl_socket *nl, int index, struct in_addr gateway,
			   struct in_addr src)
{
	return route_change(nl, RTM_DELROUTE, 0, index, gateway, src);
}

/* ---- rules ---- */

/* The kernel's own look at the tables local, main and default, for all packets. */
static int rule_message(const struct nlmsghdr *nlh, void *user)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	uint32_t priority = 0;
	int *others = user;

	if (nlh->nlmsg_type != RTM_NEWRULE)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*rule))
		if (mnl_attr_get_type(attr) == FRA_PRIORITY &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			priority = mnl_attr_get_u32(attr);
	if (rule->src_len || rule->dst_len || rule->tos || rule->action != FR_ACT_TO_TBL ||
	    !((priority == 0 && rule->table == RT_TABLE_LOCAL) ||
	      (priority == 32766 && rule->table == RT_TABLE_MAIN) ||
	      (priority == 32767 && rule->table == RT_TABLE_DEFAULT)))
		*others = 1;
	return MNL_CB_OK;
}

int mnat_rules_exist(struct mnl_socket *nl)
{
	char buf[MNL_NLMSG_HDRLEN + 64] __attribute__((aligned(4)));
	struct fib_rule_hdr *rule;
	struct nlmsghdr *nlh;
	int others = 0, r;

	nlh = request(buf, RTM_GETRULE, NLM_F_DUMP, sizeof(*rule), &rule);
	rule->family = AF_INET;
	r = mnat_nl_talk(nl, nlh, rule_message, &others);
	return r < 0 ? r : others;
}

int mnat_mask_len(struct in_addr mask)
{
	uint32_t host = ~ntohl(mask.s_addr);

	if (host & (host + 1))
		return -EINVAL;
	return 32 - __builtin_popcount(host);
}
