// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/dhcp.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct dhcp_codec codec = {.enterprise = 32473, .seed_option = 224};
static const struct dhcp_header request = {.op = DHCP_BOOTREQUEST, .htype = 1, .hlen = 6};

static struct in_addr ip(const char *text)
{
	return (struct in_addr){inet_addr(text)};
}

/* A request whose option field is exactly the given bytes. */
static size_t raw(uint8_t buf[DHCP_MAX_MESSAGE], const void *options, size_t len)
{
	struct dhcp_header header = request;

	header.magic = htonl(DHCP_MAGIC);
	memcpy(buf, &header, sizeof(header));
	memcpy(buf + sizeof(header), options, len);
	return sizeof(header) + len;
}

static enum dhcp_error parse(const void *options, size_t len, struct dhcp_message *message)
{
	uint8_t buf[DHCP_MAX_MESSAGE];

	return dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, raw(buf, options, len), message);
}

#define PARSE(message, ...)                                                                        \
	({                                                                                         \
		const uint8_t _o[] = {__VA_ARGS__};                                                \
		parse(_o, sizeof(_o), message);                                                    \
	})

Test(dhcp, builds_exact_bytes)
{
	static const uint8_t expected[] = {53,	 1,  5,	  54, 4,  10,  0,   0,	 1,   51, 4,  0,
					   0,	 14, 16,  26, 2,  5,   220, 125, 17,  0,  0,  0x7e,
					   0xd9, 12, 1,	  4,  10, 128, 0,   2,	 2,   4,  10, 0,
					   0,	 1,  224, 4,  10, 128, 0,   2,	 255, 0,  0};
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;

	memset(buf, 0xaa, sizeof(buf));
	dhcp_build(&b, buf, sizeof(buf), &request, DHCP_ACK);
	dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, ip("10.0.0.1"));
	dhcp_put_u32(&b, DHCP_OPT_LEASE_TIME, 3600);
	dhcp_put_u16(&b, DHCP_OPT_MTU, 1500);
	dhcp_put_shim(&b, &codec, DHCP_SHIM_VIVSO | DHCP_SHIM_SEED, ip("10.128.0.2"),
		      ip("10.0.0.1"), 0);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	cr_assert_eq(len, DHCP_MIN_MESSAGE);
	cr_assert_arr_eq(buf + 236, "\x63\x82\x53\x63", 4);
	cr_assert_arr_eq(buf + 240, expected, sizeof(expected));
	cr_assert_eq(buf[299], 0);
}

Test(dhcp, reads_what_it_built)
{
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	struct in_addr addr;
	uint32_t value;
	size_t len;

	dhcp_build(&b, buf, sizeof(buf), &request, DHCP_REQUEST);
	dhcp_put_ip(&b, DHCP_OPT_REQUESTED_IP, ip("10.0.1.5"));
	dhcp_put_u32(&b, DHCP_OPT_LEASE_TIME, 77);
	dhcp_put(&b, DHCP_OPT_PARAMETERS, "\x01\x03\x06", 3);
	dhcp_put(&b, DHCP_OPT_RAPID_COMMIT, NULL, 0);
	dhcp_put_shim(&b, &codec, DHCP_SHIM_VIVSO, ip("10.128.0.2"), ip("10.0.0.1"), 1);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message), DHCP_E_NONE);
	cr_assert_eq(message.type, DHCP_REQUEST);
	cr_assert(dhcp_get_ip(&message, DHCP_OPT_REQUESTED_IP, &addr));
	cr_assert_eq(addr.s_addr, ip("10.0.1.5").s_addr);
	cr_assert(dhcp_get_u32(&message, DHCP_OPT_LEASE_TIME, &value));
	cr_assert_eq(value, 77);
	cr_assert(dhcp_wants(&message, 6));
	cr_assert_not(dhcp_wants(&message, 15));
	cr_assert(message.options[DHCP_OPT_RAPID_COMMIT].present);
	cr_assert_not(dhcp_get_ip(&message, DHCP_OPT_SERVER_ID, &addr));
	cr_assert_eq(message.shim_form, DHCP_SHIM_VIVSO);
	cr_assert_eq(message.shim.s_addr, ip("10.128.0.2").s_addr);
	cr_assert_eq(message.manager.s_addr, ip("10.0.0.1").s_addr);
	cr_assert_eq(message.mode, 1);
}

