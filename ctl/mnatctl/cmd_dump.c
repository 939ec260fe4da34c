// SPDX-License-Identifier: GPL-2.0-only
/* mnatctl dump NOUN */
#include <errno.h>
#include <string.h>

#include "ctl.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

struct dump {
	const struct ctl *ctl;
	const struct ctl_noun *noun;
	const char *daemon; /* being asked */
	struct ctl_rows *rows;
	size_t hidden;
};

static size_t n_sources(const struct ctl_noun *noun)
{
	size_t n = 0;

	while (n < CTL_COUNT(noun->sources) && noun->sources[n].daemon)
		n++;
	return n;
}

static bool is_hidden(const struct dump *dump, const json_t *row)
{
	const char *key = dump->noun->hide_zero;

	return key && !dump->ctl->json && !dump->ctl->all &&
	       !json_integer_value(json_object_get(row, key));
}

static void on_row(const json_t *row, void *user)
{
	struct dump *dump = user;
	json_t *copy;

	if (is_hidden(dump, row)) {
		dump->hidden++;
	} else if (dump->noun->everywhere) {
		copy = json_pack("{s:s}", "from", dump->daemon);
		json_object_update(copy, (json_t *)row);
		ctl_rows_add(dump->rows, copy);
		json_decref(copy);
	} else {
		ctl_rows_add(dump->rows, row);
	}
}

static int ask(struct dump *dump, const char *daemon, json_t **ret_last)
{
	dump->daemon = daemon;
	return ctl_ask(dump->ctl, daemon, CTL_READ_ONLY,
		       json_pack("{s:s, s:s}", "cmd", "dump", "what", dump->noun->name), on_row,
		       dump, ret_last);
}

static int nobody(const struct dump *dump)
{
	const struct ctl_noun *noun = dump->noun;
	char list[128] = "";
	size_t n = n_sources(noun), at = 0;

	for (size_t i = 0; i < n && at < sizeof(list); i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "",
				       noun->sources[i].daemon);
	log_err("no daemon that knows %s (%s) answers in %s: start one, or name its run "
		"directory with -r",
		noun->name, list, dump->ctl->run_dir);
	return CTL_FAILED;
}

/* Tell apart "nothing there" from "nothing asked for". */
static void report_empty(const struct dump *dump)
{
	if (dump->ctl->json || dump->ctl->no_headings || ctl_rows_count(dump->rows))
		return;
	if (dump->hidden)
		log_info("all %zu %s are 0 (-a shows them)", dump->hidden, dump->noun->name);
	else
		log_info("no %s", dump->noun->name);
}

static int finish(const struct dump *dump, int result)
{
	if (ctl_rows_finish(dump->rows, result == CTL_DONE))
		return CTL_FAILED;
	if (result == CTL_DONE)
		report_empty(dump);
	return result;
}

/* The first of sources that runs. */
static int dump_first(struct dump *dump, const struct ctl_source *sources, size_t n)
{
	const struct ctl *ctl = dump->ctl;

	for (size_t i = 0; i < n; i++) {
		_cleanup_(ctl_rows_free) struct ctl_rows *rows = NULL;
		struct ctl_columns columns;
		json_t *last = NULL;
		int r;

		if (ctl_columns_select(sources[i].columns, ctl->output, &columns))
			return CTL_USAGE;
		if (ctl_rows_new(ctl, &columns, &rows))
			return CTL_FAILED;
		dump->rows = rows;
		r = ask(dump, sources[i].daemon, &last);
		if (ctl_is_absent(r) && i + 1 < n)
			continue;
		if (ctl_is_absent(r) && n > 1)
			return nobody(dump);
		r = ctl_settle(ctl, sources[i].daemon, CTL_READ_ONLY, r, last);
		json_decref(last);
		return finish(dump, r);
	}
	return CTL_FAILED;
}

/* All of sources that run, in one table. */
static int dump_all(struct dump *dump, const struct ctl_source *sources, size_t n)
{
	_cleanup_(ctl_rows_free) struct ctl_rows *rows = NULL;
	struct ctl_columns columns;
	size_t absent = 0;
	int result = CTL_DONE;

	if (ctl_columns_select(sources[0].columns, dump->ctl->output, &columns))
		return CTL_USAGE;
	if (ctl_rows_new(dump->ctl, &columns, &rows))
		return CTL_FAILED;
	dump->rows = rows;
	for (size_t i = 0; i < n; i++) {
		json_t *last = NULL;
		int r = ask(dump, sources[i].daemon, &last);

		if (ctl_is_absent(r) && n > 1)
			absent++;
		else if (ctl_settle(dump->ctl, sources[i].daemon, CTL_READ_ONLY, r, last))
			result = CTL_FAILED;
		json_decref(last);
	}
	if (absent == n)
		return nobody(dump);
	return finish(dump, result);
}

/* Reduce the noun's sources to the one that --from names. */
static int narrow(const struct ctl *ctl, const struct ctl_noun *noun,
		  const struct ctl_source **ret_sources, size_t *ret_n)
{
	struct ctl_words words = CTL_WORDS(noun->sources, n_sources(noun));
	const char *from = ctl->from;
	int i = 0;

	if (from) {
		if (!strncmp(from, "mnat-", 5))
			from += 5;
		i = ctl_match(from, words);
		if (i < 0 && ctl_match(from, CTL_WORDS(ctl_daemons, ctl_n_daemons)) >= 0)
			log_err("--from %s: that daemon has no %s, ask %s", ctl->from, noun->name,
				ctl_word(words, 0));
		else if (i < 0)
			ctl_pick("daemon", from, words);
		if (i < 0)
			return -EINVAL;
	}
	*ret_sources = &noun->sources[i];
	*ret_n = from ? 1 : words.n;
	return 0;
}

static void list_columns(const struct ctl *ctl, const struct ctl_column *columns)
{
	for (; columns->name; columns++)
		fprintf(ctl->out, "%s\n", columns->name);
}

int cmd_dump(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_source *sources;
	struct dump dump = {.ctl = ctl};
	size_t n;
	int i = ctl_pick("noun", argv[1], CTL_WORDS(ctl_nouns, ctl_n_nouns));

	if (i < 0)
		return CTL_USAGE;
	dump.noun = &ctl_nouns[i];
	if (narrow(ctl, dump.noun, &sources, &n))
		return CTL_USAGE;
	if (ctl->list_columns) {
		list_columns(ctl, sources[0].columns);
		return CTL_DONE;
	}
	return dump.noun->everywhere ? dump_all(&dump, sources, n) : dump_first(&dump, sources, n);
}
