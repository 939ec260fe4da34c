// SPDX-License-Identifier: GPL-2.0-only
/* Boot, moves, virtual addresses, and clients that want none. */
#include "fixture_test.h"

#define R1 "10.0.1.1"
#define R2 "10.0.2.1"

Test(sequence, the_old_actual_address_is_free_and_comes_back)
{
	struct fixture *f = fixture_new(SEED_CONF);

	bind_host(f, 1, R1, "0.0.0.0");
	bind_host(f, 1, R2, "10.128.0.2");
	cr_assert(pool_is_free(&f->server.leases.pools[0], addr("10.0.1.5")));
	cr_assert_eq(bind_host(f, 2, R2, NULL), addr("10.0.2.8"));
	cr_assert_eq(bind_host(f, 1, R1, "10.128.0.2"), addr("10.0.1.5"), "its earlier one");
	cr_assert_eq(bind_host(f, 1, R2, "10.128.0.2"), addr("10.0.2.7"));
	cr_assert_eq(bind_host(f, 3, R1, NULL), addr("10.0.1.5"), "the lowest free one");
	cr_assert_eq(bind_host(f, 1, R1, "10.128.0.2"), addr("10.0.1.6"), "now another's");
	fixture_free(f);
}

Test(sequence, a_thousand_moves_keep_the_virtual_address)
{
	struct fixture *f = fixture_new(SEED_CONF);
	uint32_t generation = 0;

	bind_host(f, 1, R1, "0.0.0.0");
	for (int i = 0; i < 1000; i++) {
		bind_host(f, 1, i % 2 ? R1 : R2, "10.128.0.2");
		cr_assert_eq(shim(f), addr("10.128.0.2"));
		cr_assert_gt(client_of(f, 1)->generation, generation);
		generation = client_of(f, 1)->generation;
		pass_seconds(40);
	}
	cr_assert_eq(generation, 1001);
	fixture_free(f);
}

/* ---- virtual addresses ---- */

Test(virtual, both_forms_are_answered_in_kind)
{
	struct fixture *f = fixture_new(SEED_CONF);
	const struct dhcp_option *seed = &f->answer.options[224], *vivso = &f->answer.options[125];

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .shim = "0.0.0.0", .form = DHCP_SHIM_SEED));
	cr_assert(seed->present && !vivso->present);
	cr_assert_arr_eq(seed->data, "\x0a\x80\x00\x02", 4);
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .shim = "0.0.0.0"));
	cr_assert(!seed->present && vivso->present);
	cr_assert_arr_eq(vivso->data, "\0\0\x7e\xd9\x0c\x01\x04\x0a\x80\0\x02\x02\x04\x0a\0\0\x01",
			 17);
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .shim = "0.0.0.0",
		      .form = DHCP_SHIM_SEED | DHCP_SHIM_VIVSO));
	cr_assert(seed->present && vivso->present);
	fixture_free(f);
}

/* ---- plain clients ---- */

Test(plain, gets_an_ordinary_answer_byte_for_byte)
{
	static const uint8_t options[] = {53, 1, 5, 54, 4, 10, 0, 0, 1, 51, 4,	0, 0, 14,  16,	58,
					  4,  0, 0, 7,	8, 59, 4, 0, 0, 12, 78, 1, 4, 255, 255, 255,
					  0,  3, 4, 10, 0, 1,  1, 6, 4, 10, 0,	0, 1, 255, 0};
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert_eq(bind_host(f, 1, R1, NULL), addr("10.0.1.5"));
	cr_assert_eq(f->answer.len, 300);
	cr_assert_arr_eq(f->reply.bytes + 240, options, sizeof(options));
	cr_assert_eq(f->server.leases.pools[2].used, 0, "no virtual address");
	cr_assert_eq(client_of(f, 1)->told.virt, 0);
	fixture_free(f);
}
