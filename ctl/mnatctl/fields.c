// SPDX-License-Identifier: GPL-2.0-only
/* An answer's own fields in words, whatever the daemon tells. */
#include <string.h>

#include "ctl.h"

/* The protocol's, and what a status block's heading already says. */
static const char *const not_own[] = {"code", "error", "daemon", "uptime_s", "healthy", "problems"};

static bool is_own(const json_t *fields, const char *key)
{
	char joined[64];

	for (size_t i = 0; i < CTL_COUNT(not_own); i++)
		if (!strcmp(key, not_own[i]))
			return false;
	/* max_x is shown with x */
	if (strncmp(key, "max_", 4))
		return true;
	snprintf(joined, sizeof(joined), "%s", key + 4);
	return !json_object_get(fields, joined);
}

/* A unit at the end of a key is the value's format, not part of its name. */
static const struct unit {
	const char *suffix;
	ctl_format format;
	const char *after;
} units[] = {
	{"_at_us", ctl_format_since, " ago"},
	{"_us", ctl_format_ms, " ms"},
	{"_s", ctl_format_seconds, ""},
};

static const struct unit *unit_of(const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < CTL_COUNT(units); i++) {
		size_t n = strlen(units[i].suffix);

		if (len > n && !strcmp(key + len - n, units[i].suffix))
			return &units[i];
	}
	return NULL;
}

static void name_of(const char *key, const struct unit *unit, char *buf, size_t size)
{
	size_t len = strlen(key) - (unit ? strlen(unit->suffix) : 0);

	snprintf(buf, size, "%.*s", (int)len, key);
	for (char *p = buf; (p = strchr(p, '_'));)
		*p = ' ';
}

static void append(char *buf, size_t size, const char *text)
{
	strncat(buf, text, size - strlen(buf) - 1);
}

static void scalar_of(const json_t *fields, const char *key, const struct unit *unit, char *buf,
		      size_t size)
{
	struct ctl_column column = {.name = key, .null = "none"};

	if (unit && json_is_number(json_object_get(fields, key)))
		column.format = unit->format;
	ctl_cell(&column, fields, buf, size);
	if (column.format)
		append(buf, size, unit->after);
}

/* "runs 3, live 4, worst 0.51 ms" */
static void object_of(const json_t *object, char *buf, size_t size)
{
	char name[64], text[64];
	const char *key;
	json_t *value;

	buf[0] = '\0';
	json_object_foreach((json_t *)object, key, value)
	{
		const struct unit *unit = unit_of(key);

		name_of(key, unit, name, sizeof(name));
		scalar_of(object, key, unit, text, sizeof(text));
		append(buf, size, *buf ? ", " : "");
		append(buf, size, name);
		append(buf, size, " ");
		append(buf, size, text);
	}
}

static void value_of(const json_t *fields, const char *key, char *buf, size_t size)
{
	const json_t *value = json_object_get(fields, key);
	char max[64], limit[64];

	if (json_is_object(value))
		object_of(value, buf, size);
	else
		scalar_of(fields, key, unit_of(key), buf, size);
	snprintf(max, sizeof(max), "max_%s", key);
	if (json_object_get(fields, max)) {
		scalar_of(fields, max, NULL, limit, sizeof(limit));
		append(buf, size, " of ");
		append(buf, size, limit);
	}
}

static int width_of(const json_t *fields)
{
	const char *key;
	json_t *value;
	char name[64];
	int width = 0;

	json_object_foreach((json_t *)fields, key, value)
	{
		name_of(key, unit_of(key), name, sizeof(name));
		if (is_own(fields, key) && (int)strlen(name) > width)
			width = (int)strlen(name);
	}
	return width;
}

int ctl_fields_print(FILE *out, const json_t *last)
{
	int width = width_of(last);
	char name[64], text[CTL_CELL];
	const char *key;
	json_t *value;
	int n = 0;

	json_object_foreach((json_t *)last, key, value)
	{
		const struct unit *unit = unit_of(key);

		if (!is_own(last, key))
			continue;
		name_of(key, unit, name, sizeof(name));
		value_of(last, key, text, sizeof(text));
		fprintf(out, "    %-*s  %s\n", width, name, text);
		n++;
	}
	return n;
}
