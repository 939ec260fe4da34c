// SPDX-License-Identifier: GPL-2.0-only
#include "decide.h"

static bool shim_zero(const struct facts *f)
{
	return f->shim_zero;
}

static bool other_server(const struct facts *f)
{
	return f->server_named && !f->server_ours;
}

static bool outside(const struct facts *f)
{
	return !f->inside;
}

static bool no_lease(const struct facts *f)
{
	return !f->lease;
}

static bool no_offer(const struct facts *f)
{
	return !f->lease && f->server_ours;
}

static bool cannot_be(const struct facts *f)
{
	return !f->lease && f->authoritative;
}

static bool takes_offer(const struct facts *f)
{
	return f->server_ours && f->requested == f->lease;
}

static bool requests_lease(const struct facts *f)
{
	return f->requested && f->requested == f->lease;
}

static bool requests_other(const struct facts *f)
{
	return f->requested;
}

static bool uses_lease(const struct facts *f)
{
	return f->ciaddr == f->lease;
}

static bool always(const struct facts *f)
{
	return true;
}

struct row {
	bool (*applies)(const struct facts *facts);
	enum verdict verdict;
};

/* The numbers are the figure's steps. */
static const struct row strict_seed[] = {
	{shim_zero, VERDICT_AS_DISCOVER},      /* 1506 -> 1508 */
	{no_lease, VERDICT_IGNORE_NO_LEASE},   /* 1518 -> 1520 */
	{outside, VERDICT_NAK_SUBNET},	       /* 1522 -> 1538 */
	{takes_offer, VERDICT_ACK},	       /* 1524 -> 1540 */
	{requests_lease, VERDICT_ACK},	       /* 1526 -> 1528 */
	{requests_other, VERDICT_NAK_ADDRESS}, /* 1528 -> 1530 */
	{uses_lease, VERDICT_ACK},	       /* 1532 -> 1534 */
	{always, VERDICT_NAK_ADDRESS},	       /* 1532 -> 1536 */
};

static const struct row rfc2131[] = {
	{other_server, VERDICT_IGNORE_OTHER_SERVER},
	{outside, VERDICT_NAK_SUBNET}, /* 1522 -> 1538, with or without a lease */
	{no_offer, VERDICT_NAK_NO_OFFER},
	{cannot_be, VERDICT_NAK_NO_LEASE},
	{no_lease, VERDICT_IGNORE_NO_LEASE},   /* 1518 -> 1520 */
	{takes_offer, VERDICT_ACK},	       /* 1524 -> 1540 */
	{requests_lease, VERDICT_ACK},	       /* 1526 -> 1528 */
	{requests_other, VERDICT_NAK_ADDRESS}, /* 1528 -> 1530 */
	{uses_lease, VERDICT_ACK},	       /* 1532 -> 1534 */
	{always, VERDICT_NAK_ADDRESS},	       /* 1532 -> 1536 */
};

enum verdict decide_request(enum policy policy, const struct facts *facts)
{
	const struct row *row = policy == POLICY_STRICT_SEED ? strict_seed : rfc2131;

	while (!row->applies(facts))
		row++;
	return row->verdict;
}
