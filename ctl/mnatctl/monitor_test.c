// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"

static void expect_line(const char *row_text, const char *expected)
{
	json_t *row = json_loads(row_text, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_not_null(row, "%s", row_text);
	setenv("TZ", "UTC", 1);
	tzset();
	ctl_event_print(out, row);
	fclose(out);
	cr_expect_str_eq(text, expected, "%s", text);
	free(text);
	json_decref(row);
}

#define AT "\"at_ms\":1795434909007"

Test(monitor, a_line_an_event)
{
	expect_line("{\"event\":\"began\"," AT ",\"hosts\":3,\"sessions\":2,\"ports\":2,\"blocks\":1}",
		    "2026-11-23T11:55:09.007  began        hosts 3, sessions 2, ports 2, blocks 1\n");
	expect_line("{\"event\":\"moved\"," AT ",\"virtual\":\"10.128.0.2\",\"actual\":\"10.0.2.7\","
		    "\"elsewhere\":null,\"from\":\"10.0.1.5\"}",
		    "2026-11-23T11:55:09.007  moved        10.128.0.2 from 10.0.1.5 to 10.0.2.7\n");
	expect_line("{\"event\":\"moved\"," AT ",\"virtual\":\"10.128.0.2\",\"actual\":null,"
		    "\"elsewhere\":\"8.8.8.8\",\"from\":\"10.0.1.5\"}",
		    "2026-11-23T11:55:09.007  moved        10.128.0.2 from 10.0.1.5 to elsewhere, by "
		    "8.8.8.8\n");
	expect_line("{\"event\":\"left\"," AT ",\"virtual\":null,\"from\":\"10.0.1.5\"}",
		    "2026-11-23T11:55:09.007  left         10.0.1.5 from 10.0.1.5\n");
	expect_line("{\"event\":\"block-taken\"," AT ",\"virtual\":null,\"actual\":\"10.0.1.5\","
		    "\"address\":\"8.8.8.8\",\"first\":8000,\"last\":8063}",
		    "2026-11-23T11:55:09.007  block-taken  10.0.1.5 at 10.0.1.5: 8.8.8.8 ports "
		    "8000-8063\n");
	expect_line("{\"event\":\"refused\"," AT ",\"reason\":\"no_host\",\"packets\":7,\"text\":\"x\"}",
		    "2026-11-23T11:55:09.007  refused      no_host 7: x\n");
	expect_line("{\"event\":\"pressure\"," AT ",\"table\":\"blocks\",\"used\":9,\"max\":10}",
		    "2026-11-23T11:55:09.007  pressure     9 of 10 blocks are in use\n");
	expect_line("{\"event\":\"lost\"," AT ",\"events\":5,\"by\":\"reader\"}",
		    "2026-11-23T11:55:09.007  lost         5 events: they were not read here as fast as "
		    "they came\n");
}

/* A daemon of a newer version may tell more. */
Test(monitor, an_event_it_does_not_know)
{
	expect_line("{\"event\":\"eclipse\"," AT "}", "2026-11-23T11:55:09.007  eclipse      \n");
}
