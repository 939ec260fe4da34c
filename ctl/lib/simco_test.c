// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "mnat/simco.h"

#define ALL                                                                                    \
	(SIMCO_HAS(SIMCO_A_VERSION) | SIMCO_HAS(SIMCO_A_X_EPOCH) |                             \
	 SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_OLD_ACTUAL) |                     \
	 SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL) | SIMCO_HAS(SIMCO_A_X_GENERATION) |                   \
	 SIMCO_HAS(SIMCO_A_X_FLAGS) | SIMCO_HAS(SIMCO_A_X_BOUND_AT) |                          \
	 SIMCO_HAS(SIMCO_A_X_HOSTS) | SIMCO_HAS(SIMCO_A_X_PATH) |                              \
	 SIMCO_HAS(SIMCO_A_X_ENDPOINT) | SIMCO_HAS(SIMCO_A_X_GATEWAY) |                        \
	 SIMCO_HAS(SIMCO_A_X_VIRTUAL) | SIMCO_HAS(SIMCO_A_X_CURSOR) |                          \
	 SIMCO_HAS(SIMCO_A_X_FLOWS))
#define N_ALL 15

/* Paragraph 34's download, and a ping. */
static const uint8_t flow_bytes[] = {
	0x00, 0x00, 0x06, 0xdc, 128, 59, 16, 149, 0, 80, 0x1b, 0xb0, 135, 180, 32, 4, 0, 0, 0, 3,
	0x02, 0x00, 0x00, 0x4d, 128, 59, 16, 149, 0, 0,	 0x04, 0x00, 135, 180, 32, 4, 0, 0, 0, 0,
};

static struct simco_message full(void)
{
	return (struct simco_message){
		.basic = SIMCO_REQUEST,
		.subtype = SIMCO_X_HREB,
		.transaction = 0x01020304,
		.has = ALL,
		.version_major = 3,
		.version_minor = 1,
		.epoch = 0x1122334455667788,
		.identity.s_addr = htonl(0x0a800002),
		.old_actual.s_addr = htonl(0x0a000105),
		.new_actual.s_addr = htonl(0x0a000207),
		.generation = 0xfffffffe,
		.flags = SIMCO_HREB_PLAIN,
		.bound_at = 0xffffffffffffffff,
		.hosts = 4096,
		.path = 2,
		.endpoint.s_addr = htonl(0xcb007109),
		.gateway.s_addr = htonl(0x87b42004),
		.virt.s_addr = htonl(0x0a800002),
		.cursor = 0x8000000000000001,
		.flows = (const struct simco_flow *)flow_bytes,
		.n_flows = 2,
	};
}

/* RFC 4540: figure 1 (header), figure 4 (protocol version), section 5.1.1 (SE). */
static const uint8_t se_request[] = {
	0x01, 0x01, 0x00, 0x08, 0x00, 0x00, 0x00, 0x2a, /* request, SE, 8, transaction 42 */
	0x00, 0x01, 0x00, 0x04, 0x03, 0x00, 0x00, 0x00, /* version 3.0 */
};

/* A termination has no attributes; its negative reply says "not applicable". */
static const uint8_t st_request[] = {0x01, 0x03, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff};
static const uint8_t st_refused[] = {0x03, 0x20, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff};

/* Paragraph 34's move as we send it: 10.128.0.2 from 10.0.1.5 to 10.0.2.7. */
static const uint8_t hreb_request[] = {
	0x01, 0xe2, 0x00, 0x28, 0x00, 0x00, 0x00, 0x07,
	0xe0, 0x02, 0x00, 0x04, 10,   128,  0,	  2,
	0xe0, 0x03, 0x00, 0x04, 10,   0,    1,	  5,
	0xe0, 0x04, 0x00, 0x04, 10,   0,    2,	  7,
	0xe0, 0x05, 0x00, 0x04, 0,    0,    0,	  2,
	0xe0, 0x06, 0x00, 0x04, 0,    0,    0,	  0,
};

