// SPDX-License-Identifier: GPL-2.0-only
#include "counters.h"

#define CLASS_DROP  "drop"
#define CLASS_EVENT "event"

static const struct {
	const char *name;
	const char *class;
	const char *text;
} counters[N_COUNTERS] = {
#define X(class, name, text) [COUNTER_##name] = {#name, CLASS_##class, text},
	COUNTERS(X)
#undef X
};

static const enum counter received[] = {
	[DHCP_DISCOVER] = COUNTER_in_discover, [DHCP_REQUEST] = COUNTER_in_request,
	[DHCP_DECLINE] = COUNTER_in_decline,   [DHCP_RELEASE] = COUNTER_in_release,
	[DHCP_INFORM] = COUNTER_in_inform,
};

static const enum counter sent[] = {
	[DHCP_OFFER] = COUNTER_out_offer,
	[DHCP_ACK] = COUNTER_out_ack,
	[DHCP_NAK] = COUNTER_out_nak,
	[DHCP_FORCERENEW] = COUNTER_out_forcerenew,
};

static bool is_parse_error(enum counter counter)
{
	return counter <= COUNTER_BASE;
}

const char *counter_name(enum counter counter)
{
	return is_parse_error(counter) ? dhcp_error_name((enum dhcp_error)counter)
				       : counters[counter].name;
}

const char *counter_class(enum counter counter)
{
	return is_parse_error(counter) ? CLASS_DROP : counters[counter].class;
}

const char *counter_text(enum counter counter)
{
	return is_parse_error(counter) ? dhcp_error_text((enum dhcp_error)counter)
				       : counters[counter].text;
}

enum counter counter_received(enum dhcp_type type)
{
	return received[type];
}

enum counter counter_sent(enum dhcp_type type)
{
	return sent[type];
}