Test(dhcp, no_room_sticks)
{
	uint8_t buf[DHCP_MIN_MESSAGE], big[200] = {0};
	struct dhcp_builder b;
	size_t len = 4711;

	dhcp_build(&b, buf, sizeof(buf), &request, DHCP_ACK);
	dhcp_put(&b, 43, big, sizeof(big));
	dhcp_put_u8(&b, 44, 1);
	cr_assert_eq(dhcp_finish(&b, &len), -EMSGSIZE);
	cr_assert_eq(len, 4711);
}

Test(dhcp, fills_to_the_last_byte)
{
	uint8_t buf[DHCP_MIN_MESSAGE], data[54] = {0};
	struct dhcp_builder b;
	size_t len;

	/* 240 + type 3 + 2 + 54 + end 1 = 300 */
	dhcp_build(&b, buf, sizeof(buf), &request, DHCP_ACK);
	dhcp_put(&b, 43, data, sizeof(data));
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	cr_assert_eq(len, 300);
	cr_assert_eq(buf[299], DHCP_OPT_END);
	dhcp_build(&b, buf, sizeof(buf), &request, DHCP_ACK);
	dhcp_put(&b, 43, data, sizeof(data) + 1);
	cr_assert_eq(dhcp_finish(&b, &len), -EMSGSIZE);
}

Test(dhcp, long_option_is_split_and_joined)
{
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE], data[600];
	struct dhcp_builder b;
	size_t len;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	dhcp_build(&b, buf, sizeof(buf), &request, DHCP_DISCOVER);
	dhcp_put(&b, 43, data, sizeof(data));
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	cr_assert_eq(buf[243], 43);
	cr_assert_eq(buf[244], 255);
	cr_assert_eq(buf[243 + 257], 43);
	cr_assert_eq(buf[243 + 2 * 257 + 1], 90);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message), DHCP_E_NONE);
	cr_assert_eq(message.options[43].len, sizeof(data));
	cr_assert_arr_eq(message.options[43].data, data, sizeof(data));
}

Test(dhcp, what_is_offered_leaves_the_rest_its_room)
{
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE], data[600];
	struct dhcp_builder b;
	size_t len;

	memset(data, 7, sizeof(data));
	/* for each size of what is kept: all there is fits or is refused, to the last byte */
	for (size_t keep = 1; keep < 300; keep++) {
		dhcp_build(&b, buf, 548, &request, DHCP_ACK);
		dhcp_keep(&b, dhcp_option_size(keep));
		cr_assert_eq(dhcp_offer(&b, 43, data, 100), keep < 298, "option 52 needs 3");
		dhcp_offer(&b, 44, data, 200);
		dhcp_offer(&b, 45, data, 61);
		dhcp_offer(&b, 46, data, 260);
		dhcp_put_overload(&b);
		dhcp_put(&b, DHCP_OPT_RELAY_INFO, data, keep);
		cr_assert_eq(dhcp_finish(&b, &len), 0, "kept: %zu", keep);
		cr_assert_leq(len, 548);
		buf[0] = DHCP_BOOTREPLY;
		cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREPLY, buf, len, &message), DHCP_E_NONE);
		cr_assert_eq(message.options[DHCP_OPT_RELAY_INFO].len, keep);
		cr_assert_eq(message.options[43].len, keep < 298 ? 100 : 0);
	}
	cr_assert_not(dhcp_offer(&b, 47, data, sizeof(data)), "nowhere");
}

