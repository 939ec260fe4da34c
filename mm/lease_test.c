// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lease.h"

static int parse(const char *text, struct event *ret_event)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	const char *why = NULL;
	int r;

	cr_assert(json, "%s", text);
	r = lease_parse(json, ret_event, &why);
	cr_expect_eq(r == 0, why == NULL);
	json_decref(json);
	return r;
}

Test(lease, mobile_host)
{
	struct event e;

	cr_assert_eq(parse("{\"virtual\":\"10.128.0.2\",\"actual\":\"10.0.2.7\","
			   "\"old\":\"10.0.1.5\",\"gen\":4294967295,"
			   "\"mac\":\"02:00:00:00:00:01\",\"client\":\"ff01\"}",
			   &e),
		     0);
	cr_assert_eq(e.identity.s_addr, inet_addr("10.128.0.2"));
	cr_assert_eq(e.actual.s_addr, inet_addr("10.0.2.7"));
	cr_assert_eq(e.old.s_addr, inet_addr("10.0.1.5"));
	cr_assert_eq(e.generation, UINT32_MAX);
	cr_assert_not(e.plain);
	cr_assert_str_eq(e.mac, "02:00:00:00:00:01");
}

Test(lease, host_in_tunnel_mode)
{
	struct event e;

	cr_assert_eq(parse("{\"virtual\":\"10.128.0.2\",\"actual\":\"10.0.2.7\","
			   "\"gen\":1,\"tunnel\":true}",
			   &e),
		     0);
	cr_expect(e.tunnel);
}

Test(lease, host_that_shares_its_virtual_address)
{
	struct event e;

	cr_assert_eq(parse("{\"virtual\":\"240.1.0.2\",\"actual\":\"10.0.2.7\",\"gen\":1,"
			   "\"tunnel\":true,\"shows\":\"10.128.9.1\"}",
			   &e),
		     0);
	cr_expect_eq(e.identity.s_addr, inet_addr("240.1.0.2"));
	cr_expect_eq(e.shows.s_addr, inet_addr("10.128.9.1"));
	cr_assert_eq(parse("{\"virtual\":\"240.1.0.2\",\"actual\":null,\"gen\":2}", &e), 0);
}

Test(lease, plain_host_is_its_address)
{
	struct event e;

	cr_assert_eq(parse("{\"virtual\":null,\"actual\":\"10.0.1.9\",\"gen\":0}", &e), 0);
	cr_assert(e.plain);
	cr_assert_eq(e.identity.s_addr, inet_addr("10.0.1.9"));
	cr_assert_eq(parse("{\"actual\":null,\"old\":\"10.0.1.9\",\"gen\":1}", &e), 0);
	cr_assert(e.plain);
	cr_assert_eq(e.identity.s_addr, inet_addr("10.0.1.9"));
	cr_assert_eq(e.actual.s_addr, 0);
}

Test(lease, arrivals_of_other_domains)
{
	char text[1024], ticket[97], proof[33];
	struct event e;

	memset(ticket, 'a', 96);
	memset(proof, '5', 32);
	ticket[96] = proof[32] = '\0';
	snprintf(text, sizeof(text),
		 "{\"virtual\":\"10.128.0.2\",\"actual\":\"10.5.7.19\",\"gen\":1,\"arrivals\":["
		 "{\"manager\":\"135.180.32.4\",\"ticket\":\"%s\",\"counter\":258,"
		 "\"proof\":\"%s\"}]}",
		 ticket, proof);
	cr_assert_eq(parse(text, &e), 0);
	cr_assert_eq(e.n_arrivals, 1);
	cr_assert_eq(e.arrivals[0].manager.s_addr, inet_addr("135.180.32.4"));
	cr_assert_eq(e.arrivals[0].ticket[47], 0xaa);
	cr_assert_eq(e.arrivals[0].proof[15], 0x55);
	cr_assert_arr_eq((uint8_t *)&e.arrivals[0].counter, ((uint8_t[]){0, 0, 0, 0, 0, 0, 1, 2}),
			 8);
	snprintf(text, sizeof(text),
		 "{\"virtual\":\"240.1.0.2\",\"actual\":\"10.5.7.19\",\"gen\":1,"
		 "\"tunnel\":true,\"shows\":\"10.128.9.1\",\"arrivals\":["
		 "{\"manager\":\"135.180.32.4\",\"ticket\":\"%s\",\"counter\":258,"
		 "\"proof\":\"%s\"}]}",
		 ticket, proof);
	cr_assert_eq(parse(text, &e), -EINVAL, "it shares its virtual address");
	ticket[95] = 'x';
	snprintf(text, sizeof(text),
		 "{\"virtual\":\"10.128.0.2\",\"actual\":\"10.5.7.19\",\"gen\":1,\"arrivals\":["
		 "{\"manager\":\"135.180.32.4\",\"ticket\":\"%s\",\"counter\":258,"
		 "\"proof\":\"%s\"}]}",
		 ticket, proof);
	cr_assert_eq(parse(text, &e), -EINVAL);
}

Test(lease, bad_events)
{
	static const char *const cases[] = {
		"7",
		"{}",
		"{\"virtual\":\"10.128.0.2\",\"actual\":\"10.0.1.5\"}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":-1}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":4294967296}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":\"1\"}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":1.5}",
		"{\"virtual\":\"10.128.0\",\"gen\":1}",
		"{\"virtual\":\"0.0.0.0\",\"gen\":1}",
		"{\"virtual\":17,\"gen\":1}",
		"{\"virtual\":\"10.128.0.2\",\"actual\":\"x\",\"gen\":1}",
		"{\"virtual\":\"10.128.0.2\",\"old\":[],\"gen\":1}",
		"{\"virtual\":null,\"actual\":null,\"gen\":1}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":1,\"arrivals\":{}}",
		"{\"virtual\":\"10.128.0.2\",\"actual\":\"10.0.1.5\",\"gen\":1,\"tunnel\":true,"
		"\"shows\":\"10.128.9.1\"}",
		"{\"virtual\":\"240.1.0.2\",\"actual\":\"10.0.1.5\",\"gen\":1,\"tunnel\":true}",
		"{\"virtual\":\"240.1.0.2\",\"actual\":\"10.0.1.5\",\"gen\":1,"
		"\"shows\":\"10.128.9.1\"}",
		"{\"virtual\":\"240.1.0.2\",\"actual\":\"10.0.1.5\",\"gen\":1,\"tunnel\":true,"
		"\"shows\":7}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":1,\"arrivals\":[7]}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":1,\"arrivals\":[{},{},{},{}]}",
		"{\"virtual\":\"10.128.0.2\",\"gen\":1,\"mac\":\"0123456789012345678901234\"}",
	};
	struct event e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(parse(cases[i], &e), -EINVAL, "%s", cases[i]);
}
