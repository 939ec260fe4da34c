// SPDX-License-Identifier: GPL-2.0-only
/* A stream of another domain's messages, as the manager reads it. */
#include "codec.h"

#include "mnat/peering.h"

FUZZ_CODEC(peering)
