// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "mnat/hex.h"

/* One's complement sum over big-endian words; 0xffff when checksums are right. */
static uint32_t sum(const uint8_t *bytes, size_t len, uint32_t total)
{
	for (size_t i = 0; i < len; i++)
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static void check(size_t len)
{
	static uint8_t payload[1472];
	uint8_t datagram[8 + 1472];
	struct frame_header header;
	uint32_t pseudo;

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 31 + len);
	frame_make(&header, (struct in_addr){inet_addr("10.0.1.1")},
		   (struct in_addr){inet_addr("10.0.1.5")}, payload, len);
	cr_assert_eq(sum((uint8_t *)&header.ip, 20, 0), 0xffff);
	memcpy(datagram, &header.udp, 8);
	memcpy(datagram + 8, payload, len);
	pseudo = sum((uint8_t *)&header.ip.saddr, 8, 17 + 8 + (uint32_t)len);
	cr_assert_eq(sum(datagram, 8 + len, pseudo), 0xffff, "length %zu", len);
	cr_assert_eq(ntohs(header.ip.tot_len), 28 + len);
	cr_assert_eq(ntohs(header.udp.len), 8 + len);
	cr_assert_eq(ntohs(header.udp.source), 67);
	cr_assert_eq(ntohs(header.udp.dest), 68);
}

Test(frame, checksums_are_right)
{
	for (size_t len = 300; len <= 1472; len += 7)
		check(len);
}

/* RFC 768: a sum of zero is sent as its complement, since zero means no checksum. */
Test(frame, checksum_is_never_zero)
{
	unsigned int zero_sums = 0;

	for (uint32_t word = 0; word <= UINT16_MAX; word++) {
		uint8_t payload[2] = {(uint8_t)(word >> 8), (uint8_t)word};
		struct frame_header header;

		frame_make(&header, (struct in_addr){inet_addr("10.0.1.1")},
			   (struct in_addr){inet_addr("10.0.1.5")}, payload, sizeof(payload));
		cr_assert_neq(header.udp.check, 0, "payload %04x", word);
		zero_sums += header.udp.check == 0xffff;
	}
	cr_assert_gt(zero_sums, 0);
}

Test(hex, writes_bytes)
{
	char text[MNAT_HEX_LEN(3)];

	cr_assert_str_eq(mnat_hex((const uint8_t *)"\x01\xab\xff", 3, text), "01abff");
	cr_assert_str_eq(mnat_hex(NULL, 0, text), "");
}
