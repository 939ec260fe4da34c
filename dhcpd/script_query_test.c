// SPDX-License-Identifier: GPL-2.0-only
/* Words of a script as queries for leases, and what is told of them. */
#include "script_test.h"
#include "talk_test.h"

const char *query_ask(struct talk *talk, const struct words *words, struct packet *ret_query)
{
	const char *error = packet_build(words, ret_query);

	if (!error)
		talk_ask(talk, ret_query->bytes, ret_query->len);
	return error;
}

const char *query_told(struct talk *talk, const struct words *words, const struct packet *query)
{
	static const struct reply none;
	bool told = talk_next(talk);

	if (!strcmp(words->word[0], "closed"))
		return told || !talk_is_closed(talk) ? wrong("the connection is not closed") : NULL;
	if (told == !strcmp(words->word[0], "nothing"))
		return wrong("what is told is %s",
			     told ? dhcp_type_name(talk->message.type) : "nothing");
	return told ? answer_check(words, query, &none, &talk->message) : NULL;
}
