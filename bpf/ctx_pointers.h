/* SPDX-License-Identifier: GPL-2.0-only */
/* The context layer, what both halves have in common: ctx_t is defined before. */
#ifndef MNAT_CTX_POINTERS_H
#define MNAT_CTX_POINTERS_H

#include "defs.h"

/*
 * The packet pointers are read by hand: left to itself, clang keeps them as 32-bit
 * values and zero-extends them with a move, after which the verifier no longer
 * knows them for pointers.
 */
#define CTX_POINTER(field)                                                                     \
	({                                                                                     \
		void *_pointer;                                                                \
		asm volatile("%[pointer] = *(u32 *)(%[ctx] + %[offset])"                       \
			     : [pointer] "=r"(_pointer)                                        \
			     : [ctx] "r"(ctx), [offset] "i"(offsetof(ctx_t, field)));          \
		_pointer;                                                                      \
	})

static __always_inline void *ctx_data(const ctx_t *ctx)
{
	return CTX_POINTER(data);
}

static __always_inline void *ctx_data_end(const ctx_t *ctx)
{
	return CTX_POINTER(data_end);
}

#endif
