// SPDX-License-Identifier: GPL-2.0-only
#include "manager.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/control.h"
#include "places.h"

#define TICK_MS 1000
#define ROAM_TICK_MS 100

/* ---- Batches ---- */

static void free_if_done(struct manager *m, struct batch *batch)
{
	if (batch->waiting || !batch->answered)
		return;
	for (unsigned int i = 0; i < batch->n_entries; i++)
		host_put(&m->registry, batch->entries[i].host);
	free(batch);
}

/* A newer event of the same host makes this one's outcome nobody's business. */
static bool is_pending(const struct manager *m, const struct batch_entry *entry)
{
	return entry->host->generation == entry->generation &&
	       host_is_pending(&m->registry, entry->host);
}

/* A gateway may know something later of the host than we and the DHCP server do. */
static void judge(struct batch_entry *entry)
{
	const struct host *host = entry->host;

	if (!entry->later && host->generation == entry->generation && host->refused &&
	    host->refusal == SIMCO_E_X_STALE)
		entry->later = host->generation + 1;
}

static void answer(struct manager *m, struct batch *batch)
{
	unsigned int pending = batch->failed;

	for (unsigned int i = 0; i < batch->n_entries; i++) {
		judge(&batch->entries[i]);
		pending += is_pending(m, &batch->entries[i]);
	}
	DL_DELETE(m->batches, batch);
	batch->answered = true;
	m->counters[MM_C_TIMEOUTS] += batch->waiting != 0;
	batch->answer(batch, pending);
}

static void arm(struct manager *m);

void manager_expire(struct manager *m)
{
	uint64_t now = mnat_clock_now();
	struct batch *batch, *next;

	DL_FOREACH_SAFE(m->batches, batch, next) {
		if (batch->deadline_ns > now)
			break;
		answer(m, batch);
		free_if_done(m, batch);
	}
	arm(m);
}

static void on_deadline(uv_timer_t *timer)
{
	manager_expire(timer->data);
}

/* All batches wait equally long, so that the first is the first to end. */
static void arm(struct manager *m)
{
	uint64_t now = mnat_clock_now(), left = 0;

	if (!m->batches) {
		uv_timer_stop(&m->deadline);
		return;
	}
	if (m->batches->deadline_ns > now)
		left = (m->batches->deadline_ns - now + MNAT_NS_PER_MS - 1) / MNAT_NS_PER_MS;
	uv_timer_start(&m->deadline, on_deadline, left, 0);
}

/* Tell every gateway; wait only for those that can be expected to answer soon. */
void manager_send_host(struct manager *m, struct host *host, struct batch *batch)
{
	uint64_t now = mnat_clock_now();

	for (unsigned int i = 0; i < m->n_gateways; i++) {
		struct gateway *g = &m->gateways[i];
		struct batch *waiting = gateway_is_prompt(g, now) ? batch : NULL;

		if (gateway_rebind(g, host, waiting))
			continue;
		host_hold(host);
		m->counters[MM_C_REBINDS]++;
		if (waiting)
			waiting->waiting++;
	}
}

/* What the event means between domains; true: the host's rule has changed by it. */
static bool roam_event(struct manager *m, struct host *host, const struct event *event)
{
	if (!m->roam.domain || event->plain || host_shares(host))
		return false;
	m->applying = host;
	m->relocated = false;
	if (event->actual.s_addr)
		roam_bound(&m->roam, event->identity, event->generation, event->arrivals,
			   event->n_arrivals);
	else
		roam_gone(&m->roam, event->identity, event->generation);
	m->applying = NULL;
	return m->relocated;
}

static void apply_event(struct manager *m, const struct event *event, struct batch *batch)
{
	bool relocated;
	struct host *host;
	int r = registry_apply(&m->registry, event, mnat_clock_now(), &host);

	if (r < 0) {
		if (batch)
			batch->failed++;
		return;
	}
	m->counters[MM_C_EVENTS]++;
	m->counters[MM_C_STALE] += r == APPLIED_STALE;
	m->counters[MM_C_REPEATED] += r == APPLIED_REPEATED;
	if (!host)
		return;
	if (batch)
		batch->entries[batch->n_entries++] = (struct batch_entry){
			host_hold(host), event->generation,
			r == APPLIED_STALE ? host->generation + 1 : 0};
	if (r == APPLIED_STALE)
		return;
	relocated = roam_event(m, host, event);
	if (r == APPLIED_CHANGED || relocated || host_is_pending(&m->registry, host))
		manager_send_host(m, host, batch);
	if (m->roam.domain)
		roam_announce(&m->roam, event->identity);
}

