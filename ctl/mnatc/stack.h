/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the node's own IP stack sees: the device, the virtual address on it, the
 * default route. A move changes none of it.
 */
#ifndef MNATC_STACK_H
#define MNATC_STACK_H

#include "mnat/netlink.h"

struct stack {
	struct mnl_socket *nl;
	struct mnat_link device;
};

/* The device as mnat-load made it, brought up. Errors are printed. */
int stack_open(const char *device, struct stack *ret_stack);
void stack_close(struct stack *stack);

/*
 * Make virt the device's only IPv4 address, and gateway (0.0.0.0: leave routes alone)
 * the default one. Nothing is touched that is right already. Errors are printed.
 */
int stack_set_address(struct stack *stack, struct in_addr virt, struct in_addr mask,
		      struct in_addr gateway);

/* Remove all IPv4 addresses, and with them the route. */
int stack_clear(struct stack *stack);

/* Packets leave by an uplink of this MTU. */
int stack_set_mtu(struct stack *stack, uint32_t mtu);

#endif