Test(simco, every_attribute_has_its_bit)
{
	cr_assert_eq(__builtin_popcount(ALL), N_ALL);
}

Test(simco, encodes_the_bytes_of_the_rfc)
{
	struct simco_message se = {.basic = SIMCO_REQUEST,
				   .subtype = SIMCO_SE,
				   .transaction = 42,
				   .has = SIMCO_HAS(SIMCO_A_VERSION),
				   .version_major = SIMCO_VERSION_MAJOR,
				   .version_minor = SIMCO_VERSION_MINOR};
	struct simco_message st = {
		.basic = SIMCO_REQUEST, .subtype = SIMCO_ST, .transaction = UINT32_MAX};
	struct simco_message refused = {.basic = SIMCO_NEGATIVE,
					.subtype = SIMCO_E_NOT_APPLICABLE,
					.transaction = UINT32_MAX};
	uint8_t buf[SIMCO_MAX_MESSAGE];

	cr_assert_eq(simco_encode(&se, buf, sizeof(buf)), (int)sizeof(se_request));
	cr_assert_arr_eq(buf, se_request, sizeof(se_request));
	cr_assert_eq(simco_encode(&st, buf, sizeof(buf)), (int)sizeof(st_request));
	cr_assert_arr_eq(buf, st_request, sizeof(st_request));
	cr_assert_eq(simco_encode(&refused, buf, sizeof(buf)), (int)sizeof(st_refused));
	cr_assert_arr_eq(buf, st_refused, sizeof(st_refused));
}

Test(simco, encodes_a_move)
{
	struct simco_message m = full();
	uint8_t buf[SIMCO_MAX_MESSAGE];

	m.transaction = 7;
	m.generation = 2;
	m.flags = 0;
	m.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_OLD_ACTUAL) |
		SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL) | SIMCO_HAS(SIMCO_A_X_GENERATION) |
		SIMCO_HAS(SIMCO_A_X_FLAGS);
	cr_assert_eq(simco_encode(&m, buf, sizeof(buf)), (int)sizeof(hreb_request));
	cr_assert_arr_eq(buf, hreb_request, sizeof(hreb_request));
}

/* ---- Between domains ---- */

/* The node of paragraph 34 is behind 203.0.113.9, another domain's gateway. */
static const uint8_t hreb_away[] = {
	0x01, 0xe2, 0x00, 0x30, 0x00, 0x00, 0x00, 0x08,
	0xe0, 0x02, 0x00, 0x04, 10,   128,  0,	  2,
	0xe0, 0x04, 0x00, 0x04, 0,    0,    0,	  0,
	0xe0, 0x05, 0x00, 0x04, 0,    0,    0,	  3,
	0xe0, 0x06, 0x00, 0x04, 0,    0,    0,	  0,
	0xe0, 0x09, 0x00, 0x04, 0,    0,    0,	  2,
	0xe0, 0x0a, 0x00, 0x04, 203,  0,    113,  9,
};

/* Here, by tunnel, with an address that it shares with others: its identity is another. */
static const uint8_t hreb_shared[] = {
	0x01, 0xe2, 0x00, 0x30, 0x00, 0x00, 0x00, 0x0e,
	0xe0, 0x02, 0x00, 0x04, 240,  1,    0,	  1,
	0xe0, 0x04, 0x00, 0x04, 10,   0,    2,	  7,
	0xe0, 0x05, 0x00, 0x04, 0,    0,    0,	  3,
	0xe0, 0x06, 0x00, 0x04, 0,    0,    0,	  0,
	0xe0, 0x09, 0x00, 0x04, 0,    0,    0,	  2,
	0xe0, 0x0c, 0x00, 0x04, 10,   128,  9,	  1,
};

/* There, its sessions at 135.180.32.4 begin with 10.128.0.2; that is its default anchor. */
static const uint8_t hanc[] = {
	0x01, 0xe4, 0x00, 0x20, 0x00, 0x00, 0x00, 0x09,
	0xe0, 0x02, 0x00, 0x04, 10,   128,  0,	  2,
	0xe0, 0x06, 0x00, 0x04, 0,    0,    0,	  2,
	0xe0, 0x0b, 0x00, 0x04, 135,  180,  32,	  4,
	0xe0, 0x0c, 0x00, 0x04, 10,   128,  0,	  2,
};

