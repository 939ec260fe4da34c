// SPDX-License-Identifier: GPL-2.0-only
#include "leasequery_reader.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/log.h"

void reader_drop(struct reader *reader)
{
	DL_DELETE(reader->leasequery->readers, reader);
	bulk_done(&reader->bulk);
	mnat_stream_close(reader->stream);
	free(reader);
}

struct record_head reader_head(struct reader *reader)
{
	struct leasequery *lq = reader->leasequery;

	return (struct record_head){
		.xid = reader->xid,
		.time = leasequery_log_time(&lq->log, lq->server->wall()),
		.now = mnat_clock_now(),
	};
}

/* No memory: it has missed this. */
static void send_bytes(struct reader *reader, const void *bytes, size_t len)
{
	if (leasequery_send(reader->stream, bytes, len))
		reader->phase = READER_LOST;
	reader->told = mnat_clock_now();
}

void reader_send(struct reader *reader, struct record *record)
{
	send_bytes(reader, record->bytes, record->len);
}

void reader_say(struct reader *reader, enum dhcp_type type, enum leasequery_status status,
		const char *text)
{
	const struct record_head head = reader_head(reader);
	struct record record;

	if (!record_status(reader->leasequery->server, &head, type, status, text, &record))
		reader_send(reader, &record);
}

/* ---- changes ---- */

static void tell_logged(struct reader *reader, const struct log_record *logged)
{
	uint8_t bytes[DHCP_MAX_MESSAGE];

	memcpy(bytes, logged->bytes, logged->len);
	memcpy(bytes + offsetof(struct dhcp_header, xid), &reader->xid, sizeof(reader->xid));
	server_count(reader->leasequery->server, COUNTER_leasequery_told);
	send_bytes(reader, bytes, logged->len);
}

/* It is told when it has read what came before, and is closed. */
static void miss(struct reader *reader)
{
	char ip[MNAT_IP_LEN];

	reader->phase = READER_LOST;
	if (mnat_stream_backlog(reader->stream))
		return;
	log_warn("%s did not keep up with the leases' changes; it can ask for all by a bulk query",
		 mnat_ip(reader->from, ip));
	server_count(reader->leasequery->server, COUNTER_leasequery_missing);
	reader_say(reader, DHCP_LEASEQUERYSTATUS, LEASEQUERY_DATA_MISSING,
		   "you did not keep up; ask for all by a bulk query, then connect again");
	reader_drop(reader);
}

static void tell_changes(struct reader *reader)
{
	const struct leasequery_log *log = &reader->leasequery->log;

	while (reader->record < log->next && mnat_stream_backlog(reader->stream) < READER_BACKLOG) {
		if (reader->record < log->first || reader->phase == READER_LOST)
			return miss(reader);
		tell_logged(reader, leasequery_log_get(log, reader->record++));
	}
	if (reader->catching_up && reader->record >= reader->caught_up_at) {
		reader->catching_up = false;
		reader_say(reader, DHCP_LEASEQUERYSTATUS, LEASEQUERY_CAUGHT_UP, "");
	}
}

void reader_go_on(struct reader *reader)
{
	if (reader->phase == READER_BULK)
		bulk_go_on(reader);
	else if (reader->phase == READER_ACTIVE)
		tell_changes(reader);
	else if (reader->phase == READER_LOST)
		miss(reader);
}

/* ---- queries ---- */

static void begin_bulk(struct reader *reader, const struct dhcp_message *query)
{
	if (!bulk_begin(reader, query))
		return;
	server_count(reader->leasequery->server, COUNTER_leasequery_bulk);
	reader->phase = READER_BULK;
	mnat_stream_pause(reader->stream, true); /* the next query waits its turn */
	bulk_go_on(reader);
}

static void begin_active(struct reader *reader, const struct dhcp_message *query)
{
	struct leasequery *lq = reader->leasequery;
	uint32_t since;

	reader->told = mnat_clock_now();
	reader->record = lq->log.next;
	reader->catching_up = false;
	leasequery_log_time(&lq->log, lq->server->wall());
	if (dhcp_get_u32(query, DHCP_OPT_QUERY_START, &since)) {
		if (leasequery_log_find(&lq->log, since, &reader->record)) {
			server_count(lq->server, COUNTER_leasequery_missing);
			reader_say(reader, DHCP_LEASEQUERYSTATUS, LEASEQUERY_DATA_MISSING,
				   "what has changed since then is not known any more; ask for all "
				   "by a bulk query");
		} else {
			reader->catching_up = true;
			reader->caught_up_at = lq->log.next;
		}
	}
	server_count(lq->server, COUNTER_leasequery_active);
	reader->phase = READER_ACTIVE;
	tell_changes(reader);
}

/* What it says next could not be trusted to be in step: it is closed. */
static void end_malformed(struct reader *reader, const char *why)
{
	server_count(reader->leasequery->server, COUNTER_leasequery_malformed);
	reader_say(reader, DHCP_LEASEQUERYDONE, LEASEQUERY_MALFORMED, why);
	reader_drop(reader);
}

static void end_refused(struct reader *reader)
{
	char ip[MNAT_IP_LEN], text[LEASEQUERY_TEXT];

	server_count(reader->leasequery->server, COUNTER_leasequery_refused);
	snprintf(text, sizeof(text), "%s is not in leasequery { clients = ... } of this server",
		 mnat_ip(reader->from, ip));
	reader_say(reader, DHCP_LEASEQUERYDONE, LEASEQUERY_NOT_ALLOWED, text);
	reader_drop(reader);
}

static void answer(struct reader *reader, const struct dhcp_message *query)
{
	if (query->type == DHCP_TLS)
		reader_say(reader, DHCP_TLS, LEASEQUERY_TLS_REFUSED,
			   "there is no TLS here; ask without, over a network you trust");
	else if (reader->phase != READER_SILENT)
		end_malformed(reader, "one active query a connection, and nothing after it");
	else if (query->type == DHCP_BULKLEASEQUERY)
		begin_bulk(reader, query);
	else if (query->type == DHCP_ACTIVELEASEQUERY)
		begin_active(reader, query);
	else
		end_malformed(reader, "only bulk and active queries are answered here");
}

void reader_ask(struct reader *reader, const uint8_t *message, size_t len)
{
	const struct conf *conf = reader->leasequery->server->conf;
	const size_t at = offsetof(struct dhcp_header, xid);
	struct dhcp_message query;
	enum dhcp_error error;

	reader->moved = mnat_clock_now();
	if (reader->phase == READER_SILENT && len >= at + sizeof(reader->xid))
		memcpy(&reader->xid, message + at, sizeof(reader->xid));
	error = dhcp_parse_query(&conf->virt.codec, DHCP_BOOTREQUEST, message, len, &query);
	if (reader->stranger)
		end_refused(reader);
	else if (error)
		end_malformed(reader, dhcp_error_text(error));
	else
		answer(reader, &query);
}
