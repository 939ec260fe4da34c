// SPDX-License-Identifier: GPL-2.0-only
/* Leases taken over from another server: all, or what is not refused, or none. */
#include "fixture_test.h"

#include <stdlib.h>

#include "import.h"
#include "record.h"

#define HOST_1	   "\"mac\":\"02:00:00:00:00:01\",\"client\":\"01020000000001\",\"hostname\":null"
#define HOST_2	   "\"mac\":\"02:00:00:00:00:02\",\"client\":\"01020000000002\",\"hostname\":null"
#define NOBODY	   "\"mac\":null,\"client\":null,\"hostname\":null"
#define BOUND	   "\"state\":\"bound\",\"expires\":1700002000,\"generation\":7,"
#define PLAIN	   "\"virtual\":null,"
#define ACTUAL(a)  "{\"address\":\"" a "\",\"kind\":\"actual\","
#define VIRTUAL(a) "{\"address\":\"" a "\",\"kind\":\"virtual\",\"virtual\":null,"
#define FOREIGN(a) "{\"address\":\"" a "\",\"kind\":\"foreign\",\"virtual\":null,"

struct refusals {
	uint32_t line[8];
	char why[8][IMPORT_WHY_LEN];
	unsigned int n;
};

static void note(uint32_t line, const char *why, void *user)
{
	struct refusals *refusals = user;

	cr_assert_lt(refusals->n, 8);
	refusals->line[refusals->n] = line;
	strcpy(refusals->why[refusals->n++], why);
}

/* Lines of JSON, NULL at the end; first is line 2. */
static struct import *collected(const char *const *lines, struct refusals *refusals)
{
	struct import *import = import_new();
	char why[IMPORT_WHY_LEN];

	for (uint32_t i = 0; lines[i]; i++) {
		json_t *json = json_loads(lines[i], 0, NULL);
		struct mnat_lease_record record;
		const char *wrong = record_from_json(json, &record);

		cr_assert(json, "%s", lines[i]);
		cr_assert_null(wrong, "%s: %s", wrong, lines[i]);
		if (!import_add(import, &record, i + 2, why))
			note(i + 2, why, refusals);
		json_decref(json);
	}
	return import;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The one refusal of these lines, at that line, with that reason; nothing changes by it. */
static void expect_refused(struct fixture *f, const char *const *lines, uint32_t line,
			   const char *why)
{
	struct refusals refusals = {0};
	struct import *import = collected(lines, &refusals);

	cr_assert_eq(import_check(import, &f->server, note, &refusals), 1, "%u refusals of: %s",
		     refusals.n, why);
	cr_assert_eq(refusals.n, 1);
	cr_assert_eq(refusals.line[0], line);
	cr_assert_str_eq(refusals.why[0], why);
	cr_assert_null(f->server.leases.dirty);
	import_free(import);
}

static struct import_result import_all(struct fixture *f, const char *const *lines,
				       uint32_t refused)
{
	struct refusals refusals = {0};
	struct import *import = collected(lines, &refusals);
	struct import_result result;

	cr_assert_eq(import_check(import, &f->server, note, &refusals), refused, "%s",
		     refusals.why[0]);
	cr_assert_eq(import_apply(import, &f->server, &result), 0);
	import_free(import);
	return result;
}

static const char *const host_1[] = {
	ACTUAL("10.0.1.9") BOUND "\"virtual\":\"10.128.0.77\",\"tunnel\":true," HOST_1 "}",
	VIRTUAL("10.128.0.77") BOUND HOST_1 "}",
	NULL,
};

Test(import, a_client_goes_on_with_what_it_had)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct import_result result = import_all(f, host_1, 0);

	cr_assert_eq(result.imported, 2);
	cr_assert_eq(result.same, 0);
	cr_assert_eq(f->server.n_events, 1, "the manager is told");
	cr_assert_eq(f->server.events[0].virt, addr("10.128.0.77"));
	cr_assert_eq(f->server.events[0].actual, addr("10.0.1.9"));
	cr_assert_eq(f->server.events[0].generation, 8, "above all before it");
	cr_assert(f->server.events[0].tunnel, "as before");
	cr_assert_eq(server_commit(&f->server), 0);
	cr_assert_eq(f->store.transactions, 1);
	cr_assert_eq(f->store.n, 2);
	fixture_restart(f); /* it was stored */
	cr_assert(ASK(f, DHCP_REQUEST, 1, .ciaddr = "10.0.1.9", .shim = "10.128.0.77"));
	cr_assert_eq(f->answer.type, DHCP_ACK);
	cr_assert_eq(shim(f), addr("10.128.0.77"));
	cr_assert_eq(f->server.leases.pools[0].used, 1);
	fixture_free(f);
}

