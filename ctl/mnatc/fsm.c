// SPDX-License-Identifier: GPL-2.0-only
#include "fsm.h"

#include <errno.h>
#include <string.h>

#define MS	      MNAT_NS_PER_MS
#define FIRST_RETRY   (100 * MS)
#define LAST_RETRY    (64000 * MS)
#define RENEW_RETRY   (60 * MNAT_NS_PER_SEC) /* RFC 2131 4.4.5 */
#define OFFER_WAIT    (50 * MS)		     /* for a better offer than one without our address */
#define TOKEN_SOON    (500 * MS)	     /* an ACK lacks its token: renewed so soon, ... */
#define TOKEN_TWICE   7			     /* ... then twice as late, so many times */
#define REFUSED_GRACE (2000 * MS) /* a lease refused here may still serve the path we leave */
#define REBOOT_TRIES  2
#define DECLINE_EVERY (60 * MNAT_NS_PER_SEC)
#define REQUEST_TRIES 4
#define PREPARED_FOR  (25 * MNAT_NS_PER_SEC) /* servers keep an offer for about 30 s */
#define RAPID_TRIES   3 /* then a server that stumbles over the option gets its chance */

static void discover(struct fsm *fsm);

const char *fsm_state_name(enum fsm_state state)
{
	static const char *const names[] = {
#define X(name, text) [FSM_##name] = text,
		FSM_STATES(X)
#undef X
	};

	return names[state];
}

void fsm_init(struct fsm *fsm, const struct fsm_ops *ops, void *user)
{
	*fsm = (struct fsm){.ops = ops, .user = user, .deadline_ns = NEVER};
}

void fsm_restore(struct fsm *fsm, struct in_addr virt, const struct lease *lease)
{
	fsm->virt = virt;
	fsm->have_lease = lease != NULL;
	fsm->state = lease ? FSM_INIT_REBOOT : FSM_INIT;
	if (lease) {
		fsm->lease = *lease;
		fsm->end_ns = lease_expiry(lease);
	}
}

uint64_t fsm_deadline(const struct fsm *fsm)
{
	uint64_t end = fsm->have_lease ? fsm->end_ns : NEVER;

	return end < fsm->deadline_ns ? end : fsm->deadline_ns;
}

static void enter(struct fsm *fsm, enum fsm_state state)
{
	fsm->state = state;
	fsm->tries = 0;
	fsm->deadline_ns = NEVER;
	fsm->have_offer = fsm->have_offer && state == FSM_REQUESTING;
}

static void new_exchange(struct fsm *fsm, enum fsm_state state)
{
	enter(fsm, state);
	fsm->xid = fsm->ops->random(fsm->user);
	fsm->started_ns = mnat_clock_now();
}

/* The nth wait: 100 ms, doubled each time up to 64 s, an eighth more or less. */
static uint64_t backoff(struct fsm *fsm, unsigned int n)
{
	uint64_t wait = n < 10 ? FIRST_RETRY << n : LAST_RETRY;

	if (wait > LAST_RETRY)
		wait = LAST_RETRY;
	return wait - wait / 8 + fsm->ops->random(fsm->user) % (wait / 4 / MS + 1) * MS;
}

/* ---- messages, one function each; what a server tells a REQUEST's state by is in
 * RFC 2131 table 4 ---- */

static void transmit(struct fsm *fsm, struct fsm_message *message)
{
	uint64_t secs = (mnat_clock_now() - fsm->started_ns) / MNAT_NS_PER_SEC;

	message->xid = fsm->xid;
	message->secs = secs < UINT16_MAX ? (uint16_t)secs : UINT16_MAX;
	if (!message->shim.s_addr)
		message->shim = fsm->virt;
	fsm->sent_ns = mnat_clock_now();
	fsm->tries++;
	fsm->ops->send(message, fsm->user);
}

static void send_discover(struct fsm *fsm)
{
	struct fsm_message message = {
		.type = DHCP_DISCOVER,
		.rapid_commit = fsm->rapid && fsm->tries < RAPID_TRIES,
	};

	transmit(fsm, &message);
	fsm->deadline_ns = mnat_clock_now() + backoff(fsm, fsm->tries - 1);
}

