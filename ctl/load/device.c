// SPDX-License-Identifier: GPL-2.0-only
/* mnat0: one end of a veth pair, which every kernel has and which is always up. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/netlink.h"

int device_ensure(const char *name)
{
	_cleanup_(mnat_nl_closep) struct mnl_socket *nl = NULL;
	char peer[IF_NAMESIZE];
	int r;

	if (snprintf(peer, sizeof(peer), "%s-peer", name) >= (int)sizeof(peer)) {
		log_err("device = \"%s\": a name of at most %zu characters is needed", name,
			sizeof(peer) - sizeof("-peer"));
		return -EINVAL;
	}
	r = mnat_nl_open(0, &nl);
	if (!r)
		r = mnat_link_add_pair(nl, name, peer);
	if (!r || r == -EEXIST)
		r = mnat_link_set_up(nl, (int)if_nametoindex(name));
	if (!r)
		r = mnat_link_set_up(nl, (int)if_nametoindex(peer));
	if (r)
		log_err("cannot create %s: %s", name, strerror(-r));
	return r;
}
