/* SPDX-License-Identifier: GPL-2.0-only */
/* Which XDP program an interface carries. */
#ifndef MNAT_XDP_H
#define MNAT_XDP_H

#include <stdbool.h>
#include <stdint.h>

struct mnat_xdp_state {
	uint32_t prog_id; /* 0: none */
	bool native;	  /* in the driver; false: generic, in the stack */
	bool ours;	  /* by its name; known to root only */
};

/* 0 or -errno. */
int mnat_xdp_query(int ifindex, struct mnat_xdp_state *ret_state);

/* How the gateway pinned in pin works there: "native" or "generic" (XDP), or "tc". */
const char *mnat_xdp_mode(const char *pin, const char *ifname);

#endif