Test(dhcp, relay_sub_options_are_found_within_their_option)
{
	static struct dhcp_message m;
	struct dhcp_option option;
	struct in_addr addr;

	cr_assert_eq(PARSE(&m, 53, 1, 1, 82, 11, 1, 2, 'a', 'b', 5, 4, 10, 0, 3, 0, 9), DHCP_E_NONE);
	cr_assert(dhcp_get_relay(&m, DHCP_RELAY_CIRCUIT, &option));
	cr_assert_eq(option.len, 2);
	cr_assert_arr_eq(option.data, "ab", 2);
	cr_assert(dhcp_get_relay_ip(&m, DHCP_RELAY_LINK_SELECTION, &addr));
	cr_assert_eq(addr.s_addr, ip("10.0.3.0").s_addr);
	cr_assert_not(dhcp_get_relay(&m, 9, &option), "no length");
	cr_assert_not(dhcp_get_relay_ip(&m, DHCP_RELAY_CIRCUIT, &addr), "no address");
	cr_assert_eq(PARSE(&m, 53, 1, 1, 82, 3, 5, 4, 10, 255), DHCP_E_NONE);
	cr_assert_not(dhcp_get_relay(&m, DHCP_RELAY_LINK_SELECTION, &option), "past the end");
	cr_assert_eq(PARSE(&m, 53, 1, 1, 82, 6, 5, 4, 0, 0, 0, 0), DHCP_E_NONE);
	cr_assert_not(dhcp_get_relay_ip(&m, DHCP_RELAY_LINK_SELECTION, &addr), "0.0.0.0");
	cr_assert_eq(PARSE(&m, 53, 1, 1), DHCP_E_NONE);
	cr_assert_not(dhcp_get_relay(&m, DHCP_RELAY_CIRCUIT, &option));
}

Test(dhcp, overloaded_fields_are_read_in_order)
{
	static const uint8_t options[] = {52, 1, 3, 53, 1, 1, 12, 2, 'a', 'b', 255};
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = raw(buf, options, sizeof(options));

	memcpy(buf + 108,
	       "\x0c\x02"
	       "cd\x0f\x01x\xff",
	       8); /* file */
	memcpy(buf + 44,
	       "\x0c\x01"
	       "e\xff",
	       4); /* sname */
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message), DHCP_E_NONE);
	cr_assert_eq(message.options[12].len, 5);
	cr_assert_arr_eq(message.options[12].data, "abcde", 5);
	cr_assert_eq(message.options[15].len, 1);

	buf[108 + 1] = 200; /* past the end of file */
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message), DHCP_E_OPTION);
	buf[242] = 4;
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message), DHCP_E_LENGTH);
}

Test(dhcp, without_overload_the_fields_are_names)
{
	static const uint8_t options[] = {53, 1, 1, 255};
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = raw(buf, options, sizeof(options));

	memcpy(buf + 44, "server-name", 11);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message), DHCP_E_NONE);
	cr_assert_not(message.options['s'].present);
}

Test(dhcp, every_truncation_is_an_error_or_a_shorter_message)
{
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len, end = 240;

	dhcp_build(&b, buf, sizeof(buf), &request, DHCP_REQUEST);
	dhcp_put_ip(&b, DHCP_OPT_REQUESTED_IP, ip("10.0.1.5"));
	dhcp_put_shim(&b, &codec, DHCP_SHIM_VIVSO | DHCP_SHIM_SEED, ip("10.128.0.2"),
		      ip("10.0.0.1"), 2);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	for (size_t n = 0; n <= len; n++) {
		uint8_t *exact = malloc(n ? n : 1); /* for the sanitizers */
		enum dhcp_error error;

		memcpy(exact, buf, n);
		error = dhcp_parse(&codec, DHCP_BOOTREQUEST, exact, n, &message);
		free(exact);
		if (n < 240)
			cr_assert_eq(error, DHCP_E_SHORT, "at %zu", n);
		else if (n == 240)
			cr_assert_eq(error, DHCP_E_TYPE);
		else if (n == end + 2 + buf[end + 1])
			cr_assert_eq(error, DHCP_E_NONE, "at %zu", n);
		else if (buf[end] != DHCP_OPT_END)
			cr_assert_eq(error, DHCP_E_OPTION, "at %zu", n);
		if (n == end + 2 + buf[end + 1] && buf[end] != DHCP_OPT_END)
			end = n;
	}
}