/* Its two sessions, in one batch: cursor 0 says that these are all. */
static const uint8_t fexp_reply[] = {
	0x02, 0xe6, 0x00, 0x38, 0x00, 0x00, 0x00, 0x0a,
	0xe0, 0x0d, 0x00, 0x08, 0,    0,    0,	  0,	0,  0,	0,    0,
	0xe0, 0x0e, 0x00, 0x28,
	0x00, 0x00, 0x06, 0xdc, 128,  59,   16,	  149,	0,  80, 0x1b, 0xb0,
	135,  180,  32,	  4,	0,    0,    0,	  3,
	0x02, 0x00, 0x00, 0x4d, 128,  59,   16,	  149,	0,  0,	0x04, 0x00,
	135,  180,  32,	  4,	0,    0,    0,	  0,
};

static const uint8_t hend[] = {
	0x04, 0xe8, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00,
	0xe0, 0x02, 0x00, 0x04, 10,   128,  0,	  2,
};

/* Behind 203.0.113.9, the download's port is 4711, to which packets come from 135.180.32.4. */
static const uint8_t frel_reply[] = {
	0x02, 0xe9, 0x00, 0x24, 0x00, 0x00, 0x00, 0x0c,
	0xe0, 0x0d, 0x00, 0x08, 0, 0, 0, 0, 0, 0, 0, 0,
	0xe0, 0x0e, 0x00, 0x14, 0x00, 0x00, 0x06, 0xdc, 128, 59, 16, 149,
	0, 80, 0x12, 0x67, 203, 0, 113, 9, 0, 0, 0, 3,
};
static const uint8_t hfwd[] = {
	0x01, 0xea, 0x00, 0x30, 0x00, 0x00, 0x00, 0x0d,
	0xe0, 0x02, 0x00, 0x04, 10,   128,  0,	  2,
	0xe0, 0x06, 0x00, 0x04, 0,    0,    0,	  0,
	0xe0, 0x0a, 0x00, 0x04, 203,  0,    113,  9,
	0xe0, 0x0e, 0x00, 0x14, 0x00, 0x00, 0x06, 0xdc, 128, 59, 16, 149,
	0, 80, 0x12, 0x67, 203, 0, 113, 9, 0, 0, 0, 3,
};

static void expect_bytes(const struct simco_message *message, const uint8_t *bytes, size_t len)
{
	uint8_t buf[SIMCO_MAX_MESSAGE];

	cr_assert_eq(simco_encode(message, buf, sizeof(buf)), (int)len);
	cr_assert_arr_eq(buf, bytes, len);
}

Test(simco, encodes_a_shared_address)
{
	struct simco_message m = full();

	m.transaction = 14;
	m.identity.s_addr = htonl(0xf0010001);
	m.generation = 3;
	m.flags = 0;
	m.virt.s_addr = htonl(0x0a800901);
	m.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL) |
		SIMCO_HAS(SIMCO_A_X_GENERATION) | SIMCO_HAS(SIMCO_A_X_FLAGS) |
		SIMCO_HAS(SIMCO_A_X_PATH) | SIMCO_HAS(SIMCO_A_X_VIRTUAL);
	expect_bytes(&m, hreb_shared, sizeof(hreb_shared));
}

