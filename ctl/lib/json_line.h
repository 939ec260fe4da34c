/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON values as lines of a stream; private to the library. */
#ifndef MNAT_JSON_LINE_H
#define MNAT_JSON_LINE_H

#include <jansson.h>

#include "mnat/stream.h"

/* Append line and a newline to the output; line is stolen. */
void json_line_put(struct mnat_stream *stream, json_t *line);

/*
 * The first line of len buffered bytes: how many bytes it takes with its newline
 * and the value (NULL: not JSON) in *ret_line, owned by the caller. 0: no whole
 * line yet; -EMSGSIZE: it is longer than MNAT_CONTROL_LINE.
 */
ssize_t json_line_get(const uint8_t *buf, size_t len, json_t **ret_line);

#endif
