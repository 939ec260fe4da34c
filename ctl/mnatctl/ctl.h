/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mnatctl inside. Everything the user can type is a row of a table: commands
 * (commands.c), options (options.c), nouns of `dump` with their columns (nouns.c),
 * daemons (ask.c). Matching, help, hints and the columns of -o follow from these.
 */
#ifndef MNATCTL_CTL_H
#define MNATCTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

/* What the command line asked for; strings are borrowed from it. */
struct ctl {
	FILE *out;
	const char *run_dir;
	const char *output; /* columns, comma-separated; NULL: all */
	const char *from;   /* daemon; NULL: the noun's default */
	const char *config;   /* NULL: the default */
	const char *database; /* NULL: the default */
	int wait_ms;
	int last; /* moves to show; 0: all */
	const char *by; /* order of top; NULL: rate */
	int rows;	/* of top; 0: 10 */
	bool json;
	bool no_headings;
	bool all;	   /* zero counters too */
	bool partial;	   /* import what is not refused */
	bool list_columns; /* name the columns instead of dumping */
	bool help;
	bool version;
	unsigned int given; /* bit i: option i of the table was on the command line */
};

/* ---- Words (match.c) ---- */

/* Any array whose elements start with `const char *name`. */
struct ctl_words {
	const void *base;
	size_t n;
	size_t stride;
};

#define CTL_WORDS(array, count) ((struct ctl_words){(array), (count), sizeof(*(array))})
#define CTL_COUNT(array)	(sizeof(array) / sizeof((array)[0]))

const char *ctl_word(struct ctl_words words, size_t i);

/* Index of the word equal to or beginning with text; -ENOENT; -EEXIST: several begin so. */
int ctl_match(const char *text, struct ctl_words words);

/* The word that text was probably meant to be, or NULL. */
const char *ctl_nearest(const char *text, struct ctl_words words);

/* ctl_match() that tells the user what is wrong; kind: "command", "noun", ... */
int ctl_pick(const char *kind, const char *text, struct ctl_words words);

/* ---- Commands (commands.c) and options (options.c) ---- */

struct ctl_command {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv); /* argv[0]: name */
	const char *args;				    /* as in the usage line */
	const char *help;
	int min_args;
	int max_args;
	void (*more_help)(FILE *out); /* NULL: none */
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_n_commands;

/*
 * Read options from anywhere in argv and move the words behind them:
 * *ret_first is the index of the first word. 0, or -EINVAL with the error printed.
 */
int ctl_options_parse(struct ctl *ctl, int argc, char **argv, int *ret_first);

/* Options that belong to command; NULL: those of all commands. */
void ctl_options_help(FILE *out, const char *command);

/* An option given that is only another command's: its name, else NULL. */
const char *ctl_options_misplaced(const struct ctl *ctl, const char *command);

/* Find the command in argv and run it; no words: status. Returns the exit code. */
int ctl_run(struct ctl *ctl, int argc, char **argv);

int cmd_status(struct ctl *ctl, int argc, char **argv);
int cmd_dump(struct ctl *ctl, int argc, char **argv);
int cmd_doctor(struct ctl *ctl, int argc, char **argv);
int cmd_handover(struct ctl *ctl, int argc, char **argv);
int cmd_history(struct ctl *ctl, int argc, char **argv);
int cmd_verb(struct ctl *ctl, int argc, char **argv);
int cmd_export(struct ctl *ctl, int argc, char **argv);
int cmd_import(struct ctl *ctl, int argc, char **argv);
int cmd_top(struct ctl *ctl, int argc, char **argv);
int cmd_monitor(struct ctl *ctl, int argc, char **argv);
int cmd_whohad(struct ctl *ctl, int argc, char **argv);
int cmd_help(struct ctl *ctl, int argc, char **argv);

/* "done" and what else the answer says; in JSON, the answer. */
void ctl_print_done(const struct ctl *ctl, const json_t *last);

/* Seconds since 1970, or ISO 8601 with or without a zone. 0 or -EINVAL. */
int ctl_parse_time(const char *text, int64_t *ret_time);

/* ---- Daemons (ask.c) ---- */

struct ctl_daemon {
	const char *name;    /* of the socket, and as users name it */
	const char *program; /* and of its unit */
};

extern const struct ctl_daemon ctl_daemons[];
extern const size_t ctl_n_daemons;

enum ctl_socket { CTL_READ_ONLY, CTL_FULL };

typedef void (*ctl_row)(const json_t *row, void *user);

/* Path of the daemon's socket, in a string the caller frees. */
char *ctl_socket_path(const struct ctl *ctl, const char *daemon, enum ctl_socket socket);

/*
 * Ask a daemon (request is stolen). 0 when it answered, whatever its code;
 * otherwise what mnat_control_call() returned. Prints nothing.
 */
int ctl_ask(const struct ctl *ctl, const char *daemon, enum ctl_socket socket, json_t *request,
	    ctl_row row, void *user, json_t **ret_last);

/* No such daemon in the run directory, as told by ctl_ask(). */
bool ctl_is_absent(int r);

