// SPDX-License-Identifier: GPL-2.0-only
/* A stream of another domain's messages: decoded as the manager does, and encoded again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/peering.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded must encode, and to something that decodes to the same. */
static void check_round_trip(const struct peering_message *message)
{
	uint8_t first[SIMCO_MAX_MESSAGE], second[SIMCO_MAX_MESSAGE];
	struct peering_message again;
	size_t skip;
	int n = peering_encode(message, first, sizeof(first));

	if (n < SIMCO_HEADER_LEN || peering_decode(first, (size_t)n, &again, &skip) != n ||
	    peering_encode(&again, second, sizeof(second)) != n || memcmp(first, second, (size_t)n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size) {
		struct peering_message message;
		size_t skip = 0;
		int n = peering_decode(data, size, &message, &skip);

		if (n == 0 || n == -EBADMSG)
			break;
		if (n > 0)
			check_round_trip(&message);
		else if (n != -EINVAL || skip < SIMCO_HEADER_LEN || skip > size)
			abort();
		peering_error_text(message.subtype);
		data += n > 0 ? (size_t)n : skip;
		size -= n > 0 ? (size_t)n : skip;
	}
	return 0;
}