Test(simco, encodes_what_moves_between_domains)
{
	struct simco_message m = full();

	m.transaction = 8;
	m.generation = 3;
	m.flags = 0;
	m.new_actual.s_addr = 0;
	m.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL) |
		SIMCO_HAS(SIMCO_A_X_GENERATION) | SIMCO_HAS(SIMCO_A_X_FLAGS) |
		SIMCO_HAS(SIMCO_A_X_PATH) | SIMCO_HAS(SIMCO_A_X_ENDPOINT);
	expect_bytes(&m, hreb_away, sizeof(hreb_away));
	m.subtype = SIMCO_X_HANC;
	m.transaction = 9;
	m.flags = SIMCO_HANC_DEFAULT;
	m.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_FLAGS) |
		SIMCO_HAS(SIMCO_A_X_GATEWAY) | SIMCO_HAS(SIMCO_A_X_VIRTUAL);
	expect_bytes(&m, hanc, sizeof(hanc));
	m.basic = SIMCO_POSITIVE;
	m.subtype = SIMCO_X_FEXP;
	m.transaction = 10;
	m.cursor = 0;
	m.has = SIMCO_HAS(SIMCO_A_X_FLOWS) | SIMCO_HAS(SIMCO_A_X_CURSOR);
	expect_bytes(&m, fexp_reply, sizeof(fexp_reply));
	m.basic = SIMCO_NOTIFICATION;
	m.subtype = SIMCO_X_HEND;
	m.transaction = 0;
	m.has = SIMCO_HAS(SIMCO_A_X_IDENTITY);
	expect_bytes(&m, hend, sizeof(hend));
}

Test(simco, encodes_ports_instead_of_tunnels)
{
	const struct simco_flow flow = {
		.port = htons(1756), .remote = htonl(0x803b1095), .remote_port = htons(80),
		.external_port = htons(4711), .external = htonl(0xcb007109), .flags = htonl(3)};
	struct simco_message m = full();

	m.basic = SIMCO_POSITIVE;
	m.subtype = SIMCO_X_FREL;
	m.transaction = 12;
	m.cursor = 0;
	m.flows = &flow;
	m.n_flows = 1;
	m.has = SIMCO_HAS(SIMCO_A_X_FLOWS) | SIMCO_HAS(SIMCO_A_X_CURSOR);
	expect_bytes(&m, frel_reply, sizeof(frel_reply));
	m.basic = SIMCO_REQUEST;
	m.subtype = SIMCO_X_HFWD;
	m.transaction = 13;
	m.flags = 0;
	m.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_ENDPOINT) |
		SIMCO_HAS(SIMCO_A_X_FLAGS) | SIMCO_HAS(SIMCO_A_X_FLOWS);
	expect_bytes(&m, hfwd, sizeof(hfwd));
}

/* ---- Policy rules ---- */

/* UDP 5060 of 10.128.0.2 for an hour; the external port is 7088, rule 1, group 9. */
static const uint8_t per_request[] = {
	0x01, 0x12, 0x00, 0x18, 0x00, 0x00, 0x00, 0x0b,
	0x00, 0x07, 0x00, 0x04, 0x00, 0x00, 0x0e, 0x10,
	0x00, 0x09, 0x00, 0x0c, 0x00, 0x04, 0x11, 0x20, 0x13, 0xc4, 0x00, 0x01, 10, 128, 0, 2,
};
static const uint8_t per_reply[] = {
	0x02, 0x12, 0x00, 0x38, 0x00, 0x00, 0x00, 0x0b,
	0x00, 0x05, 0x00, 0x04, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x06, 0x00, 0x04, 0x00, 0x00, 0x00, 0x09,
	0x00, 0x07, 0x00, 0x04, 0x00, 0x00, 0x0e, 0x10,
	0x00, 0x09, 0x00, 0x0c, 0x00, 0x04, 0x11, 0x20, 0x13, 0xc4, 0x00, 0x01, 10, 128, 0, 2,
	0x00, 0x09, 0x00, 0x0c, 0x01, 0x04, 0x11, 0x20, 0x1b, 0xb0, 0x00, 0x01, 135, 180, 32, 4,
};

