// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/leasequery.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static const struct dhcp_codec codec = {.enterprise = 32473, .seed_option = 224};

Test(leasequery, messages_one_after_the_other)
{
	const uint8_t bytes[] = {0, 3, 'a', 'b', 'c', 0, 0, 1, 0};
	const uint8_t *message;
	size_t len;

	cr_assert_eq(leasequery_next(bytes, 0, &message, &len), 0);
	cr_assert_eq(leasequery_next(bytes, 1, &message, &len), 0);
	cr_assert_eq(leasequery_next(bytes, 4, &message, &len), 0);
	cr_assert_eq(leasequery_next(bytes, sizeof(bytes), &message, &len), 5);
	cr_assert_eq(len, 3);
	cr_assert_eq(message, bytes + 2);
	cr_assert_eq(leasequery_next(bytes + 5, 4, &message, &len), 2);
	cr_assert_eq(len, 0);
	cr_assert_eq(leasequery_next(bytes + 7, 2, &message, &len), 0, "256 bytes are to come");
}

/* A message of that type, with an option of len zeros. */
static enum dhcp_error parse(enum dhcp_op op, enum dhcp_type type, uint8_t code, size_t len,
			     bool query)
{
	static const uint8_t zeros[255];
	const struct dhcp_header header = {.op = op, .htype = query ? 0 : 1, .hlen = query ? 0 : 6};
	struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t n;

	dhcp_build(&b, buf, sizeof(buf), &header, type);
	if (code)
		dhcp_put(&b, code, zeros, len);
	cr_assert_eq(dhcp_finish(&b, &n), 0);
	return query ? dhcp_parse_query(&codec, op, buf, n, &message)
		     : dhcp_parse(&codec, op, buf, n, &message);
}

Test(leasequery, types_belong_to_one_of_the_two)
{
	for (enum dhcp_type type = 0; type <= DHCP_TLS + 1; type++) {
		bool asks = type == DHCP_LEASEQUERY || type == DHCP_BULKLEASEQUERY ||
			    type == DHCP_ACTIVELEASEQUERY || type == DHCP_TLS;
		bool tells =
			type > DHCP_FORCERENEW && type <= DHCP_TLS && (!asks || type == DHCP_TLS);

		cr_expect_eq(parse(DHCP_BOOTREQUEST, type, 0, 0, true) == DHCP_E_NONE, asks, "%d",
			     type);
		cr_expect_eq(parse(DHCP_BOOTREPLY, type, 0, 0, true) == DHCP_E_NONE, tells, "%d",
			     type);
		if (type > DHCP_FORCERENEW) {
			cr_expect_eq(parse(DHCP_BOOTREQUEST, type, 0, 0, false), DHCP_E_TYPE);
			cr_expect_eq(parse(DHCP_BOOTREPLY, type, 0, 0, false), DHCP_E_TYPE);
		}
	}
	cr_expect_str_eq(dhcp_type_name(DHCP_TLS), "TLS");
	cr_expect_str_eq(dhcp_type_name(DHCP_TLS + 1), "unknown");
}

Test(leasequery, lengths_of_its_options)
{
	static const struct {
		uint8_t code;
		size_t good, bad;
	} options[] = {{91, 4, 3},  {92, 8, 6},	 {151, 1, 0}, {152, 4, 8}, {153, 4, 0},
		       {154, 4, 5}, {155, 4, 2}, {156, 1, 2}, {157, 1, 0}};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		cr_expect_eq(parse(DHCP_BOOTREPLY, DHCP_LEASEACTIVE, options[i].code,
				   options[i].good, true),
			     DHCP_E_NONE, "%d", options[i].code);
		cr_expect_eq(parse(DHCP_BOOTREPLY, DHCP_LEASEACTIVE, options[i].code,
				   options[i].bad, true),
			     DHCP_E_LENGTH, "%d", options[i].code);
		cr_expect_eq(
			parse(DHCP_BOOTREPLY, DHCP_ACK, options[i].code, options[i].bad, false),
			DHCP_E_NONE, "of others they mean nothing");
	}
}

Test(leasequery, status_and_generation)
{
	const struct dhcp_header header = {.op = DHCP_BOOTREPLY};
	char text[LEASEQUERY_TEXT], longest[300];
	struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t n;

	memset(longest, 'x', sizeof(longest));
	longest[1] = '\x1b';
	dhcp_build(&b, buf, sizeof(buf), &header, DHCP_LEASEQUERYDONE);
	leasequery_put_status(&b, LEASEQUERY_NOT_ALLOWED, longest);
	dhcp_put_mnat(&b, &codec, DHCP_SHIM_VIVSO, &(struct dhcp_mnat){.generation = 0x01020304});
	cr_assert_eq(dhcp_finish(&b, &n), 0);
	cr_assert_eq(dhcp_parse_query(&codec, DHCP_BOOTREPLY, buf, n, &message), DHCP_E_NONE);
	cr_assert_eq(leasequery_get_status(&message, text), LEASEQUERY_NOT_ALLOWED);
	cr_assert_eq(strlen(text), LEASEQUERY_TEXT - 2, "without the one that is not printable");
	cr_assert_eq(strspn(text, "x"), strlen(text));
	cr_assert_eq(message.generation, 0x01020304);
	cr_assert_eq(message.shim_form, DHCP_SHIM_NONE, "a plain host");
	cr_assert_str_eq(leasequery_status_name(LEASEQUERY_TLS_REFUSED), "TLSConnectionRefused");
	cr_assert_str_eq(leasequery_status_name(9), "unknown status");
}
