// SPDX-License-Identifier: GPL-2.0-only
#include "rebind.h"

#include <string.h>

#include "mnat/peering.h"

#define FIRST_WAIT   (20 * MNAT_NS_PER_MS)
#define TRIES	     3 /* then it is left to DHCP */
#define DATAGRAM_MAX 512

void rebind_init(struct rebind *rebind, const struct rebind_ops *ops, void *user)
{
	*rebind = (struct rebind){.ops = ops, .user = user, .due_ns = NEVER};
}

void rebind_end(struct rebind *rebind)
{
	rebind->home = 0;
	rebind->n = 0;
	rebind->due_ns = NEVER;
}

void rebind_begin(struct rebind *rebind, const struct state *state)
{
	const struct roam *roam = &state->roam;
	const struct home *home = roam->here ? &roam->homes[0] : NULL;

	rebind->transaction += REBIND_MAX; /* answers to the last one are late */
	rebind_end(rebind);
	if (!home || !home->have_token)
		return;
	for (int i = 0; i < state->n_networks && rebind->n < REBIND_MAX; i++) {
		const struct network *network = &state->networks[i];

		if (network->domain == home->domain && network->until_ns > mnat_clock_now())
			rebind->tried[rebind->n++] = *network;
	}
	if (!rebind->n)
		return;
	rebind->home = home->serial;
	rebind->tries = 0;
	rebind->due_ns = mnat_clock_now();
}

/* Each datagram has a number of its own: one that is repeated would be a replay. */
static void ask_one(struct rebind *rebind, const struct home *home, int i)
{
	struct peering_message message = {
		.basic = SIMCO_REQUEST,
		.subtype = PEERING_REBIND,
		.transaction = rebind->transaction + (uint32_t)i,
		.has = PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_ENDPOINT |
		       PEERING_HAS_PROOF,
		.endpoint = rebind->tried[i].actual,
	};
	uint8_t datagram[DATAGRAM_MAX];
	int len;

	if (!rebind->ops->count(&message.counter, rebind->user))
		return;
	memcpy(message.ticket, home->token.ticket, sizeof(message.ticket));
	len = peering_encode(&message, datagram, sizeof(datagram));
	if (len <= 0)
		return;
	peering_seal(home->token.key, datagram, (size_t)len);
	rebind->ops->send(&rebind->tried[i], home->manager, datagram, (size_t)len, rebind->user);
}

void rebind_tick(struct rebind *rebind, struct roam *roam)
{
	const struct home *home = roam_by_serial(roam, rebind->home);
	uint64_t now = mnat_clock_now();

	if (now < rebind->due_ns)
		return;
	if (!home || rebind->tries == TRIES) {
		rebind_end(rebind);
		return;
	}
	rebind->due_ns = now + (FIRST_WAIT << rebind->tries++);
	for (int i = 0; i < rebind->n; i++)
		ask_one(rebind, home, i);
}

bool rebind_knows(const struct rebind *rebind, struct in_addr router, uint64_t mac)
{
	for (int i = 0; rebind->home && i < rebind->n; i++)
		if (rebind->tried[i].router.s_addr == router.s_addr &&
		    rebind->tried[i].gateway_mac == mac)
			return true;
	return false;
}

uint64_t rebind_deadline(const struct rebind *rebind)
{
	return rebind->due_ns;
}

/* A refusal needs no more than silence: DHCP goes on either way. */
bool rebind_receive(struct rebind *rebind, struct roam *roam, const void *datagram, size_t len)
{
	const uint32_t needs = PEERING_HAS_VIRTUAL | PEERING_HAS_ENDPOINT | PEERING_HAS_PROOF;
	const struct home *home = roam_by_serial(roam, rebind->home);
	struct peering_message message;
	struct network network;
	size_t skip;
	uint32_t i;

	if (!home || peering_decode(datagram, len, &message, &skip) != (int)len)
		return false;
	i = message.transaction - rebind->transaction;
	if (message.basic != SIMCO_POSITIVE || message.subtype != PEERING_REBIND ||
	    (message.has & needs) != needs || i >= (uint32_t)rebind->n ||
	    !peering_is_sealed(home->token.key, datagram, len) ||
	    message.virt.s_addr != home->virt.s_addr ||
	    message.endpoint.s_addr != rebind->tried[i].actual.s_addr)
		return false;
	network = rebind->tried[i];
	rebind_end(rebind);
	rebind->ops->accepted(&network, rebind->user);
	return true;
}
