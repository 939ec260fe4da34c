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
	 SIMCO_HAS(SIMCO_A_X_HOSTS))

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
	cr_assert_eq(__builtin_popcount(ALL), 9);
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
	cr_assert_eq(boundaries, 9);
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
	};

	for (size_t i = 0; i < sizeof(errors); i++)
		cr_expect_str_neq(simco_error_text(errors[i]), simco_error_text(0));
}