Test(import, again_changes_nothing)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct import_result result;

	import_all(f, host_1, 0);
	cr_assert_eq(server_commit(&f->server), 0);
	result = import_all(f, host_1, 0);
	cr_assert_eq(result.imported, 0);
	cr_assert_eq(result.same, 2);
	cr_assert_null(f->server.leases.dirty);
	fixture_free(f);
}

Test(import, free_declined_and_foreign_addresses_come_too)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct import_result result =
		import_all(f,
			   LINES(ACTUAL("10.0.1.20") "\"state\":\"released\",\"expires\":0,"
						     "\"generation\":3," PLAIN HOST_1 "}",
				 ACTUAL("10.0.1.5") "\"state\":\"declined\",\"expires\":1700001500,"
						    "\"generation\":0," PLAIN NOBODY "}",
				 ACTUAL("10.0.1.6") "\"state\":\"bound\",\"expires\":1700000000,"
						    "\"generation\":0," PLAIN HOST_2 "}",
				 FOREIGN("10.66.0.5") BOUND HOST_2 "}"),
			   0);

	cr_assert_eq(result.imported, 4);
	cr_assert_eq(bind_host(f, 1, "10.0.1.1", NULL), addr("10.0.1.20"), "its earlier one");
	cr_assert_eq(bind_host(f, 3, "10.0.1.1", NULL), addr("10.0.1.6"), "run out, and 5 is not");
	cr_assert_eq(f->server.leases.n_foreign, 1);
	fixture_free(f);
}

Test(import, each_refusal_says_why)
{
	struct fixture *f = fixture_new(SEED_CONF "host \"printer\" { mac = \"02:00:00:00:00:09\"\n"
						  "address = \"10.0.1.200\" }\n");

	expect_refused(f, LINES(ACTUAL("10.0.3.5") BOUND PLAIN HOST_1 "}"), 2,
		       "it is in no subnet here");
	expect_refused(f, LINES(ACTUAL("10.0.1.2") BOUND PLAIN HOST_1 "}"), 2,
		       "it is in no pool of actual addresses here");
	expect_refused(f, LINES(VIRTUAL("10.99.0.2") BOUND HOST_1 "}"), 2,
		       "it is in no pool of virtual addresses here");
	expect_refused(f, LINES(FOREIGN("10.128.0.9") BOUND HOST_1 "}"), 2,
		       "it cannot be another domain's virtual address here");
	expect_refused(f, LINES(ACTUAL("10.0.1.4") BOUND PLAIN HOST_1 "}"), 2,
		       "it is not given out here: a router's, a server's, or of reserve-first");
	expect_refused(f, LINES(ACTUAL("10.0.1.200") BOUND PLAIN HOST_1 "}"), 2,
		       "it is kept for host \"printer\" here");
	expect_refused(f,
		       LINES(ACTUAL("10.0.1.5") BOUND PLAIN HOST_1 "}",
			     ACTUAL("10.0.1.5") BOUND PLAIN HOST_2 "}"),
		       3, "its address is that of line 2 too");
	expect_refused(f,
		       LINES(ACTUAL("10.0.1.5") BOUND PLAIN HOST_1 "}",
			     ACTUAL("10.0.2.7") BOUND PLAIN HOST_1 "}"),
		       3, "its client has another actual address, in line 2");
	expect_refused(f,
		       LINES(VIRTUAL("10.128.0.5") BOUND HOST_1 "}",
			     VIRTUAL("10.128.0.6") BOUND HOST_1 "}"),
		       3, "its client has another virtual address, in line 2");
	expect_refused(f, LINES(host_1[0]), 2,
		       "it goes with 10.128.0.77, which its client has no lease of for as long");
	expect_refused(f, LINES(host_1[0], VIRTUAL("10.128.0.77") BOUND HOST_2 "}"), 2,
		       "it goes with 10.128.0.77, which its client has no lease of for as long");
	expect_refused(f,
		       LINES(ACTUAL("10.0.1.5") "\"state\":\"bound\",\"expires\":1700004661,"
						"\"generation\":1," PLAIN HOST_1 "}"),
		       2,
		       "it ends in 3661 s, and leases here after 3600: raise lease-time, or set "
		       "the clock");
	fixture_free(f);
}

Test(import, what_is_leased_here_stays)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert_eq(bind_host(f, 2, "10.0.1.1", NULL), addr("10.0.1.5"));
	expect_refused(f, LINES(ACTUAL("10.0.1.5") BOUND PLAIN HOST_1 "}"), 2,
		       "another client has it here");
	expect_refused(f, LINES(ACTUAL("10.0.1.6") BOUND PLAIN HOST_2 "}"), 2,
		       "its client has 10.0.1.5 here");
	cr_assert_eq(ASK(f, DHCP_DECLINE, 2, .relay = "10.0.1.1", .requested = "10.0.1.5"), false);
	expect_refused(f, LINES(ACTUAL("10.0.1.5") BOUND PLAIN HOST_1 "}"), 2,
		       "a stranger uses it here");
	fixture_free(f);
}

