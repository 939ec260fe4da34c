// SPDX-License-Identifier: GPL-2.0-only
/* The gateway's programs on XDP, above those of gateway.bpf.c: the ways in that are fast. */
#include "ctx_xdp.h"
#include "inside.h"
#include "outside.h"

SEC("xdp")
int gw_inside_xdp(struct xdp_md *xdp)
{
	return from_inside(xdp);
}

SEC("xdp")
int gw_outside_xdp(struct xdp_md *xdp)
{
	return from_outside(xdp);
}

char _license[] SEC("license") = "GPL";
