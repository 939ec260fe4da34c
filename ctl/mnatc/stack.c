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

/* What is there and what shall be. */
struct plan {
	struct mnat_ifaddr is[MAX_ADDRS];
	int n_is;
	struct mnat_ifaddr want[1 + STACK_MAX_OLD]; /* the preferred one first */
	int n_want;
};

static bool has(const struct mnat_ifaddr *list, int n, const struct mnat_ifaddr *addr)
{
	for (int i = 0; i < n; i++)
		if (same(&list[i], addr))
			return true;
	return false;
}

static int add(struct stack *stack, const struct plan *plan, const struct mnat_ifaddr *addr)
{
	return has(plan->is, plan->n_is, addr)
		       ? 0
		       : mnat_addr_add(stack->nl, stack->device.index, addr);
}

/* Those not wanted; hosts_only: of them, the ones with no subnet of their own (/32). */
static int remove_others(struct stack *stack, const struct plan *plan, bool hosts_only)
{
	int r;

	for (int i = 0; i < plan->n_is; i++) {
		if ((plan->is[i].prefix_len == 32) != hosts_only ||
		    has(plan->want, plan->n_want, &plan->is[i]))
			continue;
		r = mnat_addr_del(stack->nl, stack->device.index, &plan->is[i]);
		/* a secondary address goes with its primary one */
		if (r < 0 && r != -EADDRNOTAVAIL)
			return r;
	}
	return 0;
}

static int make_plan(struct stack *stack, const struct stack_addresses *want, struct plan *plan)
{
	int len = want ? mnat_mask_len(want->mask) : 0, n;

	*plan = (struct plan){};
	n = mnat_addr_list(stack->nl, stack->device.index, plan->is, MAX_ADDRS);
	if (n < 0)
		return n;
	plan->n_is = n < MAX_ADDRS ? n : MAX_ADDRS;
	if (!want)
		return 0;
	plan->want[plan->n_want++] = (struct mnat_ifaddr){
		.addr = want->preferred, .prefix_len = len < 0 ? 32 : (uint8_t)len};
	for (int i = 0; i < want->n_old; i++)
		plan->want[plan->n_want++] = (struct mnat_ifaddr){
			.addr = want->old[i], .prefix_len = 32, .deprecated = true};
	return 0;
}

/*
 * An address that stays but is preferred no more, or is again, has the two forms /32 and
 * with its subnet for a moment: were it gone in between, the kernel would drop the routes
 * that use it. The new subnet comes after the old one is gone, or its address would be a
 * secondary one, which goes with the first.
 */
static int follow_plan(struct stack *stack, const struct plan *plan)
{
	int r = 0;

	for (int i = 1; !r && i < plan->n_want; i++)
		r = add(stack, plan, &plan->want[i]);
	if (!r)
		r = remove_others(stack, plan, false);
	if (!r && plan->n_want)
		r = add(stack, plan, &plan->want[0]);
	return r ? r : remove_others(stack, plan, true);
}

/* The route we put first by an earlier address may stand before one there already. */
static int set_route(struct stack *stack, struct in_addr gateway, struct in_addr src)
{
	int index = stack->device.index;
	int r = mnat_route_default(stack->nl, index, gateway, src);

	if (r == -EEXIST && stack->route_from.s_addr && stack->route_from.s_addr != src.s_addr) {
		mnat_route_default_del(stack->nl, index, gateway, src);
		r = mnat_route_default(stack->nl, index, gateway, src);
	}
	if (r && r != -EEXIST)
		return r;
	stack->route_from = src;
	return 0;
}

int stack_set_addresses(struct stack *stack, const struct stack_addresses *want)
{
	struct plan plan;
	int r = make_plan(stack, want, &plan);

	if (!r)
		r = follow_plan(stack, &plan);
	if (!r && want->gateway.s_addr)
		r = set_route(stack, want->gateway, want->preferred);
	if (r < 0)
		log_err("the address of %s cannot be set: %s", stack->device.name, strerror(-r));
	return r;
}

int stack_set_old(struct stack *stack, const struct stack_addresses *want)
{
	struct plan plan;
	int r = make_plan(stack, want, &plan);

	for (int i = 1; !r && i < plan.n_want; i++)
		r = add(stack, &plan, &plan.want[i]);
	if (!r)
		r = remove_others(stack, &plan, true);
	if (r < 0)
		log_err("the old addresses of %s cannot be set: %s", stack->device.name,
			strerror(-r));
	return r;
}

int stack_clear(struct stack *stack)
{
	struct plan plan;
	int r = make_plan(stack, NULL, &plan);

	if (!r)
		r = follow_plan(stack, &plan);
	if (r < 0)
		log_err("the address of %s cannot be removed: %s", stack->device.name,
			strerror(-r));
	return r;
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
