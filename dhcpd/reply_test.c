// SPDX-License-Identifier: GPL-2.0-only
/* Answers and messages that a script cannot say. */
#include "fixture_test.h"

#define R1 "10.0.1.1"

Test(reply, keeps_to_the_clients_message_size)
{
	char info[256] = {0}, parameters[200];
	struct fixture *f = fixture_new(SEED_CONF);

	memset(info, 'x', 255);
	memset(parameters, 1, sizeof(parameters) - 1);
	parameters[199] = 0;
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .relay_info = info, .max_size = 1472));
	cr_assert_eq(f->answer.options[DHCP_OPT_RELAY_INFO].len, 255);
	cr_assert_not(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .relay_info = info,
			  .client_id = "a client identifier that with the relay's information does "
				       "not fit into the 548 bytes every client can take"));
	cr_assert_eq(f->server.counters[COUNTER_reply_too_big], 1);
	fixture_free(f);
}

Test(reply, what_is_no_message_is_counted_by_its_fault)
{
	struct fixture *f = fixture_new(SEED_CONF);
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = say_bytes(&(struct say){DHCP_DISCOVER, 1, .relay = R1}, buf);

	cr_assert_not(server_handle(&f->server, &f->arrival, buf, 100, &f->reply));
	cr_assert_eq(f->server.counters[DHCP_E_SHORT], 1);
	buf[0] = 2;
	cr_assert_not(server_handle(&f->server, &f->arrival, buf, len, &f->reply));
	cr_assert_eq(f->server.counters[DHCP_E_OP], 1);
	cr_assert_str_eq(counter_name((enum counter)DHCP_E_OP), "op");
	for (int i = 1; i < N_COUNTERS; i++)
		cr_assert(counter_name((enum counter)i) && counter_text((enum counter)i) &&
			  counter_class((enum counter)i));
	fixture_free(f);
}
