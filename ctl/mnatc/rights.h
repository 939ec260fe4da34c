/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MNATC_RIGHTS_H
#define MNATC_RIGHTS_H

/*
 * Keep of root's capabilities what moves need: addresses and sockets (CAP_NET_ADMIN),
 * packet sockets (CAP_NET_RAW), the shim's maps (CAP_BPF); no program we run gets more.
 * Failure is a warning.
 */
void rights_keep(void);

#endif
