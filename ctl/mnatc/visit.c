// SPDX-License-Identifier: GPL-2.0-only
#include "visit.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "actions.h"
#include "homes.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/peering.h"
#include "visit_public.h"

#define LOOK_EVERY  (10 * MNAT_NS_PER_SEC)
#define LOOK_STALE  (1000 * MNAT_NS_PER_MS) /* a look this old does not tell what began where */
#define RESET_AFTER (2000 * MNAT_NS_PER_MS)

struct in_addr visit_virtual(const struct engine *e, const struct lease *lease)
{
	return e->visit.public ? e->fsm.virt : lease->virt;
}

static struct place place_of(const struct engine *e)
{
	return (struct place){visit_virtual(e, &e->fsm.lease), e->visit.public};
}

/* ---- looking at the sockets ---- */

/*
 * After a restart the shim's map still tells of sessions that go home by tunnel; others
 * are taken for those of the domain where their address was last ours.
 */
static uint32_t born_before(struct engine *e, const struct socket_info *socket)
{
	struct roam *roam = &e->state.roam;
	struct home *home = roam_by_virtual(roam, socket->local);
	struct mnat_home entry;

	if (!e->visit.public)
		return home ? home->serial : 0;
	if (!homes_get(e->shim.node.homes_fd, &socket->key, &entry) || !entry.gateway)
		return 0;
	for (int i = 0; i < roam->n; i++)
		if (roam->homes[i].have_token &&
		    roam_ticket_gateway(&roam->homes[i]).s_addr == entry.gateway)
			return roam->homes[i].serial;
	return home ? home->serial : 0;
}

static void on_socket(const struct socket_info *socket, void *user)
{
	struct engine *e = user;
	const struct home *here = roam_here(&e->state.roam);

	if (socket->local.s_addr != e->fsm.virt.s_addr &&
	    !roam_by_virtual(&e->state.roam, socket->local))
		return;
	sessions_saw(&e->visit.sessions, socket,
		     !e->visit.looked ? born_before(e, socket)
		     : here	      ? here->serial
				      : 0);
}

/* Domains elsewhere where nothing of ours is left need not be told of our moves. */
static void drop_idle(struct engine *e)
{
	struct roam *roam = &e->state.roam;
	char virt[MNAT_IP_LEN];

	for (int i = roam->n; i-- > 0;) {
		struct home *home = &roam->homes[i];

		home->sockets = sessions_of(&e->visit.sessions, home->serial);
		if (home == roam_here(roam) || home->sockets || !e->conf.release ||
		    sessions_on(&e->visit.sessions, home->virt))
			continue;
		log_info("no session is left on %s in domain %u", mnat_ip(home->virt, virt),
			 home->domain);
		roam_drop(roam, home);
		action_remember(e);
	}
}

static void look(struct engine *e)
{
	struct visit *v = &e->visit;
	int r;

	v->looked_ns = mnat_clock_now();
	sessions_begin(&v->sessions);
	r = sockets_walk(v->diag, on_socket, e);
	if (r < 0) { /* what was not seen may still be there */
		log_warn("the kernel does not tell its sockets: %s", strerror(-r));
		return;
	}
	sessions_end(&v->sessions);
	v->looked = true;
	drop_idle(e);
}

static bool is_away(const struct engine *e)
{
	return e->visit.public || e->state.roam.n > 1;
}

static void look_later(struct engine *e)
{
	e->visit.look_at_ns = is_away(e) ? mnat_clock_now() + LOOK_EVERY : NEVER;
}

/* ---- moves ---- */

void visit_begin(struct engine *e)
{
	if (e->state.roam.n)
		look(e);
}

/*
 * Public space: the server does not speak MobileNAT and there are domains to tell. It
 * stays public while we stay, or new sessions, which left by the actual address, would
 * lose their own.
 */
static bool is_public(struct engine *e, const struct lease *lease)
{
	struct home *homes[DHCP_MNAT_MAX_ARRIVALS];

	if (lease->mobile || e->conf.public_space == MNAT_PUBLIC_NEVER || !e->fsm.virt.s_addr)
		return false;
	if (e->visit.public && e->visit.hails.endpoint.s_addr == lease->actual.s_addr)
		return true;
	return roam_arrivals(&e->state.roam, NULL, homes) > 0;
}

/*
 * The address we come with is another's here, or nobody's word but ours says that we have it.
 * Ours it stays for the sessions it has, so what is sent to it never leaves this machine: who
 * wonders why is told.
 */
