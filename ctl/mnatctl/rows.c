// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "ctl.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

struct ctl_rows {
	FILE *out;
	struct ctl_table *table;   /* NULL: JSON */
	struct ctl_columns chosen; /* JSON: keys to keep; n 0: all */
	size_t n;
	int error; /* the first, of a row that could not be shown */
};

int ctl_rows_new(const struct ctl *ctl, const struct ctl_columns *columns,
		 struct ctl_rows **ret_rows)
{
	_cleanup_(ctl_rows_free) struct ctl_rows *rows = calloc(1, sizeof(*rows));
	int r;

	if (!rows)
		return -ENOMEM;
	rows->out = ctl->out;
	if (ctl->json) {
		if (ctl->output)
			rows->chosen = *columns;
	} else {
		r = ctl_table_new(ctl->out, ctl->no_headings, columns, &rows->table);
		if (r)
			return r;
	}
	*ret_rows = TAKE_PTR(rows);
	return 0;
}

void ctl_rows_free(struct ctl_rows **rows)
{
	if (!*rows)
		return;
	ctl_table_free((*rows)->table);
	free(*rows);
	*rows = NULL;
}

/* Only the chosen keys, in the order of -o. */
static void write_chosen(struct ctl_rows *rows, const json_t *row)
{
	json_t *kept = json_object();

	for (size_t i = 0; i < rows->chosen.n; i++) {
		const char *key = rows->chosen.column[i]->name;
		json_t *value = json_object_get(row, key);

		json_object_set_new(kept, key, value ? json_incref(value) : json_null());
	}
	json_dumpf(kept, rows->out, JSON_COMPACT);
	json_decref(kept);
}

void ctl_rows_add(struct ctl_rows *rows, const json_t *row)
{
	if (rows->table) {
		int r = ctl_table_add(rows->table, row);

		rows->error = rows->error ? rows->error : r;
	} else {
		fputs(rows->n ? ",\n" : "[", rows->out);
		if (rows->chosen.n)
			write_chosen(rows, row);
		else
			json_dumpf(row, rows->out, JSON_COMPACT);
	}
	rows->n++;
}

size_t ctl_rows_count(const struct ctl_rows *rows)
{
	return rows->n;
}

int ctl_rows_finish(struct ctl_rows *rows, bool whole)
{
	int r = rows->table ? ctl_table_flush(rows->table) : 0;

	if (!rows->table && whole)
		fputs(rows->n ? "]\n" : "[]\n", rows->out);
	r = rows->error ? rows->error : r;
	if (r)
		log_err("rows are missing here: %s", strerror(-r));
	return r;
}
