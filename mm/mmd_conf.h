/* SPDX-License-Identifier: GPL-2.0-only */
/* mmd.conf */
#ifndef MM_MMD_CONF_H
#define MM_MMD_CONF_H

#include "gateway.h"

struct mmd_conf {
	char *run_dir;
	unsigned int n_gateways;
	struct {
		char *name;
		char *socket;
	} gateways[MAX_GATEWAYS];
};

/* 0, or -errno with the error printed. */
int mmd_conf_load(const char *path, struct mmd_conf *ret_conf);
void mmd_conf_free(struct mmd_conf *conf);

#endif
