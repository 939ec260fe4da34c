/* SPDX-License-Identifier: GPL-2.0-only */
/* What a DHCP server tells: the commands lease, snapshot and snapshot-end. */
#ifndef MM_LEASE_H
#define MM_LEASE_H

#include <jansson.h>

#include "mnat/control.h"
#include "registry.h"

/* One EVENT of control.h. 0, or -EINVAL with *ret_why (static) saying what is wrong. */
int lease_parse(const json_t *json, struct event *ret_event, const char **ret_why);

/* Command handlers; user is the struct manager. */
void lease_on_batch(struct mnat_control_client *client, const json_t *request, void *user);
void lease_on_snapshot(struct mnat_control_client *client, const json_t *request, void *user);
void lease_on_snapshot_end(struct mnat_control_client *client, const json_t *request, void *user);

#endif
