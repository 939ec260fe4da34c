// SPDX-License-Identifier: GPL-2.0-only
/* The link to a mobility manager, with a stand-in for it on the same loop. */
#include <stdlib.h>
#include <unistd.h>

#include "mnat/control.h"

#include "fixture_test.h"
#include "io.h"
#include "manager.h"

#define R1 "10.0.1.1"
#define R2 "10.0.2.1"

struct stand_in {
	int changed;
	uv_loop_t loop;
	struct mnat_control *control;
	struct mnat_control_client *client; /* the server's connection */
	struct fixture *f;
	struct manager *manager;
	char run_dir[32];
	bool silent;  /* does not confirm */
	json_t *last; /* request */
	int leases;   /* requests */
	int snapshots;
	int ends;
	int sent;	/* replies let go */
	json_t *tokens; /* for the answers */
	json_t *stale;
	struct reply last_sent;
	int sent_unconfirmed; /* ... before their lease request was confirmed */
};

static void on_lease(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct stand_in *s = user;

	json_decref(s->last);
	s->last = json_deep_copy(request);
	s->leases++;
	s->sent_unconfirmed = s->sent;
	if (!s->silent)
		mnat_control_done(client, json_pack("{s:O, s:i, s:O?, s:O*}", "id",
						    json_object_get(request, "id"), "pending", 0,
						    "tokens", s->tokens, "stale", s->stale));
}

static void on_snapshot(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct stand_in *s = user;

	s->snapshots++;
	if (s->client)
		mnat_control_client_unref(s->client);
	s->client = mnat_control_client_ref(client);
	mnat_control_done(client, NULL);
}

static void on_end(struct mnat_control_client *client, const json_t *request, void *user)
{
	((struct stand_in *)user)->ends++;
	mnat_control_done(client, NULL);
}

static const struct mnat_control_command commands[] = {
	{"lease", false, on_lease},
	{"snapshot", false, on_snapshot},
	{"snapshot-end", false, on_end},
	{0},
};

static void on_send(const struct outgoing *out, void *user)
{
	struct stand_in *s = user;

	s->sent++;
	s->last_sent = out->reply;
}

static void listen_again(struct stand_in *s)
{
	cr_assert_eq(mnat_control_listen(&s->loop, s->run_dir, "mmd", "stand-in", commands, s,
					 &s->control),
		     0);
}

static void on_changed(void *user)
{
	struct stand_in *s = user;

	s->changed++;
}

static const struct manager_ops ops = {.send = on_send, .changed = on_changed};

static struct stand_in *begin(void)
{
	struct stand_in *s = calloc(1, sizeof(*s));
	char path[64];

	s->f = fixture_new(SEED_CONF);
	mnat_clock_replace(NULL); /* real time: the loop's timers are */
	uv_loop_init(&s->loop);
	strcpy(s->run_dir, "/tmp/dhcpd-mm-XXXXXX");
	cr_assert(mkdtemp(s->run_dir));
	snprintf(path, sizeof(path), "%s/mmd.sock", s->run_dir);
	cr_assert_eq(manager_new(&s->loop, path, &s->f->server, &ops, s, &s->manager), 0);
	return s;
}

static void end(struct stand_in *s)
{
	manager_free(s->manager);
	if (s->client)
		mnat_control_client_unref(s->client);
	if (s->control)
		mnat_control_close(s->control);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&s->loop), 0, "handles are left");
	rmdir(s->run_dir);
	json_decref(s->last);
	json_decref(s->tokens);
	json_decref(s->stale);
	fixture_free(s->f);
	free(s);
}

/* Run the loop until *counter reaches n, 5 s at most. */
static void await(struct stand_in *s, const int *counter, int n)
{
	uint64_t until = mnat_clock_now() + 5 * MNAT_NS_PER_SEC;

	while (*counter < n && mnat_clock_now() < until)
		uv_run(&s->loop, UV_RUN_ONCE);
	cr_assert_eq(*counter, n);
}

