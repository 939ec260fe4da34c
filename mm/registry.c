// SPDX-License-Identifier: GPL-2.0-only
#include "registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int event_check_shared(const struct event *event)
{
	bool shares = mnat_is_sharing_identity(ntohl(event->identity.s_addr));

	if (event->actual.s_addr && shares != (event->shows.s_addr != 0))
		return -EINVAL;
	if (shares && (event->n_arrivals || (event->actual.s_addr && !event->tunnel)))
		return -EINVAL;
	return 0;
}

struct host *registry_find(const struct registry *registry, struct in_addr identity, bool plain)
{
	struct host_key key = {identity, plain};
	struct host *host;

	HASH_FIND(hh, registry->hosts, &key, sizeof(key), host);
	return host;
}

static struct host *add(struct registry *registry, struct in_addr identity, bool plain)
{
	struct host *host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	host->key = (struct host_key){identity, plain};
	HASH_ADD(hh, registry->hosts, key, sizeof(host->key), host);
	return host;
}

struct host *registry_adopt(struct registry *registry, struct in_addr identity,
			    uint32_t generation)
{
	struct host *host = add(registry, identity, false);

	if (host)
		host->generation = generation;
	return host;
}

static void forget_if_gone(struct registry *registry, struct host *host)
{
	if (host->refs || host->away || !host_has_left(host) || host_is_pending(registry, host))
		return;
	HASH_DEL(registry->hosts, host);
	free(host);
}

void host_put(struct registry *registry, struct host *host)
{
	host->refs--;
	forget_if_gone(registry, host);
}

/* One generation says one thing, but for a host that was unbound without an event. */
static enum applied compare(const struct host *host, const struct event *event)
{
	if (event->plain && event->actual.s_addr && host_has_left(host))
		return APPLIED_CHANGED; /* perhaps another host's lease of this address */
	if (event->generation < host->generation)
		return event->plain && event->actual.s_addr ? APPLIED_CHANGED : APPLIED_STALE;
	if (event->generation > host->generation || host_has_left(host) != !event->actual.s_addr)
		return APPLIED_CHANGED;
	if (event->actual.s_addr != host->actual.s_addr || event->tunnel != host->tunnel)
		return APPLIED_STALE;
	/* the server's configuration has changed, not the host's place */
	return event->shows.s_addr != host->shows.s_addr ? APPLIED_CHANGED : APPLIED_REPEATED;
}

static void change(struct host *host, struct in_addr actual, uint32_t generation, uint64_t now_ns)
{
	host->old = host->actual;
	host->actual = actual;
	host->generation = generation;
	if (actual.s_addr)
		host->issued = generation;
	host->confirmed = 0;
	host->refused = 0;
	host->received_ns = now_ns;
}

int registry_apply(struct registry *registry, const struct event *event, uint64_t now_ns,
		   struct host **ret_host)
{
	struct host *host = registry_find(registry, event->identity, event->plain);
	enum applied applied = APPLIED_CHANGED;

	if (!host && !event->actual.s_addr) {
		*ret_host = NULL;
		return APPLIED_REPEATED;
	}
	if (host)
		applied = compare(host, event);
	else
		host = add(registry, event->identity, event->plain);
	if (!host)
		return -ENOMEM;
	host->snapshot = registry->snapshot;
	memcpy(host->mac, event->mac, sizeof(host->mac));
	if (applied == APPLIED_CHANGED) {
		change(host, event->actual, event->generation, now_ns);
		host->tunnel = event->tunnel;
		host->shows = event->shows;
	}
	*ret_host = host;
	return applied;
}

void registry_confirm(struct registry *registry, struct host *host, uint32_t gateway,
		      uint32_t generation, uint8_t error, uint64_t bound_at_ns, uint64_t now_ns)
{
	if (generation != host_rule(host))
		return; /* of an event that another has replaced */
	if (error) {
		host->refused |= gateway;
		host->refusal = error;
		return;
	}
	host->confirmed |= gateway;
	host->refused &= ~gateway;
	host->bound_at_ns = bound_at_ns;
	if (host->received_ns && !host_is_pending(registry, host)) {
		host->rule_us = (uint32_t)((now_ns - host->received_ns) / 1000);
		host->received_ns = 0;
	}
}

void registry_forget_gateway(struct registry *registry, uint32_t gateway)
{
	struct host *host, *next;

	HASH_ITER(hh, registry->hosts, host, next) {
		host->confirmed &= ~gateway;
		host->refused &= ~gateway;
	}
}

void registry_snapshot_begin(struct registry *registry)
{
	registry->snapshot++;
	registry->in_snapshot = true;
}

void registry_snapshot_end(struct registry *registry)
{
	registry->in_snapshot = false;
	registry->complete = true;
}

bool registry_drop_unnamed(struct registry *registry, struct host *host, uint64_t now_ns)
{
	if (host->snapshot == registry->snapshot || host_has_left(host))
		return false;
	change(host, (struct in_addr){0}, host->generation, now_ns);
	return true;
}

void registry_free(struct registry *registry)
{
	struct host *host, *next;

	HASH_ITER(hh, registry->hosts, host, next) {
		HASH_DEL(registry->hosts, host);
		free(host);
	}
}