static void send_request_offer(struct fsm *fsm)
{
	struct fsm_message message = {
		.type = DHCP_REQUEST,
		.requested = fsm->offer.lease.actual,
		.shim = fsm->offer.lease.mobile ? fsm->offer.lease.virt : fsm->virt,
		.server = fsm->offer.server,
	};

	transmit(fsm, &message);
	fsm->deadline_ns = mnat_clock_now() + backoff(fsm, fsm->tries - 1);
}

static void send_request_reboot(struct fsm *fsm)
{
	struct fsm_message message = {.type = DHCP_REQUEST, .requested = fsm->lease.actual};

	transmit(fsm, &message);
	fsm->deadline_ns = mnat_clock_now() + backoff(fsm, fsm->tries - 1);
}

static uint64_t token_wait(const struct fsm *fsm)
{
	return TOKEN_SOON << fsm->tokenless;
}

/* Half of what remains before `until`, but no oftener than needed for the lease. */
static void send_request_extend(struct fsm *fsm, struct in_addr dest, uint64_t until)
{
	struct fsm_message message = {
		.type = DHCP_REQUEST,
		.ciaddr = fsm->lease.actual,
		.dest = dest,
	};
	uint64_t now = mnat_clock_now(), least = fsm->lease.lease_s * MNAT_NS_PER_SEC / 20;
	uint64_t wait;

	transmit(fsm, &message);
	if (least > RENEW_RETRY)
		least = RENEW_RETRY;
	if (until == NEVER || until <= now) {
		fsm->deadline_ns = now + RENEW_RETRY;
		return;
	}
	wait = (until - now) / 2 > least ? (until - now) / 2 : least;
	if (fsm->tokenless && wait > token_wait(fsm))
		wait = token_wait(fsm); /* it is for the token that we ask */
	fsm->deadline_ns = wait < until - now ? now + wait : until;
}

/* ---- transitions ---- */

static void discover(struct fsm *fsm)
{
	new_exchange(fsm, FSM_SELECTING);
	send_discover(fsm);
}

static void reboot(struct fsm *fsm)
{
	new_exchange(fsm, FSM_REBOOTING);
	send_request_reboot(fsm);
}

static void request_offer(struct fsm *fsm)
{
	enter(fsm, FSM_REQUESTING);
	send_request_offer(fsm);
}

/* On the link it was prepared for, we hope: elsewhere a NAK says so, as for a lease. */
static void request_prepared(struct fsm *fsm)
{
	fsm->xid = fsm->prepared.xid;
	fsm->started_ns = mnat_clock_now();
	fsm->offer = fsm->prepared.offer;
	fsm->prepared.xid = 0;
	fsm->prepared.until_ns = 0;
	fsm->ops->arriving(&fsm->offer, fsm->user);
	request_offer(fsm);
}

static void renew(struct fsm *fsm)
{
	new_exchange(fsm, FSM_RENEWING);
	send_request_extend(fsm, fsm->lease.server, lease_at(&fsm->lease, fsm->lease.t2_s));
}

static void rebind(struct fsm *fsm)
{
	new_exchange(fsm, FSM_REBINDING);
	send_request_extend(fsm, (struct in_addr){0}, lease_expiry(&fsm->lease));
}

static void drop_lease(struct fsm *fsm, const char *why)
{
	fsm->have_lease = false;
	fsm->ops->unbound(why, fsm->user);
}

/*
 * A renewal from a server that has forgotten the shim option keeps the virtual
 * address: the sessions on it are worth more than the option.
 */
static void keep_virtual(const struct fsm *fsm, struct lease *lease)
{
	if (lease->mobile || !fsm->have_lease || !fsm->lease.mobile ||
	    lease->actual.s_addr != fsm->lease.actual.s_addr)
		return;
	lease->mobile = true;
	lease->virt = fsm->lease.virt;
	lease->manager = fsm->lease.manager;
	lease->domain = fsm->lease.domain;
}

/*
 * Without a token the server could not ask its manager, which so does not know of our
 * arrivals either: they go with a renewal soon, later and later while that is so.
 */
