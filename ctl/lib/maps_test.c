// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "mnat/maps.h"

static struct mnat_gateway_config config = {
	.inside = {{0x0a000100, 0x0a0001ff, 0}, {0x0a000200, 0x0a00027f, 256}},
	.n_inside = 2,
	.n_actuals = 384,
	/* 2 blocks; then 3 addresses of 3, of which the first and the last are cut short */
	.external = {{0x87b42004, 0x87b42004, 1024, 1151}, {0x08080808, 0x0808080a, 8010, 8130}},
	.n_external = 2,
	.block_shift = 6,
};

Test(maps, index_and_address_are_inverse)
{
	cr_assert_eq(mnat_actual_index(&config, 0x0a000105), 5);
	cr_assert_eq(mnat_actual_index(&config, 0x0a00027f), 383);
	cr_assert_eq(mnat_actual_index(&config, 0x0a000280), -1);
	cr_assert_eq(mnat_actual_index(&config, 0x0a0000ff), -1);
	for (uint32_t i = 0; i < config.n_actuals; i++)
		cr_expect_eq(mnat_actual_index(&config, mnat_actual_address(&config, i)), i);
}

Test(maps, binding_index_is_an_external_endpoint)
{
	uint32_t port, index;

	mnat_lay_out(&config);
	cr_assert_eq(config.n_blocks, 2 + 3 * 3);
	cr_assert_eq(config.step, 2);
	cr_assert_eq(mnat_bindings_size(&config), 3 * 11 * 64);
	cr_assert_eq(mnat_binding_endpoint(&config, 0, &port), 0x87b42004);
	cr_assert_eq(port, 1024);
	/* UDP, the second range's second address, port 8100: block 2 + 3 + 1, its 37th port */
	index = (MNAT_UDP * 11 + 6) * 64 + 36;
	cr_assert_eq(mnat_binding_index(&config, MNAT_UDP, 0x08080809, 8100), index);
	cr_assert_eq(mnat_binding_proto(&config, index), MNAT_UDP);
	cr_assert_eq(mnat_binding_block(&config, index), 6);
	cr_assert_eq(mnat_binding_endpoint(&config, index, &port), 0x08080809);
	cr_assert_eq(port, 8100);
	cr_assert_eq(mnat_binding_index(&config, MNAT_UDP, 0x08080809, 1100), -1);
	cr_assert_eq(mnat_binding_index(&config, MNAT_UDP, 0x87b42004, 8100), -1);
	cr_assert_eq(mnat_binding_index(&config, MNAT_UDP, 0x08080807, 8100), -1);
}

/* Every endpoint has an index of its own, in the block that says it has it. */
Test(maps, blocks_are_all_endpoints)
{
	uint32_t n = 0, port;

	mnat_lay_out(&config);
	for (uint32_t block = 0; block < config.n_blocks; block++) {
		struct mnat_ports ports;

		mnat_block_endpoints(&config, block, &ports);
		for (uint32_t i = 0; i < ports.n; i++, n++) {
			int64_t index = mnat_binding_index(&config, MNAT_TCP, ports.addr,
							   ports.first + i);

			cr_assert_geq(index, 0);
			cr_assert_eq(mnat_binding_block(&config, (uint32_t)index), block);
			cr_assert_eq(mnat_binding_endpoint(&config, (uint32_t)index, &port),
				     ports.addr);
			cr_assert_eq(port, ports.first + i);
		}
	}
	cr_assert_eq(n, 128 + 3 * 121);
}

/* Hosts come to an address in proportion to its blocks. */
Test(maps, homes)
{
	uint32_t hosts[4] = {0}, n, first;

	mnat_lay_out(&config);
	for (uint32_t host = 1; host <= 1100; host++) {
		first = mnat_block_home(&config, host, &n);
		cr_assert(first == 0 ? n == 2 : n == 3 && first % 3 == 2, "block %u", first);
		hosts[first ? 1 + (first - 2) / 3 : 0]++;
	}
	cr_assert_eq(hosts[0], 200);
	for (int i = 1; i < 4; i++)
		cr_assert_eq(hosts[i], 300);
}

Test(maps, every_counter_has_a_lower_case_name_and_a_text)
{
	for (enum mnat_counter_id id = 0; id < MNAT_N_COUNTERS; id++) {
		const char *name = mnat_counter_name(id);

		cr_expect(*name && *mnat_counter_text(id));
		for (const char *p = name; *p; p++)
			cr_expect(*p == '_' || isdigit(*p) || islower(*p), "%s", name);
	}
	cr_assert_str_eq(mnat_counter_name(MNAT_C_NO_BINDING), "no_binding");
	cr_assert_eq(mnat_counter_class(MNAT_C_NO_BINDING), MNAT_CLASS_STACK);
}

Test(maps, nothing_loaded_is_said)
{
	struct mnat_gateway gateway;
	char text[256] = "";

	cr_redirect_stderr();
	cr_assert_eq(mnat_gateway_open("/sys/fs/bpf/no-such-directory", &gateway), -ENOENT);
	fflush(stderr);
	cr_assert(fgets(text, sizeof(text), cr_get_redirected_stderr()));
	cr_assert(strstr(text, "mnat-load"), "%s", text);
}