Test(import, of_some_that_are_refused_the_others_are_to_be_had)
{
	struct fixture *f = fixture_new(SEED_CONF);
	struct import_result result = import_all(f,
						 LINES(ACTUAL("10.0.1.5") BOUND PLAIN HOST_1 "}",
						       ACTUAL("10.0.3.5") BOUND PLAIN HOST_2 "}"),
						 1);

	cr_assert_eq(result.imported, 1);
	cr_assert_eq(client_of(f, 1)->bound->address, addr("10.0.1.5"));
	cr_assert_null(client_of(f, 2));
	fixture_free(f);
}

Test(import, an_offer_to_the_client_is_taken_over)
{
	struct fixture *f = fixture_new(SEED_CONF);

	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = "10.0.1.1"));
	cr_assert_eq(yiaddr(f), addr("10.0.1.5"));
	import_all(f, LINES(ACTUAL("10.0.1.5") BOUND PLAIN HOST_1 "}"), 0);
	cr_assert_eq(client_of(f, 1)->bound->address, addr("10.0.1.5"));
	cr_assert_null(client_of(f, 1)->offer);
	cr_assert_eq(f->server.leases.pools[0].used, 1);
	fixture_free(f);
}

static void import_proof(struct fixture *f, uint32_t key, uint64_t counter)
{
	struct mnat_auth_record proof = {
		.key = key, .counter = counter, .client_len = 7, .client = {1, 2, 0, 0, 0, 0, 1}};
	struct import *import = import_new();
	struct import_result result;
	char why[IMPORT_WHY_LEN];

	cr_assert(import_add_proof(import, &proof, why));
	cr_assert_eq(import_check(import, &f->server, note, NULL), 0);
	cr_assert_eq(import_apply(import, &f->server, &result), 0);
	cr_assert_eq(result.proofs, 1);
	cr_assert_eq(server_commit(&f->server), 0);
	import_free(import);
}

/* A thief's copy of a message to the old server is one to the new server too. */
Test(import, an_old_message_counts_for_nothing_here_either)
{
	struct fixture *f = fixture_new(SEED_CONF);

	fixture_require_auth(f);
	import_proof(f, 1, 5);
	cr_assert_not(ASK(f, DHCP_DISCOVER, 1, .relay = "10.0.1.1", .counter = 5));
	cr_assert_eq(f->server.counters[COUNTER_auth_replay], 1);
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = "10.0.1.1", .counter = 7));
	import_proof(f, 1, 6); /* what is newer here stays */
	cr_assert_not(ASK(f, DHCP_DISCOVER, 1, .relay = "10.0.1.1", .counter = 7));
	import_proof(f, 2, 90); /* another key's */
	cr_assert(ASK(f, DHCP_DISCOVER, 1, .relay = "10.0.1.1", .counter = 8));
	cr_assert_eq(f->store.n_auths, 1);
	cr_assert_eq(f->store.auths[0].counter, 8);
	fixture_free(f);
}

Test(record, a_proof_there_and_back)
{
	static const char line[] = "{\"kind\":\"proof\",\"client\":\"ff00\",\"key\":4294967295,"
				   "\"counter\":\"18446744073709551615\",\"replay\":\"0\"}";
	static const struct {
		const char *key, *line;
	} wrong[] = {
		{"client", "{\"kind\":\"proof\",\"client\":null}"},
		{"key", "{\"kind\":\"proof\",\"client\":\"01\",\"key\":-1}"},
		{"counter", "{\"kind\":\"proof\",\"client\":\"01\",\"key\":1,\"counter\":1}"},
		{"counter", "{\"kind\":\"proof\",\"client\":\"01\",\"key\":1,"
			    "\"counter\":\"18446744073709551616\"}"},
		{"replay", "{\"kind\":\"proof\",\"client\":\"01\",\"key\":1,\"counter\":\"1\","
			   "\"replay\":\"-1\"}"},
	};
	json_t *json = json_loads(line, 0, NULL), *again;
	struct mnat_auth_record proof;

	cr_assert(proof_is(json));
	cr_assert_null(proof_from_json(json, &proof));
	again = proof_to_json(&proof);
	cr_assert(json_equal(json, again));
	json_decref(json);
	json_decref(again);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *why;

		json = json_loads(wrong[i].line, 0, NULL);
		why = proof_from_json(json, &proof);
		cr_assert(why && !strcmp(why, wrong[i].key), "%s: %s", wrong[i].line, why);
		json_decref(json);
	}
}