Test(dhcp, refuses_bad_headers)
{
	static const uint8_t options[] = {53, 1, 1, 255};
	static struct dhcp_message message;
	static const struct {
		size_t at;
		uint8_t value;
		enum dhcp_error error;
	} cases[] = {
		{0, 2, DHCP_E_OP},	  {0, 9, DHCP_E_OP},	   {1, 6, DHCP_E_HARDWARE},
		{2, 17, DHCP_E_HARDWARE}, {2, 0, DHCP_E_HARDWARE}, {3, 17, DHCP_E_HOPS},
		{236, 0, DHCP_E_MAGIC},	  {3, 16, DHCP_E_NONE},
	};
	uint8_t buf[DHCP_MAX_MESSAGE + 1] = {0};
	size_t len;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = raw(buf, options, sizeof(options));
		buf[cases[i].at] = cases[i].value;
		cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message),
			     cases[i].error, "case %zu", i);
	}
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, sizeof(buf), &message), DHCP_E_LONG);
}

Test(dhcp, refuses_bad_options)
{
	static struct dhcp_message m;

	cr_assert_eq(PARSE(&m, 255), DHCP_E_TYPE);
	cr_assert_eq(PARSE(&m, 53, 0, 255), DHCP_E_TYPE);
	cr_assert_eq(PARSE(&m, 53, 1, 0), DHCP_E_TYPE);
	cr_assert_eq(PARSE(&m, 53, 1, 9), DHCP_E_TYPE);
	cr_assert_eq(PARSE(&m, 53, 1, 2), DHCP_E_TYPE, "an OFFER is no request");
	cr_assert_eq(PARSE(&m, 53, 2, 1, 1), DHCP_E_TYPE);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 53, 1, 1), DHCP_E_TYPE, "joined, it is two bytes");
	cr_assert_eq(PARSE(&m, 53, 1, 1, 50), DHCP_E_OPTION);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 50, 4, 10), DHCP_E_OPTION);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 50, 3, 10, 0, 0), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 54, 0), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 57, 1, 5), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 3, 0), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 6, 5, 1, 2, 3, 4, 5), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 224, 3, 0, 0, 0), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 52, 1, 0), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 0, 0, 53, 1, 1, 0), DHCP_E_NONE, "padding, no end option");
	cr_assert_eq(PARSE(&m, 53, 1, 1, 255, 50, 200), DHCP_E_NONE, "nothing after the end");
}

Test(dhcp, vivso_beside_other_enterprises)
{
	static struct dhcp_message m;

	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 28, 0, 0, 0, 9, 3, 1, 9, 9, /* another's, opaque */
			   0, 0, 0x7e, 0xd9, 9, 77, 1, 5, 1, 4, 10, 128, 0, 2, /* ours */
			   0, 0, 0, 11, 1, 0),
		     DHCP_E_NONE);
	cr_assert_eq(m.shim_form, DHCP_SHIM_VIVSO);
	cr_assert_eq(m.shim.s_addr, ip("10.128.0.2").s_addr);

	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 8, 0, 0, 0, 9, 3, 1, 9, 9), DHCP_E_NONE);
	cr_assert_eq(m.shim_form, DHCP_SHIM_NONE);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 8, 0, 0, 0x7e, 0xd9, 3, 3, 1, 2), DHCP_E_NONE);
	cr_assert_eq(m.shim_form, DHCP_SHIM_NONE, "a mode alone asks for nothing");
	cr_assert_eq(m.mode, 0);
}

Test(dhcp, vivso_malformed)
{
	static struct dhcp_message m;

	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 4, 0, 0, 0x7e, 0xd9), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 6, 0, 0, 0x7e, 0xd9, 2, 1), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 6, 0, 0, 0x7e, 0xd9, 1, 1), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 8, 0, 0, 0x7e, 0xd9, 3, 1, 4, 10), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 8, 0, 0, 0x7e, 0xd9, 3, 1, 1, 10), DHCP_E_LENGTH);
	cr_assert_eq(PARSE(&m, 53, 1, 1, 125, 7, 0, 0, 0x7e, 0xd9, 2, 3, 0), DHCP_E_LENGTH);
}

