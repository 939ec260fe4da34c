// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "mnat/maps.h"

static const struct mnat_gateway_config config = {
	.inside = {{0x0a000100, 0x0a0001ff, 0}, {0x0a000200, 0x0a00027f, 256}},
	.n_inside = 2,
	.n_actuals = 384,
	.external = {{0x87b42004, 0x87b42004, 0}, {0x08080808, 0x08080808, 1}},
	.n_external = 2,
	.n_ext = 2,
	.block_shift = 6,
	.n_blocks = 16,
	.port_first = 1024,
	.n_ports = 1000,
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
	enum mnat_proto_class proto;
	uint32_t addr;
	uint16_t port;

	mnat_binding_endpoint(&config, 0, &proto, &addr, &port);
	cr_assert_eq(proto, MNAT_TCP);
	cr_assert_eq(addr, 0x87b42004);
	cr_assert_eq(port, 1024);
	/* UDP, second address, port 2023: (1 * 2 + 1) * 1000 + 999 */
	mnat_binding_endpoint(&config, 3999, &proto, &addr, &port);
	cr_assert_eq(proto, MNAT_UDP);
	cr_assert_eq(addr, 0x08080808);
	cr_assert_eq(port, 2023);
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
