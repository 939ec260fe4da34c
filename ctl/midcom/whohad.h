/* SPDX-License-Identifier: GPL-2.0-only */
/* The command whohad: which host had an external endpoint at a time. */
#ifndef MIDCOM_WHOHAD_H
#define MIDCOM_WHOHAD_H

#include "mnat/control.h"
#include "port_log.h"

/*
 * Answer {"cmd":"whohad","address":"135.180.32.4","port":7088,"time":seconds since 1970}
 * (time left out: now) with rows of
 *   {"protocol":"any"|"tcp"|"udp"|"icmp","virtual":..,"actual":..,"first":..,"last":..,
 *    "since":..,"until":..|null,"by":"log"|"rule"|"formula"}
 * Those by rule have the one port, whoever has the block it is in.
 */
void whohad(struct mnat_control_client *client, const json_t *request, struct port_log *log);

#endif
