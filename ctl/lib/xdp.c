// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "mnat/cleanup.h"

/* the programs of gateway_xdp.bpf.c */
#define INSIDE "gw_inside_xdp"
#define OUTSIDE "gw_outside_xdp"

static bool is_ours(uint32_t prog_id)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       (!strcmp(info.name, INSIDE) || !strcmp(info.name, OUTSIDE));
}

int mnat_xdp_query(int ifindex, struct mnat_xdp_state *ret_state)
{
	DECLARE_LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int r = bpf_xdp_query(ifindex, 0, &opts);

	if (r)
		return r;
	*ret_state = (struct mnat_xdp_state){
		.prog_id = opts.drv_prog_id ? opts.drv_prog_id : opts.skb_prog_id,
		.native = opts.drv_prog_id,
	};
	ret_state->ours = ret_state->prog_id && is_ours(ret_state->prog_id);
	return 0;
}

/* By the pins: asking for a program by its id is root's alone. */
static bool is_pinned(const char *pin, const char *name, uint32_t prog_id)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = -1;
	char path[4096];

	snprintf(path, sizeof(path), "%s/prog/%s", pin, name);
	fd = bpf_obj_get(path);
	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.id == prog_id;
}

const char *mnat_xdp_mode(const char *pin, const char *ifname)
{
	struct mnat_xdp_state state;

	if (mnat_xdp_query((int)if_nametoindex(ifname), &state) || !state.prog_id ||
	    (!is_pinned(pin, INSIDE, state.prog_id) && !is_pinned(pin, OUTSIDE, state.prog_id)))
		return "tc";
	return state.native ? "native" : "generic";
}
