/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of visit.h that only its own files share. */
#ifndef MNATC_VISIT_PUBLIC_H
#define MNATC_VISIT_PUBLIC_H

#include "engine.h"

/* Errors are the caller's to print. */
int visit_open_hails(struct engine *e);

/* End the sessions begun in other domains (public = "reset"). */
void visit_end_sessions(struct engine *e);

/* Make map "homes" say what holds at the place where we are. */
void visit_sync(struct engine *e);

/* The next proof's number, reserved in the state file; user: the engine. */
bool visit_count(uint64_t *ret_counter, void *user);

#endif
