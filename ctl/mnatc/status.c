// SPDX-License-Identifier: GPL-2.0-only
/* How the node is, for people: the fields and problems of "status". */
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>

#include "mnat/addr.h"

#define TICKET_LATE 3 /* ACKs without one: it is asked for again by itself */

static void problem(json_t *problems, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void problem(json_t *problems, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(problems, json_string(text));
}

/* Another DHCP client, or an address set by hand: packets would bypass the shim. */
static void check_addresses(struct engine *e, const struct uplink *uplink, json_t *problems)
{
	char text[MNAT_IP_LEN];
	struct mnat_ifaddr addr;

	if (mnat_addr_list(e->stack.nl, uplink->link.index, &addr, 1) > 0)
		problem(problems,
			"uplink %s has the address %s of its own; stop what configures it, or "
			"traffic bypasses MobileNAT",
			uplink->name, mnat_ip(addr.addr, text));
}

static void check_uplinks(struct engine *e, json_t *problems)
{
	for (int i = 0; i < e->links.n; i++) {
		struct uplink *uplink = &e->links.uplink[i];

		if (!uplink->link.present)
			problem(problems, "uplink %s does not exist", uplink->name);
		else if (!uplink->link.up)
			problem(problems, "uplink %s is down; bring it up: ip link set %s up",
				uplink->name, uplink->name);
		else
			check_addresses(e, uplink, problems);
	}
	if (!e->links.current)
		problem(problems, "no uplink has a carrier: check cable or radio");
}

static void check_lease(struct engine *e, json_t *problems)
{
	const struct lease *lease = &e->fsm.lease;
	char text[MNAT_IP_LEN];

	if (e->fsm.released)
		problem(problems,
			"the lease was released by command; mnatctl rebind gets a new one");
	else if (e->links.current && !fsm_is_bound(&e->fsm) && e->fsm.tries > 2)
		problem(problems, "no DHCP server gives an address on %s", e->links.current->name);
	if (!fsm_is_bound(&e->fsm))
		return;
	if (e->fsm.state == FSM_REBINDING)
		problem(problems, "the DHCP server %s does not renew the lease",
			mnat_ip(lease->server, text));
	if (!lease->mobile && !e->visit.public)
		problem(problems,
			"the DHCP server %s does not speak MobileNAT: sessions will not survive "
			"moves",
			mnat_ip(lease->server, text));
	if (e->fsm.tokenless > TICKET_LATE)
		problem(problems,
			"domain %u gives no ticket: sessions cannot follow this node to other "
			"domains yet; mnatctl status at its gateway may say why",
			lease->domain);
	if (!lease->router.s_addr)
		problem(problems, "the DHCP server named no router: only this link can be reached");
	else if (resolver_is_silent(&e->resolver))
		problem(problems, "the gateway %s does not answer ARP on %s",
			mnat_ip(lease->router, text), e->links.current->name);
}

json_t *status_problems(struct engine *e)
{
	json_t *problems = json_array();
	char text[256];

	check_uplinks(e, problems);
	check_lease(e, problems);
	visit_problems(e, problems);
	if (auth_problem(&e->auth, text, sizeof(text)))
		problem(problems, "%s", text);
	return problems;
}

static json_t *address(bool known, struct in_addr addr)
{
	char text[MNAT_IP_LEN];

	return known && addr.s_addr ? json_string(mnat_ip(addr, text)) : json_null();
}

static json_t *seconds_until(bool known, uint64_t at_ns)
{
	uint64_t now = mnat_clock_now();

	if (!known || at_ns == NEVER)
		return json_null();
	return json_integer(at_ns > now ? (json_int_t)((at_ns - now) / MNAT_NS_PER_SEC) : 0);
}

/* The stack's address if it outlives a move; without a lease, the one to ask for. */
static json_t *virtual_address(const struct engine *e)
{
	if (e->fsm.have_lease && !e->visit.public)
		return address(e->fsm.lease.mobile, e->fsm.lease.virt);
	return address(true, e->fsm.virt);
}

static json_t *uplinks(const struct engine *e)
{
	json_t *rows = json_array();

	for (int i = 0; i < e->links.n; i++) {
		const struct uplink *uplink = &e->links.uplink[i];

		json_array_append_new(rows, json_pack("{s:s,s:b,s:b}", "name", uplink->name,
						      "carrier", uplink->link.carrier, "current",
						      uplink == e->links.current));
	}
	return rows;
}

static json_t *gateway_mac(const struct engine *e)
{
	char text[MNAT_MAC_LEN];
	uint8_t mac[6];

	if (!e->resolver.mac)
		return json_null();
	shim_mac_bytes(e->resolver.mac, mac);
	return json_string(mnat_mac(mac, text));
}

json_t *status_fields(struct engine *e)
{
	const struct lease *lease = &e->fsm.lease;
	bool have = e->fsm.have_lease;
	json_t *problems = status_problems(e);

	return json_pack("{s:s,s:I,s:b,s:o,s:s,s:o,s:o,s:s?,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:i,s:o,s:o,s:o,s:o}",
			 "daemon", "mnatc", "uptime_s",
			 (json_int_t)((mnat_clock_now() - e->started_ns) / MNAT_NS_PER_SEC),
			 "healthy", json_array_size(problems) == 0, "problems", problems, "state",
			 fsm_state_name(e->fsm.state), "virtual", virtual_address(e), "actual",
			 address(have, lease->actual), "uplink",
			 e->links.current ? e->links.current->name : NULL, "server",
			 address(have, lease->server), "manager", address(have, lease->manager),
			 "ticket", have && lease->have_token, "gateway",
			 address(have, lease->router), "gateway_mac", gateway_mac(e),
			 "lease_remaining_s", seconds_until(have, e->fsm.end_ns), "prepared",
			 address(mnat_clock_now() < e->fsm.prepared.until_ns,
				 e->fsm.prepared.offer.lease.actual), "moves",
			 (int)e->recorder.n, "outages", recorder_outages(&e->recorder), "uplinks",
			 uplinks(e), "auth", auth_fields(&e->auth), "forcerenew",
			 reconfigure_fields(&e->reconfigure));
}
