/* SPDX-License-Identifier: GPL-2.0-only */
/* What is wrong with the input is said at every turn: not here. */
#ifndef FUZZ_QUIET_H
#define FUZZ_QUIET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* libFuzzer has taken the real one already. */
static inline void be_quiet(void)
{
	stderr = fopen("/dev/null", "w");
}

static inline void require(int condition)
{
	if (!condition)
		abort();
}

#endif
