/* SPDX-License-Identifier: GPL-2.0-only */
/* status, dump and revoke of the manager. */
#ifndef MM_REPORT_H
#define MM_REPORT_H

#include <jansson.h>

#include "mnat/control.h"

/* Command handlers; user is the struct manager. */
void report_on_status(struct mnat_control_client *client, const json_t *request, void *user);
void report_on_revoke(struct mnat_control_client *client, const json_t *request, void *user);
void report_on_dump(struct mnat_control_client *client, const json_t *request, void *user);

#endif
