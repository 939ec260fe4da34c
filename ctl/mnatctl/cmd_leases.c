// SPDX-License-Identifier: GPL-2.0-only
/*
 * mnatctl export leases [FILE], mnatctl import leases FILE. The file: a first line that says
 * what it is, a line a lease or proof (dhcpd/record.h), and a last one with their number,
 * without which it has been cut short:
 *
 *   {"mobilenat":"leases","version":1}
 *   {"address":"10.0.1.5", ...}
 *   {"end":1}
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define VERSION	     1
#define PIECE	     512 /* leases in a request: well below MNAT_CONTROL_LINE */
#define LINE_MAX_LEN 4096
#define COMMIT_MS    60000 /* a million leases take the server some seconds */

static bool is_leases(const char *command, const char *what)
{
	if (!strcmp(what, "leases"))
		return true;
	log_err("%s %s: expected \"leases\"", command, what);
	return false;
}

/* ---- export ---- */

static void write_line(FILE *out, json_t *line)
{
	json_dumpf(line, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(line);
}

static void write_lease(const json_t *row, void *user)
{
	write_line(user, json_incref((json_t *)row));
}

static int export_to(const struct ctl *ctl, FILE *out)
{
	json_t *last = NULL;
	int r;

	write_line(out, json_pack("{s:s, s:i}", "mobilenat", "leases", "version", VERSION));
	r = ctl_ask(ctl, "dhcpd", CTL_FULL,
		    json_pack("{s:s, s:s}", "cmd", "export", "what", "leases"), write_lease, out,
		    &last);
	r = ctl_settle(ctl, "dhcpd", CTL_FULL, r, last);
	if (r == CTL_DONE)
		write_line(out, json_pack("{s:O}", "end", json_object_get(last, "rows")));
	json_decref(last);
	return r;
}

/* For its owner alone: it tells who is where. */
static FILE *create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		log_err("%s cannot be made: %m", path);
	return file;
}

/* Beside it first: what was exported before stays until all of this is on disk. */
static int export_file(const struct ctl *ctl, const char *path)
{
	char fresh[PATH_MAX];
	struct stat st;
	FILE *file;
	int r;

	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		log_err("%s is no file: name one, or none for standard output", path);
		return CTL_FAILED;
	}
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = create(fresh);
	if (!file)
		return CTL_FAILED;
	r = export_to(ctl, file);
	if (r == CTL_DONE && (fflush(file) || ferror(file) || fsync(fileno(file)) ||
			      rename(fresh, path))) {
		log_err("%s cannot be written: %m", path);
		r = CTL_FAILED;
	}
	fclose(file);
	if (r != CTL_DONE)
		unlink(fresh);
	return r;
}

int cmd_export(struct ctl *ctl, int argc, char **argv)
{
	if (!is_leases(argv[0], argv[1]))
		return CTL_USAGE;
	return argc > 2 ? export_file(ctl, argv[2]) : export_to(ctl, ctl->out);
}

/* ---- import ---- */

struct import {
	const struct ctl *ctl;
	const char *path;
	FILE *file;
	unsigned int line;
	json_int_t sent;
	json_t *piece;
};

/* NULL: the file ends, or the error has been printed. */
static json_t *read_line(struct import *import)
{
	char text[LINE_MAX_LEN];
	json_error_t error;
	json_t *line;

	if (!fgets(text, sizeof(text), import->file)) {
		log_err("%s: cut short: it has no last line {\"end\":N}; export it again",
			import->path);
		return NULL;
	}
	import->line++;
	line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!line)
		log_err("%s:%u: not a line of JSON: %s", import->path, import->line, error.text);
	return line;
}

static int check_first_line(struct import *import)
{
	json_t *line = read_line(import);
	const char *what = json_string_value(json_object_get(line, "mobilenat"));
	json_int_t version = json_integer_value(json_object_get(line, "version"));
	int r = what && !strcmp(what, "leases") && version == VERSION ? 0 : -EINVAL;

	if (line && r)
		log_err("%s:1: expected {\"mobilenat\":\"leases\",\"version\":%d}, as mnatctl "
			"export leases writes it",
			import->path, VERSION);
	json_decref(line);
	return r;
}

static void print_refusal(const json_t *row, void *user)
{
	const struct import *import = user;

	log_err("%s:%lld: %s", import->path, json_integer_value(json_object_get(row, "line")),
		json_string_value(json_object_get(row, "error")));
}

/* What has been read goes to the server; with commit set it says how all of it went. */
static int send_piece(struct import *import, bool commit, json_t **ret_last)
{
	struct ctl ctl = *import->ctl;
	json_t *request = json_pack("{s:s, s:s, s:I, s:O, s:b, s:b}", "cmd", "import", "what",
				    "leases", "from", import->sent, "leases", import->piece,
				    "commit", commit, "partial", ctl.partial);
	json_t *last = NULL;
	int r;

	if (commit && ctl.wait_ms < COMMIT_MS)
		ctl.wait_ms = COMMIT_MS;
	r = ctl_ask(&ctl, "dhcpd", CTL_FULL, request, print_refusal, import, &last);
	r = ctl_settle(&ctl, "dhcpd", CTL_FULL, r, last);
	import->sent += (json_int_t)json_array_size(import->piece);
	json_array_clear(import->piece);
	if (ret_last)
		*ret_last = json_incref(last);
	json_decref(last);
	return r;
}

/* The last line: are all there? */
static int check_end(const struct import *import, const json_t *end)
{
	json_int_t n = import->sent + (json_int_t)json_array_size(import->piece);

	if (json_integer_value(end) == n)
		return CTL_DONE;
	log_err("%s:%u: there are %lld leases, not as many as the last line says; export them "
		"again",
		import->path, import->line, n);
	return CTL_FAILED;
}

static int send_all(struct import *import, json_t **ret_last)
{
	json_t *line;
	int r = CTL_DONE;

	while (r == CTL_DONE && (line = read_line(import))) {
		const json_t *end = json_object_get(line, "end");

		if (end) {
			r = check_end(import, end);
			json_decref(line);
			return r == CTL_DONE ? send_piece(import, true, ret_last) : r;
		}
		json_array_append_new(import->piece,
				      json_pack("{s:i, s:o}", "line", import->line, "lease", line));
		if (json_array_size(import->piece) == PIECE)
			r = send_piece(import, false, NULL);
	}
	return CTL_FAILED;
}

int cmd_import(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_fclose_ FILE *file = NULL;
	struct import import = {.ctl = ctl, .path = argv[2]};
	json_t *last = NULL;
	int r;

	if (!is_leases(argv[0], argv[1]))
		return CTL_USAGE;
	import.file = file = fopen(argv[2], "re");
	if (!file) {
		log_err("%s cannot be read: %m; name a file that mnatctl export leases has written",
			argv[2]);
		return CTL_FAILED;
	}
	if (check_first_line(&import))
		return CTL_FAILED;
	import.piece = json_array();
	r = send_all(&import, &last);
	if (r == CTL_DONE)
		ctl_print_done(ctl, last);
	json_decref(import.piece);
	json_decref(last);
	return r;
}
