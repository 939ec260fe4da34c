/* SPDX-License-Identifier: GPL-2.0-only */
/* How strong an uplink's signal is: by nl80211, or from a file that somebody writes. */
#ifndef MNATC_SIGNAL_H
#define MNATC_SIGNAL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

struct radio {
	struct mnl_socket *nl;
	uint16_t family; /* of nl80211; 0: the kernel has none */
};

/* Nothing is wrong with a system without nl80211. */
void radio_open(struct radio *ret_radio);
void radio_close(struct radio *radio);

/* dBm of the station this interface is connected with. False: not known. */
bool radio_signal(const struct radio *radio, int index, int *ret_dbm);

/* The number in a file's first line. */
bool signal_of_file(const char *path, int *ret_dbm);

#endif
