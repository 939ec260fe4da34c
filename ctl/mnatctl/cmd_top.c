// SPDX-License-Identifier: GPL-2.0-only
/* mnatctl top */
#include "ctl.h"
#include "mnat/log.h"

static const struct ctl_column columns[] = {
	{"virtual", "VIRTUAL", .null = "plain"},
	{"actual", "ACTUAL", .null = "elsewhere"},
	{"sessions", "SESSIONS", .right = true},
	{"ports", "PORTS", .right = true},
	{"bits_out_s", "BIT/S OUT", ctl_format_units, .right = true},
	{"bits_in_s", "BIT/S IN", ctl_format_units, .right = true},
	{"packets_out_s", "PACKETS/S OUT", ctl_format_units, .right = true},
	{"packets_in_s", "PACKETS/S IN", ctl_format_units, .right = true},
	{},
};

static const struct {
	const char *name;
} orders[] = {{"rate"}, {"sessions"}, {"ports"}};

int cmd_top(struct ctl *ctl, int argc, char **argv)
{
	int by = ctl->by ? ctl_pick("order", ctl->by, CTL_WORDS(orders, CTL_COUNT(orders))) : 0;
	json_t *request;

	if (by < 0)
		return CTL_USAGE;
	request = json_pack("{s:s, s:s, s:i}", "cmd", "top", "by", orders[by].name, "rows",
			    ctl->rows ? ctl->rows : 10);
	return ctl_list(ctl, CTL_READ_ONLY, request, columns, "no host uses any");
}