/* The ACK to a REQUEST, of which the manager is told; it is not stored yet. */
static struct outgoing tell(struct stand_in *s, const struct say *say)
{
	struct server *server = &s->f->server;
	struct outgoing out = {0};
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = say_bytes(say, buf);

	cr_assert(server_handle(server, &s->f->arrival, buf, len, &out.reply));
	cr_assert_eq(out.reply.type, DHCP_ACK);
	manager_tell(s->manager, server->events, server->n_events, server->batch);
	return out;
}

/* true: the ACK is held */
static bool store(struct stand_in *s, struct outgoing *out)
{
	struct server *server = &s->f->server;
	int was_sent = s->sent;

	cr_assert_eq(server_commit(server), 0);
	manager_stored(s->manager, server->batch, out, 1);
	server_next_batch(server);
	return s->sent == was_sent;
}

static bool request(struct stand_in *s, const struct say *say)
{
	struct outgoing out = tell(s, say);

	return store(s, &out);
}

/* That of a host that is new in its subnet. */
static bool ack(struct stand_in *s, uint8_t host, const char *relay, const char *address)
{
	cr_assert(ASK(s->f, DHCP_DISCOVER, host, .relay = relay, .shim = "10.128.0.2"));
	return request(s, &(struct say){DHCP_REQUEST, host, .relay = relay, .requested = address,
					.server = "10.0.0.1", .shim = "10.128.0.2"});
}

static const char *field(const struct stand_in *s, const char *name)
{
	const json_t *event = json_array_get(json_object_get(s->last, "events"), 0);

	return json_string_value(json_object_get(event, name));
}

static json_int_t generation(const struct stand_in *s)
{
	const json_t *event = json_array_get(json_object_get(s->last, "events"), 0);

	return json_integer_value(json_object_get(event, "gen"));
}

#define TICKET                                                                                     \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b" \
	"2c2d2e2f"
#define KEY "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static const struct dhcp_message *last_sent(const struct stand_in *s)
{
	static struct dhcp_message message;

	cr_assert_eq(dhcp_parse(&s->f->conf->virt.codec, DHCP_BOOTREPLY, s->last_sent.bytes,
				s->last_sent.len, &message),
		     DHCP_E_NONE);
	return &message;
}

Test(manager, an_ack_waits_for_the_confirmation)
{
	struct stand_in *s = begin();

	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->sent, 1);
	cr_assert_eq(s->leases, 1);
	cr_assert_eq(s->sent_unconfirmed, 0);
	cr_assert_str_eq(field(s, "virtual"), "10.128.0.2");
	cr_assert_str_eq(field(s, "actual"), "10.0.1.5");
	cr_assert_null(field(s, "old"));
	cr_assert_str_eq(field(s, "mac"), "02:00:00:00:00:01");
	cr_assert_str_eq(field(s, "client"), "01020000000001");
	cr_assert_eq(s->f->server.counters[COUNTER_ack_timeouts], 0);

	cr_assert(ack(s, 1, R2, "10.0.2.7"));
	await(s, &s->sent, 2);
	cr_assert_str_eq(field(s, "old"), "10.0.1.5");
	end(s);
}

Test(manager, waits_at_most_50_ms)
{
	struct stand_in *s = begin();
	uint64_t start, took;

	listen_again(s);
	await(s, &s->ends, 1);
	s->silent = true;
	start = mnat_clock_now();
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->sent, 1);
	took = (mnat_clock_now() - start) / MNAT_NS_PER_MS;
	cr_assert(took >= 50 && took < 500, "%d ms", (int)took);
	cr_assert_eq(s->f->server.counters[COUNTER_ack_timeouts], 1);
	end(s);
}

static const struct say first_request = {DHCP_REQUEST,
					 1,
					 .relay = R1,
					 .requested = "10.0.1.5",
					 .server = "10.0.0.1",
					 .shim = "10.128.0.2"};

