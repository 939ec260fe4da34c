// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/peering.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const uint8_t key[PEERING_MAC_LEN] = "sixteen bytes kk";

static struct peering_message everything(const struct simco_flow *flows)
{
	struct peering_message m = {
		.basic = SIMCO_REQUEST,
		.subtype = PEERING_ARRIVE,
		.transaction = 0x01020304,
		.has = 0x3fff,
		.domain = 2,
		.epoch = 0x1122334455667788,
		.counter = 7,
		.flags = PEERING_DIRECT,
		.lifetime = 3600,
		.cursor = 99,
		.flows = flows,
		.n_flows = 2,
		.reason = "served long enough",
	};

	memset(m.ticket, 0x5a, sizeof(m.ticket));
	memset(m.proof, 0xa5, sizeof(m.proof));
	m.endpoint.s_addr = inet_addr("143.32.2.70");
	m.virt.s_addr = inet_addr("10.128.0.2");
	m.gateway.s_addr = inet_addr("135.180.32.4");
	m.others = (struct peering_others){
		2, {{inet_addr("135.180.32.5")}, {inet_addr("135.180.32.6")}}};
	return m;
}

Test(peering, round_trip)
{
	struct simco_flow flows[2] = {{.proto = 1, .port = htons(1756)}, {.proto = 2}};
	struct peering_message m = everything(flows), again;
	uint8_t buf[SIMCO_MAX_MESSAGE];
	size_t skip;
	int n = peering_encode(&m, buf, sizeof(buf));

	cr_assert_gt(n, 0);
	for (int i = 0; i < n; i++)
		cr_assert_eq(peering_decode(buf, (size_t)i, &again, &skip), 0, "%d bytes", i);
	cr_assert_eq(peering_decode(buf, (size_t)n, &again, &skip), n);
	cr_assert_eq(again.has, m.has);
	cr_assert_eq(again.transaction, m.transaction);
	cr_assert_eq(again.counter, 7);
	cr_assert_str_eq(again.reason, m.reason);
	cr_assert_eq(again.n_flows, 2);
	cr_assert_arr_eq(again.flows, flows, sizeof(flows));
	cr_assert_arr_eq(again.ticket, m.ticket, sizeof(m.ticket));
	cr_assert_eq(again.virt.s_addr, m.virt.s_addr);
	cr_assert_arr_eq(&again.others, &m.others, sizeof(m.others));
	cr_assert_eq(peering_encode(&m, buf, (size_t)n - 1), -EMSGSIZE);
}

Test(peering, one_gateway_too_many)
{
	static const uint8_t other[] = {0xe1, 0x07, 0x00, 0x04, 0x8f, 0x20, 0x02, 0x47};
	uint8_t wire[8 + 16 * sizeof(other)] = {0x01, 0x02, 0x00, 15 * sizeof(other), 0, 0, 0, 1};
	struct peering_message m;
	size_t skip;

	for (int i = 0; i < 16; i++)
		memcpy(wire + 8 + i * sizeof(other), other, sizeof(other));
	cr_assert_eq(peering_decode(wire, sizeof(wire) - sizeof(other), &m, &skip),
		     sizeof(wire) - sizeof(other));
	cr_assert_eq(m.others.n, PEERING_OTHERS_MAX);
	cr_assert_eq(m.others.addr[14].s_addr, inet_addr("143.32.2.71"));
	wire[3] = 16 * sizeof(other);
	cr_assert_eq(peering_decode(wire, sizeof(wire), &m, &skip), -EINVAL);
}

/* Bytes as a third party would send them. */
Test(peering, vector)
{
	static const uint8_t wire[] = {
		0x01, 0x04, 0x00, 0x08, 0x00, 0x00, 0x00, 0x2a, /* RENEW, transaction 42 */
		0xe0, 0x0c, 0x00, 0x04, 0x0a, 0x80, 0x00, 0x02, /* VIRTUAL 10.128.0.2 */
	};
	struct peering_message m;
	size_t skip;

	cr_assert_eq(peering_decode(wire, sizeof(wire), &m, &skip), sizeof(wire));
	cr_assert_eq(m.subtype, PEERING_RENEW);
	cr_assert_eq(m.transaction, 42);
	cr_assert_eq(m.has, PEERING_HAS_VIRTUAL);
	cr_assert_eq(m.virt.s_addr, inet_addr("10.128.0.2"));
}

