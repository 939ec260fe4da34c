// SPDX-License-Identifier: GPL-2.0-only
#include "sweep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "batch.h"
#include "ends.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#define BATCH 4096

/* One run of the program over some keys. */
static int run_program(struct sweep *sweep, const struct mnat_session_key *keys, uint32_t n)
{
	struct mnat_sweep *total = &sweep->result;
	struct mnat_sweep in = { .n = n }, out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &in, .data_size_in = sizeof(in),
		    .data_out = &out, .data_size_out = sizeof(out));

	memcpy(in.keys, keys, n * sizeof(*keys));
	if (bpf_prog_test_run_opts(sweep->gateway->sweep_fd, &opts))
		return -errno;
	if (opts.duration > sweep->longest_run_ns)
		sweep->longest_run_ns = opts.duration;
	total->live += out.live;
	total->marked += out.marked;
	total->deleted += out.deleted;
	total->freed += out.freed;
	return 0;
}

static int sweep_sessions(struct sweep *sweep)
{
	struct batch batch;
	int r = batch_open_sessions(&batch, sweep->gateway, BATCH);
	int more = !r;

	while (!r && more > 0) {
		more = batch_next(&batch);
		if (more < 0)
			r = more;
		for (uint32_t i = 0; !r && i < batch.n; i += MNAT_SWEEP_KEYS) {
			const struct mnat_session_key *keys = (const void *)batch.keys;
			uint32_t left = batch.n - i;

			r = run_program(sweep, keys + i,
					left < MNAT_SWEEP_KEYS ? left : MNAT_SWEEP_KEYS);
		}
	}
	batch_close(&batch);
	return r;
}

/* The mobile host's bit for an id. */
static void mark(const struct sweep *sweep, uint32_t id, uint8_t *bits)
{
	uint32_t bit = id - (sweep->hosts->maps.config->n_actuals + 1);

	if (bit < sweep->hosts->n_slots)
		bits[bit / 8] |= (uint8_t)(1 << bit % 8);
}

static void mark_session(const struct sweep *sweep, const void *key, const void *value)
{
	struct mnat_session session;
	uint32_t id;

	memcpy(&id, (const uint8_t *)key + offsetof(struct mnat_session_key, host), sizeof(id));
	memcpy(&session, value, sizeof(session));
	mark(sweep, id, sweep->in_use);
	if (!(session.binding & MNAT_BINDING_ANCHOR) && !(session.flags & MNAT_INTRA_ACTUAL))
		mark(sweep, id, sweep->anchored);
	if (mnat_binding_is_intra(session.binding) && mnat_intra_peer(session.binding)) {
		mark(sweep, mnat_intra_peer(session.binding), sweep->in_use);
		mark(sweep, mnat_intra_peer(session.binding), sweep->anchored);
	}
}

static void mark_binding(const struct sweep *sweep, const void *key, const void *value)
{
	uint32_t id;

	memcpy(&id, (const uint8_t *)key + offsetof(struct mnat_bib_key, host), sizeof(id));
	mark(sweep, id, sweep->in_use);
}

/* batch: just opened, with r; it is closed. */
static int walk(const struct sweep *sweep, struct batch *batch, int r,
		void (*see)(const struct sweep *sweep, const void *key, const void *value))
{
	while (!r) {
		int more = batch_next(batch);

		for (uint32_t i = 0; more >= 0 && i < batch->n; i++)
			see(sweep, batch->keys + i * batch->key_size,
			    batch->values + i * batch->value_size);
		if (more <= 0) {
			r = more;
			break;
		}
	}
	batch_close(batch);
	return r;
}

/* An idle flow of a protocol without ports; its next packet would make it anew. */
static void end_carried(const struct sweep *sweep, const void *key, const void *value)
{
	uint32_t life = sweep->gateway->config.timeouts[MNAT_STATE_OTHER], id;
	struct mnat_carried carried;

	memcpy(&carried, value, sizeof(carried));
	if ((int32_t)(sweep->started - carried.last_seen) > (int32_t)life) {
		bpf_map_delete_elem(sweep->gateway->carried_fd, key);
		return;
	}
	id = carried.host;
	if (sweep->in_use && sweep->anchored) {
		mark(sweep, id, sweep->in_use);
		mark(sweep, id, sweep->anchored);
	}
}

static int find_in_use(struct sweep *sweep)
{
	struct batch batch;
	int r = batch_open_sessions(&batch, sweep->gateway, BATCH);

	r = walk(sweep, &batch, r, mark_session);
	if (r)
		return r;
	r = batch_open(&batch, sweep->gateway->bib_fd, sizeof(struct mnat_bib_key),
		       sizeof(uint32_t), BATCH);
	return walk(sweep, &batch, r, mark_binding);
}