static uint64_t renewal_at(struct fsm *fsm, const struct lease *lease)
{
	uint64_t t1 = lease_at(lease, lease->t1_s), soon;

	if (lease->have_token || !lease->domain || lease->actual.s_addr != fsm->lease.actual.s_addr)
		fsm->tokenless = 0;
	if (lease->have_token || !lease->domain)
		return t1;
	soon = mnat_clock_now() + token_wait(fsm);
	if (fsm->tokenless < TOKEN_TWICE)
		fsm->tokenless++;
	return soon < t1 ? soon : t1;
}

static bool take_ack(struct fsm *fsm, const struct reply *reply)
{
	struct lease lease = reply->lease;
	uint64_t renewal;

	fsm->ops->accepted(reply, fsm->user);
	keep_virtual(fsm, &lease);
	lease.since_ns = fsm->sent_ns;
	renewal = renewal_at(fsm, &lease);
	fsm->lease = lease;
	fsm->end_ns = lease_expiry(&lease);
	fsm->have_lease = true;
	fsm->naks = 0;
	if (lease.mobile)
		fsm->virt = lease.virt;
	enter(fsm, FSM_BOUND);
	fsm->deadline_ns = renewal;
	fsm->ops->bound(&fsm->lease, fsm->user);
	return true;
}

/* Back to INIT at once (RFC 2131 3.2), slower if the server keeps refusing. */
static void discover_after_nak(struct fsm *fsm)
{
	if (++fsm->naks == 1) {
		discover(fsm);
		return;
	}
	new_exchange(fsm, FSM_SELECTING);
	fsm->deadline_ns = mnat_clock_now() + backoff(fsm, fsm->naks - 2);
}

/*
 * REBOOTING: we are on another network. The lease is kept a little longer: the old
 * path may still work while the new one is prepared, and we may be back there soon.
 */
static bool take_nak_elsewhere(struct fsm *fsm, const struct reply *reply)
{
	uint64_t end = mnat_clock_now() + REFUSED_GRACE;

	fsm->ops->accepted(reply, fsm->user);
	if (end < fsm->end_ns)
		fsm->end_ns = end;
	discover_after_nak(fsm);
	return true;
}

/* The offer was withdrawn. */
static bool take_nak_requesting(struct fsm *fsm, const struct reply *reply)
{
	if (reply->server.s_addr != fsm->offer.server.s_addr)
		return false;
	return take_nak_elsewhere(fsm, reply);
}

/* The address was taken from us while in use. */
static bool take_nak_in_use(struct fsm *fsm, const struct reply *reply)
{
	if (fsm->state == FSM_RENEWING && reply->server.s_addr != fsm->lease.server.s_addr)
		return false;
	fsm->ops->accepted(reply, fsm->user);
	drop_lease(fsm, "the DHCP server refused to renew it");
	discover_after_nak(fsm);
	return true;
}

/*
 * 2: what we asked for; 1: another virtual address; 0: none. In another domain another
 * one is all that can be had when ours is taken there.
 */
static int rank(const struct fsm *fsm, const struct reply *offer)
{
	if (!offer->lease.mobile)
		return 0;
	if (!fsm->virt.s_addr || offer->lease.virt.s_addr == fsm->virt.s_addr)
		return 2;
	return offer->lease.domain != fsm->lease.domain ? 2 : 1;
}

/* The best offer is taken at once, a lesser one when no better one comes soon. */
static bool take_offer(struct fsm *fsm, const struct reply *reply)
{
	if (!fsm->tries || (fsm->have_offer && rank(fsm, reply) <= rank(fsm, &fsm->offer)))
		return false;
	fsm->ops->accepted(reply, fsm->user);
	if (!fsm->have_offer)
		fsm->deadline_ns = mnat_clock_now() + OFFER_WAIT;
	fsm->have_offer = true;
	fsm->offer = *reply;
	if (rank(fsm, reply) == 2 && mnat_clock_now() < fsm->hold_until_ns)
		fsm->deadline_ns = fsm->hold_until_ns;
	else if (rank(fsm, reply) == 2)
		request_offer(fsm);
	return true;
}

