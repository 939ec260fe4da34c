// SPDX-License-Identifier: GPL-2.0-only
/* From JSON values to the text of a table's cells. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"

void ctl_format_plain(const json_t *value, char *buf, size_t size)
{
	_cleanup_free_ char *dump = NULL;

	switch (json_typeof(value)) {
	case JSON_STRING:
		snprintf(buf, size, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		snprintf(buf, size, "%s", json_is_true(value) ? "yes" : "no");
		break;
	default:
		dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
		snprintf(buf, size, "%s", dump ? dump : "?");
	}
}

/* Two units at most: more is noise at a glance. */
static void format_duration(long long s, char *buf, size_t size)
{
	const char *sign = s < 0 ? "-" : "";

	s = s < 0 ? -s : s;
	if (s < 60)
		snprintf(buf, size, "%s%llds", sign, s);
	else if (s < 3600)
		snprintf(buf, size, "%s%lldm%02llds", sign, s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, size, "%s%lldh%02lldm", sign, s / 3600, s / 60 % 60);
	else
		snprintf(buf, size, "%s%lldd%02lldh", sign, s / 86400, s / 3600 % 24);
}

void ctl_format_seconds(const json_t *value, char *buf, size_t size)
{
	format_duration((long long)json_number_value(value), buf, size);
}

void ctl_format_since(const json_t *value, char *buf, size_t size)
{
	json_int_t at_us = json_integer_value(value);

	if (at_us <= 0)
		snprintf(buf, size, "-");
	else
		format_duration(((json_int_t)(mnat_clock_now() / 1000) - at_us) / 1000000, buf,
				size);
}

void ctl_format_ms(const json_t *value, char *buf, size_t size)
{
	snprintf(buf, size, "%.2f", json_number_value(value) / 1000);
}

void ctl_format_time(const json_t *value, char *buf, size_t size)
{
	time_t at = json_integer_value(value);
	struct tm tm;

	if (!localtime_r(&at, &tm) || !strftime(buf, size, "%Y-%m-%dT%H:%M:%S%z", &tm))
		ctl_format_plain(value, buf, size);
}

void ctl_format_units(const json_t *value, char *buf, size_t size)
{
	static const char units[] = " kMGTP";
	double n = (double)json_integer_value(value);
	size_t i = 0;

	while (n >= 1000 && units[i + 1]) {
		n /= 1000;
		i++;
	}
	if (i)
		snprintf(buf, size, "%.1f %c", n, units[i]);
	else
		snprintf(buf, size, "%.0f", n);
}

/* How long the move took and where it got to. */
void ctl_format_events(const json_t *value, char *buf, size_t size)
{
	size_t n = json_array_size(value);
	const json_t *first = json_array_get(value, 0);
	const json_t *last = json_array_get(value, n ? n - 1 : 0);
	const char *what = json_string_value(json_object_get(last, "what"));
	json_int_t us = json_integer_value(json_object_get(last, "at_us")) -
			json_integer_value(json_object_get(first, "at_us"));

	if (n)
		snprintf(buf, size, "%zu, %s after %.2f ms", n, what ? what : "?", us / 1000.0);
	else
		snprintf(buf, size, "none");
}

/* Control characters in a host's name must not drive the terminal. */
static void defuse(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void ctl_cell(const struct ctl_column *column, const json_t *row, char *buf, size_t size)
{
	const json_t *value = json_object_get(row, column->name);
	ctl_format format = column->format ? column->format : ctl_format_plain;

	if (!value || json_is_null(value))
		snprintf(buf, size, "%s", column->null ? column->null : "-");
	else
		format(value, buf, size);
	defuse(buf);
}

static size_t count(const struct ctl_column *all)
{
	size_t n = 0;

	while (all[n].name)
		n++;
	return n;
}

int ctl_columns_select(const struct ctl_column *all, const char *list,
		       struct ctl_columns *ret_columns)
{
	struct ctl_words words = CTL_WORDS(all, count(all));
	struct ctl_columns columns = {.n = 0};
	_cleanup_free_ char *copy = list ? strdup(list) : NULL;
	char *rest = copy, *name;

	if (list && !copy)
		return -ENOMEM;
	for (size_t i = 0; !list && i < words.n; i++)
		columns.column[columns.n++] = &all[i];
	while ((name = strsep(&rest, ","))) {
		int i = ctl_pick("column", name, words);

		if (i < 0)
			return -EINVAL;
		if (columns.n == CTL_MAX_COLUMNS) {
			log_err("-o: at most %d columns", CTL_MAX_COLUMNS);
			return -EINVAL;
		}
		columns.column[columns.n++] = &all[i];
	}
	*ret_columns = columns;
	return 0;
}
