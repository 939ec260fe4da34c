/* SPDX-License-Identifier: GPL-2.0-only */
/* Walking a hash map, or the table of sessions, some elements at a time. */
#ifndef MIDCOM_BATCH_H
#define MIDCOM_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "mnat/maps.h"

struct batch {
	int fd;
	const struct mnat_gateway *table; /* whose sessions, or NULL */
	size_t key_size;
	size_t value_size;
	uint32_t size; /* elements there is room for; grows with the fullest bucket */
	uint32_t n;    /* elements in keys and values now */
	uint8_t *keys;
	uint8_t *values;
	uint32_t position;
	int started;
	int finished;
};

int batch_open(struct batch *batch, int fd, size_t key_size, size_t value_size, uint32_t size);
/* Keys are struct mnat_session_key, values struct mnat_session; size: at least a bucket's. */
int batch_open_sessions(struct batch *batch, const struct mnat_gateway *gateway, uint32_t size);

/*
 * The next elements: n of them, perhaps 0, in keys and values. 1: there may be
 * more; 0: these were the last; or -errno. Elements that come or go meanwhile may
 * be seen or not; those that stay are seen.
 */
int batch_next(struct batch *batch);

/* Go on at a position that another walk of the same map has come to. */
static inline void batch_seek(struct batch *batch, uint32_t position)
{
	batch->position = position;
	batch->started = 1;
}

void batch_close(struct batch *batch);

#endif
