// SPDX-License-Identifier: GPL-2.0-only
#include "node.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "mnat/maps.h"
#include "node.skel.h"

const uint8_t mac_node[6] = { 2, 0, 0, 0, 2, 1 }, mac_device[6] = { 2, 0, 0, 0, 2, 2 };
const uint8_t mac_gateway[6] = { 2, 0, 0, 0, 2, 3 }, mac_neighbour[6] = { 2, 0, 0, 0, 2, 4 };

/* "in" plays the uplink, "out" mnat0: they only have to exist. */
struct node *node_start(void)
{
	struct mnat_shim shim = {
		.mode = MNAT_MODE_TRANSLATE,
		.generation = 1,
		.virt = ip4("10.128.0.2"),
		.actual = ip4("10.0.1.5"),
		.mask = ip4("255.255.255.0"),
		.gateway = ip4("10.0.1.1"),
		.virt_gateway = ip4("10.0.0.1"),
		.virt_mask = ip4("255.0.0.0"),
		.consumer = 1,
	};
	struct node *n;

	harness_network();
	libbpf_set_print(NULL);
	n = node__open_and_load();
	cr_assert_not_null(n, "the programs do not load: run as root");
	shim.uplink = (uint32_t)harness_in();
	shim.device = (uint32_t)harness_out();
	memcpy(&shim.gateway_mac, mac_gateway, 6);
	memcpy(shim.uplink_mac, mac_node, 6);
	memcpy(shim.device_mac, mac_device, 6);
	node_put(n, &shim);
	return n;
}

struct mnat_shim node_shim(struct node *n)
{
	struct mnat_shim shim;
	uint32_t zero = 0;

	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(n->maps.shim), &zero, &shim), 0);
	return shim;
}

void node_put(struct node *n, const struct mnat_shim *shim)
{
	uint32_t zero = 0;

	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(n->maps.shim), &zero, shim, BPF_ANY), 0);
}

struct run node_out(struct node *n, const uint8_t *frame, size_t len)
{
	return harness_run(bpf_program__fd(n->progs.node_out), harness_out(), frame, len);
}

struct run node_in(struct node *n, const uint8_t *frame, size_t len)
{
	return harness_run(bpf_program__fd(n->progs.node_in), harness_in(), frame, len);
}

int node_map(struct node *n, const char *name)
{
	return bpf_object__find_map_fd_by_name(n->obj, name);
}

uint64_t node_count(struct node *n, enum mnat_counter_id id)
{
	return harness_count(bpf_map__fd(n->maps.counters), id);
}

uint64_t node_count_all(struct node *n)
{
	uint64_t total = 0;

	for (int id = 0; id < MNAT_N_COUNTERS; id++)
		if (mnat_counter_class(id) != MNAT_CLASS_EVENT)
			total += node_count(n, id);
	return total;
}