Test(simco, encodes_rules)
{
	struct simco_message m = {
		.basic = SIMCO_REQUEST,
		.subtype = SIMCO_PER,
		.transaction = 11,
		.has = SIMCO_HAS(SIMCO_A_LIFETIME) | SIMCO_HAS(SIMCO_A_TUPLE),
		.lifetime = 3600,
		.group = 9,
		.n_rules = 1,
		.n_tuples = 1,
		.tuples = {{SIMCO_INSIDE, 4, 17, 32, htons(5060), htons(1), htonl(0x0a800002)},
			   {SIMCO_OUTSIDE, 4, 17, 32, htons(7088), htons(1), htonl(0x87b42004)}},
	}, out;
	size_t skip;

	expect_bytes(&m, per_request, sizeof(per_request));
	m.basic = SIMCO_POSITIVE;
	m.has |= SIMCO_HAS(SIMCO_A_RULE) | SIMCO_HAS(SIMCO_A_GROUP);
	m.rules[0] = htonl(1);
	m.n_tuples = 2;
	expect_bytes(&m, per_reply, sizeof(per_reply));
	cr_assert_eq(simco_decode(per_reply, sizeof(per_reply), &out, &skip),
		     (int)sizeof(per_reply));
	cr_assert_eq(out.n_tuples, 2);
	cr_assert_eq(out.n_rules, 1);
	cr_assert_eq(out.tuples[1].location, SIMCO_OUTSIDE);
	cr_assert_arr_eq(out.tuples, m.tuples, sizeof(m.tuples));
	m.n_tuples = SIMCO_TUPLES_MAX + 1;
	cr_assert_eq(simco_encode(&m, (uint8_t[SIMCO_MAX_MESSAGE]){0}, SIMCO_MAX_MESSAGE),
		     -EMSGSIZE);
}

Test(simco, no_more_tuples_than_there_is_room_for)
{
	uint8_t buf[sizeof(per_reply) + 16];
	struct simco_message m;
	size_t skip = 0;

	memcpy(buf, per_reply, sizeof(per_reply));
	memcpy(buf + sizeof(per_reply), per_reply + sizeof(per_reply) - 16, 16);
	buf[3] += 16;
	cr_assert_eq(simco_decode(buf, sizeof(buf), &m, &skip), -EINVAL);
	cr_assert_eq(skip, sizeof(buf));
	cr_assert_eq(m.n_tuples, 0);
}

Test(simco, as_many_rules_as_are_possible)
{
	static struct simco_message m, out;
	uint8_t buf[SIMCO_MAX_MESSAGE];
	size_t skip = 0;
	int n;

	m = (struct simco_message){.basic = SIMCO_POSITIVE,
				   .subtype = SIMCO_PRL,
				   .has = SIMCO_HAS(SIMCO_A_RULE) | SIMCO_HAS(SIMCO_A_OWNER) |
					  SIMCO_HAS(SIMCO_A_CAPABILITIES) |
					  SIMCO_HAS(SIMCO_A_PROTOCOL),
				   .owner = "mm.home",
				   .n_rules = SIMCO_RULES_MAX};
	n = simco_encode(&m, buf, sizeof(buf));
	cr_assert_eq(n, SIMCO_HEADER_LEN + SIMCO_RULES_MAX * 8 + 4 + 8 + 4 + 8 + 8);
	cr_assert_eq(simco_decode(buf, (size_t)n, &out, &skip), n);
	cr_assert_eq(out.n_rules, SIMCO_RULES_MAX);
	cr_assert_str_eq(out.owner, "mm.home");
}

Test(simco, as_many_flows_as_fit)
{
	static struct simco_flow many[SIMCO_FLOWS_MAX + 1];
	struct simco_message in = {.basic = SIMCO_POSITIVE,
				   .subtype = SIMCO_X_FEXP,
				   .has = SIMCO_HAS(SIMCO_A_X_FLOWS) | SIMCO_HAS(SIMCO_A_X_CURSOR),
				   .flows = many,
				   .n_flows = SIMCO_FLOWS_MAX}, out;
	uint8_t buf[SIMCO_MAX_MESSAGE];
	size_t skip = 0;
	int n = simco_encode(&in, buf, sizeof(buf));

	cr_assert_eq(n, SIMCO_HEADER_LEN + 12 + 4 + SIMCO_FLOWS_MAX * 20);
	cr_assert_eq(simco_decode(buf, (size_t)n, &out, &skip), n);
	cr_assert_eq(out.n_flows, SIMCO_FLOWS_MAX);
	in.n_flows++;
	cr_assert_eq(simco_encode(&in, buf, sizeof(buf)), -EMSGSIZE);
	/* the same by hand: 513 flows in a message that is not too long */
	buf[2] = 0x28;
	buf[3] = 0x18;
	memcpy(buf + SIMCO_HEADER_LEN, (uint8_t[]){0xe0, 0x0e, 0x28, 0x14}, 4);
	cr_assert_eq(simco_decode(buf, SIMCO_HEADER_LEN + 0x2818, &out, &skip), -EINVAL);
	cr_assert_eq(skip, SIMCO_HEADER_LEN + 0x2818);
}