/* A plain host is its address: with another address it is another host. */
static void leave_old_address(struct manager *m, const struct event *event)
{
	struct host *host;
	struct event left = *event;

	if (!event->plain || !event->old.s_addr || event->old.s_addr == event->identity.s_addr)
		return;
	host = registry_find(&m->registry, event->old, true);
	if (!host || strcmp(host->mac, event->mac))
		return;
	left.identity = event->old;
	left.actual.s_addr = 0;
	apply_event(m, &left, NULL);
}

int manager_apply(struct manager *m, const struct event *events, unsigned int n,
		  void (*done)(struct batch *batch, unsigned int pending), void *user)
{
	struct batch *batch = calloc(1, sizeof(*batch) + n * sizeof(batch->entries[0]));

	if (!batch)
		return -ENOMEM;
	batch->answer = done;
	batch->user = user;
	batch->deadline_ns = mnat_clock_now() + BATCH_TIMEOUT_MS * MNAT_NS_PER_MS;
	m->counters[MM_C_BATCHES]++;
	DL_APPEND(m->batches, batch);
	for (unsigned int i = 0; i < n; i++) {
		leave_old_address(m, &events[i]);
		apply_event(m, &events[i], batch);
	}
	if (!batch->waiting)
		answer(m, batch);
	free_if_done(m, batch);
	arm(m);
	return 0;
}

/* ---- Gateways ---- */

static void on_rebound(struct gateway *g, struct host *host, uint32_t generation, int error,
		       uint64_t bound_at_ns, struct batch *batch, void *user)
{
	struct manager *m = user;

	m->counters[error < 0 ? MM_C_UNANSWERED : error ? MM_C_REFUSED : MM_C_CONFIRMED]++;
	if (error == SIMCO_E_RESOURCES)
		m->retry = true;
	if (error >= 0)
		registry_confirm(&m->registry, host, g->bit, generation, (uint8_t)error,
				 bound_at_ns, mnat_clock_now());
	rebind_confirmed(m, host);
	if (batch) {
		batch->waiting--;
		if (!batch->waiting && !batch->answered)
			answer(m, batch);
		free_if_done(m, batch);
	}
	host_put(&m->registry, host);
}

static void send_all(struct manager *m, struct gateway *g)
{
	struct host *host, *next;

	HASH_ITER(hh, m->registry.hosts, host, next) {
		if (gateway_rebind(g, host, NULL))
			continue;
		host_hold(host);
		m->counters[MM_C_REBINDS]++;
	}
}

/*
 * The whole table. Only with a whole snapshot may the gateway drop what the table
 * does not name: a manager that has just started knows of nobody yet.
 */
static void give_table(struct manager *m, struct gateway *g)
{
	bool whole = m->registry.complete && !m->registry.in_snapshot;

	registry_forget_gateway(&m->registry, g->bit);
	if (whole)
		gateway_sync(g, SIMCO_HSYNC_BEGIN);
	send_all(m, g);
	if (m->roam.domain) {
		m->only = g;
		roam_tell_gateway(&m->roam);
		m->only = NULL;
	}
	if (whole) {
		gateway_sync(g, SIMCO_HSYNC_END);
		m->counters[MM_C_SYNCS]++;
	}
}

static void on_established(struct gateway *g, void *user)
{
	struct manager *m = user;

	if (m->roam.domain && g->reset)
		roam_gateway_reset(&m->roam);
	give_table(m, g);
	if (m->roam.domain)
		roam_gateway_up(&m->roam);
}

static void on_ended(struct gateway *g, struct in_addr identity, void *user)
{
	struct manager *m = user;

	if (m->roam.domain)
		roam_sessions_ended(&m->roam, identity, (unsigned int)(g - m->gateways));
}

static void on_lost(struct gateway *g, void *user)
{
	struct manager *m = user;

	registry_forget_gateway(&m->registry, g->bit);
}

static const struct gateway_ops gateway_ops = {
	.established = on_established,
	.rebound = on_rebound,
	.lost = on_lost,
	.ended = on_ended,
};

