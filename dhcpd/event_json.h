/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes to the mobility manager and comes from it, as JSON (mnat/control.h). */
#ifndef DHCPD_EVENT_JSON_H
#define DHCPD_EVENT_JSON_H

#include <jansson.h>

#include "server.h"

/* New reference. */
json_t *event_to_json(const struct event *event);

/* The token for virt in an answer's "tokens". 0, or -EINVAL: there is no sound one. */
int token_from_json(const json_t *tokens, uint32_t virt, struct dhcp_mnat_token *ret_token);

#endif
