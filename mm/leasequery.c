// SPDX-License-Identifier: GPL-2.0-only
#include "leasequery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "manager.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#define RETRY_FIRST_MS	 10
#define RETRY_LAST_MS	 1000
#define RETRY_REFUSED_MS 10000
#define MISSED_MS	 100 /* before all is asked for again */
#define ANSWER_S	 10  /* the first answer to a query may take */
#define TICK_MS		 1000
#define UNCONFIRMED_MAX	 512 /* events the gateways have not got yet: the server waits */
#define WHY_LEN		 256

enum feed_phase {
	FEED_BULK,	  /* asking for all */
	FEED_CATCHING_UP, /* asking for the changes since */
	FEED_LIVE,
};

struct feed {
	uv_loop_t *loop;
	struct manager *manager;
	struct feed_conf conf;
	char name[MNAT_IP_LEN + 8]; /* of the server */
	uv_timer_t retry, tick;
	int handles; /* of the two, not yet closed */
	unsigned int retry_ms;
	struct mnat_stream *stream; /* NULL: not connected */
	enum feed_phase phase;
	uint32_t xid;
	bool answered;	/* on this connection */
	uint64_t heard; /* when it last was, or was begun */
	bool snapshot;	/* begun and not ended */
	bool known;	/* since is: */
	uint32_t since; /* the base-time from which on changes are to be told */
	uint32_t left;
	unsigned int unconfirmed;
	char why[WHY_LEN]; /* of the last failure, so that it is said once */
};

static void try_connect(uv_timer_t *timer);

static void retry_in(struct feed *feed, unsigned int ms)
{
	uv_timer_start(&feed->retry, try_connect, ms, 0);
}

static void hang_up(struct feed *feed)
{
	mnat_stream_close(TAKE_PTR(feed->stream));
}

static void fail(struct feed *feed, const char *why)
{
	hang_up(feed);
	if (strcmp(feed->why, why))
		log_warn("the DHCP server at %s %s; trying again until it works", feed->name, why);
	snprintf(feed->why, sizeof(feed->why), "%s", why);
	feed->manager->counters[MM_C_FEED_LOST]++;
	retry_in(feed, feed->retry_ms);
	feed->retry_ms = MIN(2 * feed->retry_ms, RETRY_LAST_MS);
}

/* All it tells has come: what was not named is gone. */
static void end_snapshot(struct feed *feed)
{
	if (feed->snapshot)
		manager_snapshot_end(feed->manager);
	feed->snapshot = false;
}

static void be_live(struct feed *feed)
{
	end_snapshot(feed);
	feed->phase = FEED_LIVE;
	feed->retry_ms = RETRY_FIRST_MS;
	feed->why[0] = '\0';
	log_info("the DHCP server at %s tells its leases: %u hosts", feed->name,
		 HASH_COUNT(feed->manager->registry.hosts));
}

/* The next query, on a connection of its own. */
static void go_on_with(struct feed *feed, enum feed_phase phase)
{
	hang_up(feed);
	feed->phase = phase;
	retry_in(feed, 0);
}

/* A server that knows no active query is good for snapshots, now and then. */
static void refused(struct feed *feed, enum leasequery_status status, const char *text)
{
	char why[WHY_LEN];

	snprintf(why, sizeof(why), "refuses %s query: %s%s%s",
		 feed->phase == FEED_BULK ? "a bulk" : "an active", leasequery_status_name(status),
		 *text ? ": " : "", text);
	if (feed->phase != FEED_BULK)
		end_snapshot(feed);
	feed->phase = FEED_BULK;
	fail(feed, why);
	retry_in(feed, RETRY_REFUSED_MS);
}

/* ---- what it tells ---- */

/* The feed may be gone by then. */
static void on_confirmed(struct batch *batch, unsigned int pending)
{
	struct feed *feed = ((struct manager *)batch->user)->feed;

	if (!feed || !feed->unconfirmed)
		return;
	feed->unconfirmed--;
	if (feed->stream && feed->unconfirmed < UNCONFIRMED_MAX / 2)
		mnat_stream_pause(feed->stream, false);
}

static void apply(struct feed *feed, const struct event *event)
{
	feed->unconfirmed++;
	if (manager_apply(feed->manager, event, 1, on_confirmed, feed->manager)) {
		feed->unconfirmed--;
		log_err("no memory for what the DHCP server tells; it will be asked for all again");
		go_on_with(feed, FEED_BULK);
	} else if (feed->unconfirmed >= UNCONFIRMED_MAX) {
		mnat_stream_pause(feed->stream, true);
	}
}

