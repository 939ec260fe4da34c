// SPDX-License-Identifier: GPL-2.0-only
/* A manager's whole table: anchors and arrivals it does not name any more are removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "anchors.h"

struct anchors_named {
	uint8_t *slots;	    /* a bit an anchor */
	uint32_t n, size;   /* of arrivals, anchors' own among them */
	struct mnat_arrival_key keys[];
};

int anchors_sync_begin(struct anchors *a)
{
	const uint32_t size = 64;

	if (a->named)
		return -EBUSY;
	a->named = calloc(1, sizeof(*a->named) + size * sizeof(a->named->keys[0]));
	if (!a->named)
		return -ENOMEM;
	a->named->size = size;
	a->named->slots = calloc(1, a->n / 8 + 1);
	if (a->named->slots)
		return 0;
	anchors_sync_cancel(a);
	return -ENOMEM;
}

void anchors_sync_note_anchor(struct anchors *a, uint32_t slot)
{
	if (a->named)
		a->named->slots[slot / 8] |= (uint8_t)(1 << slot % 8);
}

void anchors_sync_note_arrival(struct anchors *a, const struct anchor_name *name)
{
	struct anchors_named *named = a->named;

	if (!named)
		return;
	if (named->n == named->size) {
		named = realloc(named, sizeof(*named) + 2 * named->size * sizeof(named->keys[0]));
		if (!named) {
			anchors_sync_cancel(a); /* better too many than too few */
			return;
		}
		named->size *= 2;
		a->named = named;
	}
	named->keys[named->n++] = (struct mnat_arrival_key){name->gateway, name->virt};
}

static int compare(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct mnat_arrival_key));
}

static bool is_unnamed(const struct anchors *a, const struct mnat_arrival_key *key, uint32_t host)
{
	/* those of correspondents are not named: they go with their anchor */
	return !(host & MNAT_ARRIVAL_TO) &&
	       !bsearch(key, a->named->keys, a->named->n, sizeof(*key), compare);
}

void anchors_sync_end(struct anchors *a)
{
	if (!a->named)
		return;
	qsort(a->named->keys, a->named->n, sizeof(a->named->keys[0]), compare);
	for (uint32_t i = 1; i < a->n; i++) {
		const struct anchor_name name = {a->slots[i].host, a->slots[i].gateway,
						 a->slots[i].virt};

		if (name.gateway && !(a->named->slots[i / 8] & 1 << i % 8))
			anchors_remove(a, &name);
	}
	anchors_drop_arrivals(a, is_unnamed);
	anchors_sync_cancel(a);
}

void anchors_sync_cancel(struct anchors *a)
{
	if (a->named)
		free(a->named->slots);
	free(a->named);
	a->named = NULL;
}
