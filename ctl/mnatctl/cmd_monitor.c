// SPDX-License-Identifier: GPL-2.0-only
/* mnatctl monitor: a line an event, until somebody has seen enough. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "mnat/addr.h"
#include "mnat/log.h"

#define SILENT_MS 10000 /* a daemon that lives says so every second */

/* ---- An event in words ---- */

static const char *text_of(const json_t *row, const char *key, const char *null)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : null;
}

static json_int_t number_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static const char *host_of(const json_t *row)
{
	return text_of(row, "virtual", text_of(row, "actual", text_of(row, "from", "?")));
}

static void print_began(FILE *out, const json_t *row)
{
	fprintf(out, "hosts %lld, sessions %lld, ports %lld, blocks %lld", number_of(row, "hosts"),
		number_of(row, "sessions"), number_of(row, "ports"), number_of(row, "blocks"));
}

/* Where it is: here, or through a tunnel elsewhere. */
static void print_place(FILE *out, const json_t *row)
{
	const char *elsewhere = text_of(row, "elsewhere", NULL);

	if (elsewhere)
		fprintf(out, "elsewhere, by %s", elsewhere);
	else
		fputs(text_of(row, "actual", "?"), out);
}

static void print_arrived(FILE *out, const json_t *row)
{
	fprintf(out, "%s at ", host_of(row));
	print_place(out, row);
}

static void print_moved(FILE *out, const json_t *row)
{
	fprintf(out, "%s from %s to ", host_of(row), text_of(row, "from", "elsewhere"));
	print_place(out, row);
}

static void print_left(FILE *out, const json_t *row)
{
	fprintf(out, "%s from %s", host_of(row), text_of(row, "from", "elsewhere"));
}

static void print_block(FILE *out, const json_t *row)
{
	fprintf(out, "%s at %s: %s ports %lld-%lld", host_of(row),
		text_of(row, "actual", "elsewhere"), text_of(row, "address", "?"),
		number_of(row, "first"), number_of(row, "last"));
}

static void print_sessions(FILE *out, const json_t *row)
{
	fprintf(out, "%lld new, %lld ended, %lld open", number_of(row, "new"),
		number_of(row, "ended"), number_of(row, "open"));
}

static void print_refused(FILE *out, const json_t *row)
{
	fprintf(out, "%s %lld: %s", text_of(row, "reason", "?"), number_of(row, "packets"),
		text_of(row, "text", ""));
}

static void print_pressure(FILE *out, const json_t *row)
{
	fprintf(out, "%lld of %lld %s are in use", number_of(row, "used"),
		number_of(row, "max"), text_of(row, "table", "?"));
}

static void print_lost(FILE *out, const json_t *row)
{
	fprintf(out, "%lld events: %s", number_of(row, "events"),
		!strcmp(text_of(row, "by", ""), "ring")
			? "the gateway had more than mnat-midcomd could read"
			: "they were not read here as fast as they came");
}

static const struct {
	const char *name;
	void (*print)(FILE *out, const json_t *row);
} events[] = {
	{"began", print_began},	      {"arrived", print_arrived},
	{"moved", print_moved},	      {"left", print_left},
	{"block-taken", print_block}, {"block-freed", print_block},
	{"sessions", print_sessions}, {"refused", print_refused},
	{"pressure", print_pressure}, {"relieved", print_pressure},
	{"lost", print_lost},
};

void ctl_event_print(FILE *out, const json_t *row)
{
	const char *name = text_of(row, "event", "?");
	json_int_t at_ms = number_of(row, "at_ms");
	time_t at = at_ms / 1000;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%03d  %-11s  ", text, (int)(at_ms % 1000), name);
	for (size_t i = 0; i < CTL_COUNT(events); i++)
		if (!strcmp(name, events[i].name))
			events[i].print(out, row);
	fputc('\n', out);
}

/* ---- The command ---- */

static void on_row(const json_t *row, void *user)
{
	const struct ctl *ctl = user;

	if (!strcmp(text_of(row, "event", ""), "tick"))
		return;
	if (ctl->json) {
		json_dumpf(row, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
	} else {
		ctl_event_print(ctl->out, row);
	}
	fflush(ctl->out);
}

/* Whole lines have been written: there is nothing to tidy up. */
static void on_signal(int number)
{
	_exit(CTL_DONE);
}

int cmd_monitor(struct ctl *ctl, int argc, char **argv)
{
	struct ctl patient = *ctl;
	json_t *request = json_pack("{s:s}", "cmd", "monitor"), *last = NULL;
	struct in_addr host;
	int r;

	if (argc > 1 && mnat_parse_ip(argv[1], &host)) {
		log_err("monitor: \"%s\" is not a host's virtual or actual address, such as "
			"10.128.0.2",
			argv[1]);
		json_decref(request);
		return CTL_USAGE;
	}
	if (argc > 1)
		json_object_set_new(request, "host", json_string(argv[1]));
	if (patient.wait_ms < SILENT_MS)
		patient.wait_ms = SILENT_MS;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	r = ctl_ask(&patient, "midcomd", CTL_READ_ONLY, request, on_row, &patient, &last);
	r = ctl_settle(&patient, "midcomd", CTL_READ_ONLY, r, last);
	json_decref(last);
	return r;
}