/* ---- Snapshots ---- */

void manager_snapshot_begin(struct manager *m)
{
	registry_snapshot_begin(&m->registry);
}

static unsigned int drop_unnamed(struct manager *m)
{
	struct host *host, *next;
	unsigned int gone = 0;

	HASH_ITER(hh, m->registry.hosts, host, next) {
		struct event left = {.identity = host->key.identity,
				     .plain = host->key.plain,
				     .generation = host->generation};

		if (!registry_drop_unnamed(&m->registry, host, mnat_clock_now()))
			continue;
		gone++;
		host_hold(host);
		roam_event(m, host, &left);
		manager_send_host(m, host, NULL);
		host_put(&m->registry, host);
	}
	return gone;
}

unsigned int manager_snapshot_end(struct manager *m)
{
	unsigned int gone = drop_unnamed(m);

	registry_snapshot_end(&m->registry);
	if (m->roam.domain)
		roam_drop_absent(&m->roam);
	m->counters[MM_C_SNAPSHOTS]++;
	m->counters[MM_C_GONE] += gone;
	/* gateways that connected before they could be told what is not in the table */
	for (unsigned int i = 0; i < m->n_gateways; i++)
		if (m->gateways[i].established && !m->gateways[i].synced)
			give_table(m, &m->gateways[i]);
	return gone;
}

/* ---- Life ---- */

/* A gateway had no room: perhaps it has now. */
static void retry_refused(struct manager *m)
{
	struct host *host, *next;

	if (!m->retry)
		return;
	m->retry = false;
	HASH_ITER(hh, m->registry.hosts, host, next) {
		if (!host->refused || host->refusal != SIMCO_E_RESOURCES)
			continue;
		host->refused = 0;
		manager_send_host(m, host, NULL);
	}
}

void manager_watch(struct manager *m)
{
	uint64_t now = mnat_clock_now();

	for (unsigned int i = 0; i < m->n_gateways; i++)
		gateway_watch(&m->gateways[i], now);
	retry_refused(m);
	rebind_expire(m);
}

static void on_roam_tick(uv_timer_t *timer)
{
	struct manager *m = timer->data;

	roam_tick(&m->roam);
}

static void on_tick(uv_timer_t *timer)
{
	manager_watch(timer->data);
}

int manager_start(struct manager *m, uv_loop_t *loop)
{
	int r = 0;

	m->loop = loop;
	m->started_ns = mnat_clock_now();
	uv_timer_init(loop, &m->deadline);
	uv_timer_init(loop, &m->tick);
	uv_timer_init(loop, &m->roam_tick);
	m->deadline.data = m->tick.data = m->roam_tick.data = m;
	uv_timer_start(&m->tick, on_tick, TICK_MS, TICK_MS);
	for (unsigned int i = 0; i < m->n_gateways; i++) {
		m->gateways[i].bit = 1u << i;
		m->registry.gateways |= 1u << i;
	}
	if (m->roam.domain) {
		m->roam.ops = &manager_roam_ops;
		m->roam.user = m;
		uv_timer_start(&m->roam_tick, on_roam_tick, ROAM_TICK_MS, ROAM_TICK_MS);
		r = roam_start(&m->roam);
	}
	for (unsigned int i = 0; i < m->n_gateways && !r; i++)
		r = gateway_start(&m->gateways[i], loop, &gateway_ops, m);
	return r;
}

void manager_close(struct manager *m)
{
	for (unsigned int i = 0; i < m->n_gateways; i++)
		gateway_close(&m->gateways[i]);
	if (m->dhcp_server)
		mnat_control_client_unref(TAKE_PTR(m->dhcp_server));
	uv_close((uv_handle_t *)&m->deadline, NULL);
	uv_close((uv_handle_t *)&m->tick, NULL);
	uv_close((uv_handle_t *)&m->roam_tick, NULL);
}

void manager_free(struct manager *m)
{
	rebind_free(m);
	roam_free(&m->roam);
	registry_free(&m->registry);
}

unsigned int manager_count_pending(const struct manager *m, uint32_t gateways)
{
	struct host *host, *next;
	unsigned int pending = 0;

	HASH_ITER(hh, m->registry.hosts, host, next)
		pending += (host->confirmed & gateways) != gateways;
	return pending;
}