static void tell_refused(const struct engine *e, const struct lease *lease)
{
	const struct roam *roam = &e->state.roam;
	char ours[MNAT_IP_LEN];

	if (!lease->mobile || !roam->n || roam->homes[0].domain == lease->domain ||
	    roam->homes[0].virt.s_addr == lease->virt.s_addr)
		return;
	mnat_ip(roam->homes[0].virt, ours);
	if (!roam->homes[0].have_token)
		log_warn("sessions of %s stay behind: this node had no ticket for them yet when "
			 "it came to domain %u",
			 ours, lease->domain);
	else
		log_warn("%s is another host's in domain %u: it cannot be reached from here while "
			 "we keep the address for older sessions",
			 ours, lease->domain);
}

void visit_prepare(struct engine *e, const struct lease *lease)
{
	struct visit *v = &e->visit;
	bool public = is_public(e, lease);
	struct place place;
	int n;

	if (e->state.roam.n && (!v->looked || mnat_clock_now() - v->looked_ns > LOOK_STALE))
		look(e);
	v->public = public;
	tell_refused(e, lease);
	roam_enter(&e->state.roam, lease, time(NULL));
	place = place_of(e);
	n = homes_prepare(e->shim.node.homes_fd, &v->sessions, &e->state.roam, &place);
	v->stuck = n < 0;
	v->homes_used = public || n != 0;
}

void visit_sync(struct engine *e)
{
	struct visit *v = &e->visit;
	struct place place = place_of(e);
	int n = homes_sync(e->shim.node.homes_fd, &v->sessions, &e->state.roam, &place);

	v->stuck = n < 0;
	v->homes_used = v->public || n != 0;
}

void visit_settle(struct engine *e)
{
	struct visit *v = &e->visit;
	struct in_addr actual = e->fsm.lease.actual;

	visit_sync(e);
	look_later(e);
	if (!v->public) {
		hails_stop(&v->hails);
		v->reset_at_ns = NEVER;
		return;
	}
	if (v->hails.endpoint.s_addr == actual.s_addr)
		return;
	hails_start(&v->hails, &e->state.roam, actual);
	if (e->conf.public_space == MNAT_PUBLIC_RESET)
		v->reset_at_ns = mnat_clock_now() + RESET_AFTER;
	hails_tick(&v->hails, &e->state.roam);
}

void visit_reachable(struct engine *e)
{
	hails_again(&e->visit.hails);
	hails_tick(&e->visit.hails, &e->state.roam);
}

void visit_addresses(const struct engine *e, const struct lease *lease,
		     struct stack_addresses *ret_addresses)
{
	const struct roam *roam = &e->state.roam;
	struct stack_addresses want = {
		.preferred = visit_virtual(e, lease),
		.mask = lease->mobile || e->visit.public ? e->conf.virt_mask : lease->mask,
	};

	if (e->conf.default_route)
		want.gateway = e->conf.virt_gateway;
	for (int i = 0; i < roam->n && (lease->mobile || e->visit.public); i++) {
		struct in_addr virt = roam->homes[i].virt;
		bool listed = virt.s_addr == want.preferred.s_addr;

		for (int j = 0; j < want.n_old; j++)
			listed = listed || want.old[j].s_addr == virt.s_addr;
		if (!listed && want.n_old < STACK_MAX_OLD &&
		    (!e->conf.release || sessions_on(&e->visit.sessions, virt)))
			want.old[want.n_old++] = virt;
	}
	*ret_addresses = want;
}

/* ---- proofs ---- */

/* The place the message is sent from; NULL: we do not know yet where we are. */
static const struct lease *present_place(const struct engine *e)
{
	if (e->fsm.state == FSM_REQUESTING)
		return &e->fsm.offer.lease;
	return e->fsm.state == FSM_SELECTING ? NULL : &e->fsm.lease;
}

bool visit_count(uint64_t *ret_counter, void *user)
{
	struct engine *e = user;
	struct roam *roam = &e->state.roam;

	if (roam_count(roam, ret_counter))
		return true;
	return !action_save(e) && roam_count(roam, ret_counter);
}

static void add_proof(struct engine *e, const struct home *home, struct arrivals *arrivals)
{
	uint64_t counter;

	if (arrivals->n < DHCP_MNAT_MAX_ARRIVALS && visit_count(&counter, e))
		roam_prove(home, counter, &arrivals->list[arrivals->n++]);
}

