/* SPDX-License-Identifier: GPL-2.0-only */
/* struct hosts_store_ops over the pinned maps; the store is a struct mnat_gateway. */
#ifndef MIDCOM_STORE_H
#define MIDCOM_STORE_H

#include "hosts.h"

extern const struct hosts_store_ops bpf_store;

#endif
