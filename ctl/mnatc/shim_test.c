// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "mnat/clock.h"
#include "shim.h"

#define GRACE (2000 * MNAT_NS_PER_MS)

static struct shim shim;

static void setup(void)
{
	if (geteuid())
		cr_skip_test("makes BPF maps: run as root");
	shim = (struct shim){.node = {.counters_fd = -1, .lock_fd = -1}};
	shim.node.shim_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "shim", 4, sizeof(struct mnat_shim),
					   MNAT_SHIM_SLOTS, NULL);
	shim.node.active_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "active", 4, 4, 1, NULL);
	cr_assert(shim.node.shim_fd >= 0 && shim.node.active_fd >= 0);
}

TestSuite(shim, .init = setup);

static struct mnat_shim at(const char *actual)
{
	return (struct mnat_shim){
		.mode = MNAT_MODE_TRANSLATE,
		.virt = inet_addr("10.128.0.2"),
		.actual = inet_addr(actual),
		.uplink = 3,
		.device = 4,
	};
}

/* What the data path reads: the slot that the index names. */
static struct mnat_shim in_force(void)
{
	struct mnat_shim slot;
	uint32_t zero = 0, active;

	cr_assert_eq(bpf_map_lookup_elem(shim.node.active_fd, &zero, &active), 0);
	cr_assert_eq(bpf_map_lookup_elem(shim.node.shim_fd, &active, &slot), 0);
	return slot;
}

Test(shim, a_move_leaves_the_old_address_in_grace)
{
	struct mnat_shim first = at("10.0.1.5"), second = at("10.0.2.7");
	uint64_t before;

	cr_assert_eq(shim_install(&shim, &first, GRACE), SHIM_MOVED);
	cr_expect_eq(in_force().old_actual, 0, "there was none before");
	before = mnat_clock_now();
	cr_assert_eq(shim_install(&shim, &second, GRACE), SHIM_MOVED);
	cr_expect_eq(in_force().actual, second.actual);
	cr_expect_eq(in_force().old_actual, first.actual);
	cr_expect_geq(in_force().old_until_ns, before + GRACE);
	cr_expect_leq(in_force().old_until_ns, mnat_clock_now() + GRACE);
}

Test(shim, another_identity_leaves_nothing_behind)
{
	struct mnat_shim first = at("10.0.1.5"), second = at("10.0.2.7");

	second.virt = inet_addr("10.128.0.9");
	shim_install(&shim, &first, GRACE);
	cr_assert_eq(shim_install(&shim, &second, GRACE), SHIM_MOVED);
	cr_expect_eq(in_force().old_actual, 0);
}

/* What the data path has learnt and noted outlives an update of the same place. */
Test(shim, an_update_keeps_grace_marks_and_gateway)
{
	struct mnat_shim slot = at("10.0.1.5");
	struct mnat_shim live;
	uint32_t active;

	shim_install(&shim, &slot, GRACE);
	slot = at("10.0.2.7");
	shim_install(&shim, &slot, GRACE);
	live = in_force();
	live.first_out_ns = 77;
	live.gateway_mac = 0x020000000001;
	active = shim.active;
	cr_assert_eq(bpf_map_update_elem(shim.node.shim_fd, &active, &live, BPF_ANY), 0);
	cr_assert_eq(shim_install(&shim, &slot, GRACE), SHIM_UNCHANGED);
	slot.arp_pending = 1;
	cr_assert_eq(shim_install(&shim, &slot, GRACE), SHIM_UPDATED);
	cr_expect_eq(in_force().first_out_ns, 77);
	cr_expect_eq(in_force().gateway_mac, 0x020000000001);
	cr_expect_eq(in_force().old_actual, inet_addr("10.0.1.5"));
	cr_expect_eq(in_force().generation, live.generation + 1);
}

/* Make before break: the gateway may know of the new address first. */
Test(shim, an_address_to_come_is_accepted_before_the_move)
{
	struct mnat_shim first = at("10.0.1.5"), second = at("10.0.2.7");

	cr_assert_eq(shim_install(&shim, &first, GRACE), SHIM_MOVED);
	cr_assert_eq(shim_accept(&shim, (struct in_addr){second.actual}, GRACE), 0);
	cr_expect_eq(in_force().actual, first.actual);
	cr_expect_eq(in_force().old_actual, second.actual);
	cr_assert_eq(shim_install(&shim, &second, GRACE), SHIM_MOVED);
	cr_expect_eq(in_force().actual, second.actual);
	cr_expect_eq(in_force().old_actual, first.actual);
}

Test(shim, the_same_address_on_another_uplink_is_accepted_on_the_old_one)
{
	struct mnat_shim first = at("10.0.1.5"), second = first;

	second.uplink = 5;
	cr_assert_eq(shim_install(&shim, &first, GRACE), SHIM_MOVED);
	cr_assert_eq(shim_install(&shim, &second, GRACE), SHIM_MOVED);
	cr_expect_eq(in_force().old_actual, first.actual);
	cr_expect_gt(in_force().old_until_ns, mnat_clock_now());
}
