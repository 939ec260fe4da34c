// SPDX-License-Identifier: GPL-2.0-only
#include "resolver.h"

#include "shim.h"

#define FIRST_RETRY (20 * MNAT_NS_PER_MS)
#define LAST_RETRY  (1000 * MNAT_NS_PER_MS)
#define REFRESH	    (60 * MNAT_NS_PER_SEC)
#define SILENT	    5

void resolver_reset(struct resolver *resolver)
{
	*resolver = (struct resolver){.deadline_ns = NEVER};
}

bool resolver_ask(struct resolver *resolver, struct in_addr sender, struct in_addr target)
{
	if (target.s_addr == resolver->target.s_addr && sender.s_addr == resolver->sender.s_addr)
		return false;
	if (target.s_addr != resolver->target.s_addr)
		resolver_reset(resolver);
	if (!target.s_addr)
		return false;
	resolver->target = target;
	resolver->sender = sender;
	resolver->tries = 0;
	resolver->asking = true;
	resolver->deadline_ns = 0;
	return true;
}

void resolver_know(struct resolver *resolver, struct in_addr sender, struct in_addr target,
		   uint64_t mac)
{
	*resolver = (struct resolver){.target = target,
				      .sender = sender,
				      .mac = mac,
				      .deadline_ns = mnat_clock_now() + REFRESH};
}

void resolver_again(struct resolver *resolver)
{
	if (!resolver->target.s_addr)
		return;
	resolver->tries = 0;
	resolver->asking = true;
	resolver->deadline_ns = 0;
}

/* A known address stays in use while its refresh goes unanswered: better than none. */
void resolver_tick(struct resolver *resolver, const struct port *port)
{
	uint64_t now = mnat_clock_now(), wait = LAST_RETRY;

	if (now < resolver->deadline_ns)
		return;
	if (resolver->tries < 6 && FIRST_RETRY << resolver->tries < LAST_RETRY)
		wait = FIRST_RETRY << resolver->tries;
	resolver->asking = true;
	resolver->tries++;
	resolver->deadline_ns = now + wait;
	port_send_arp(port, resolver->sender, resolver->target);
}

bool resolver_take(struct resolver *resolver, struct in_addr owner, const uint8_t mac[6])
{
	if (!resolver->asking || owner.s_addr != resolver->target.s_addr)
		return false;
	resolver->mac = shim_mac_word(mac);
	resolver->asking = false;
	resolver->tries = 0;
	resolver->deadline_ns = mnat_clock_now() + REFRESH;
	return true;
}

bool resolver_is_silent(const struct resolver *resolver)
{
	return resolver->asking && resolver->tries >= SILENT;
}
