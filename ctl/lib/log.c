// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const char *program = "mobilenat";
static enum mnat_log_level limit = MNAT_LOG_INFO;
static bool journal;

void mnat_log_init(const char *name, enum mnat_log_level max_level)
{
	program = name;
	limit = max_level;
	journal = getenv("JOURNAL_STREAM") != NULL;
}

void mnat_log(enum mnat_log_level level, const char *fmt, ...)
{
	int saved_errno = errno;
	char line[1024];
	va_list ap;

	if (level > limit)
		return;
	errno = saved_errno; /* for %m */
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (journal)
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "%s: %s\n", program, line);
	errno = saved_errno;
}
