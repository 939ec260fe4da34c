// SPDX-License-Identifier: GPL-2.0-only
/* mnatctl whohad ADDR:PORT [TIME] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

static const struct ctl_column columns[] = {
	{"protocol", "PROTOCOL"},
	{"virtual", "VIRTUAL", .null = "plain"},
	{"actual", "ACTUAL", .null = "elsewhere"},
	{"first", "FROM PORT", .right = true},
	{"last", "TO PORT", .right = true},
	{"since", "SINCE", ctl_format_time, .null = "always"},
	{"until", "UNTIL", ctl_format_time, .null = "still"},
	{"by", "BY"},
	{},
};

/* "135.180.32.4:7088" */
static int parse_endpoint(const char *text, char ret_addr[MNAT_IP_LEN], long *ret_port)
{
	const char *colon = strchr(text, ':');
	struct mnat_range port;
	struct in_addr addr;

	if (!colon || colon - text >= MNAT_IP_LEN)
		return -EINVAL;
	memcpy(ret_addr, text, (size_t)(colon - text));
	ret_addr[colon - text] = '\0';
	if (mnat_parse_ip(ret_addr, &addr) || mnat_parse_ports(colon + 1, &port) ||
	    port.first != port.last)
		return -EINVAL;
	*ret_port = port.first;
	return 0;
}

/* "+02:00", "-0730", "Z"; "": the zone is this machine's. */
static int parse_zone(const char *text, struct tm *tm, int64_t *ret_time)
{
	int hours, minutes, end = 0;
	char sign;

	if (!*text) {
		tm->tm_isdst = -1;
		*ret_time = mktime(tm);
		return 0;
	}
	*ret_time = timegm(tm);
	if (!strcmp(text, "Z"))
		return 0;
	if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &end) != 3 &&
	    sscanf(text, "%c%2d%2d%n", &sign, &hours, &minutes, &end) != 3)
		return -EINVAL;
	if ((sign != '+' && sign != '-') || text[end] || hours > 14 || minutes > 59)
		return -EINVAL;
	*ret_time += (sign == '-' ? 60 : -60) * (60 * hours + minutes);
	return 0;
}

int ctl_parse_time(const char *text, int64_t *ret_time)
{
	struct tm tm = {};
	const char *rest;
	char *end;

	*ret_time = strtoll(text, &end, 10);
	if (*text && !*end)
		return *ret_time >= 0 ? 0 : -EINVAL;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	return rest ? parse_zone(rest, &tm, ret_time) : -EINVAL;
}

static json_t *request_of(int argc, char **argv)
{
	char addr[MNAT_IP_LEN];
	int64_t at;
	long port;

	if (parse_endpoint(argv[1], addr, &port)) {
		log_err("whohad: \"%s\" is not an external endpoint such as 135.180.32.4:7088",
			argv[1]);
		return NULL;
	}
	if (argc < 3)
		return json_pack("{s:s, s:s, s:i}", "cmd", "whohad", "address", addr, "port",
				 (int)port);
	if (ctl_parse_time(argv[2], &at)) {
		log_err("whohad: \"%s\" is not a time such as 2026-11-23T08:30:00Z, or seconds since "
			"1970",
			argv[2]);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:i, s:I}", "cmd", "whohad", "address", addr, "port",
			 (int)port, "time", (json_int_t)at);
}

static void on_row(const json_t *row, void *user)
{
	ctl_rows_add(user, row);
}

int ctl_list(const struct ctl *ctl, enum ctl_socket socket, json_t *request,
	     const struct ctl_column *all, const char *none)
{
	_cleanup_(ctl_rows_free) struct ctl_rows *rows = NULL;
	struct ctl_columns chosen;
	json_t *last = NULL;
	int r;

	if (ctl_columns_select(all, NULL, &chosen) || ctl_rows_new(ctl, &chosen, &rows)) {
		json_decref(request);
		return CTL_FAILED;
	}
	r = ctl_ask(ctl, "midcomd", socket, request, on_row, rows, &last);
	r = ctl_settle(ctl, "midcomd", socket, r, last);
	json_decref(last);
	if (ctl_rows_finish(rows, r == CTL_DONE))
		return CTL_FAILED;
	if (r == CTL_DONE && !ctl->json && !ctl->no_headings && !ctl_rows_count(rows))
		log_info("%s", none);
	return r;
}

int cmd_whohad(struct ctl *ctl, int argc, char **argv)
{
	json_t *request = request_of(argc, argv);

	if (!request)
		return CTL_USAGE;
	return ctl_list(ctl, CTL_FULL, request, columns, "nobody had it then");
}