/*
 * RFC 4039 3.1: whom the DISCOVER reached has committed the lease already. One that is not
 * what we want waits for a better as an offer does: its server takes a REQUEST for it too.
 */
static bool take_ack_selecting(struct fsm *fsm, const struct reply *reply)
{
	if (!fsm->rapid || !fsm->tries || !reply->rapid_commit)
		return false;
	if (rank(fsm, reply) == 2)
		return take_ack(fsm, reply);
	return take_offer(fsm, reply);
}

static bool take_ack_requesting(struct fsm *fsm, const struct reply *reply)
{
	return reply->server.s_addr == fsm->offer.server.s_addr && take_ack(fsm, reply);
}

/* ---- timeouts ---- */

static void selecting_timeout(struct fsm *fsm)
{
	if (fsm->have_offer)
		request_offer(fsm);
	else
		send_discover(fsm);
}

static void requesting_timeout(struct fsm *fsm)
{
	if (fsm->tries < REQUEST_TRIES)
		send_request_offer(fsm);
	else
		discover(fsm);
}

/* The server that knew us may not be reachable from here: do not insist. */
static void rebooting_timeout(struct fsm *fsm)
{
	if (fsm->tries < REBOOT_TRIES)
		send_request_reboot(fsm);
	else
		discover(fsm);
}

static void renewing_timeout(struct fsm *fsm)
{
	uint64_t t2 = lease_at(&fsm->lease, fsm->lease.t2_s);

	if (mnat_clock_now() >= t2) {
		rebind(fsm);
		return;
	}
	if (fsm->tokenless && fsm->tokenless < TOKEN_TWICE)
		fsm->tokenless++;
	send_request_extend(fsm, fsm->lease.server, t2);
}

static void rebinding_timeout(struct fsm *fsm)
{
	send_request_extend(fsm, (struct in_addr){0}, lease_expiry(&fsm->lease));
}

static bool take_prepared(struct fsm *fsm, const struct reply *reply)
{
	if (reply->type != DHCP_OFFER || rank(fsm, reply) != 2 || !fsm_is_bound(fsm))
		return false;
	fsm->prepared.offer = *reply;
	fsm->prepared.until_ns = mnat_clock_now() + PREPARED_FOR;
	return true;
}

/* RFC 2131 figure 5: what each state waits for. NULL: not in this state. */
static const struct state_row {
	void (*timeout)(struct fsm *fsm);
	bool (*offer)(struct fsm *fsm, const struct reply *reply);
	bool (*ack)(struct fsm *fsm, const struct reply *reply);
	bool (*nak)(struct fsm *fsm, const struct reply *reply);
} rows[FSM_N_STATES] = {
	[FSM_SELECTING] = {selecting_timeout, .offer = take_offer, .ack = take_ack_selecting},
	[FSM_REQUESTING] = {requesting_timeout, .ack = take_ack_requesting,
			    .nak = take_nak_requesting},
	[FSM_REBOOTING] = {rebooting_timeout, .ack = take_ack, .nak = take_nak_elsewhere},
	[FSM_BOUND] = {renew},
	[FSM_RENEWING] = {renewing_timeout, .ack = take_ack, .nak = take_nak_in_use},
	[FSM_REBINDING] = {rebinding_timeout, .ack = take_ack, .nak = take_nak_in_use},
};

/* ---- events ---- */

bool fsm_receive(struct fsm *fsm, const struct reply *reply)
{
	const struct state_row *row = &rows[fsm->state];
	bool (*take)(struct fsm *, const struct reply *) = NULL;

	if (fsm->prepared.xid && reply->xid == fsm->prepared.xid)
		return take_prepared(fsm, reply);
	if (reply->xid != fsm->xid)
		return false;
	if (reply->type == DHCP_OFFER)
		take = row->offer;
	else if (reply->type == DHCP_ACK)
		take = row->ack;
	else if (reply->type == DHCP_NAK)
		take = row->nak;
	return take && take(fsm, reply);
}

