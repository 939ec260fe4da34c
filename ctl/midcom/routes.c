// SPDX-License-Identifier: GPL-2.0-only
#include "routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/netlink.h"

#define GROUP(name) (1u << (RTNLGRP_##name - 1))
#define GROUPS                                                                                 \
	(GROUP(LINK) | GROUP(NEIGH) | GROUP(IPV4_IFADDR) | GROUP(IPV4_ROUTE) |                 \
	 GROUP(IPV4_RULE) | GROUP(IPV4_NETCONF) | GROUP(NEXTHOP))

/* With rules, or if they cannot be told, the datapath asks for every packet. */
static bool rules_exist(void)
{
	_cleanup_(mnat_nl_closep) struct mnl_socket *nl = NULL;

	return mnat_nl_open(0, &nl) || mnat_rules_exist(nl);
}

static bool is_about_rules(const char *buf, int len)
{
	const struct nlmsghdr *nlh = (const void *)buf;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		if (nlh->nlmsg_type == RTM_NEWRULE || nlh->nlmsg_type == RTM_DELRULE)
			return true;
	return false;
}

/* All that waits. *ret_rules: look at the rules anew. False: nothing was there. */
static bool drain(struct mnl_socket *nl, bool *ret_rules)
{
	char buf[32768] __attribute__((aligned(8)));
	bool any = false;
	ssize_t n;

	for (;;) {
		n = recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOBUFS)
			return any;
		any = true;
		if (n < 0 || is_about_rules(buf, (int)n))
			*ret_rules = true;
	}
}

static void on_change(uv_poll_t *poll, int status, int events)
{
	struct routes *routes = poll->data;
	bool rules = !(*routes->state & MNAT_ROUTES_ON), look = false;

	if (!drain(routes->events, &look))
		return;
	if (look)
		rules = rules_exist();
	*routes->state = mnat_route_changed(*routes->state, rules);
}

int routes_start(struct routes *routes, uv_loop_t *loop, volatile uint64_t *state)
{
	int r = mnat_nl_open(GROUPS, &routes->events);

	if (r)
		return r;
	routes->state = state;
	routes->poll.data = routes;
	uv_poll_init(loop, &routes->poll, mnl_socket_get_fd(routes->events));
	uv_poll_start(&routes->poll, UV_READABLE, on_change);
	/* changes before now went unseen */
	*state = mnat_route_changed(*state, rules_exist());
	return 0;
}

void routes_close(struct routes *routes)
{
	if (!routes->events)
		return;
	uv_close((uv_handle_t *)&routes->poll, NULL);
	mnat_nl_closep(&routes->events);
}
