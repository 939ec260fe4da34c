/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The domain's name servers, made the node's: through systemd-resolved or resolvconf where
 * the system has one of them, else in resolv.conf.
 */
#ifndef MNATC_NAMES_H
#define MNATC_NAMES_H

#include <stdbool.h>
#include <uv.h>

#include "lease.h"
#include "mnat/role_conf.h"

struct names {
	uv_loop_t *loop;
	enum mnat_dns how; /* never MNAT_DNS_AUTO */
	const char *device;
	const char *path; /* of resolv.conf */
	const char *state_file;
	struct lease_dns in_force;
};

/* conf must stay. Decides what "auto" means here. */
void names_open(uv_loop_t *loop, const struct mnat_node_conf *conf, struct names *ret_names);

/* A lease's servers; none: what there is stays. Errors are logged. */
void names_apply(struct names *names, const struct lease_dns *dns);

/* What was there before mnatc. */
void names_revert(struct names *names);

/* The text of a resolv.conf (new string, the caller frees it). NULL: no memory. */
char *names_text(const struct lease_dns *dns);

#endif
