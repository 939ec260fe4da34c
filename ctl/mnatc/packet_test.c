// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "mnat/addr.h"
#include "packet.h"

static struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

static const uint8_t payload[] = "odd length";
static uint8_t buf[128];

static size_t build(void)
{
	int n = packet_udp_build(ip("10.0.1.5"), 68, ip("10.0.0.1"), 67, payload, sizeof(payload),
				 buf, sizeof(buf));

	cr_assert_eq(n, PACKET_UDP_HEADERS + (int)sizeof(payload));
	return (size_t)n;
}

static int parse(size_t len, uint16_t port, bool partial)
{
	const uint8_t *got;
	size_t got_len;
	int r = packet_udp_parse(buf, len, port, partial, &got, &got_len);

	if (!r) {
		cr_assert_eq(got_len, sizeof(payload));
		cr_assert_arr_eq(got, payload, sizeof(payload));
	}
	return r;
}

Test(packet, udp_there_and_back)
{
	size_t len = build();

	cr_assert_eq(parse(len, 67, false), 0);
	cr_assert_eq(parse(len + 10, 67, false), 0, "Ethernet padding follows");
	cr_assert_eq(parse(len, 68, false), -EBADMSG);
}

Test(packet, udp_does_not_fit)
{
	cr_assert_eq(packet_udp_build(ip("10.0.1.5"), 68, ip("10.0.0.1"), 67, payload,
				      sizeof(payload), buf, 20),
		     -EMSGSIZE);
}

Test(packet, every_truncation_is_refused)
{
	size_t len = build();

	for (size_t n = 0; n < len; n++)
		cr_expect_eq(parse(n, 67, false), -EBADMSG, "%zu bytes", n);
}

Test(packet, every_flipped_bit_is_noticed)
{
	size_t len = build();

	for (size_t bit = 0; bit < len * 8; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_eq(parse(len, 67, false), -EBADMSG, "bit %zu", bit);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

Test(packet, checksum_not_filled_in_yet)
{
	size_t len = build();

	buf[26] ^= 0xff;
	cr_assert_eq(parse(len, 67, false), -EBADMSG);
	cr_assert_eq(parse(len, 67, true), 0);
	buf[26] = buf[27] = 0; /* RFC 768: none */
	cr_assert_eq(parse(len, 67, false), 0);
}

static const uint8_t ours[6] = {2, 0, 0, 0, 0, 1}, theirs[6] = {2, 0, 0, 0, 0, 9};

static struct arp_packet arp_reply(void)
{
	struct arp_packet arp;

	packet_arp_request(theirs, ip("10.0.1.1"), ip("0.0.0.0"), &arp);
	arp.op = htons(2);
	memcpy(arp.tha, ours, 6);
	return arp;
}

static int take(const struct arp_packet *arp, size_t len, uint8_t ret_mac[6])
{
	struct in_addr owner;
	int r = packet_arp_reply((const uint8_t *)arp, len, ours, &owner, ret_mac);

	if (!r)
		cr_assert_eq(owner.s_addr, ip("10.0.1.1").s_addr);
	return r;
}

Test(packet, arp_reply_of_the_gateway)
{
	struct arp_packet arp = arp_reply();
	uint8_t mac[6];

	cr_assert_eq(take(&arp, sizeof(arp), mac), 0);
	cr_assert_arr_eq(mac, theirs, 6);
	cr_assert_eq(take(&arp, sizeof(arp) - 1, mac), -EBADMSG);
}

Test(packet, arp_that_does_not_count)
{
	struct arp_packet arp;
	uint8_t mac[6];

	arp = arp_reply();
	arp.op = htons(1);
	cr_expect_eq(take(&arp, sizeof(arp), mac), -EBADMSG, "a request");
	arp = arp_reply();
	memcpy(arp.tha, theirs, 6);
	cr_expect_eq(take(&arp, sizeof(arp), mac), -EBADMSG, "to another");
	arp = arp_reply();
	memset(arp.sha, 0xff, 6);
	cr_expect_eq(take(&arp, sizeof(arp), mac), -EBADMSG, "everybody's address");
	arp = arp_reply();
	memset(arp.sha, 0, 6);
	cr_expect_eq(take(&arp, sizeof(arp), mac), -EBADMSG, "nobody's address");
	arp = arp_reply();
	arp.pln = 16;
	cr_expect_eq(take(&arp, sizeof(arp), mac), -EBADMSG, "not IPv4");
}

/* RFC 792, and the checksums by RFC 1071, byte by byte */
Test(packet, unreachable)
{
	static const uint8_t expected[PACKET_UNREACHABLE] = {
		0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 128, 0, 2, 128, 59, 16, 149,
		3, 1, 0, 0, 0, 0, 0, 0,
		0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 128, 59, 16, 149, 10, 128, 0, 2,
		0, 80, 0x06, 0xdc, 0x11, 0x22, 0x33, 0x44,
	};
	const struct packet_segment segment = {ip("128.59.16.149"), ip("10.128.0.2"), htons(80),
					       htons(1756), 0x11223344};
	uint8_t packet[PACKET_UNREACHABLE];
	static const size_t sums[][3] = {{0, 20, 10}, {20, 56, 22}, {28, 48, 38}};

	packet_unreachable_build(ip("10.128.0.2"), &segment, packet);
	for (size_t i = 0; i < 3; i++) {
		uint32_t total = 0;

		for (size_t at = sums[i][0]; at < sums[i][1]; at += 2)
			total += (uint32_t)packet[at] << 8 | packet[at + 1];
		cr_assert_eq(total % 0xffff, 0, "checksum %zu", i);
		memset(packet + sums[i][2], 0, 2);
	}
	cr_assert_arr_eq(packet, expected, sizeof(expected));
}
