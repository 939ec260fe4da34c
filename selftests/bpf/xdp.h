/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * With MODE=xdp in the environment the gateway's XDP programs stand above those of TC, as
 * mnat-load puts them: every table is run so, too.
 */
#ifndef TEST_XDP_H
#define TEST_XDP_H

#include <bpf/libbpf.h>

#include "harness.h"

bool xdp_wanted(void);

/* Load the XDP programs on the maps and with the configuration of the TC ones. */
void xdp_start(struct bpf_object *tc, const struct mnat_gateway_config *cfg);

/* One frame through the XDP program of a way in, then, if it passes it up, through TC's. */
struct run xdp_run(const char *program, int tc_fd, int ifindex, const uint8_t *frame, size_t len);

/* Its verdict, as TC would say it: OK is passed up. */
int xdp_alone(const char *program, int ifindex, const struct packet *p);

int xdp_map(const char *name);

#endif
