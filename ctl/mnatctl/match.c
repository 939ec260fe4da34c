// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "ctl.h"
#include "mnat/log.h"

#define LONGEST 31

const char *ctl_word(struct ctl_words words, size_t i)
{
	return *(const char *const *)((const char *)words.base + i * words.stride);
}

int ctl_match(const char *text, struct ctl_words words)
{
	size_t len = strlen(text);
	int found = -ENOENT;

	for (size_t i = 0; len && i < words.n; i++) {
		const char *word = ctl_word(words, i);

		if (strncmp(word, text, len))
			continue;
		if (!word[len])
			return (int)i;
		found = found == -ENOENT ? (int)i : -EEXIST;
	}
	return found;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Edits from a to b: letters added, removed, changed, or two neighbours swapped
 * (optimal string alignment). Both at most LONGEST long.
 */
static size_t distance(const char *a, const char *b)
{
	size_t d[LONGEST + 1][LONGEST + 1];
	size_t na = strlen(a), nb = strlen(b);

	for (size_t i = 0; i <= na; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			d[i][j] = min(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = min(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[na][nb];
}

const char *ctl_nearest(const char *text, struct ctl_words words)
{
	size_t len = strlen(text);
	size_t best = len / 3 + 2; /* further off is no likeness */
	const char *nearest = NULL;

	if (!len || len > LONGEST)
		return NULL;
	for (size_t i = 0; i < words.n; i++) {
		const char *word = ctl_word(words, i);
		size_t d;

		if (strlen(word) > LONGEST)
			continue;
		d = distance(text, word);
		if (d < best && d < strlen(word)) {
			best = d;
			nearest = word;
		}
	}
	return nearest;
}

/* "a, b, c": the words that begin with text. */
static void join(const char *text, struct ctl_words words, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < words.n && at < size; i++) {
		const char *word = ctl_word(words, i);

		if (!strncmp(word, text, strlen(text)))
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? ", " : "", word);
	}
}

int ctl_pick(const char *kind, const char *text, struct ctl_words words)
{
	int i = ctl_match(text, words);
	const char *nearest;
	char list[512];

	if (i >= 0)
		return i;
	if (i == -EEXIST) {
		join(text, words, list, sizeof(list));
		log_err("%s \"%s\" could be any of: %s", kind, text, list);
		return i;
	}
	nearest = ctl_nearest(text, words);
	if (nearest) {
		log_err("unknown %s \"%s\": did you mean \"%s\"?", kind, text, nearest);
	} else {
		join("", words, list, sizeof(list));
		log_err("unknown %s \"%s\": expected one of %s", kind, text, list);
	}
	return i;
}
