// SPDX-License-Identifier: GPL-2.0-only
#include "link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lease.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/peering.h"

#define SHUN	     (60 * MNAT_NS_PER_SEC)
#define SAMPLE_EVERY (500 * MNAT_NS_PER_MS)

struct uplink *links_by_index(struct links *links, int index)
{
	for (int i = 0; i < links->n; i++)
		if (links->uplink[i].link.present && links->uplink[i].link.index == index)
			return &links->uplink[i];
	return NULL;
}

static struct uplink *by_name(struct links *links, const char *name)
{
	for (int i = 0; i < links->n; i++)
		if (!strcmp(links->uplink[i].name, name))
			return &links->uplink[i];
	return NULL;
}

static void dhcp_ready(void *user)
{
	struct uplink *uplink = user;

	uplink->links->ops->dhcp_readable(uplink, uplink->links->user);
}

static void arp_ready(void *user)
{
	struct uplink *uplink = user;

	uplink->links->ops->arp_readable(uplink, uplink->links->user);
}

static void rebind_ready(void *user)
{
	struct uplink *uplink = user;

	uplink->links->ops->rebind_readable(uplink, uplink->links->user);
}

static void close_uplink(struct uplink *uplink)
{
	watch_stop(&uplink->rebind_watch);
	if (uplink->open)
		mnat_closep(&uplink->rebind_fd);
	watch_stop(&uplink->dhcp_watch);
	watch_stop(&uplink->arp_watch);
	if (uplink->open)
		port_close(&uplink->port);
	uplink->open = false;
}

static int open_uplink(struct uplink *uplink, const struct mnat_link *link)
{
	uv_loop_t *loop = uplink->links->loop;
	int r = port_open(link->index, link->mac, &uplink->port);

	if (r < 0) {
		log_err("uplink %s: packet sockets cannot be opened: %s", uplink->name,
			strerror(-r));
		return r;
	}
	r = port_open_udp(link->index, PEERING_PORT, &uplink->rebind_fd);
	if (r < 0) {
		log_err("uplink %s: a packet socket cannot be opened: %s", uplink->name,
			strerror(-r));
		port_close(&uplink->port);
		return r;
	}
	uplink->open = true;
	r = watch_start(loop, uplink->port.dhcp_fd, dhcp_ready, uplink, &uplink->dhcp_watch);
	if (!r)
		r = watch_start(loop, uplink->port.arp_fd, arp_ready, uplink, &uplink->arp_watch);
	if (!r)
		r = watch_start(loop, uplink->rebind_fd, rebind_ready, uplink,
				&uplink->rebind_watch);
	if (r)
		close_uplink(uplink);
	return r;
}

/* The device appeared: with mnat-load's programs on it, or mnat-load must run again. */
static void appeared(struct uplink *uplink, const struct mnat_link *link)
{
	struct mnl_socket *nl = NULL;
	int r;

	close_uplink(uplink);
	if (open_uplink(uplink, link) < 0 || link->up)
		return;
	r = mnat_nl_open(0, &nl);
	if (!r)
		r = mnat_link_set_up(nl, link->index);
	if (r)
		log_warn("uplink %s cannot be brought up: %s", uplink->name, strerror(-r));
	mnat_nl_closep(&nl);
}

/* Take over what the kernel says; the carrier's history is the caller's business. */
static void update(struct uplink *uplink, const struct mnat_link *link)
{
	bool is_new = link->present && (!uplink->link.present || uplink->link.index != link->index);

	if (!link->present)
		close_uplink(uplink);
	else if (is_new)
		appeared(uplink, link);
	else if (uplink->open)
		memcpy(uplink->port.mac, link->mac, sizeof(link->mac));
	uplink->link = *link;
	uplink->link.carrier = link->carrier && uplink->open;
}

static bool is_usable(const struct uplink *uplink)
{
	return uplink->link.carrier && uplink->shunned_until_ns <= mnat_clock_now();
}

