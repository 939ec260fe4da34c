// SPDX-License-Identifier: GPL-2.0-only
/*
 * The answer waits for the DHCP server's event and for the gateways. The move may not be on
 * disk by then: a server that died in this moment would come back with the host at the address
 * before, and is told that something later is known (control.h, "stale").
 */
#include "rebind.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "manager.h"
#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/control.h"

#define KEEP (2 * MNAT_NS_PER_SEC) /* longer than a node goes on asking */

static struct rebind_wait *find(const struct manager *m, struct in_addr virt)
{
	struct rebind_wait *wait;

	HASH_FIND(hh, m->rebinds, &virt, sizeof(virt), wait);
	return wait;
}

static void forget(struct manager *m, struct rebind_wait *wait)
{
	HASH_DEL(m->rebinds, wait);
	OPENSSL_cleanse(wait, sizeof(*wait));
	free(wait);
}

static void answer(struct manager *m, struct rebind_wait *wait)
{
	const struct peering_message reply = {
		.basic = SIMCO_POSITIVE,
		.subtype = PEERING_REBIND,
		.transaction = wait->asked.transaction,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_ENDPOINT | PEERING_HAS_PROOF,
		.virt = wait->asked.virt,
		.endpoint = wait->asked.actual,
	};
	uint8_t buf[128];
	int len = peering_encode(&reply, buf, sizeof(buf));

	if (len <= 0)
		return;
	peering_seal(wait->asked.key, buf, (size_t)len);
	m->counters[MM_C_REBOUND] += !wait->answered;
	wait->answered = true;
	if (m->links)
		links_datagram(m->links, &wait->asked.from, buf, (size_t)len);
}

/* Is the host there, and does every gateway know? */
static bool is_settled(const struct manager *m, const struct host *host,
		       const struct rebind_wait *wait)
{
	return host->actual.s_addr == wait->asked.actual.s_addr && !host->away &&
	       !host_is_pending(&m->registry, host);
}

static bool may_move(const struct manager *m, const struct host *host,
		     const struct roam_rebind *asked)
{
	return host && !host_has_left(host) && !host->away && !host_shares(host) &&
	       asked->generation == host->issued && m->dhcp_server;
}

static struct rebind_wait *add(struct manager *m, const struct roam_rebind *asked)
{
	struct rebind_wait *wait;

	if (HASH_COUNT(m->rebinds) >= REBIND_MAX)
		return NULL;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return NULL;
	wait->asked = *asked;
	HASH_ADD(hh, m->rebinds, asked.virt, sizeof(asked->virt), wait);
	return wait;
}

static void ask_dhcp_server(struct manager *m, const struct roam_rebind *asked)
{
	char virt[MNAT_IP_LEN], actual[MNAT_IP_LEN];

	mnat_control_notify(m->dhcp_server,
			    json_pack("{s:s, s:s, s:s}", "notify", "rebind", "virtual",
				      mnat_ip(asked->virt, virt), "actual",
				      mnat_ip(asked->actual, actual)));
}

void rebind_ask(struct manager *m, const struct roam_rebind *asked)
{
	const struct host *host = registry_find(&m->registry, asked->virt, false);
	struct rebind_wait *wait = find(m, asked->virt);
	bool again = wait && wait->asked.actual.s_addr == asked->actual.s_addr &&
		     wait->asked.generation == asked->generation;

	if (!again && !may_move(m, host, asked)) {
		m->counters[MM_C_REBINDS_SILENT]++;
		return;
	}
	if (wait)
		wait->asked = *asked; /* the last question is the one to answer */
	else
		wait = add(m, asked);
	if (!wait)
		return;
	wait->until_ns = mnat_clock_now() + KEEP;
	if (!again)
		wait->answered = false;
	if (host && is_settled(m, host, wait))
		answer(m, wait);
	else if (!again)
		ask_dhcp_server(m, asked);
}

void rebind_confirmed(struct manager *m, const struct host *host)
{
	struct rebind_wait *wait = host->key.plain ? NULL : find(m, host->key.identity);

	if (wait && !wait->answered && is_settled(m, host, wait))
		answer(m, wait);
}

void rebind_expire(struct manager *m)
{
	struct rebind_wait *wait, *next;
	uint64_t now = mnat_clock_now();

	HASH_ITER(hh, m->rebinds, wait, next) {
		if (now >= wait->until_ns)
			forget(m, wait);
	}
}

void rebind_free(struct manager *m)
{
	struct rebind_wait *wait, *next;

	HASH_ITER(hh, m->rebinds, wait, next)
		forget(m, wait);
}
