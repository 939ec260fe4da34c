// SPDX-License-Identifier: GPL-2.0-only
#include "json_line.h"

#include <errno.h>
#include <string.h>

#include "mnat/control.h"

#define USUAL_LINE 256

void json_line_put(struct mnat_stream *stream, json_t *line)
{
	size_t room = USUAL_LINE;

	for (;;) {
		uint8_t *at = mnat_stream_reserve(stream, room);
		size_t len = at ? json_dumpb(line, (char *)at, room - 1, JSON_COMPACT) : 0;

		if (len && len < room) {
			at[len] = '\n';
			mnat_stream_commit(stream, len + 1);
		}
		if (!len || len < room)
			break;
		room = len + 1;
	}
	json_decref(line);
}

ssize_t json_line_get(const uint8_t *buf, size_t len, json_t **ret_line)
{
	size_t limit = len < MNAT_CONTROL_LINE ? len : MNAT_CONTROL_LINE;
	const uint8_t *end = memchr(buf, '\n', limit);

	if (!end)
		return len < MNAT_CONTROL_LINE ? 0 : -EMSGSIZE;
	*ret_line = json_loadb((const char *)buf, (size_t)(end - buf), JSON_REJECT_DUPLICATES,
			       NULL);
	return end - buf + 1;
}