/* What goes out comes in as it was. */
Test(record, there_and_back)
{
	static const char *const lines[] = {
		ACTUAL("10.0.1.9") BOUND "\"virtual\":\"10.128.0.77\","
					 "\"mac\":\"02:00:00:00:00:01\",\"client\":\"ff00\","
					 "\"hostname\":\"laptop-17\",\"tunnel\":true}",
		FOREIGN("10.66.0.5") "\"state\":\"expired\",\"expires\":0,\"generation\":0," NOBODY
				     ",\"tunnel\":false}",
	};

	for (size_t i = 0; i < 2; i++) {
		json_t *json = json_loads(lines[i], 0, NULL), *again;
		struct mnat_lease_record record;

		cr_assert_null(record_from_json(json, &record));
		again = record_to_json(&record);
		cr_assert(json_equal(json, again), "%s", lines[i]);
		json_decref(json);
		json_decref(again);
	}
}

Test(record, what_is_wrong_is_named)
{
	static const struct {
		const char *key, *line;
	} rows[] = {
		{"address", "{}"},
		{"address", "{\"address\":\"10.0.1\"}"},
		{"address", "{\"address\":\"0.0.0.0\"}"},
		{"kind", "{\"address\":\"10.0.1.5\",\"kind\":\"some\"}"},
		{"state", ACTUAL("10.0.1.5") "\"state\":\"offered\"}"},
		{"expires", ACTUAL("10.0.1.5") "\"state\":\"bound\",\"expires\":-1}"},
		{"generation", ACTUAL("10.0.1.5") "\"state\":\"bound\",\"expires\":1,"
						  "\"generation\":4294967296}"},
		{"virtual", "{\"address\":\"10.128.0.5\",\"kind\":\"virtual\"," BOUND
			    "\"virtual\":\"10.128.0.6\"}"},
		{"virtual", ACTUAL("10.0.1.5") BOUND "\"virtual\":7}"},
		{"client", ACTUAL("10.0.1.5") BOUND PLAIN NOBODY "}"},
		{"client", ACTUAL("10.0.1.5") BOUND PLAIN "\"client\":\"0\"}"},
		{"client", ACTUAL("10.0.1.5") BOUND PLAIN "\"client\":\"0g\"}"},
		{"client", ACTUAL("10.0.1.5") "\"state\":\"declined\",\"expires\":1,"
					      "\"generation\":1," PLAIN HOST_1 "}"},
		{"mac", ACTUAL("10.0.1.5") BOUND PLAIN "\"client\":\"01\",\"mac\":null}"},
		{"hostname", ACTUAL("10.0.1.5") BOUND PLAIN
		 "\"client\":\"01\","
		 "\"mac\":\"02:00:00:00:00:01\",\"hostname\":\"a b\"}"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *json = json_loads(rows[i].line, 0, NULL);
		struct mnat_lease_record record;
		const char *wrong = record_from_json(json, &record);

		cr_assert(wrong && !strcmp(wrong, rows[i].key), "%s: %s", rows[i].line, wrong);
		json_decref(json);
	}
}

/* Who shares an address goes on as one of those; no other server's identity is ours. */
Test(import, shared_virtual_address)
{
	static const char *const lines[] = {
		ACTUAL("10.0.1.9") BOUND "\"virtual\":\"240.1.0.7\",\"tunnel\":true," HOST_1 "}",
		VIRTUAL("240.1.0.7") BOUND HOST_1 "}",
		NULL,
	};
	struct fixture *f = fixture_new(
		"interfaces = {\"eth1\"}\nserver-id = \"10.0.0.1\"\n"
		"subnet \"10.0.1.0/24\" { pool = \"10.0.1.5-10.0.1.20\" }\n"
		"virtual { gateway = \"135.180.32.4\"\n"
		" share \"10.128.9.1\" { identities = \"240.1.0.0/28\" } }\n");

	cr_assert_eq(import_all(f, lines, 0).imported, 2);
	cr_assert_eq(f->server.n_events, 1);
	cr_expect_eq(f->server.events[0].virt, addr("240.1.0.7"));
	cr_expect_eq(f->server.events[0].shows, addr("10.128.9.1"));
	cr_expect(f->server.events[0].tunnel);
	cr_assert(ASK(f, DHCP_REQUEST, 1, .ciaddr = "10.0.1.9", .shim = "10.128.9.1"));
	cr_expect_eq(shim(f), addr("10.128.9.1"));
	expect_refused(f, LINES(VIRTUAL("240.2.0.1") BOUND HOST_2 "}"), 2,
		       "it is in no pool of virtual addresses here");
	fixture_free(f);
}
