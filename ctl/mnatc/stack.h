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
	struct in_addr route_from; /* source of the default route we put first; 0.0.0.0: none */
};

#define STACK_MAX_OLD 8

/* The addresses that the stack shall have. */
struct stack_addresses {
	struct in_addr preferred;
	struct in_addr mask;
	struct in_addr gateway; /* of the default route; 0.0.0.0: leave routes alone */
	/* sessions still use these, new ones shall not: /32, deprecated */
	struct in_addr old[STACK_MAX_OLD];
	int n_old;
};

/* The device as mnat-load made it, brought up. Errors are printed. */
int stack_open(const char *device, struct stack *ret_stack);
void stack_close(struct stack *stack);

/*
 * Make these the device's IPv4 addresses, and the default route. Nothing is touched
 * that is right already. Errors are printed.
 */
int stack_set_addresses(struct stack *stack, const struct stack_addresses *want);

/* Only the old ones: the preferred one and the route are a DHCP client's on the device. */
int stack_set_old(struct stack *stack, const struct stack_addresses *want);

/* Remove all IPv4 addresses, and with them the route. */
int stack_clear(struct stack *stack);

/* Packets leave by an uplink of this MTU. */
int stack_set_mtu(struct stack *stack, uint32_t mtu);

#endif
