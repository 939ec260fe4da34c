// SPDX-License-Identifier: GPL-2.0-only
#include "diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/log.h"

#define TIMEOUT_MS 5000

/* The rows come in the order in which the server has sorted them. */
static void take_line(const json_t *row, void *user)
{
	struct conf_lines *lines = user;
	const char *text = json_string_value(json_object_get(row, "line"));
	char **grown = text ? reallocarray(lines->line, lines->n + 1, sizeof(*grown)) : NULL;

	if (!grown)
		return;
	lines->line = grown;
	grown[lines->n] = strdup(text);
	lines->n += grown[lines->n] != NULL;
}

static void free_json(json_t **json)
{
	json_decref(*json);
}

int diff_with_running(const struct conf *conf)
{
	_cleanup_(free_json) json_t *request = json_pack("{s:s}", "cmd", "config"), *last = NULL;
	_cleanup_(conf_lines_free) struct conf_lines running = {0};
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/dhcpd.sock", conf->run_dir) < 0)
		return 2;
	r = mnat_control_call(path, request, TIMEOUT_MS, take_line, &running, &last);
	if (r) {
		log_err("no mnat-dhcpd answers at %s: %s", path, strerror(-r));
		return 2;
	}
	return conf_lines_diff(&running, &conf->lines) ? 1 : 0;
}