Test(dhcp, both_forms)
{
	static struct dhcp_message m;
	static const struct dhcp_codec plain = {.enterprise = 32473};
	uint8_t buf[DHCP_MAX_MESSAGE];
	static const uint8_t seed[] = {53, 1, 1, 224, 4, 10, 128, 0, 3, 255};

	cr_assert_eq(PARSE(&m, 53, 1, 1, 224, 4, 10, 128, 0, 3, 125, 11, 0, 0, 0x7e, 0xd9, 6, 1, 4,
			   10, 128, 0, 2),
		     DHCP_E_NONE);
	cr_assert_eq(m.shim_form, DHCP_SHIM_VIVSO | DHCP_SHIM_SEED);
	cr_assert_eq(m.shim.s_addr, ip("10.128.0.2").s_addr, "option 125 is the canonical form");
	cr_assert_eq(parse(seed, sizeof(seed), &m), DHCP_E_NONE);
	cr_assert_eq(m.shim_form, DHCP_SHIM_SEED);
	cr_assert_eq(m.shim.s_addr, ip("10.128.0.3").s_addr);
	cr_assert_eq(dhcp_parse(&plain, DHCP_BOOTREQUEST, buf, raw(buf, seed, sizeof(seed)), &m),
		     DHCP_E_NONE);
	cr_assert_eq(m.shim_form, DHCP_SHIM_NONE, "the seed's form is switched off");
}

Test(dhcp, names)
{
	cr_assert_str_eq(dhcp_type_name(DHCP_DISCOVER), "DISCOVER");
	cr_assert_str_eq(dhcp_type_name(0), "unknown");
	for (int i = DHCP_E_NONE; i < DHCP_N_ERRORS; i++) {
		cr_assert(dhcp_error_name(i) && *dhcp_error_name(i));
		cr_assert(dhcp_error_text(i) && *dhcp_error_text(i));
	}
	cr_assert_str_eq(dhcp_error_name(DHCP_E_LENGTH), "length");
}

/* ---- between domains: tokens and arrivals ---- */

/* A block of 255 bytes, all that fits: option 125 is one of 260, in two parts (RFC 3396). */
static size_t full_block(uint8_t buf[DHCP_MAX_MESSAGE], unsigned int n_arrivals,
			 const struct dhcp_mnat_token *token)
{
	struct dhcp_mnat_arrival arrivals[DHCP_MNAT_MAX_ARRIVALS + 1];
	struct dhcp_mnat mnat = {
		.shim = ip("10.128.0.2"),
		.manager = ip("10.0.0.1"),
		.mode = 2,
		.domain = 0x01020304,
		.token = token,
		.arrivals = arrivals,
		.n_arrivals = n_arrivals,
	};
	struct dhcp_builder b;
	size_t len = 0;

	for (unsigned int i = 0; i < DHCP_MNAT_MAX_ARRIVALS + 1; i++) {
		memset(&arrivals[i], (int)(0x10 + i), sizeof(arrivals[i]));
		arrivals[i].manager = ip("135.180.32.4");
	}
	dhcp_build(&b, buf, DHCP_MAX_MESSAGE, &request, DHCP_REQUEST);
	dhcp_put_mnat(&b, &codec, DHCP_SHIM_VIVSO, &mnat);
	return dhcp_finish(&b, &len) ? 0 : len;
}

Test(roam, arrivals_are_read_as_written_over_two_parts)
{
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = full_block(buf, 3, NULL);

	cr_assert_gt(len, 0);
	cr_assert_eq(buf[243], DHCP_OPT_VIVSO);
	cr_assert_eq(buf[244], 255);
	cr_assert_eq(buf[245 + 255], DHCP_OPT_VIVSO);
	cr_assert_eq(buf[245 + 256], 5);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &message), DHCP_E_NONE);
	cr_assert_eq(message.domain, 0x01020304);
	cr_assert_eq(message.mode, 2);
	cr_assert_eq(message.n_arrivals, 3);
	cr_assert_eq(message.arrivals[1].manager.s_addr, ip("135.180.32.4").s_addr);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(message.arrivals[i].ticket[0], 0x10 + i);
		cr_assert_eq(message.arrivals[i].proof[15], 0x10 + i);
	}
	cr_assert_not(message.token_present);
}

Test(roam, more_than_a_block_holds_is_refused)
{
	struct dhcp_mnat_token token = {};
	uint8_t buf[DHCP_MAX_MESSAGE];

	cr_assert_eq(full_block(buf, 4, NULL), 0);
	cr_assert_eq(full_block(buf, 3, &token), 0);
	cr_assert_gt(full_block(buf, 2, &token), 0);
}

