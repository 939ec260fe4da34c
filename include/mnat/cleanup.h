/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ownership in C, three words of it (after systemd): a variable marked
 * _cleanup_(f) is released by f(&variable) when it goes out of scope; TAKE_PTR
 * and TAKE_FD hand it on instead.
 */
#ifndef MNAT_CLEANUP_H
#define MNAT_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_PTR(p)                                                                            \
	({                                                                                     \
		__typeof__(p) *_pp = &(p), _v = *_pp;                                          \
		*_pp = NULL;                                                                   \
		_v;                                                                            \
	})

#define TAKE_FD(fd)                                                                            \
	({                                                                                     \
		int *_fp = &(fd), _v = *_fp;                                                   \
		*_fp = -1;                                                                     \
		_v;                                                                            \
	})

static inline void mnat_freep(void *p)
{
	free(*(void **)p);
}

static inline void mnat_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void mnat_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_ _cleanup_(mnat_freep)
#define _cleanup_close_ _cleanup_(mnat_closep)
#define _cleanup_fclose_ _cleanup_(mnat_fclosep)

#endif