/* One sentence on why asking failed with r, and what to do. The caller frees it. */
char *ctl_why(const struct ctl *ctl, const char *daemon, enum ctl_socket socket, int r);

/* Result of ctl_ask() as exit code; anything but success is explained on stderr. */
int ctl_settle(const struct ctl *ctl, const char *daemon, enum ctl_socket socket, int r,
	       const json_t *last);

/* ---- Columns and cells (cell.c) ---- */

#define CTL_CELL	256
#define CTL_MAX_COLUMNS 16

typedef void (*ctl_format)(const json_t *value, char *buf, size_t size);

/* Arrays of columns end with a NULL name. */
struct ctl_column {
	const char *name; /* JSON key, and what -o calls it */
	const char *heading;
	ctl_format format; /* NULL: the value as it is */
	bool right;	   /* aligned */
	const char *null;  /* how null and an absent key show; NULL: "-" */
};

struct ctl_columns {
	const struct ctl_column *column[CTL_MAX_COLUMNS];
	size_t n;
};

/* Text of a row's cell. */
void ctl_cell(const struct ctl_column *column, const json_t *row, char *buf, size_t size);

/* -o's list over all; NULL: every column. -EINVAL with the error printed. */
int ctl_columns_select(const struct ctl_column *all, const char *list,
		       struct ctl_columns *ret_columns);

void ctl_format_plain(const json_t *value, char *buf, size_t size);
void ctl_format_seconds(const json_t *value, char *buf, size_t size); /* 3m12s */
void ctl_format_since(const json_t *value, char *buf, size_t size);   /* µs since boot -> age */
void ctl_format_ms(const json_t *value, char *buf, size_t size);      /* µs -> ms */
void ctl_format_time(const json_t *value, char *buf, size_t size);    /* s since 1970 -> ISO */
void ctl_format_units(const json_t *value, char *buf, size_t size);   /* 12.3 k */
void ctl_format_events(const json_t *value, char *buf, size_t size);  /* a move's */

/* ---- Rows (rows.c; text in table.c) ---- */

/*
 * Rows on their way out, as text in columns or as a JSON array. Rows are written
 * as they come, text in chunks, so a dump of any length needs little memory.
 */
struct ctl_rows;

int ctl_rows_new(const struct ctl *ctl, const struct ctl_columns *columns,
		 struct ctl_rows **ret_rows);
void ctl_rows_add(struct ctl_rows *rows, const json_t *row);
size_t ctl_rows_count(const struct ctl_rows *rows);

/*
 * whole: the dump came to its end. A JSON array cut short is left open, so that
 * no reader takes it for all there is. 0, or -errno, printed, if a row was lost.
 */
int ctl_rows_finish(struct ctl_rows *rows, bool whole);
void ctl_rows_free(struct ctl_rows **rows);

struct ctl_table;

int ctl_table_new(FILE *out, bool no_headings, const struct ctl_columns *columns,
		  struct ctl_table **ret_table);
int ctl_table_add(struct ctl_table *table, const json_t *row);
int ctl_table_flush(struct ctl_table *table);
void ctl_table_free(struct ctl_table *table);

/* All rows of mnat-midcomd's answer to request (stolen); none: what to say then. Exit code. */
int ctl_list(const struct ctl *ctl, enum ctl_socket socket, json_t *request,
	     const struct ctl_column *columns, const char *none);

/* ---- Nouns of dump (nouns.c) ---- */

struct ctl_source {
	const char *daemon;
	const struct ctl_column *columns;
};

struct ctl_noun {
	const char *name;
	const char *help;
	struct ctl_source sources[5]; /* the first that runs is asked */
	bool everywhere;	      /* ask all that run; rows get a "from" */
	const char *hide_zero;	      /* in text, rows where this key is 0 need -a */
};

extern const struct ctl_noun ctl_nouns[];
extern const size_t ctl_n_nouns;

/* ---- Fields of an answer (fields.c) ---- */

/*
 * The fields of an answer's last line that are not the protocol's own, as lines of
 * "    name  value". "max_x" joins x as "1 of 10". Returns how many were printed.
 */
int ctl_fields_print(FILE *out, const json_t *last);

/* ---- Status (status.c) ---- */

/*
 * What all daemons said, put together: {"healthy":..,"problems":[..],"daemons":{..}}.
 * ctl_status_add takes one daemon's answer, or the sentence why there is none.
 */
json_t *ctl_status_new(void);
void ctl_status_add(json_t *status, const struct ctl_daemon *daemon, const json_t *answer,
		    const char *why);
void ctl_status_print(FILE *out, const json_t *status);

/* ---- Events (cmd_monitor.c) ---- */

/* A row of mnat-midcomd's answer to "monitor", as a line. */
void ctl_event_print(FILE *out, const json_t *row);

/* ---- Time lines (timeline.c) ---- */

/* A move with "total_ms" added and, in each event, "ms" since the first. New reference. */
json_t *ctl_timeline(const json_t *move);
void ctl_timeline_print(FILE *out, const json_t *timeline);

#endif
