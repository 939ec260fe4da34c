// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/hex.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(hex, there_and_back)
{
	const uint8_t bytes[] = {0x00, 0x9f, 0xa0, 0xff};
	char text[MNAT_HEX_LEN(sizeof(bytes))];
	uint8_t again[4];

	cr_assert_str_eq(mnat_hex(bytes, sizeof(bytes), text), "009fa0ff");
	cr_assert_eq(mnat_unhex("009FA0fF", again, 4), 0);
	cr_assert_arr_eq(again, bytes, 4);
}

Test(hex, only_the_right_length_of_digits)
{
	uint8_t bytes[2] = {1, 2};

	cr_assert_eq(mnat_unhex(NULL, bytes, 2), -EINVAL);
	cr_assert_eq(mnat_unhex("00ff0", bytes, 2), -EINVAL);
	cr_assert_eq(mnat_unhex("00f", bytes, 2), -EINVAL);
	cr_assert_eq(mnat_unhex("00fg", bytes, 2), -EINVAL);
	cr_assert_eq(mnat_unhex("00 f", bytes, 2), -EINVAL);
	cr_assert_eq(bytes[1], 2);
}
