// SPDX-License-Identifier: GPL-2.0-only
/* Rows as text in aligned columns, by libsmartcols, a chunk at a time. */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>

#include "ctl.h"

#define CHUNK 1000

struct ctl_table {
	struct libscols_table *scols;
	struct ctl_columns columns;
};

static int add_columns(struct ctl_table *table)
{
	for (size_t i = 0; i < table->columns.n; i++) {
		const struct ctl_column *column = table->columns.column[i];

		if (!scols_table_new_column(table->scols, column->heading, 0,
					    column->right ? SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	}
	return 0;
}

int ctl_table_new(FILE *out, bool no_headings, const struct ctl_columns *columns,
		  struct ctl_table **ret_table)
{
	struct ctl_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->columns = *columns;
	table->scols = scols_new_table();
	if (!table->scols || add_columns(table)) {
		ctl_table_free(table);
		return -ENOMEM;
	}
	scols_table_set_stream(table->scols, out);
	scols_table_enable_noheadings(table->scols, no_headings);
	*ret_table = table;
	return 0;
}

void ctl_table_free(struct ctl_table *table)
{
	if (!table)
		return;
	scols_unref_table(table->scols);
	free(table);
}

int ctl_table_add(struct ctl_table *table, const json_t *row)
{
	struct libscols_line *line;
	char cell[CTL_CELL];

	if (scols_table_get_nlines(table->scols) == CHUNK && ctl_table_flush(table))
		return -EIO;
	line = scols_table_new_line(table->scols, NULL);
	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < table->columns.n; i++) {
		ctl_cell(table->columns.column[i], row, cell, sizeof(cell));
		if (scols_line_set_data(line, i, cell))
			return -ENOMEM;
	}
	return 0;
}

/* The next chunk goes under this one: no second heading, columns no narrower. */
static void keep_widths(struct libscols_table *scols)
{
	for (size_t i = 0; i < scols_table_get_ncols(scols); i++) {
		struct libscols_column *column = scols_table_get_column(scols, i);

		scols_column_set_whint(column, (double)scols_column_get_width(column));
	}
	scols_table_enable_noheadings(scols, 1);
}

int ctl_table_flush(struct ctl_table *table)
{
	if (!scols_table_get_nlines(table->scols))
		return 0;
	if (scols_print_table(table->scols))
		return -EIO;
	keep_widths(table->scols);
	scols_table_remove_lines(table->scols);
	return 0;
}
