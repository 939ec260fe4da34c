/* SPDX-License-Identifier: GPL-2.0-only */
/* The command top: the hosts that use most. */
#ifndef MIDCOM_TOP_H
#define MIDCOM_TOP_H

#include <uv.h>

#include "dump.h"

/*
 * Answer {"cmd":"top","by":"rate"|"sessions"|"ports","rows":10} with rows of
 *   {"virtual":..,"actual":..,"sessions":..,"ports":..,"bits_out_s":..,"bits_in_s":..,
 *    "packets_out_s":..,"packets_in_s":..}
 * Rates are measured over a second, and null if accounting is off.
 */
void top(uv_loop_t *loop, struct mnat_control_client *client, const json_t *request,
	 const struct dump_source *source);

/* Sum a host's traffic over CPUs. False: it is not counted. */
bool top_traffic(const struct mnat_gateway *gateway, uint32_t host,
		 struct mnat_host_traffic *ret_traffic);

#endif
