// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/peering.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "mnat/frame.h"

#define FIELD(prefix, type, length, kind, name)                                                    \
	{                                                                                          \
		prefix##type, length, 0, MNAT_FRAME_##kind, PEERING_HAS_##type,                    \
			offsetof(struct peering_message, name)                                     \
	}
#define SHARED(type, length, kind, name) FIELD(SIMCO_A_X_, type, length, kind, name)
#define OWN(type, length, kind, name)	 FIELD(PEERING_A_, type, length, kind, name)

static const struct mnat_frame_attribute attributes[] = {
	OWN(DOMAIN, 4, U32, domain),
	SHARED(EPOCH, 8, U64, epoch),
	OWN(TICKET, PEERING_TICKET_LEN, BYTES, ticket),
	OWN(COUNTER, 8, U64, counter),
	SHARED(ENDPOINT, 4, BYTES, endpoint),
	SHARED(VIRTUAL, 4, BYTES, virt),
	SHARED(GATEWAY, 4, BYTES, gateway),
	{PEERING_A_OTHER, 4, PEERING_OTHERS_MAX, MNAT_FRAME_REPEATED, PEERING_HAS_OTHER,
	 offsetof(struct peering_message, others)},
	SHARED(FLAGS, 4, U32, flags),
	OWN(LIFETIME, 4, U32, lifetime),
	SHARED(CURSOR, 8, U64, cursor),
	{SIMCO_A_X_FLOWS, sizeof(struct simco_flow), SIMCO_FLOWS_MAX, MNAT_FRAME_LIST,
	 PEERING_HAS_FLOWS, offsetof(struct peering_message, flows)},
	OWN(REASON, PEERING_REASON_MAX, TEXT, reason),
	OWN(PROOF, PEERING_MAC_LEN, BYTES, proof),
};

static const struct mnat_frame_protocol protocol = {
	attributes,
	sizeof(attributes) / sizeof(attributes[0]),
	sizeof(struct peering_message),
};

_Static_assert(offsetof(struct peering_message, has) == offsetof(struct mnat_frame, has),
	       "a frame begins the message");
_Static_assert(offsetof(struct peering_message, n_flows) -
			       offsetof(struct peering_message, flows) ==
		       offsetof(struct mnat_frame_list, n),
	       "flows are a list");
_Static_assert(offsetof(struct peering_others, addr) == sizeof(uint32_t), "frame.h");

int peering_decode(const uint8_t *buf, size_t len, struct peering_message *ret_message,
		   size_t *ret_skip)
{
	return mnat_frame_decode(&protocol, buf, len, ret_message, ret_skip);
}

int peering_encode(const struct peering_message *message, uint8_t *buf, size_t size)
{
	return mnat_frame_encode(&protocol, message, buf, size);
}

static void mac(const uint8_t key[PEERING_MAC_LEN], const uint8_t *data, size_t len,
		uint8_t ret_mac[PEERING_MAC_LEN])
{
	uint8_t whole[EVP_MAX_MD_SIZE] = {0};

	HMAC(EVP_sha256(), key, PEERING_MAC_LEN, data, len, whole, NULL);
	memcpy(ret_mac, whole, PEERING_MAC_LEN);
}

void peering_prove(const uint8_t key[PEERING_MAC_LEN], const uint8_t ticket[PEERING_TICKET_LEN],
		   uint64_t counter, uint8_t ret_proof[PEERING_MAC_LEN])
{
	uint8_t data[PEERING_TICKET_LEN + sizeof(counter)];

	counter = htobe64(counter);
	memcpy(data, ticket, PEERING_TICKET_LEN);
	memcpy(data + PEERING_TICKET_LEN, &counter, sizeof(counter));
	mac(key, data, sizeof(data), ret_proof);
}

#define SEAL_LEN (MNAT_FRAME_ATTRIBUTE_LEN + PEERING_MAC_LEN)

void peering_seal(const uint8_t key[PEERING_MAC_LEN], uint8_t *message, size_t len)
{
	if (len >= SEAL_LEN)
		mac(key, message, len - SEAL_LEN, message + len - PEERING_MAC_LEN);
}

bool peering_is_sealed(const uint8_t key[PEERING_MAC_LEN], const uint8_t *message, size_t len)
{
	uint8_t expected[PEERING_MAC_LEN];

	if (len < SEAL_LEN)
		return false;
	mac(key, message, len - SEAL_LEN, expected);
	return !CRYPTO_memcmp(expected, message + len - PEERING_MAC_LEN, PEERING_MAC_LEN);
}

const char *peering_error_text(uint8_t error)
{
	static const struct {
		uint8_t error;
		const char *text;
	} texts[] = {
		{PEERING_E_MALFORMED, "badly formed request"},
		{PEERING_E_UNKNOWN, "no such virtual address there"},
		{PEERING_E_TICKET, "ticket forged or expired"},
		{PEERING_E_PROOF, "proof wrong: the node has not been there"},
		{PEERING_E_REPLAY, "arrival older than the last"},
		{PEERING_E_POLICY, "this domain may not ask, or not so much"},
		{PEERING_E_BUSY, "not now, ask again"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return "unknown error";
}