/* The one in use stays so while none is better; a shunned one is better than none. */
static struct uplink *best(struct links *links, const struct uplink *except)
{
	struct uplink *used = links->current, *found = NULL, *shunned = NULL;

	if (used && used != except && is_usable(used))
		found = used;
	for (int i = 0; i < links->n; i++) {
		struct uplink *uplink = &links->uplink[i];

		if (!uplink->link.carrier || uplink == except || uplink == found)
			continue;
		if (!is_usable(uplink))
			shunned = shunned ? shunned : uplink;
		else if (!found || (found == used ? choice_is_better(&uplink->choice, &found->choice,
								     &links->rules) :
						    choice_is_first(&uplink->choice, &found->choice)))
			found = uplink;
	}
	return found ? found : shunned;
}

static void use(struct links *links, struct uplink *uplink)
{
	links->current = uplink;
	if (uplink)
		links->ops->use(uplink, links->user);
	else
		links->ops->none(links->user);
}

static void sample_one(struct links *links, struct uplink *uplink)
{
	int dbm = 0;
	bool known = *uplink->signal ? signal_of_file(uplink->signal, &dbm) :
				       radio_signal(&links->radio, uplink->link.index, &dbm);

	choice_sample(&uplink->choice, &links->rules, known, dbm);
}

/* Without a choice nobody has to wake up for it. */
static void sample(struct links *links)
{
	int n = 0;

	links->sample_at_ns = NEVER;
	for (int i = 0; i < links->n; i++)
		n += links->uplink[i].link.carrier;
	if (n < 2)
		return;
	for (int i = 0; i < links->n; i++)
		if (links->uplink[i].link.carrier)
			sample_one(links, &links->uplink[i]);
	for (int i = 0; i < links->n; i++)
		if (links->uplink[i].choice.measured || *links->uplink[i].signal)
			links->sample_at_ns = mnat_clock_now() + SAMPLE_EVERY;
}

void links_choose(struct links *links)
{
	sample(links);
	use(links, best(links, NULL));
}

bool links_have_other(const struct links *links)
{
	for (int i = 0; i < links->n; i++)
		if (&links->uplink[i] != links->current && is_usable(&links->uplink[i]))
			return true;
	return false;
}

bool links_shun_current(struct links *links, const char *why)
{
	struct uplink *other = best(links, links->current);

	if (!links->current || !other)
		return false;
	log_warn("%s on %s, trying %s", why, links->current->name, other->name);
	links->current->shunned_until_ns = mnat_clock_now() + SHUN;
	use(links, other);
	return true;
}

/* Choose again if that changes anything. */
static void reconsider(struct links *links)
{
	struct uplink *uplink = best(links, NULL);

	if (uplink == links->current)
		return;
	if (uplink && uplink->choice.measured)
		log_info("uplink %s is better now: %d dBm", uplink->name, uplink->choice.signal);
	use(links, uplink);
}

void links_tick(struct links *links)
{
	uint64_t now = mnat_clock_now();
	bool look = now >= links->sample_at_ns;

	if (look)
		sample(links);
	for (int i = 0; i < links->n; i++) {
		struct uplink *uplink = &links->uplink[i];

		if (!uplink->shunned_until_ns || uplink->shunned_until_ns > now)
			continue;
		uplink->shunned_until_ns = 0;
		look = true;
	}
	if (look)
		reconsider(links);
}

uint64_t links_deadline(const struct links *links)
{
	uint64_t deadline = links->sample_at_ns;

	for (int i = 0; i < links->n; i++)
		if (links->uplink[i].shunned_until_ns &&
		    links->uplink[i].shunned_until_ns < deadline)
			deadline = links->uplink[i].shunned_until_ns;
	return deadline;
}

static void lost(struct links *links, struct uplink *uplink)
{
	struct uplink *next;

	uplink->shunned_until_ns = 0;
	links->ops->lost(uplink, links->user);
	if (uplink != links->current)
		return;
	next = best(links, uplink);
	use(links, next);
}