static int sweep_carried(struct sweep *sweep)
{
	struct batch batch;
	int r = batch_open(&batch, sweep->gateway->carried_fd, sizeof(struct mnat_carried_key),
			   sizeof(struct mnat_carried), BATCH);

	return walk(sweep, &batch, r, end_carried);
}

/* In the thread: nothing here touches what the loop changes. */
static void work(uv_work_t *request)
{
	struct sweep *sweep = request->data;
	uint64_t start = mnat_clock_now();

	sweep->error = sweep->lost;
	if (!sweep->error)
		sweep->error = sweep_sessions(sweep);
	if (!sweep->error)
		sweep->error = sweep_carried(sweep);
	if (!sweep->error && sweep->in_use && sweep->anchored)
		sweep->error = find_in_use(sweep);
	sweep->took_ns = mnat_clock_now() - start;
}

static void account(struct sweep *sweep)
{
	if (sweep->lost && sweep->error != sweep->last_error)
		log_err("the data path of %s was unloaded or loaded anew: restart mnat-midcomd",
			sweep->pin);
	else if (sweep->error && sweep->error != sweep->last_error)
		log_err("the sweep of expired sessions failed: %s; they stay until one succeeds",
			strerror(-sweep->error));
	sweep->last_error = sweep->error;
	if (sweep->error)
		return;
	sweep->runs++;
	sweep->deleted += sweep->result.deleted;
	sweep->freed += sweep->result.freed;
	sweep->live = sweep->result.live;
	sweep->last_us = sweep->took_ns / 1000;
	if (sweep->last_us > sweep->worst_us)
		sweep->worst_us = sweep->last_us;
}

/* A packet on its way while the host left may still have made a session: hence the second. */
static void act_on_use(struct sweep *sweep)
{
	if (hosts_release(sweep->hosts, sweep->in_use, sweep->started - 1))
		anchors_forget_released(sweep->anchors);
	ends_tell(sweep->hosts, sweep->anchored, sweep->started - 1, sweep->tell_end, sweep->user);
}

static void after_work(uv_work_t *request, int status)
{
	struct sweep *sweep = request->data;
	struct sweep_waiter *waiters = sweep->waiters, *waiter, *next;

	sweep->running = false;
	if (status)
		sweep->error = status;
	account(sweep);
	hosts_expire(sweep->hosts, sweep->now());
	if (!sweep->error && !sweep->closing && sweep->in_use && sweep->anchored)
		act_on_use(sweep);
	free(TAKE_PTR(sweep->in_use));
	free(TAKE_PTR(sweep->anchored));
	if (sweep->swept && !sweep->closing)
		sweep->swept(sweep->swept_user);
	sweep->waiters = NULL;
	LL_FOREACH_SAFE(waiters, waiter, next)
		waiter->done(waiter, &sweep->result, sweep->error);
	if (sweep->next_run)
		sweep_now(sweep, NULL);
}

void sweep_now(struct sweep *sweep, struct sweep_waiter *waiter)
{
	if (waiter)
		LL_APPEND(sweep->next_run, waiter);
	if (sweep->running || sweep->closing)
		return;
	sweep->waiters = sweep->next_run;
	sweep->next_run = NULL;
	sweep->running = true;
	sweep->lost = mnat_gateway_refresh(sweep->pin, sweep->gateway);
	sweep->started = sweep->now();
	memset(&sweep->result, 0, sizeof(sweep->result));
	if (sweep->hosts->n_left || ends_are_awaited(sweep->hosts)) {
		sweep->in_use = calloc(1, sweep->hosts->n_slots / 8 + 1);
		sweep->anchored = calloc(1, sweep->hosts->n_slots / 8 + 1);
	}
	sweep->work.data = sweep;
	uv_queue_work(sweep->timer.loop, &sweep->work, work, after_work);
}

static void on_timer(uv_timer_t *timer)
{
	sweep_now(timer->data, NULL);
}

void sweep_start(struct sweep *sweep, uv_loop_t *loop, unsigned int interval_s)
{
	uv_timer_init(loop, &sweep->timer);
	sweep->timer.data = sweep;
	sweep_set_interval(sweep, interval_s);
}

void sweep_set_interval(struct sweep *sweep, unsigned int interval_s)
{
	uv_timer_start(&sweep->timer, on_timer, interval_s * 1000ull, interval_s * 1000ull);
}

void sweep_close(struct sweep *sweep)
{
	struct sweep_waiter *waiter, *next, *waiters = sweep->next_run;

	sweep->closing = true;
	sweep->next_run = NULL;
	LL_FOREACH_SAFE(waiters, waiter, next)
		waiter->done(waiter, &sweep->result, -ECANCELED);
	uv_close((uv_handle_t *)&sweep->timer, NULL);
}
