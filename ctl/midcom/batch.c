// SPDX-License-Identifier: GPL-2.0-only
#include "batch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"

static int make_room(struct batch *b, uint32_t size)
{
	_cleanup_free_ uint8_t *keys = calloc(size, b->key_size);
	_cleanup_free_ uint8_t *values = calloc(size, b->value_size);

	if (!keys || !values)
		return -ENOMEM;
	free(b->keys);
	free(b->values);
	b->keys = TAKE_PTR(keys);
	b->values = TAKE_PTR(values);
	b->size = size;
	return 0;
}

int batch_open(struct batch *b, int fd, size_t key_size, size_t value_size, uint32_t size)
{
	*b = (struct batch){.fd = fd, .key_size = key_size, .value_size = value_size};
	return make_room(b, size);
}

int batch_open_sessions(struct batch *b, const struct mnat_gateway *gateway, uint32_t size)
{
	*b = (struct batch){
		.table = gateway,
		.key_size = sizeof(struct mnat_session_key),
		.value_size = sizeof(struct mnat_session),
	};
	return make_room(b, size);
}

static int next_sessions(struct batch *b)
{
	b->n = mnat_sessions_read(b->table, &b->position, (struct mnat_session_key *)b->keys,
				  (struct mnat_session *)b->values, b->size);
	b->finished = b->position >= b->table->n_buckets;
	return !b->finished;
}

int batch_next(struct batch *b)
{
	if (b->table)
		return next_sessions(b);
	for (;;) {
		uint32_t next = 0;
		int r;

		b->n = b->size;
		r = bpf_map_lookup_batch(b->fd, b->started ? &b->position : NULL, &next, b->keys,
					 b->values, &b->n, NULL)
			    ? -errno
			    : 0;
		if (r == -ENOSPC) { /* one bucket holds more than there is room for */
			r = make_room(b, b->size * 2);
			if (r)
				return r;
			continue;
		}
		if (r && r != -ENOENT)
			return r;
		b->position = next;
		b->started = 1;
		b->finished = r == -ENOENT;
		return !b->finished;
	}
}

void batch_close(struct batch *b)
{
	free(b->keys);
	free(b->values);
	b->keys = b->values = NULL;
}
