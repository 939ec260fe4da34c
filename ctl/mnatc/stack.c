// SPDX-License-Identifier: GPL-2.0-only
#include "stack.h"

#include <errno.h>
#include <string.h>

#include "mnat/log.h"

#define MAX_ADDRS 16

int stack_open(const char *device, struct stack *ret_stack)
{
	struct stack stack = {};
	int r = mnat_nl_open(0, &stack.nl);

	if (r < 0) {
		log_err("cannot talk to the kernel by netlink: %s", strerror(-r));
		return r;
	}
	r = mnat_link_get(stack.nl, device, &stack.device);
	if (r == -ENODEV)
		log_err("device %s does not exist; run mnat-load with this configuration first",
			device);
	else if (r < 0)
		log_err("device %s cannot be looked up: %s", device, strerror(-r));
	else if (!stack.device.up && (r = mnat_link_set_up(stack.nl, stack.device.index)) < 0)
		log_err("device %s cannot be brought up: %s", device, strerror(-r));
	if (r < 0) {
		stack_close(&stack);
		return r;
	}
	*ret_stack = stack;
	return 0;
}

void stack_close(struct stack *stack)
{
	mnat_nl_closep(&stack->nl);
}

static bool same(const struct mnat_ifaddr *a, const struct mnat_ifaddr *b)
{
	return a->addr.s_addr == b->addr.s_addr && a->prefix_len == b->prefix_len;
}

/* keep NULL: remove all. Returns 1 if keep is there, 0 if not, or -errno. */
static int remove_others(struct stack *stack, const struct mnat_ifaddr *keep)
{
	struct mnat_ifaddr addrs[MAX_ADDRS];
	int n = mnat_addr_list(stack->nl, stack->device.index, addrs, MAX_ADDRS), there = 0, r;

	if (n < 0)
		return n;
	for (int i = 0; i < n && i < MAX_ADDRS; i++) {
		if (keep && same(&addrs[i], keep)) {
			there = 1;
			continue;
		}
		r = mnat_addr_del(stack->nl, stack->device.index, &addrs[i]);
		/* a secondary address goes with its primary one */
		if (r < 0 && r != -EADDRNOTAVAIL)
			return r;
	}
	return there;
}

int stack_set_address(struct stack *stack, struct in_addr virt, struct in_addr mask,
		      struct in_addr gateway)
{
	int len = mnat_mask_len(mask), r;
	struct mnat_ifaddr addr = {.addr = virt, .prefix_len = len < 0 ? 32 : (uint8_t)len};

	r = remove_others(stack, &addr);
	if (r == 0)
		r = mnat_addr_add(stack->nl, stack->device.index, &addr);
	if (r >= 0 && gateway.s_addr)
		r = mnat_route_default(stack->nl, stack->device.index, gateway);
	if (r < 0)
		log_err("the address of %s cannot be set: %s", stack->device.name, strerror(-r));
	return r < 0 ? r : 0;
}

int stack_clear(struct stack *stack)
{
	int r = remove_others(stack, NULL);

	if (r < 0)
		log_err("the address of %s cannot be removed: %s", stack->device.name,
			strerror(-r));
	return r < 0 ? r : 0;
}

int stack_set_mtu(struct stack *stack, uint32_t mtu)
{
	int r;

	if (!mtu || mtu == stack->device.mtu)
		return 0;
	r = mnat_link_set_mtu(stack->nl, stack->device.index, mtu);
	if (r < 0) {
		log_err("the MTU of %s cannot be set to %u: %s", stack->device.name, mtu,
			strerror(-r));
		return r;
	}
	stack->device.mtu = mtu;
	return 0;
}