/* The manager is told while it is stored; whichever takes longer, the ACK waits for both. */
Test(manager, an_ack_waits_for_the_disk_too)
{
	struct stand_in *s = begin();
	struct outgoing out;

	s->tokens = json_pack("{s:{s:s, s:s}}", "10.128.0.2", "ticket", TICKET, "key", KEY);
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ASK(s->f, DHCP_DISCOVER, 1, .relay = R1, .shim = "10.128.0.2"));
	out = tell(s, &first_request);
	await(s, &s->leases, 1);
	for (int i = 0; i < 100; i++)
		uv_run(&s->loop, UV_RUN_NOWAIT);
	cr_assert_eq(s->sent, 0);
	cr_assert_not(store(s, &out), "both are there: it leaves");
	cr_assert_eq(s->sent, 1);
	cr_assert(last_sent(s)->token_present, "it came before the ACK was there");
	cr_assert_eq(s->f->server.counters[COUNTER_ack_timeouts], 0);
	end(s);
}

Test(manager, a_slow_disk_and_a_silent_manager_hold_it_no_longer_than_the_disk)
{
	struct stand_in *s = begin();
	uint64_t until = mnat_clock_now() + 2 * MANAGER_WAIT_MS * MNAT_NS_PER_MS;
	struct outgoing out;

	listen_again(s);
	await(s, &s->ends, 1);
	s->silent = true;
	cr_assert(ASK(s->f, DHCP_DISCOVER, 1, .relay = R1, .shim = "10.128.0.2"));
	out = tell(s, &first_request);
	while (mnat_clock_now() < until)
		uv_run(&s->loop, UV_RUN_NOWAIT);
	cr_assert_eq(s->sent, 0);
	cr_assert_not(store(s, &out));
	cr_assert_eq(s->f->server.counters[COUNTER_ack_timeouts], 1);
	end(s);
}

Test(manager, that_knows_something_later_is_told_again)
{
	struct stand_in *s = begin();
	struct server *server = &s->f->server;

	s->stale = json_pack("{s:i, s:i, s:i}", "10.128.0.2", 9, "10.128.0.77", 9, "none", 9);
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->changed, 1);
	cr_assert_eq(server->n_events, 1);
	cr_assert_eq(server->events[0].generation, 9);
	cr_assert_eq(server->events[0].actual, addr("10.0.1.5"));
	cr_assert_eq(lease_find(&server->leases, addr("10.128.0.2"))->generation, 9);
	cr_assert(lease_find(&server->leases, addr("10.128.0.2"))->dirty);
	cr_assert_eq(server->counters[COUNTER_manager_ahead], 1);
	end(s);
}

/* The database is older than what the manager knows: the host is where it says. */
Test(manager, is_believed_of_a_host_that_is_as_it_was_loaded)
{
	struct stand_in *s = begin();
	struct server *server = &s->f->server;

	cr_assert_not(ack(s, 1, R1, "10.0.1.5"));
	lease_find(&server->leases, addr("10.128.0.2"))->client->batch = 0; /* as loaded */
	s->stale = json_pack("{s:i}", "10.128.0.2", 9);
	listen_again(s);
	await(s, &s->changed, 1);
	cr_assert_eq(server->n_events, 0);
	cr_assert_eq(lease_find(&server->leases, addr("10.128.0.2"))->generation, 9);
	json_decref(s->stale);
	s->stale = NULL;
	cr_assert(ack(s, 1, R2, "10.0.2.7"));
	await(s, &s->sent, 2);
	cr_assert_eq(generation(s), 10);
	end(s);
}

Test(manager, a_repeated_request_waits_and_a_renewal_asks_for_a_token)
{
	struct stand_in *s = begin();

	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	cr_assert(ack(s, 1, R1, "10.0.1.5"), "the first is not confirmed yet");
	await(s, &s->sent, 2);
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->sent, 3);
	cr_assert_eq(s->leases, 3);
	cr_assert_eq(generation(s), 3, "it may have been away");
	end(s);
}