Test(simco, no_flows)
{
	static const uint8_t bytes[] = {2, 0xe6, 0, 4, 0, 0, 0, 1, 0xe0, 0x0e, 0, 0};
	struct simco_message m;
	size_t skip;

	cr_assert_eq(simco_decode(bytes, sizeof(bytes), &m, &skip), (int)sizeof(bytes));
	cr_assert(m.has & SIMCO_HAS(SIMCO_A_X_FLOWS));
	cr_assert_eq(m.n_flows, 0);
}

Test(simco, round_trip_of_every_attribute)
{
	struct simco_message in = full(), out;
	uint8_t buf[SIMCO_MAX_MESSAGE], again[SIMCO_MAX_MESSAGE];
	size_t skip;
	int n = simco_encode(&in, buf, sizeof(buf));

	cr_assert_gt(n, 0);
	cr_assert_eq(simco_decode(buf, (size_t)n, &out, &skip), n);
	cr_assert_eq(simco_encode(&out, again, sizeof(again)), n);
	cr_assert_arr_eq(buf, again, (size_t)n);
	cr_assert_eq(out.has, in.has);
	cr_assert_eq(out.epoch, in.epoch);
	cr_assert_eq(out.generation, in.generation);
	cr_assert_eq(out.bound_at, in.bound_at);
	cr_assert_eq(out.identity.s_addr, in.identity.s_addr);
	cr_assert_eq(out.cursor, in.cursor);
	cr_assert_eq(out.n_flows, 2);
	cr_assert_arr_eq(out.flows, flow_bytes, sizeof(flow_bytes));
	cr_assert_eq(out.flows[1].proto, 2);
	cr_assert_eq(ntohs(out.flows[0].external_port), 7088);
}

Test(simco, each_truncation_asks_for_more)
{
	struct simco_message in = full(), out;
	uint8_t buf[SIMCO_MAX_MESSAGE];
	size_t skip;
	int n = simco_encode(&in, buf, sizeof(buf));

	for (int len = 0; len < n; len++)
		cr_expect_eq(simco_decode(buf, (size_t)len, &out, &skip), 0, "%d bytes", len);
}

/* A message whose header claims fewer bytes than its attributes need. */
Test(simco, each_shortened_message_is_malformed)
{
	struct simco_message in = full(), out;
	uint8_t buf[SIMCO_MAX_MESSAGE];
	int n = simco_encode(&in, buf, sizeof(buf));
	int boundaries = 0;

	for (int body = 0; body < n - SIMCO_HEADER_LEN; body++) {
		size_t skip = 0;
		int r;

		buf[2] = (uint8_t)(body >> 8);
		buf[3] = (uint8_t)body;
		r = simco_decode(buf, (size_t)n, &out, &skip);
		if (r > 0) {
			boundaries++; /* the cut fell between two attributes */
			continue;
		}
		cr_expect_eq(r, -EINVAL, "body of %d", body);
		cr_expect_eq(skip, (size_t)(SIMCO_HEADER_LEN + body));
		cr_expect_eq(out.transaction, in.transaction);
		cr_expect_eq(out.has, 0);
	}
	cr_assert_eq(boundaries, N_ALL);
}

