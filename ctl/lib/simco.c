// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/simco.h"

#include "mnat/frame.h"

#define FIELD(type, length, kind, name)                                                        \
	{                                                                                      \
		SIMCO_A_##type, length, 0, MNAT_FRAME_##kind, SIMCO_HAS(SIMCO_A_##type),       \
			offsetof(struct simco_message, name)                                   \
	}

static const struct mnat_frame_attribute attributes[] = {
	FIELD(VERSION, 4, PAIR, version_major),
	FIELD(CAPABILITIES, 8, BYTES, capabilities),
	{SIMCO_A_RULE, 4, SIMCO_RULES_MAX, MNAT_FRAME_REPEATED, SIMCO_HAS(SIMCO_A_RULE),
	 offsetof(struct simco_message, n_rules)},
	FIELD(GROUP, 4, U32, group),
	FIELD(LIFETIME, 4, U32, lifetime),
	FIELD(OWNER, SIMCO_OWNER_MAX, TEXT, owner),
	{SIMCO_A_TUPLE, sizeof(struct simco_tuple), SIMCO_TUPLES_MAX, MNAT_FRAME_REPEATED,
	 SIMCO_HAS(SIMCO_A_TUPLE), offsetof(struct simco_message, n_tuples)},
	FIELD(PROTOCOL, 4, BYTES, protocol),
	FIELD(X_EPOCH, 8, U64, epoch),
	FIELD(X_IDENTITY, 4, BYTES, identity),
	FIELD(X_OLD_ACTUAL, 4, BYTES, old_actual),
	FIELD(X_NEW_ACTUAL, 4, BYTES, new_actual),
	FIELD(X_GENERATION, 4, U32, generation),
	FIELD(X_FLAGS, 4, U32, flags),
	FIELD(X_BOUND_AT, 8, U64, bound_at),
	FIELD(X_HOSTS, 4, U32, hosts),
	FIELD(X_PATH, 4, U32, path),
	FIELD(X_ENDPOINT, 4, BYTES, endpoint),
	FIELD(X_GATEWAY, 4, BYTES, gateway),
	FIELD(X_VIRTUAL, 4, BYTES, virt),
	FIELD(X_CURSOR, 8, U64, cursor),
	{SIMCO_A_X_FLOWS, sizeof(struct simco_flow), SIMCO_FLOWS_MAX, MNAT_FRAME_LIST,
	 SIMCO_HAS(SIMCO_A_X_FLOWS), offsetof(struct simco_message, flows)},
};

static const struct mnat_frame_protocol protocol = {
	attributes,
	sizeof(attributes) / sizeof(attributes[0]),
	sizeof(struct simco_message),
};

_Static_assert(offsetof(struct simco_message, has) == offsetof(struct mnat_frame, has),
	       "a frame begins the message");
_Static_assert(offsetof(struct simco_message, n_flows) - offsetof(struct simco_message, flows) ==
		       offsetof(struct mnat_frame_list, n),
	       "flows are a list");

_Static_assert(offsetof(struct simco_message, tuples) -
			       offsetof(struct simco_message, n_tuples) == 4 &&
		       offsetof(struct simco_message, rules) -
				       offsetof(struct simco_message, n_rules) == 4,
	       "repeated attributes follow their count");

int simco_decode(const uint8_t *buf, size_t len, struct simco_message *ret_message,
		 size_t *ret_skip)
{
	return mnat_frame_decode(&protocol, buf, len, ret_message, ret_skip);
}

int simco_encode(const struct simco_message *message, uint8_t *buf, size_t size)
{
	return mnat_frame_encode(&protocol, message, buf, size);
}

const char *simco_error_text(uint8_t error)
{
	static const struct {
		uint8_t error;
		const char *text;
	} texts[] = {
		{SIMCO_E_BASIC_TYPE, "wrong basic message type"},
		{SIMCO_E_SUBTYPE, "unknown request"},
		{SIMCO_E_MALFORMED, "badly formed request"},
		{SIMCO_E_NOT_APPLICABLE, "request not applicable now"},
		{SIMCO_E_RESOURCES, "the gateway has no room for another host"},
		{SIMCO_E_VERSION, "protocol version mismatch"},
		{SIMCO_E_RULES_FULL, "no more rules are possible"},
		{SIMCO_E_NO_RULE, "no such rule"},
		{SIMCO_E_NOT_OWNER, "the rule is another manager's"},
		{SIMCO_E_TAKEN, "that external endpoint is taken"},
		{SIMCO_E_NO_PORTS, "no external port is free"},
		{SIMCO_E_INCONSISTENT, "parts of the request contradict each other"},
		{SIMCO_E_CONFLICT, "the inside endpoint has another external one"},
		{SIMCO_E_ADDRESS, "not an address that a rule can have"},
		{SIMCO_E_PROTOCOL, "not a protocol that a rule can have"},
		{SIMCO_E_PORT, "not a port, or not so many, as a rule can have"},
		{SIMCO_E_X_STALE, "generation older than the one in force"},
		{SIMCO_E_X_ADDRESS, "address outside the gateway's inside prefixes"},
		{SIMCO_E_X_TAKEN, "another host has this virtual address at that gateway"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return "unknown error";
}
