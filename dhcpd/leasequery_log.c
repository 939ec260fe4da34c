// SPDX-License-Identifier: GPL-2.0-only
#include "leasequery_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

static struct log_record *slot(const struct leasequery_log *log, uint64_t number)
{
	return &log->records[number % LOG_RECORDS];
}

int leasequery_log_init(struct leasequery_log *log, int64_t wall)
{
	*log = (struct leasequery_log){.after = (uint32_t)wall, .latest = (uint32_t)wall + 1};
	log->records = calloc(LOG_RECORDS, sizeof(*log->records));
	return log->records ? 0 : -ENOMEM;
}

static void drop_first(struct leasequery_log *log)
{
	struct log_record *record = slot(log, log->first++);

	free(record->bytes);
	log->after = record->time;
	*record = (struct log_record){0};
}

void leasequery_log_done(struct leasequery_log *log)
{
	while (log->records && log->first < log->next)
		drop_first(log);
	free(log->records);
	log->records = NULL;
}

uint32_t leasequery_log_time(struct leasequery_log *log, int64_t wall)
{
	log->latest = MAX(log->latest, (uint32_t)wall);
	return log->latest;
}

/* Readers are behind first now, even those that had everything. */
static void begin_anew(struct leasequery_log *log, uint32_t time)
{
	while (log->first < log->next)
		drop_first(log);
	log->first = ++log->next;
	log->after = time;
}

void leasequery_log_put(struct leasequery_log *log, uint32_t time, const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len);

	if (!copy) {
		begin_anew(log, time);
		return;
	}
	memcpy(copy, bytes, len);
	if (log->next - log->first == LOG_RECORDS)
		drop_first(log);
	*slot(log, log->next++) =
		(struct log_record){.time = time, .len = (uint16_t)len, .bytes = copy};
}

const struct log_record *leasequery_log_get(const struct leasequery_log *log, uint64_t number)
{
	return slot(log, number);
}

int leasequery_log_find(const struct leasequery_log *log, uint32_t time, uint64_t *ret_number)
{
	uint64_t low = log->first, high = log->next;

	if (time <= log->after || time > log->latest)
		return -ENODATA;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (slot(log, middle)->time < time)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_number = low;
	return 0;
}