Test(manager, an_absent_one_holds_up_nothing_and_is_told_later)
{
	struct stand_in *s = begin();

	uv_run(&s->loop, UV_RUN_NOWAIT);
	cr_assert_not(manager_is_connected(s->manager));
	cr_assert_not(ack(s, 1, R1, "10.0.1.5"));
	cr_assert_eq(s->f->server.counters[COUNTER_ack_unreported], 1);
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert_eq(s->snapshots, 1);
	cr_assert_eq(s->leases, 1);
	cr_assert_str_eq(field(s, "virtual"), "10.128.0.2");
	cr_assert_str_eq(field(s, "actual"), "10.0.1.5");
	end(s);
}

Test(manager, a_lost_one_lets_go_what_is_held)
{
	struct stand_in *s = begin();

	listen_again(s);
	await(s, &s->ends, 1);
	s->silent = true;
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->leases, 1);
	mnat_control_close(s->control);
	s->control = NULL;
	await(s, &s->sent, 1);
	cr_assert_eq(s->f->server.counters[COUNTER_ack_timeouts], 0);
	s->silent = false;
	listen_again(s);
	await(s, &s->ends, 2);
	cr_assert_eq(s->leases, 2, "told again in the snapshot");
	end(s);
}

Test(manager, a_large_snapshot_comes_in_pieces)
{
	struct stand_in *s = begin();
	struct leases *leases = &s->f->server.leases;

	for (int i = 0; i < 1300; i++) {
		uint8_t key[6] = {9, (uint8_t)(i >> 8), (uint8_t)i};
		struct client *client = client_get(leases, key, sizeof(key), key);
		struct lease *lease =
			lease_offer(leases, client, 0x0a800100u + (uint32_t)i, true, UINT64_MAX);

		client->told = (struct binding){.virt = lease->address, .actual = 0x0a000180};
	}
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert_eq(s->leases, 3);
	end(s);
}

/* ---- between domains ---- */

Test(manager, its_token_goes_into_the_ack)
{
	struct stand_in *s = begin();

	s->tokens = json_pack("{s:{s:s, s:s}}", "10.128.0.2", "ticket", TICKET, "key", KEY);
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->sent, 1);
	cr_assert(last_sent(s)->token_present);
	cr_assert_eq(last_sent(s)->token.ticket[47], 0x2f);
	cr_assert_eq(last_sent(s)->token.key[0], 0xf0);
	cr_assert_eq(s->f->server.counters[COUNTER_token_given], 1);
	end(s);
}

/* The token comes after the answer has been proved. */
Test(manager, an_ack_with_its_token_is_proved)
{
	struct stand_in *s = begin();
	struct dhcp_auth auth;

	fixture_require_auth(s->f);
	s->tokens = json_pack("{s:{s:s, s:s}}", "10.128.0.2", "ticket", TICKET, "key", KEY);
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ASK(s->f, DHCP_DISCOVER, 1, .relay = R1, .shim = "10.128.0.2", .counter = 1));
	cr_assert(request(s, &(struct say){DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5",
					   .server = "10.0.0.1", .shim = "10.128.0.2",
					   .counter = 2}));
	await(s, &s->sent, 1);
	cr_assert(last_sent(s)->token_present);
	cr_assert_eq(dhcp_auth_find(&s->f->conf->virt.codec, s->last_sent.bytes, s->last_sent.len,
				    &auth),
		     0);
	cr_assert_eq(auth.counter, 2);
	cr_assert(dhcp_auth_verify(s->last_sent.bytes, s->last_sent.len, &auth, &fixture_secret));
	end(s);
}