Test(peering, vector_of_forward)
{
	static const uint8_t wire[] = {
		0x01, 0x08, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x2b, /* FORWARD, transaction 43 */
		0xe1, 0x03, 0x00, 0x08, 0, 0, 0, 0, 0, 0, 0, 7, /* COUNTER 7 */
		0xe0, 0x0c, 0x00, 0x04, 0x0a, 0x80, 0x00, 0x02, /* VIRTUAL 10.128.0.2 */
		0xe0, 0x0e, 0x00, 0x14,				/* FLOWS: */
		0x00, 0x00, 0x06, 0xdc, 128, 59, 16, 149, /* TCP 1756 and 128.59.16.149 */
		0x00, 0x50, 0x12, 0x67, 143, 32, 2, 70,	  /* port 80; port 4711 of 143.32.2.70 */
		0x00, 0x00, 0x00, 0x03,
	};
	struct peering_message m;
	uint8_t buf[sizeof(wire)];
	size_t skip;

	cr_assert_eq(peering_decode(wire, sizeof(wire), &m, &skip), sizeof(wire));
	cr_assert_eq(m.subtype, PEERING_FORWARD);
	cr_assert_eq(m.has, PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER | PEERING_HAS_FLOWS);
	cr_assert_eq(m.counter, 7);
	cr_assert_eq(m.n_flows, 1);
	cr_assert_eq(m.flows[0].external, inet_addr("143.32.2.70"));
	cr_assert_eq(m.flows[0].external_port, htons(4711));
	cr_assert_eq(peering_encode(&m, buf, sizeof(buf)), sizeof(wire));
	cr_assert_arr_eq(buf, wire, sizeof(wire));
}

Test(peering, malformed)
{
	static const struct {
		const char *what;
		uint8_t body[12];
	} cases[] = {
		{"an attribute of SIMCO's that is none of ours", {0xe0, 0x02, 0, 4, 1, 2, 3, 4}},
		{"a short address", {0xe0, 0x0c, 0, 3, 1, 2, 3, 0}},
		{"runs past the end", {0xe1, 0x02, 0, 48, 1, 2, 3, 4}},
		{"half a flow", {0xe0, 0x0e, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"an empty reason", {0xe1, 0x06, 0, 0, 0xe1, 0x01, 0, 4, 1, 2, 3, 4}},
		{"a NUL in a reason", {0xe1, 0x06, 0, 4, 'a', 0, 'b', 'c'}},
		{"padding that is not zero", {0xe1, 0x06, 0, 3, 'a', 'b', 'c', 1}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t wire[20] = {1, 2, 0, 12, 0, 0, 0, 1};
		struct peering_message m;
		size_t skip = 0;

		memcpy(wire + 8, cases[i].body, 12);
		cr_expect_eq(peering_decode(wire, sizeof(wire), &m, &skip), -EINVAL, "%s",
			     cases[i].what);
		cr_expect_eq(skip, sizeof(wire));
		cr_expect_eq(m.has, 0);
		cr_expect_eq(m.transaction, 1);
	}
}

Test(peering, too_long_cannot_be_followed)
{
	static const uint8_t wire[8] = {1, 2, 0xff, 0xf0};
	struct peering_message m;
	size_t skip;

	cr_assert_eq(peering_decode(wire, sizeof(wire), &m, &skip), -EBADMSG);
}

Test(peering, sealed_datagram)
{
	struct peering_message m = everything(NULL);
	uint8_t buf[SIMCO_MAX_MESSAGE], other[PEERING_MAC_LEN] = "another key";
	int n;

	m.n_flows = 0;
	n = peering_encode(&m, buf, sizeof(buf));
	cr_assert_not(peering_is_sealed(key, buf, (size_t)n));
	peering_seal(key, buf, (size_t)n);
	cr_assert(peering_is_sealed(key, buf, (size_t)n));
	cr_assert_not(peering_is_sealed(other, buf, (size_t)n));
	for (int i = 0; i < n - PEERING_MAC_LEN - 4; i++) {
		buf[i] ^= 1;
		cr_assert_not(peering_is_sealed(key, buf, (size_t)n), "byte %d changed", i);
		buf[i] ^= 1;
	}
	cr_assert_not(peering_is_sealed(key, buf, 8));
}

Test(peering, every_error_has_a_text)
{
	for (int e = PEERING_E_UNKNOWN; e <= PEERING_E_BUSY; e++)
		cr_expect_str_neq(peering_error_text((uint8_t)e), "unknown error");
	cr_expect_str_eq(peering_error_text(1), "unknown error");
}
