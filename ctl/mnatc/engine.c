// SPDX-License-Identifier: GPL-2.0-only
#include "engine.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "actions.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define STAMPS_SLOWEST (250 * MNAT_NS_PER_MS)

/* ---- time ---- */

/* The datapath notes the first packet each way under the slot in force. */
static void look_for_stamps(struct engine *e)
{
	struct move *move = recorder_current(&e->recorder);
	uint64_t now = mnat_clock_now();
	struct mnat_shim live;

	e->stamps_at_ns = NEVER;
	if (!move || !move_has(move, MOVE_SHIM_SET) || shim_read(&e->shim, &live))
		return;
	if (live.first_out_ns && !move_has(move, MOVE_FIRST_OUT))
		recorder_event(&e->recorder, MOVE_FIRST_OUT, live.first_out_ns);
	if (live.first_in_ns && !move_has(move, MOVE_FIRST_IN))
		recorder_event(&e->recorder, MOVE_FIRST_IN, live.first_in_ns);
	if ((live.first_out_ns && live.first_in_ns) || now >= e->stamps_until_ns) {
		recorder_end(&e->recorder);
		return;
	}
	if (e->stamps_wait_ns < STAMPS_SLOWEST)
		e->stamps_wait_ns *= 2;
	e->stamps_at_ns = now + e->stamps_wait_ns;
}

/* The shim is told before the question goes out, or it would drop the answer. */
static void refresh_gateway(struct engine *e)
{
	e->resolver.asking = true;
	if (fsm_is_bound(&e->fsm))
		action_install_lease(e);
	resolver_tick(&e->resolver, &e->links.current->port);
}

static void tick(struct engine *e)
{
	uint64_t now = mnat_clock_now();

	if (now >= fsm_deadline(&e->fsm))
		fsm_tick(&e->fsm);
	if (e->links.current && now >= e->resolver.deadline_ns)
		refresh_gateway(e);
	if (e->links.current)
		conflict_tick(&e->conflict, &e->links.current->port);
	if (now >= e->stamps_at_ns)
		look_for_stamps(e);
	if (now >= e->overlap.flip_by_ns)
		action_take_over(e);
	if (now >= e->lease_by_ns) {
		e->lease_by_ns = NEVER;
		if (e->links.current && !fsm_is_bound(&e->fsm) && !links_shun_current(&e->links, "no lease"))
			e->lease_by_ns = now + LEASE_WITHIN; /* another may come up */
	}
	rebind_tick(&e->rebind, &e->state.roam);
	links_tick(&e->links);
	path_tick(e);
	visit_tick(e);
	wake_tick(e);
	if (now >= e->save_at_ns)
		action_save(e);
}

