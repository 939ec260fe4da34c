// SPDX-License-Identifier: GPL-2.0-only
/* Leases leave for a file, and come from one: mnatctl has the file, we have none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#include "control.h"
#include "record.h"

#define PATIENCE_SECONDS 60 /* with one that has begun an import and does not go on */

static bool asks_for_leases(struct mnat_control_client *client, const json_t *request)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	if (what && !strcmp(what, "leases"))
		return true;
	mnat_control_fail(client, MNAT_E_ARGUMENT, "mnat-dhcpd exports and imports leases");
	return false;
}

/* ---- export ---- */

/* What is stored, or about to be. */
static json_t *stored_row(const struct server *s, const struct lease *lease)
{
	struct mnat_lease_record record;

	if (!lease->stored && !lease->dirty)
		return NULL;
	lease_to_record(lease, s->wall(), &record);
	return record_to_json(&record);
}

static json_t *proof_row(const struct auth_client *client)
{
	const struct mnat_auth_record record = auth_to_record(client);

	return proof_to_json(&record);
}

void control_export(struct mnat_control_client *client, const json_t *request, void *user)
{
	static const struct lease_rows rows = {.lease = stored_row, .proof = proof_row};
	const struct control_source *source = user;

	if (asks_for_leases(client, request))
		control_walk_leases(client, source->server, &rows);
}

/* ---- import ---- */

static void refuse_row(uint32_t line, const char *why, void *user)
{
	mnat_control_row(user, json_pack("{s:I, s:s}", "line", (json_int_t)line, "error", why));
}

static void forget(struct control_source *source)
{
	import_free(source->import);
	source->import = NULL;
}

void control_forget_import(struct control_source *source)
{
	uint64_t now = mnat_clock_now();

	if (source->import && now - source->import_touched > PATIENCE_SECONDS * MNAT_NS_PER_SEC)
		forget(source);
}

/* What the line says, as which it has been taken; or why not. */
static bool collect_line(struct import *import, const json_t *json, uint32_t line,
			 char why[IMPORT_WHY_LEN])
{
	struct mnat_lease_record lease;
	struct mnat_auth_record proof;
	const char *wrong =
		proof_is(json) ? proof_from_json(json, &proof) : record_from_json(json, &lease);

	if (wrong) {
		import_add_refused(import);
		snprintf(why, IMPORT_WHY_LEN, "\"%s\" is missing, or not what it is to be", wrong);
		return false;
	}
	return proof_is(json) ? import_add_proof(import, &proof, why)
			      : import_add(import, &lease, line, why);
}

static void collect(struct mnat_control_client *client, struct import *import, const json_t *item)
{
	uint32_t line = (uint32_t)json_integer_value(json_object_get(item, "line"));
	char why[IMPORT_WHY_LEN];

	if (!collect_line(import, json_object_get(item, "lease"), line, why))
		refuse_row(line, why, client);
}

/* The answer to an import waits until it is on disk. */
struct waiting {
	struct mnat_control_client *client;
	struct import_result result;
	uint32_t refused;
	bool no_memory;
};

static void on_stored(int result, void *user)
{
	_cleanup_free_ struct waiting *w = user;

	if (result)
		mnat_control_fail(w->client, MNAT_E_FAILED,
				  "%u leases are taken over but not stored (%s); that is tried "
				  "again until mnat-dhcpd ends: see mnatctl status",
				  w->result.imported, strerror(-result));
	else if (w->no_memory)
		mnat_control_fail(w->client, MNAT_E_FAILED,
				  "no memory: only %u leases are taken over; import the rest with "
				  "--partial",
				  w->result.imported);
	else
		mnat_control_done(w->client, json_pack("{s:I, s:I, s:I, s:I}", "imported",
						       (json_int_t)w->result.imported, "same",
						       (json_int_t)w->result.same, "proofs",
						       (json_int_t)w->result.proofs, "refused",
						       (json_int_t)w->refused));
	mnat_control_client_unref(w->client);
}

static void commit(struct mnat_control_client *client, struct control_source *source, bool partial)
{
	uint32_t refused = import_check(source->import, source->server, refuse_row, client);
	struct waiting *w = calloc(1, sizeof(*w));

	if (refused && !partial)
		mnat_control_fail(client, MNAT_E_FAILED,
				  "nothing is imported: %u of %u leases are refused; --partial "
				  "imports the others",
				  refused, import_lines(source->import));
	else if (!w)
		mnat_control_fail(client, MNAT_E_FAILED, "no memory; nothing is imported");
	if (!w || (refused && !partial)) {
		free(w);
		return;
	}
	w->refused = refused;
	w->no_memory = import_apply(source->import, source->server, &w->result);
	w->client = mnat_control_client_ref(client);
	log_info("%u leases imported, %u were here already, %u refused", w->result.imported,
		 w->result.same, refused);
	io_when_stored(source->io, on_stored, w);
}

/*
 * {"cmd":"import","what":"leases","from":N,"leases":[{"line":L,"lease":{...}}, ...]}: N of
 * them have been sent before; 0 begins anew. The last one has "commit":true, and maybe
 * "partial":true.
 */
void control_import(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct control_source *source = user;
	json_int_t from = json_integer_value(json_object_get(request, "from"));
	const json_t *item;
	size_t i;

	if (!asks_for_leases(client, request))
		return;
	if (!from) {
		forget(source);
		source->import = import_new();
	}
	if (!source->import || from != import_lines(source->import)) {
		mnat_control_fail(client, MNAT_E_FAILED,
				  "another import has begun meanwhile, or there is no memory; "
				  "nothing is imported");
		return;
	}
	source->import_touched = mnat_clock_now();
	json_array_foreach(json_object_get(request, "leases"), i, item)
		collect(client, source->import, item);
	if (!json_is_true(json_object_get(request, "commit"))) {
		mnat_control_done(client, NULL);
		return;
	}
	commit(client, source, json_is_true(json_object_get(request, "partial")));
	forget(source);
}
