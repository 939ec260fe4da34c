// SPDX-License-Identifier: GPL-2.0-only
#include "probe.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

/* IP of 20 bytes from 10.0.1.5, echo reply, id 0x1234, payload of eight bytes */
static const uint8_t reply[] = {
	0x45, 0,    0, 36,   0,	   0,	 0,    0,    64,   1,	 0,    0, 10, 0, 1, 5, 10, 0,
	0,    1, /* */ 0,    0,	   0,	 0,    0x12, 0x34, 0,	 0, /* */ 1,  2, 3, 4, 5,  6,
	7,    8};

static uint32_t answer(const uint8_t *buf, size_t len)
{
	uint64_t payload;

	memcpy(&payload, reply + 28, sizeof(payload));
	return probe_answer(buf, len, htons(0x1234), payload);
}

Test(probe, an_answer_tells_who_is_there)
{
	uint8_t options[sizeof(reply) + 4] = {0};

	cr_assert_eq(sizeof(reply), 36);
	cr_assert_eq(answer(reply, sizeof(reply)), 0x0a000105);
	memcpy(options, reply, 20);
	memcpy(options + 24, reply + 20, 16);
	options[0] = 0x46;
	cr_assert_eq(answer(options, sizeof(options)), 0x0a000105);
}

Test(probe, what_is_no_answer_to_us_is_none)
{
	static const size_t places[] = {20, 24, 25, 28, 35}; /* type, id, payload */
	uint8_t buf[sizeof(reply)];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memcpy(buf, reply, sizeof(buf));
		buf[places[i]] ^= 8;
		cr_assert_eq(answer(buf, sizeof(buf)), 0, "byte %zu", places[i]);
	}
	for (size_t len = 0; len < sizeof(reply); len++)
		cr_assert_eq(answer(reply, len), 0, "cut to %zu", len);
	memcpy(buf, reply, sizeof(buf));
	buf[0] = 0x4f; /* a header longer than what there is */
	cr_assert_eq(answer(buf, sizeof(buf)), 0);
	buf[0] = 0x44;
	cr_assert_eq(answer(buf, sizeof(buf)), 0);
}