static int decode_body(const uint8_t *body, size_t len, struct simco_message *ret_message)
{
	uint8_t buf[256] = {SIMCO_REQUEST, SIMCO_X_HELLO, (uint8_t)(len >> 8), (uint8_t)len};
	size_t skip = 0;
	int r;

	memcpy(buf + SIMCO_HEADER_LEN, body, len);
	r = simco_decode(buf, SIMCO_HEADER_LEN + len, ret_message, &skip);
	cr_expect_eq(skip, r == -EINVAL ? SIMCO_HEADER_LEN + len : 0);
	return r;
}

Test(simco, malformed_attributes)
{
	static const struct {
		const char *what;
		size_t len;
		uint8_t body[24];
	} cases[] = {
		{"unknown attribute", 8, {0x12, 0x34, 0, 4, 0, 0, 0, 0}},
		{"unknown extension", 8, {0xe0, 0x0f, 0, 4, 0, 0, 0, 0}},
		{"duplicate", 16, {0xe0, 0x05, 0, 4, 0, 0, 0, 1, 0xe0, 0x05, 0, 4, 0, 0, 0, 1}},
		{"length 0", 4, {0xe0, 0x05, 0, 0}},
		{"length too small", 8, {0xe0, 0x05, 0, 3, 0, 0, 0, 0}},
		{"length too large", 12, {0xe0, 0x05, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0}},
		{"length beyond the message", 8, {0xe0, 0x01, 0, 8, 0, 0, 0, 0}},
		{"half an attribute header", 2, {0xe0, 0x05}},
		{"epoch of 4 bytes", 8, {0xe0, 0x01, 0, 4, 0, 0, 0, 0}},
		{"flow and 4 bytes", 8, {0xe0, 0x0e, 0, 4, 0, 0, 0, 0}},
		{"flows, one missing", 24, {0xe0, 0x0e, 0, 40}},
		{"cursor of 4 bytes", 8, {0xe0, 0x0d, 0, 4, 0, 0, 0, 0}},
		{"version of 8 bytes", 12, {0, 1, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0}},
	};
	struct simco_message m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(decode_body(cases[i].body, cases[i].len, &m), -EINVAL, "%s",
			     cases[i].what);
}

Test(simco, impossible_length_ends_the_stream)
{
	uint8_t buf[SIMCO_HEADER_LEN] = {SIMCO_REQUEST, SIMCO_SE};
	struct simco_message m;
	size_t skip;

	buf[2] = 0x3f; /* 0x3ff8 + 8 = 16384 is the largest */
	buf[3] = 0xf8;
	cr_assert_eq(simco_decode(buf, sizeof(buf), &m, &skip), 0);
	buf[3] = 0xf9;
	cr_assert_eq(simco_decode(buf, sizeof(buf), &m, &skip), -EBADMSG);
	buf[2] = buf[3] = 0xff;
	cr_assert_eq(simco_decode(buf, sizeof(buf), &m, &skip), -EBADMSG);
}

Test(simco, encode_needs_room)
{
	struct simco_message in = full();
	uint8_t buf[SIMCO_MAX_MESSAGE];
	int n = simco_encode(&in, buf, sizeof(buf));

	for (int size = 0; size < n; size++)
		cr_expect_eq(simco_encode(&in, buf, (size_t)size), -EMSGSIZE, "%d bytes", size);
	cr_expect_eq(simco_encode(&in, buf, (size_t)n), n);
}

Test(simco, every_error_has_its_text)
{
	static const uint8_t errors[] = {
		SIMCO_E_BASIC_TYPE, SIMCO_E_SUBTYPE, SIMCO_E_MALFORMED, SIMCO_E_NOT_APPLICABLE,
		SIMCO_E_RESOURCES,  SIMCO_E_VERSION, SIMCO_E_X_STALE,	SIMCO_E_X_ADDRESS,
		SIMCO_E_X_TAKEN,
	};

	for (size_t i = 0; i < sizeof(errors); i++)
		cr_expect_str_neq(simco_error_text(errors[i]), simco_error_text(0));
}