static void gained(struct links *links, struct uplink *uplink)
{
	uplink->shunned_until_ns = 0;
	sample(links);
	if (!links->current || links->current == uplink || best(links, NULL) == uplink)
		use(links, uplink);
}

/* Renamed: as the name goes, so goes the uplink. */
static void forget_renamed(struct links *links, const struct mnat_link *link)
{
	struct uplink *uplink = links_by_index(links, link->index);
	struct mnat_link gone = {.index = link->index};
	bool was;

	if (!uplink || !strcmp(uplink->name, link->name))
		return;
	log_warn("uplink %s is called %s now", uplink->name, link->name);
	was = uplink->link.carrier;
	update(uplink, &gone);
	links->ops->changed(uplink, links->user);
	if (was)
		lost(links, uplink);
}

/*
 * A flap too short for two messages still shows in the count of carriers gained: the
 * cable may be in another socket now.
 */
static int on_link(const struct mnat_link *link, void *user)
{
	struct links *links = user;
	struct uplink *uplink = by_name(links, link->name);
	bool was, flapped;

	forget_renamed(links, link);
	if (!uplink)
		return 0;
	if (!link->present && link->index != uplink->link.index)
		return 0;
	was = uplink->link.carrier;
	flapped = was && link->carrier &&
		  (link->carrier_ups != uplink->link.carrier_ups ||
		   link->index != uplink->link.index);
	update(uplink, link);
	links->ops->changed(uplink, links->user);
	if (was && (flapped || !uplink->link.carrier))
		lost(links, uplink);
	if (uplink->link.carrier && (flapped || !was))
		gained(links, uplink);
	return 0;
}

static int on_first_link(const struct mnat_link *link, void *user)
{
	struct uplink *uplink = by_name(user, link->name);

	if (uplink)
		update(uplink, link);
	return 0;
}

static int dump(struct links *links, mnat_link_fn fn)
{
	struct mnl_socket *nl = NULL;
	int r = mnat_nl_open(0, &nl);

	if (!r)
		r = mnat_links_dump(nl, fn, links);
	mnat_nl_closep(&nl);
	return r;
}

static void readable(void *user)
{
	struct links *links = user;
	int r = mnat_links_receive(links->nl, on_link, links);

	if (r == -ENOBUFS) /* messages were lost: look at all as it is now */
		r = dump(links, on_link);
	if (r < 0)
		log_err("link messages cannot be read: %s", strerror(-r));
}

int links_open(uv_loop_t *loop, const struct mnat_node_conf *conf, const struct links_ops *ops,
	       void *user, struct links *links)
{
	int r;

	*links = (struct links){
		.ops = ops,
		.user = user,
		.loop = loop,
		.n = conf->n_uplink,
		.rules = {conf->signal_weak, conf->signal_margin},
	};
	radio_open(&links->radio);
	for (int i = 0; i < links->n; i++) {
		links->uplink[i].links = links;
		links->uplink[i].choice.priority = conf->uplink_conf[i].priority;
		links->uplink[i].signal = conf->uplink_conf[i].signal;
		memcpy(links->uplink[i].name, conf->uplink[i], IF_NAMESIZE);
	}
	r = mnat_nl_open(RTMGRP_LINK, &links->nl);
	if (!r)
		r = watch_start(loop, mnl_socket_get_fd(links->nl), readable, links, &links->watch);
	if (!r)
		r = dump(links, on_first_link);
	if (r) {
		log_err("uplinks cannot be watched: %s", strerror(-r));
		links_close(links);
		return r;
	}
	for (int i = 0; i < links->n; i++)
		if (!links->uplink[i].link.present)
			log_warn("there is no uplink %s yet; waiting for it",
				 links->uplink[i].name);
	return 0;
}

void links_close(struct links *links)
{
	for (int i = 0; i < links->n; i++)
		close_uplink(&links->uplink[i]);
	watch_stop(&links->watch);
	radio_close(&links->radio);
	mnat_nl_closep(&links->nl);
}
