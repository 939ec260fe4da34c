/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stream of framed messages: decoded as a daemon does, and encoded again. What was
 * decoded must encode, and to something that decodes to the same. name is the codec's
 * prefix: NAME_decode(), NAME_encode(), NAME_error_text(), struct NAME_message.
 */
#ifndef FUZZ_CODEC_H
#define FUZZ_CODEC_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/simco.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CODEC(name)                                                                       \
	static void check_round_trip(const struct name##_message *message)                     \
	{                                                                                      \
		uint8_t first[SIMCO_MAX_MESSAGE], second[SIMCO_MAX_MESSAGE];                   \
		struct name##_message again;                                                   \
		size_t skip;                                                                   \
		int n = name##_encode(message, first, sizeof(first));                          \
                                                                                               \
		if (n < SIMCO_HEADER_LEN ||                                                    \
		    name##_decode(first, (size_t)n, &again, &skip) != n ||                     \
		    name##_encode(&again, second, sizeof(second)) != n ||                      \
		    memcmp(first, second, (size_t)n))                                          \
			abort();                                                               \
	}                                                                                      \
                                                                                               \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                           \
	{                                                                                      \
		while (size) {                                                                 \
			struct name##_message message;                                         \
			size_t skip = 0;                                                       \
			int n = name##_decode(data, size, &message, &skip);                    \
                                                                                               \
			if (n == 0 || n == -EBADMSG)                                           \
				break;                                                         \
			if (n > 0)                                                             \
				check_round_trip(&message);                                    \
			else if (n != -EINVAL || skip < SIMCO_HEADER_LEN || skip > size)       \
				abort();                                                       \
			name##_error_text(message.subtype);                                    \
			data += n > 0 ? (size_t)n : skip;                                      \
			size -= n > 0 ? (size_t)n : skip;                                      \
		}                                                                              \
		return 0;                                                                      \
	}

#endif
