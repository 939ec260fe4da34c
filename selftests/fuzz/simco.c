// SPDX-License-Identifier: GPL-2.0-only
/* A stream of SIMCO messages, as the agent and the manager read it. */
#include "codec.h"

FUZZ_CODEC(simco)