void visit_arrivals(struct engine *e, const struct fsm_message *message,
		    struct arrivals *ret_arrivals)
{
	const struct lease *place = present_place(e);
	struct home *homes[DHCP_MNAT_MAX_ARRIVALS];
	const struct home *here;
	int n;

	ret_arrivals->n = 0;
	if (message->type == DHCP_RELEASE || message->type == DHCP_DECLINE || (place && !place->mobile))
		return;
	n = roam_arrivals(&e->state.roam, place, homes);
	for (int i = 0; i < n; i++) {
		if (message->type == DHCP_DISCOVER)
			roam_announce(homes[i], &ret_arrivals->list[ret_arrivals->n++]);
		else
			add_proof(e, homes[i], ret_arrivals);
	}
	/* and again while its manager has not answered: the DHCP server keeps the last list */
	here = place && (e->fsm.state == FSM_REQUESTING || e->fsm.tokenless) ?
		       roam_known(&e->state.roam, place) :
		       NULL;
	if (here)
		add_proof(e, here, ret_arrivals);
}

/* ---- time ---- */

/* What has ended since frees its address and its place in the shim's map. */
static void look_again(struct engine *e)
{
	if (!fsm_is_bound(&e->fsm) || !e->links.current) {
		look_later(e);
		return;
	}
	look(e);
	visit_sync(e);
	action_install_lease(e);
	action_set_stack(e);
	look_later(e);
}

void visit_tick(struct engine *e)
{
	struct visit *v = &e->visit;
	uint64_t now = mnat_clock_now();

	hails_tick(&v->hails, &e->state.roam);
	if (now >= v->reset_at_ns)
		visit_end_sessions(e);
	if (now >= v->look_at_ns)
		look_again(e);
}

uint64_t visit_deadline(const struct engine *e)
{
	const struct visit *v = &e->visit;
	uint64_t next = hails_deadline(&v->hails);

	if (v->look_at_ns < next)
		next = v->look_at_ns;
	return v->reset_at_ns < next ? v->reset_at_ns : next;
}

/* ---- open and close ---- */

void visit_forget(struct engine *e)
{
	e->visit.public = false;
	e->visit.homes_used = false;
	e->visit.look_at_ns = e->visit.reset_at_ns = NEVER;
	hails_stop(&e->visit.hails);
}

int visit_open(struct engine *e)
{
	struct visit *v = &e->visit;
	int r;

	*v = (struct visit){.hail_fd = -1, .look_at_ns = NEVER, .reset_at_ns = NEVER};
	r = sockets_open(&v->diag);
	if (!r)
		r = visit_open_hails(e);
	if (r)
		log_err("sockets for roaming between domains cannot be opened: %s", strerror(-r));
	return r;
}

void visit_close(struct engine *e)
{
	struct visit *v = &e->visit;

	watch_stop(&v->hail_watch);
	mnat_closep(&v->hail_fd);
	v->hail_fd = -1;
	mnat_nl_closep(&v->diag);
	sessions_done(&v->sessions);
}

/* ---- rows ---- */

json_t *visit_row(struct engine *e, const struct home *home)
{
	char virt[MNAT_IP_LEN], gateway[MNAT_IP_LEN], manager[MNAT_IP_LEN];

	mnat_ip(home->gateway, gateway);
	return json_pack("{s:s,s:s?,s:s,s:I,s:i}", "virtual", mnat_ip(home->virt, virt), "gateway",
			 home->gateway.s_addr ? gateway : NULL, "manager",
			 mnat_ip(home->manager, manager), "domain", (json_int_t)home->domain,
			 "sockets", (int)sessions_of(&e->visit.sessions, home->serial));
}

void visit_problems(struct engine *e, json_t *problems)
{
	const struct roam *roam = &e->state.roam;
	char manager[MNAT_IP_LEN];

	if (e->visit.stuck)
		json_array_append_new(problems,
				      json_string("more sessions of other domains than the shim's "
						  "map holds: some stand still"));
	for (int i = 0; i < roam->n; i++) {
		const struct home *home = &roam->homes[i];
		const struct hail *hail = hail_of(&e->visit.hails, home->serial);

		if (!hail || hail->answered || (!hail->error && hail->tries < 3))
			continue;
		mnat_ip(home->manager, manager);
		json_array_append_new(
			problems,
			hail->error
				? json_sprintf("%s does not serve our sessions of domain %u: %s",
					       manager, home->domain,
					       peering_error_text(hail->error))
				: json_sprintf("%s does not answer: sessions of domain %u stand "
					       "still",
					       manager, home->domain));
	}
}
