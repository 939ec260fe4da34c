// SPDX-License-Identifier: GPL-2.0-only
#include "hail.h"

#include <endian.h>
#include <string.h>

#include "mnat/peering.h"

#define FIRST_WAIT   (20 * MNAT_NS_PER_MS)
#define LAST_WAIT    (10 * MNAT_NS_PER_SEC)
#define DATAGRAM_MAX 512

void hails_init(struct hails *hails, const struct hail_ops *ops, void *user)
{
	*hails = (struct hails){.ops = ops, .user = user};
}

static void begin(struct hails *hails, struct hail *hail)
{
	hail->transaction = ++hails->last_transaction;
	hail->due_ns = mnat_clock_now();
	hail->wait_ns = FIRST_WAIT;
	hail->tries = 0;
}

void hails_start(struct hails *hails, struct roam *roam, struct in_addr endpoint)
{
	struct home *homes[DHCP_MNAT_MAX_ARRIVALS];

	hails->endpoint = endpoint;
	hails->n = roam_arrivals(roam, NULL, homes);
	for (int i = 0; i < hails->n; i++) {
		hails->hails[i] = (struct hail){.home = homes[i]->serial};
		begin(hails, &hails->hails[i]);
	}
}

void hails_stop(struct hails *hails)
{
	hails->endpoint.s_addr = 0;
	hails->n = 0;
}

void hails_again(struct hails *hails)
{
	for (int i = 0; i < hails->n; i++)
		if (!hails->hails[i].answered)
			begin(hails, &hails->hails[i]);
}

uint64_t hails_deadline(const struct hails *hails)
{
	uint64_t deadline = NEVER;

	for (int i = 0; i < hails->n; i++)
		if (hails->hails[i].due_ns < deadline)
			deadline = hails->hails[i].due_ns;
	return deadline;
}

/* Each datagram has a number of its own: one that is repeated would be a replay. */
static void send_arrive(struct hails *hails, const struct hail *hail, const struct home *home)
{
	struct peering_message message = {
		.basic = SIMCO_REQUEST,
		.subtype = PEERING_ARRIVE,
		.transaction = hail->transaction,
		.has = PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_ENDPOINT |
		       PEERING_HAS_PROOF,
		.endpoint = hails->endpoint,
	};
	uint8_t datagram[DATAGRAM_MAX];
	int len;

	if (!hails->ops->count(&message.counter, hails->user))
		return;
	memcpy(message.ticket, home->token.ticket, sizeof(message.ticket));
	len = peering_encode(&message, datagram, sizeof(datagram));
	if (len <= 0)
		return;
	peering_seal(home->token.key, datagram, (size_t)len); /* the endpoint too is ours */
	hails->ops->send(home->manager, datagram, (size_t)len, hails->user);
}

static void remove_hail(struct hails *hails, int i)
{
	hails->n--;
	memmove(&hails->hails[i], &hails->hails[i + 1],
		(size_t)(hails->n - i) * sizeof(hails->hails[0]));
}

static void hail_tick(struct hails *hails, struct hail *hail, const struct home *home)
{
	uint64_t now = mnat_clock_now();

	if (now < hail->due_ns)
		return;
	hail->tries++;
	hail->due_ns = now + hail->wait_ns;
	hail->wait_ns = hail->wait_ns * 2 < LAST_WAIT ? hail->wait_ns * 2 : LAST_WAIT;
	send_arrive(hails, hail, home);
}

void hails_tick(struct hails *hails, struct roam *roam)
{
	for (int i = hails->n; i-- > 0;) {
		const struct home *home = roam_by_serial(roam, hails->hails[i].home);

		if (home && home->have_token)
			hail_tick(hails, &hails->hails[i], home);
		else
			remove_hail(hails, i); /* its last session has ended */
	}
}

/* Answered, one way or the other: nothing to do until the next refresh. */
static void settle(struct hails *hails, struct hail *hail)
{
	begin(hails, hail);
	hail->due_ns = mnat_clock_now() + HAIL_REFRESH;
}

static void take_positive(struct hails *hails, struct hail *hail, struct home *home,
			  const struct peering_message *message)
{
	bool first = !hail->answered || home->gateway.s_addr != message->gateway.s_addr;

	hail->answered = true;
	hail->error = 0;
	home->gateway = message->gateway;
	settle(hails, hail);
	hails->ops->answered(home, first, hails->user);
}

static void take_negative(struct hails *hails, struct hail *hail, struct home *home,
			  const struct peering_message *message)
{
	hail->answered = false;
	hail->error = message->subtype;
	settle(hails, hail);
	hails->ops->refused(home, message->subtype, hails->user);
}

static struct hail *by_transaction(struct hails *hails, uint32_t transaction)
{
	for (int i = 0; i < hails->n; i++)
		if (hails->hails[i].transaction == transaction)
			return &hails->hails[i];
	return NULL;
}

static bool is_complete(const struct peering_message *message, const struct home *home)
{
	return (message->has & PEERING_HAS_VIRTUAL) && (message->has & PEERING_HAS_GATEWAY) &&
	       message->virt.s_addr == home->virt.s_addr && message->gateway.s_addr;
}

/* Unsealed, it may be anybody's: even a refusal is not believed. */
bool hails_receive(struct hails *hails, struct roam *roam, const void *datagram, size_t len)
{
	struct peering_message message;
	struct hail *hail;
	struct home *home;
	size_t skip;

	if (peering_decode(datagram, len, &message, &skip) != (int)len)
		return false;
	hail = by_transaction(hails, message.transaction);
	home = hail ? roam_by_serial(roam, hail->home) : NULL;
	if (!home || !(message.has & PEERING_HAS_PROOF) ||
	    !peering_is_sealed(home->token.key, datagram, len))
		return false;
	if (message.basic == SIMCO_POSITIVE && message.subtype == PEERING_ARRIVE &&
	    is_complete(&message, home))
		take_positive(hails, hail, home, &message);
	else if (message.basic == SIMCO_NEGATIVE)
		take_negative(hails, hail, home, &message);
	else
		return false;
	return true;
}

const struct hail *hail_of(const struct hails *hails, uint32_t home)
{
	for (int i = 0; i < hails->n; i++)
		if (hails->hails[i].home == home)
			return &hails->hails[i];
	return NULL;
}

bool hails_all_answered(const struct hails *hails)
{
	for (int i = 0; i < hails->n; i++)
		if (!hails->hails[i].answered && !hails->hails[i].error)
			return false;
	return true;
}