static void refuse(struct feed *feed, const char *why)
{
	feed->manager->counters[MM_C_FEED_REFUSED]++;
	log_debug("a record of the DHCP server at %s is left out: %s", feed->name, why);
}

static void on_record(struct feed *feed, const struct dhcp_message *message)
{
	struct manager *m = feed->manager;
	struct feed_record record;

	if (feed_read(message, &m->registry, feed->phase != FEED_BULK, &feed->left, &record))
		return refuse(feed, "it names no address, or contradicts itself");
	m->counters[MM_C_FEED_RECORDS]++;
	if (record.stale)
		m->counters[MM_C_STALE]++;
	else
		apply(feed, &record.event);
}

static void on_status(struct feed *feed, enum leasequery_status status, const char *text)
{
	if (status == LEASEQUERY_SUCCESS || status == LEASEQUERY_ALIVE)
		return;
	if (status == LEASEQUERY_DATA_MISSING) {
		feed->manager->counters[MM_C_FEED_MISSED]++;
		go_on_with(feed, FEED_BULK);
		retry_in(feed, MISSED_MS);
	} else if (status != LEASEQUERY_CAUGHT_UP) {
		refused(feed, status, text);
	} else if (feed->phase == FEED_CATCHING_UP) {
		be_live(feed);
	}
}

static void on_done(struct feed *feed, enum leasequery_status status, const char *text)
{
	if (status == LEASEQUERY_TERMINATED)
		fail(feed, "has ended the query");
	else if (status != LEASEQUERY_SUCCESS || feed->phase != FEED_BULK)
		refused(feed, status, text);
	else
		go_on_with(feed, FEED_CATCHING_UP);
}

/* Of a bulk query the first: what has changed meanwhile is told again. */
static void take_time(struct feed *feed, const struct dhcp_message *message)
{
	uint32_t time;

	if (!dhcp_get_u32(message, DHCP_OPT_BASE_TIME, &time))
		return;
	if (feed->phase != FEED_BULK || !feed->known)
		feed->since = feed->known ? MAX(feed->since, time) : time;
	feed->known = true;
}

/* The first answer shows that there is a server, which has taken the query. */
static void on_first(struct feed *feed)
{
	feed->answered = true;
	if (feed->phase != FEED_BULK)
		return;
	manager_snapshot_begin(feed->manager);
	feed->snapshot = true;
}

static bool is_refusal(const struct dhcp_message *message, enum leasequery_status status)
{
	return message->type == DHCP_LEASEQUERYDONE && status != LEASEQUERY_SUCCESS;
}

static void on_message(struct feed *feed, const struct dhcp_message *message)
{
	char text[LEASEQUERY_TEXT];
	enum leasequery_status status = leasequery_get_status(message, text);

	if (message->header.xid != feed->xid)
		return refuse(feed, "it answers another query");
	if (!feed->answered && !is_refusal(message, status))
		on_first(feed);
	take_time(feed, message);
	switch (message->type) {
	case DHCP_LEASEACTIVE:
	case DHCP_LEASEUNASSIGNED:
		return on_record(feed, message);
	case DHCP_LEASEQUERYSTATUS:
		return on_status(feed, status, text);
	case DHCP_LEASEQUERYDONE:
		return on_done(feed, status, text);
	default:
		return refuse(feed, "it is no answer to our query");
	}
}

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct feed *feed = user;
	struct dhcp_message message;
	const uint8_t *bytes;
	enum dhcp_error error;
	size_t bytes_len, n = leasequery_next(buf, len, &bytes, &bytes_len);

	if (!n)
		return 0;
	feed->heard = mnat_clock_now();
	error = dhcp_parse_query(&feed->conf.codec, DHCP_BOOTREPLY, bytes, bytes_len, &message);
	if (error)
		refuse(feed, dhcp_error_text(error));
	else
		on_message(feed, &message);
	return (ssize_t)n;
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	struct feed *feed = user;
	char why[WHY_LEN];

	if (error)
		snprintf(why, sizeof(why), "cannot be reached: %s", strerror(-error));
	else
		snprintf(why, sizeof(why), "has closed the connection");
	/* it knows no active query, or has no room for us */
	if (!error && !feed->answered && feed->phase != FEED_BULK)
		return refused(feed, LEASEQUERY_FAIL, "it hangs up");
	if (feed->phase == FEED_LIVE)
		feed->phase = FEED_CATCHING_UP;
	fail(feed, why);
}

static const struct mnat_stream_ops stream_ops = {.received = on_received, .ended = on_ended};

/* ---- asking ---- */