Test(manager, a_client_of_the_seeds_form_gets_no_token)
{
	struct stand_in *s = begin();

	s->tokens = json_pack("{s:{s:s, s:s}}", "10.128.0.2", "ticket", TICKET, "key", KEY);
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ASK(s->f, DHCP_DISCOVER, 1, .relay = R1, .shim = "0.0.0.0",
		      .form = DHCP_SHIM_SEED));
	cr_assert(request(s, &(struct say){DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5",
					   .server = "10.0.0.1", .shim = "10.128.0.2",
					   .form = DHCP_SHIM_SEED}));
	await(s, &s->sent, 1);
	cr_assert_not(last_sent(s)->token_present);
	cr_assert_eq(last_sent(s)->shim_form, DHCP_SHIM_SEED);
	end(s);
}

Test(manager, a_senseless_token_is_left_out)
{
	struct stand_in *s = begin();

	s->tokens = json_pack("{s:{s:s, s:s}}", "10.128.0.2", "ticket", TICKET "00", "key", KEY);
	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->sent, 1);
	cr_assert_not(last_sent(s)->token_present);
	end(s);
}

Test(manager, is_told_of_arrivals)
{
	struct stand_in *s = begin();
	const struct say say = {DHCP_REQUEST,
				1,
				.relay = R1,
				.requested = "10.0.1.5",
				.server = "10.0.0.1",
				.shim = "10.64.0.7",
				.arrivals = {"135.180.32.4", "10.0.0.1", "143.32.2.70"}};
	const json_t *arrivals, *first;

	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ASK(s->f, DHCP_DISCOVER, 1, .relay = R1, .shim = "10.64.0.7",
		      .arrivals = {"135.180.32.4"}));
	cr_assert(request(s, &say));
	await(s, &s->sent, 1);
	cr_assert_str_eq(field(s, "virtual"), "10.64.0.7");
	arrivals =
		json_object_get(json_array_get(json_object_get(s->last, "events"), 0), "arrivals");
	cr_assert_eq(json_array_size(arrivals), 3, "our own manager knows the host by its own");
	first = json_array_get(arrivals, 0);
	cr_assert_str_eq(json_string_value(json_object_get(first, "manager")), "135.180.32.4");
	cr_assert_eq(json_integer_value(json_object_get(first, "counter")), 7);
	cr_assert_eq(strlen(json_string_value(json_object_get(first, "ticket"))), 96);
	cr_assert_str_eq(json_string_value(json_object_get(first, "proof")),
			 "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0");
	end(s);
}

static void notify(struct stand_in *s, json_t *line)
{
	mnat_control_done(s->client, line);
}

Test(manager, keeps_and_gives_back_the_address_of_an_absent_host)
{
	struct stand_in *s = begin();
	struct server *server = &s->f->server;
	uint64_t until = mnat_clock_now() + 200000 * MNAT_NS_PER_SEC;
	struct lease *lease;

	listen_again(s);
	await(s, &s->ends, 1);
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->sent, 1);
	lease = lease_find(&server->leases, addr("10.128.0.2"));
	notify(s, json_pack("{s:s, s:s, s:i}", "notify", "renew", "virtual", "10.128.0.2",
			    "seconds", 200000));
	notify(s, json_pack("{s:s, s:s}", "notify", "release", "virtual", "10.128.0.2"));
	notify(s, json_pack("{s:s, s:s}", "notify", "release", "virtual", "none"));
	cr_assert(ack(s, 1, R1, "10.0.1.5"));
	await(s, &s->sent, 2);
	cr_assert_geq(lease->expiry.when, until);
	cr_assert_eq(lease->state, MNAT_LEASE_BOUND, "its host is here");
	ASK(s->f, DHCP_RELEASE, 1, .ciaddr = "10.0.1.5", .server = "10.0.0.1");
	notify(s, json_pack("{s:s, s:s}", "notify", "release", "virtual", "10.128.0.2"));
	while (lease->state == MNAT_LEASE_BOUND)
		uv_run(&s->loop, UV_RUN_ONCE);
	cr_assert_eq(server->counters[COUNTER_virtual_released], 1);
	end(s);
}
