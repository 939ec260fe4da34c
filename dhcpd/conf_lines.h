/* SPDX-License-Identifier: GPL-2.0-only */
/* A configuration as sorted lines, defaults included: what -d compares. */
#ifndef DHCPD_CONF_LINES_H
#define DHCPD_CONF_LINES_H

#include <confuse.h>
#include <stddef.h>

struct conf_lines {
	char **line; /* subnet "10.0.1.0/24" router = "10.0.1.1" */
	size_t n;
};

/* 0 or -ENOMEM */
int conf_lines_get(cfg_t *cfg, struct conf_lines *ret_lines);
void conf_lines_free(struct conf_lines *lines);

/* Print what b lacks of a with '-' before it, and what it has beside with '+'. How many. */
size_t conf_lines_diff(const struct conf_lines *a, const struct conf_lines *b);

#endif