Test(roam, token_and_arrival_have_one_length)
{
	static struct dhcp_message message;
	static const struct {
		uint8_t code, len;
	} sound[] = {{DHCP_MNAT_TOKEN, 64}, {DHCP_MNAT_ARRIVAL, 76}, {DHCP_MNAT_DOMAIN, 4}};
	uint8_t options[120] = {53, 1, 3, 125};

	for (int i = 0; i < 3; i++)
		for (uint8_t len = 0; len < 100; len++) {
			uint8_t block[] = {(uint8_t)(len + 13), 0, 0, 0x7e, 0xd9,
					   (uint8_t)(len + 8), DHCP_MNAT_SHIM, 4, 0, 0, 0, 0,
					   sound[i].code, len};

			memcpy(options + 4, block, sizeof(block));
			cr_assert_eq(parse(options, 4 + sizeof(block) + len, &message),
				     len == sound[i].len ? DHCP_E_NONE : DHCP_E_LENGTH);
		}
}

Test(roam, arrivals_beyond_the_third_are_left_out)
{
	static struct dhcp_message message;
	uint8_t options[3 + 2 * (7 + 6 + 2 * 78) + 1] = {53, 1, 3};
	size_t at = 3;

	for (int i = 0; i < 2; i++) {
		const uint8_t head[] = {125, 5 + 6 + 2 * 78, 0, 0, 0x7e, 0xd9, 6 + 2 * 78,
					DHCP_MNAT_SHIM, 4, 10, 128, 0, 2};

		memcpy(options + at, head, sizeof(head));
		at += sizeof(head);
		for (int j = 0; j < 2; j++) {
			options[at] = DHCP_MNAT_ARRIVAL;
			options[at + 1] = 76;
			at += 78;
		}
	}
	cr_assert_eq(parse(options, at, &message), DHCP_E_NONE);
	cr_assert_eq(message.n_arrivals, 3);
}

Test(roam, a_token_is_added_to_a_finished_answer)
{
	struct dhcp_header header = {.op = DHCP_BOOTREPLY, .htype = 1, .hlen = 6};
	struct dhcp_mnat_token token;
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE], was[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;

	memset(&token, 0xab, sizeof(token));
	dhcp_build(&b, buf, sizeof(buf), &header, DHCP_ACK);
	dhcp_put_shim(&b, &codec, DHCP_SHIM_VIVSO | DHCP_SHIM_SEED, ip("10.128.0.2"),
		      ip("10.0.0.1"), 0);
	dhcp_put(&b, DHCP_OPT_RELAY_INFO, "\x01\x02xy", 4);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	memcpy(was, buf, sizeof(buf));
	cr_assert_eq(dhcp_add_token(&codec, buf, 300, &token, &len), -EMSGSIZE);
	cr_assert_arr_eq(buf, was, sizeof(buf));
	cr_assert_eq(dhcp_add_token(&codec, buf, sizeof(buf), &token, &len), 0);
	cr_assert_eq(len, 240 + 3 + 19 + 66 + 6 + 6 + 1);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREPLY, buf, len, &message), DHCP_E_NONE);
	cr_assert(message.token_present);
	cr_assert_arr_eq(&message.token, &token, sizeof(token));
	cr_assert_eq(message.shim_form, DHCP_SHIM_VIVSO | DHCP_SHIM_SEED);
	cr_assert_eq(message.options[DHCP_OPT_RELAY_INFO].len, 4);
}

Test(roam, a_token_needs_our_option)
{
	struct dhcp_header header = {.op = DHCP_BOOTREPLY, .htype = 1, .hlen = 6};
	struct dhcp_mnat_token token = {};
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, sizeof(buf), &header, DHCP_ACK);
	dhcp_put_shim(&b, &codec, DHCP_SHIM_SEED, ip("10.128.0.2"), ip("10.0.0.1"), 0);
	dhcp_put(&b, DHCP_OPT_VIVSO, "\0\0\x7e\xda\x01x", 6);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	cr_assert_eq(dhcp_add_token(&codec, buf, sizeof(buf), &token, &len), -ENOENT);
	cr_assert_eq(len, 300);
}
