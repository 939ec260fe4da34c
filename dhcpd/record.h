/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lease's record in words, as the database has it and as lines of JSON:
 *
 *   {"address":"10.0.1.5","kind":"actual","state":"bound","expires":1795430400,
 *    "generation":7,"virtual":"10.128.0.2","mac":"02:00:00:00:00:01",
 *    "client":"01020000000001","hostname":"laptop","tunnel":false}
 *
 * kind: actual, virtual, or foreign (a virtual one of another domain's pool). state:
 * bound, released, expired or declined. expires: seconds since 1970. virtual, of an actual
 * address: the one bound with it, or null. mac, client (hexadecimal) and hostname are null
 * for an address that is nobody's. tunnel: its host is reached by tunnel.
 */
#ifndef DHCPD_RECORD_H
#define DHCPD_RECORD_H

#include <jansson.h>

#include "mnat/store.h"

const char *record_state_name(enum mnat_lease_state state);
const char *record_kind(const struct mnat_lease_record *record);

/* Both return 0, or -EINVAL and write nothing; text may be NULL. */
int record_set_state(struct mnat_lease_record *record, const char *text);
int record_set_kind(struct mnat_lease_record *record, const char *text);

/*
 * What a client has proved itself by last, so that nothing older counts elsewhere either:
 *
 *   {"kind":"proof","client":"01020000000001","key":1,"counter":"17","replay":"0"}
 */
json_t *proof_to_json(const struct mnat_auth_record *record);
bool proof_is(const json_t *json);
/* As record_from_json(). */
const char *proof_from_json(const json_t *json, struct mnat_auth_record *ret_record);

/* New reference. */
json_t *record_to_json(const struct mnat_lease_record *record);
/* NULL; or the key whose value is missing or wrong, and nothing is written. */
const char *record_from_json(const json_t *json, struct mnat_lease_record *ret_record);

#endif