static int ask(struct feed *feed)
{
	const struct dhcp_header header = {.op = DHCP_BOOTREQUEST, .xid = feed->xid};
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;
	int r;

	if (feed->phase == FEED_BULK) {
		feed->known = false;
		dhcp_build(&b, buf, sizeof(buf), &header, DHCP_BULKLEASEQUERY);
	} else {
		dhcp_build(&b, buf, sizeof(buf), &header, DHCP_ACTIVELEASEQUERY);
		if (feed->known)
			dhcp_put_u32(&b, DHCP_OPT_QUERY_START, feed->since);
	}
	r = dhcp_finish(&b, &len);
	return r ? r : leasequery_send(feed->stream, buf, len);
}

int feed_attach(struct feed *feed, int fd)
{
	int r;

	hang_up(feed);
	r = mnat_stream_new(feed->loop, fd, LEASEQUERY_MAX_IN, &stream_ops, feed, &feed->stream);
	if (r)
		return r;
	feed->xid++;
	feed->answered = false;
	feed->heard = mnat_clock_now();
	uv_timer_stop(&feed->retry);
	r = ask(feed);
	/* it says no word that it has heard this one */
	if (!r && feed->phase == FEED_CATCHING_UP && !feed->known)
		be_live(feed);
	return 0;
}

static void try_connect(uv_timer_t *timer)
{
	struct feed *feed = timer->data;
	const struct sockaddr *at = (const struct sockaddr *)&feed->conf.server;
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, at, sizeof(feed->conf.server)) && errno != EINPROGRESS) ||
	    feed_attach(feed, fd))
		return on_ended(NULL, errno ? -errno : -ENOMEM, feed);
	TAKE_FD(fd);
}

static void on_tick(uv_timer_t *timer)
{
	struct feed *feed = timer->data;
	uint64_t silent = mnat_clock_now() - feed->heard;

	if (feed->stream &&
	    silent > (feed->answered ? LEASEQUERY_DEAD_S : ANSWER_S) * MNAT_NS_PER_SEC)
		on_ended(feed->stream, -ETIMEDOUT, feed);
}

/* ---- life ---- */

int feed_start(uv_loop_t *loop, struct manager *manager, const struct feed_conf *conf,
	       struct feed **ret_feed)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	char ip[MNAT_IP_LEN];

	if (!feed) {
		log_err("no memory for the link to the DHCP server");
		return -ENOMEM;
	}
	feed->loop = loop;
	feed->manager = manager;
	feed->conf = *conf;
	feed->retry_ms = RETRY_FIRST_MS;
	feed->handles = 2;
	snprintf(feed->name, sizeof(feed->name), "%s:%u", mnat_ip(conf->server.sin_addr, ip),
		 ntohs(conf->server.sin_port));
	/* an answer to another's query, or to ours before a restart, is not taken for ours */
	if (getrandom(&feed->xid, sizeof(feed->xid), GRND_NONBLOCK) < 0)
		feed->xid = (uint32_t)mnat_clock_now();
	uv_timer_init(loop, &feed->retry);
	uv_timer_init(loop, &feed->tick);
	feed->retry.data = feed->tick.data = feed;
	retry_in(feed, 0);
	uv_timer_start(&feed->tick, on_tick, TICK_MS, TICK_MS);
	*ret_feed = feed;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct feed *feed = handle->data;

	if (!--feed->handles)
		free(feed);
}

void feed_close(struct feed *feed)
{
	if (!feed)
		return;
	hang_up(feed);
	uv_close((uv_handle_t *)&feed->retry, on_closed);
	uv_close((uv_handle_t *)&feed->tick, on_closed);
}

/* ---- reports ---- */

static const char *state_name(const struct feed *feed)
{
	static const char *const names[] = {
		[FEED_BULK] = "asking for all",
		[FEED_CATCHING_UP] = "catching up",
		[FEED_LIVE] = "live",
	};

	return feed->answered || feed->phase == FEED_LIVE ? names[feed->phase] : "not connected";
}

json_t *feed_status(const struct feed *feed)
{
	const uint64_t *counters;

	if (!feed)
		return NULL;
	counters = feed->manager->counters;
	return json_pack("{s:s, s:s, s:b, s:I, s:I}", "server", feed->name, "state",
			 state_name(feed), "connected", feed->stream && feed->answered, "records",
			 (json_int_t)counters[MM_C_FEED_RECORDS], "refused",
			 (json_int_t)counters[MM_C_FEED_REFUSED]);
}

json_t *feed_problem(const struct feed *feed)
{
	if (feed->phase == FEED_LIVE)
		return NULL;
	return json_sprintf("the DHCP server at %s %s: its leases may have changed unheard; is "
			    "this host's address in its leasequery { clients = ... }, and its "
			    "listen = this?",
			    feed->name, feed->why[0] ? feed->why : "is being asked");
}
