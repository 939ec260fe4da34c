// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stddef.h>

#include "mnat/maps.h"

/* Long enough for the longest name, checked below for each. */
#define NAME_LEN 24

static const struct {
	const char upper[NAME_LEN];
	const char *text;
	enum mnat_counter_class class;
} counters[MNAT_N_COUNTERS] = {
#define X(name, class, text) {#name, text, MNAT_CLASS_##class},
	MNAT_COUNTERS(X)
#undef X
};

#define X(name, class, text) _Static_assert(sizeof(#name) <= NAME_LEN, #name);
MNAT_COUNTERS(X)
#undef X

const char *mnat_counter_name(enum mnat_counter_id id)
{
	static char lower[MNAT_N_COUNTERS][NAME_LEN];

	if (!lower[id][0])
		for (size_t i = 0; counters[id].upper[i]; i++)
			lower[id][i] = (char)tolower(counters[id].upper[i]);
	return lower[id];
}

const char *mnat_counter_text(enum mnat_counter_id id)
{
	return counters[id].text;
}

enum mnat_counter_class mnat_counter_class(enum mnat_counter_id id)
{
	return counters[id].class;
}
