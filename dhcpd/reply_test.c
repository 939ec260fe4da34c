// SPDX-License-Identifier: GPL-2.0-only
/* Where answers go, and what is echoed in them. */
#include "fixture_test.h"

#define R1 "10.0.1.1"

Test(reply, goes_back_through_the_relay)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1));
	cr_assert_eq(f->reply.how, REPLY_RELAY);
	cr_assert_eq(ntohl(f->reply.to.s_addr), addr(R1));
	cr_assert_eq(f->answer.header.giaddr.s_addr, f->reply.to.s_addr);
	cr_assert_eq(ntohl(f->answer.header.xid), 0x11223344);
	cr_assert_eq(f->answer.header.flags, 0);
	fixture_free(f);
}

Test(reply, nak_through_a_relay_is_to_be_broadcast)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_REQUEST, 1, .relay = "10.0.2.1", .requested = "10.0.1.5"));
	cr_assert_eq(f->answer.type, DHCP_NAK);
	cr_assert_eq(f->reply.how, REPLY_RELAY);
	cr_assert_eq(f->answer.header.flags, htons(DHCP_FLAG_BROADCAST));
	cr_assert_eq(yiaddr(f), 0);
	cr_assert(f->answer.options[DHCP_OPT_MESSAGE].present);
	cr_assert_not(f->answer.options[DHCP_OPT_LEASE_TIME].present);
	fixture_free(f);
}

Test(reply, on_the_link)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1));
	cr_assert_eq(f->reply.how, REPLY_HARDWARE);
	cr_assert_eq(ntohl(f->reply.to.s_addr), addr("10.0.1.5"));
	cr_assert_arr_eq(f->reply.mac, "\x02\0\0\0\0\x01", 6);
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .broadcast_flag = true));
	cr_assert_eq(f->reply.how, REPLY_BROADCAST);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .requested = "10.0.1.5", .server = "10.0.0.1"));
	cr_assert_eq(f->reply.how, REPLY_HARDWARE);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .ciaddr = "10.0.1.5", .broadcast_flag = true));
	cr_assert_eq(f->reply.how, REPLY_UNICAST);
	cr_assert_eq(f->answer.header.ciaddr.s_addr, f->reply.to.s_addr);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .ciaddr = "10.0.2.5"));
	cr_assert_eq(f->answer.type, DHCP_NAK);
	cr_assert_eq(f->reply.how, REPLY_BROADCAST);
	fixture_free(f);
}

Test(reply, echoes_relay_information_last)
{
	static const char info[] = "\x01\x04"
				   "eth7\x02\x02zz";
	struct fixture *f = fixture_new(SEED_CONF);
	const uint8_t *end;

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .relay_info = info, .shim = "0.0.0.0",
		      .client_id = "me", .max_size = 1400));
	cr_assert_eq(f->answer.options[DHCP_OPT_RELAY_INFO].len, sizeof(info) - 1);
	cr_assert_arr_eq(f->answer.options[DHCP_OPT_RELAY_INFO].data, info, sizeof(info) - 1);
	end = f->answer.options[DHCP_OPT_RELAY_INFO].data + sizeof(info) - 1;
	cr_assert_eq(*end, DHCP_OPT_END);
	cr_assert_arr_eq(f->answer.options[DHCP_OPT_CLIENT_ID].data, "me", 2);
	fixture_free(f);
}

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

Test(reply, clients_are_known_by_identifier_before_hardware_address)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .client_id = "a"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.5"));
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = R1, .client_id = "b"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.6"));
	cr_assert(ASK(f, DHCP_DISCOVER, 2, .relay = R1, .client_id = "a"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.5"));
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