bool fsm_is_bound(const struct fsm *fsm)
{
	return fsm->state == FSM_BOUND || fsm->state == FSM_RENEWING || fsm->state == FSM_REBINDING;
}

static const char *ended(const struct fsm *fsm)
{
	return fsm->end_ns < lease_expiry(&fsm->lease) ? "it is not valid on this network"
						       : "its lease ran out";
}

void fsm_tick(struct fsm *fsm)
{
	uint64_t now = mnat_clock_now();

	if (fsm->have_lease && now >= fsm->end_ns) {
		drop_lease(fsm, ended(fsm));
		if (fsm->state == FSM_INIT_REBOOT)
			enter(fsm, FSM_INIT);
		else if (fsm_is_bound(fsm) || fsm->state == FSM_REBOOTING)
			discover(fsm);
	}
	if (now >= fsm->deadline_ns && rows[fsm->state].timeout)
		rows[fsm->state].timeout(fsm);
}

void fsm_hold(struct fsm *fsm, uint64_t for_ns)
{
	fsm->hold_until_ns = mnat_clock_now() + for_ns;
}

void fsm_link_up(struct fsm *fsm)
{
	fsm->hold_until_ns = 0;
	fsm->released = false;
	fsm->naks = 0;
	if (fsm->have_lease && mnat_clock_now() >= fsm->end_ns)
		drop_lease(fsm, ended(fsm));
	if (mnat_clock_now() < fsm->prepared.until_ns)
		request_prepared(fsm);
	else if (fsm->have_lease)
		reboot(fsm);
	else
		discover(fsm);
}

int fsm_prepare(struct fsm *fsm, struct in_addr router)
{
	struct fsm_message message = {.type = DHCP_DISCOVER, .shim = fsm->virt, .link = router};

	if (!fsm_is_bound(fsm))
		return -ENOTCONN;
	fsm->prepared.until_ns = 0;
	fsm->prepared.xid = message.xid = fsm->ops->random(fsm->user) | 1; /* not 0 */
	fsm->ops->send(&message, fsm->user);
	return 0;
}

void fsm_adopt(struct fsm *fsm, const struct lease *lease)
{
	fsm->lease = *lease;
	fsm->end_ns = lease_expiry(lease);
	fsm->have_lease = true;
	fsm->naks = 0;
	reboot(fsm);
	fsm->ops->bound(&fsm->lease, fsm->user);
}

void fsm_link_down(struct fsm *fsm)
{
	enter(fsm, fsm->have_lease ? FSM_INIT_REBOOT : FSM_INIT);
}

int fsm_renew(struct fsm *fsm)
{
	if (!fsm->have_lease || !fsm_is_bound(fsm))
		return -ENOTCONN;
	renew(fsm);
	return 0;
}

/*
 * RFC 2131 3.1, 5 has the client wait ten seconds before it asks again, lest a network where
 * this goes on be flooded. Here it does not wait, but happens once a minute only: ARP is
 * anybody's to forge, and must not keep a node from its sessions.
 */
bool fsm_decline(struct fsm *fsm)
{
	struct fsm_message message = {
		.type = DHCP_DECLINE,
		.requested = fsm->lease.actual,
		.server = fsm->lease.server,
	};
	uint64_t now = mnat_clock_now();

	if (!fsm->have_lease || (fsm->declined_ns && now - fsm->declined_ns < DECLINE_EVERY))
		return false;
	new_exchange(fsm, FSM_INIT);
	transmit(fsm, &message);
	drop_lease(fsm, "somebody else uses it");
	fsm->declined_ns = now;
	discover(fsm);
	return true;
}

int fsm_release(struct fsm *fsm)
{
	struct fsm_message message = {
		.type = DHCP_RELEASE,
		.ciaddr = fsm->lease.actual,
		.server = fsm->lease.server,
		.dest = fsm->lease.server,
	};

	if (!fsm->have_lease)
		return -ENOTCONN;
	new_exchange(fsm, FSM_INIT);
	transmit(fsm, &message);
	drop_lease(fsm, "it was released");
	fsm->released = true;
	enter(fsm, FSM_INIT);
	return 0;
}