static void timer_ready(void *user)
{
	struct engine *e = user;
	uint64_t expirations;

	if (read(e->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	tick(e);
	engine_rearm(e);
}

void engine_rearm(struct engine *e)
{
	const uint64_t deadlines[] = {
		fsm_deadline(&e->fsm),
		e->links.current ? e->resolver.deadline_ns : NEVER,
		links_deadline(&e->links),
		path_deadline(e),
		e->links.current ? e->conflict.deadline_ns : NEVER,
		rebind_deadline(&e->rebind),
		e->stamps_at_ns,
		e->lease_by_ns,
		e->overlap.flip_by_ns,
		e->save_at_ns,
		visit_deadline(e),
		wake_deadline(e),
	};
	struct itimerspec spec = {};
	uint64_t next = NEVER;

	for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] < next)
			next = deadlines[i];
	if (next != NEVER) {
		spec.it_value.tv_sec = (time_t)(next / MNAT_NS_PER_SEC);
		spec.it_value.tv_nsec = (long)(next % MNAT_NS_PER_SEC) | 1; /* 0 would disarm */
	}
	timerfd_settime(e->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* ---- commands ---- */

int engine_renew(struct engine *e)
{
	int r = fsm_renew(&e->fsm);

	if (r == -ENOTCONN)
		return engine_rebind(e);
	engine_rearm(e);
	return r;
}

int engine_rebind(struct engine *e)
{
	e->fsm.released = false;
	links_choose(&e->links);
	return e->links.current ? 0 : -ENOTCONN;
}

int engine_prepare(struct engine *e, struct in_addr router)
{
	return e->links.current ? fsm_prepare(&e->fsm, router) : -ENOTCONN;
}

int engine_set_mode(struct engine *e, uint8_t mode)
{
	e->conf.mode = e->identity.mode = mode;
	e->passthrough = false;
	if (fsm_is_bound(&e->fsm))
		action_install_lease(e);
	return engine_renew(e);
}

int engine_pass_through(struct engine *e)
{
	if (!fsm_is_bound(&e->fsm))
		return -ENOTCONN;
	e->passthrough = true;
	action_install_lease(e);
	return 0;
}

int engine_release(struct engine *e)
{
	const struct local_offer no_offer = {};
	struct mnat_shim nothing = {.consumer = 1};
	int r = fsm_release(&e->fsm);

	if (r < 0)
		return r;
	overlap_end(e);
	conflict_end(&e->conflict);
	visit_forget(e);
	names_revert(&e->names);
	local_dhcp_set(&e->local_dhcp, &no_offer);
	action_install(e, &nothing);
	stack_clear(&e->stack);
	resolver_reset(&e->resolver);
	recorder_end(&e->recorder);
	e->lease_by_ns = NEVER;
	engine_rearm(e);
	return 0;
}

/* ---- start and stop ---- */

/*
 * The shim in force may know better than the state file: a lease we got just before
 * we were killed, or all there is. It is trusted for a minute, time to verify it.
 */
static void adopt_shim(struct engine *e)
{
	struct mnat_shim live;
	struct uplink *uplink;

	if (shim_read(&e->shim, &live) || live.mode == MNAT_MODE_PASSTHRU || !live.actual)
		return;
	uplink = links_by_index(&e->links, (int)live.uplink);
	if (!uplink || (int)live.device != e->stack.device.index)
		return;
	e->visit.public = live.mode == MNAT_MODE_PUBLIC;
	if (e->state.have_lease && e->state.lease.actual.s_addr == live.actual)
		return;
	e->state.have_lease = true;
	e->state.lease = (struct lease){
		.actual.s_addr = live.actual,
		.mask.s_addr = live.mask,
		.router.s_addr = live.gateway,
		.virt.s_addr = live.virt,
		.tunnel.s_addr = live.mode == MNAT_MODE_TUNNEL ? live.tunnel : 0,
		.mobile = !e->visit.public && live.virt != live.actual,
		.lease_s = 60,
		.since_ns = mnat_clock_now(),
	};
	if (e->state.lease.mobile || e->visit.public)
		e->state.virt = e->state.lease.virt;
}

static void make_identity(struct engine *e)
{
	static const uint8_t none[6];
	const uint8_t *mac = none;

	for (int i = e->links.n; i-- > 0;)
		if (e->links.uplink[i].link.present)
			mac = e->links.uplink[i].link.mac;
	identity_init(&e->conf, mac, &e->identity);
}

static int open_timer(struct engine *e)
{
	e->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (e->timer_fd < 0)
		return -errno;
	return watch_start(e->loop, e->timer_fd, timer_ready, e, &e->timer_watch);
}

static int open_all(struct engine *e)
{
	int r = control_start(e);

	if (!r)
		r = auth_open(&e->conf, &e->auth);
	if (!r)
		r = open_timer(e);
	if (!r)
		r = shim_open(e->conf.pin, &e->shim);
	if (!r)
		r = stack_open(e->conf.device, &e->stack);
	if (!r && e->conf.stack_dhcp)
		r = local_dhcp_open(e->loop, e->conf.device, &e->local_dhcp);
	if (!r)
		r = wake_open(e->shim.node.tcp_fd, &e->wake);
	if (!r)
		r = visit_open(e);
	if (!r)
		r = links_open(e->loop, &e->conf, &engine_links_ops, e, &e->links);
	return r;
}

int engine_start(uv_loop_t *loop, const struct mnat_node_conf *conf, struct engine *e)
{
	int r;

	*e = (struct engine){
		.conf = *conf,
		.loop = loop,
		.started_ns = mnat_clock_now(),
		.timer_fd = -1,
		.visit.hail_fd = -1,
		.wake = {.fd = -1, .again_ns = NEVER},
		.shim.node = {-1, -1, -1, -1, -1, -1},
		.stamps_at_ns = NEVER,
		.save_at_ns = NEVER,
		.lease_by_ns = NEVER,
		.overlap.flip_by_ns = NEVER,
	};
	resolver_reset(&e->resolver);
	path_init(&e->path);
	conflict_end(&e->conflict);
	names_open(loop, &e->conf, &e->names);
	rebind_init(&e->rebind, &engine_rebind_ops, e);
	fsm_init(&e->fsm, &engine_fsm_ops, e);
	r = open_all(e);
	if (r < 0) {
		engine_stop(e, false);
		return r;
	}
	make_identity(e);
	if (state_load(conf->state_file, &e->state))
		e->state.roam.counter = e->state.roam.reserved = roam_first_counter(time(NULL));
	adopt_shim(e);
	fsm_restore(&e->fsm, e->state.virt, e->state.have_lease ? &e->state.lease : NULL);
	if (conf->stack_dhcp && !e->state.have_lease)
		action_disable(e); /* the stack's requests are for us from now on */
	links_choose(&e->links);
	return 0;
}

void engine_stop(struct engine *e, bool release)
{
	if (release)
		engine_release(e);
	if (e->save_at_ns != NEVER)
		action_save(e);
	if (e->control)
		mnat_control_close(e->control);
	e->control = NULL;
	links_close(&e->links);
	visit_close(e);
	wake_close(&e->wake);
	local_dhcp_close(&e->local_dhcp);
	watch_stop(&e->timer_watch);
	mnat_closep(&e->timer_fd);
	e->timer_fd = -1;
	auth_close(&e->auth);
	stack_close(&e->stack);
	shim_close(&e->shim);
}

void engine_reload(struct engine *e, const struct mnat_node_conf *conf)
{
	struct mnat_node_conf fixed = *conf;

	fixed.default_route = e->conf.default_route;
	fixed.old_grace_ms = e->conf.old_grace_ms;
	fixed.mode = e->conf.mode;
	fixed.tunnel_out = e->conf.tunnel_out;
	fixed.public_space = e->conf.public_space;
	fixed.release = e->conf.release;
	fixed.virt_gateway = e->conf.virt_gateway;
	fixed.virt_mask = e->conf.virt_mask;
	memcpy(fixed.direct, e->conf.direct, sizeof(fixed.direct));
	fixed.n_direct = e->conf.n_direct;
	fixed.direct_domain = e->conf.direct_domain;
	if (memcmp(&fixed, &e->conf, sizeof(fixed)))
		log_warn("uplinks, device, paths and DHCP settings change only by a restart");
	e->conf.default_route = conf->default_route;
	e->conf.old_grace_ms = conf->old_grace_ms;
	e->conf.mode = e->identity.mode = conf->mode;
	e->conf.tunnel_out = conf->tunnel_out;
	e->conf.public_space = conf->public_space;
	e->conf.release = conf->release;
	e->conf.virt_gateway = conf->virt_gateway;
	e->conf.virt_mask = conf->virt_mask;
	memcpy(e->conf.direct, conf->direct, sizeof(e->conf.direct));
	e->conf.n_direct = conf->n_direct;
	e->conf.direct_domain = conf->direct_domain;
	if (fsm_is_bound(&e->fsm))
		engine_rebind(e);
}
