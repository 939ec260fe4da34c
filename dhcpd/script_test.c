// SPDX-License-Identifier: GPL-2.0-only
/* The scripts of selftests/scenario/dhcp, each a test, on a virtual clock and network. */
#include "script_test.h"
#include "talk_test.h"

#include <criterion/parameterized.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mnat/cleanup.h"

#define SCRIPTS	   "selftests/scenario/dhcp/*.txt"
#define MAX_EVENTS 64

struct client_words {
	char name[32];
	char text[512]; /* words that each of its messages begins with */
};

struct script {
	const char *path;
	FILE *file;
	int line;
	struct fixture *f;
	const char *keys; /* file to be removed */
	struct client_words clients[SCRIPT_CLIENTS];
	int n_clients;
	struct packet asked;
	bool answered;
	bool seen;			 /* the last message's outcome has been looked at */
	uint64_t told_in;		 /* batch of the last message */
	struct event events[MAX_EVENTS]; /* not looked at yet */
	size_t n_events;
	struct talk *talk; /* with who asks for leases; NULL: nobody has */
	struct packet query;
};

__attribute__((format(printf, 2, 3), noreturn)) static void fail(const struct script *s,
								 const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	cr_log_error("%s:%d: %s", s->path, s->line, text);
	cr_assert_fail("%s:%d: %s", s->path, s->line, text);
	abort();
}

static void require(const struct script *s, const char *error)
{
	if (error)
		fail(s, "%s", error);
}

static bool next_line(struct script *s, char *buf, size_t size)
{
	s->line++;
	return fgets(buf, (int)size, s->file) != NULL;
}

/* The lines until "end". */
static char *block(struct script *s)
{
	char line[512];
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	while (next_line(s, line, sizeof(line)) && strcmp(line, "end\n"))
		fputs(line, out);
	fclose(out);
	return text;
}

/* ---- the server ---- */

/* Store and collect what the manager is told; false: the store has failed. */
static bool settle(struct script *s)
{
	struct server *server = &s->f->server;

	if (server_commit(server))
		return false;
	for (size_t i = 0; i < server->n_events; i++) {
		if (server->events[i].renewal)
			continue; /* not for the manager */
		if (s->n_events == MAX_EVENTS)
			fail(s, "more events than a script looks at");
		s->events[s->n_events++] = server->events[i];
	}
	if (s->f->stored)
		s->f->stored(s->f);
	s->told_in = server->n_events ? server->batch : 0;
	server_next_batch(server);
	return true;
}

static void send_packet(struct script *s)
{
	struct fixture *f = s->f;

	server_expire(&f->server);
	s->answered = server_handle(&f->server, &s->asked.arrival, s->asked.bytes, s->asked.len,
				    &f->reply);
	s->answered &= settle(s);
	s->seen = false;
	if (s->answered && dhcp_parse(&f->conf->virt.codec, DHCP_BOOTREPLY, f->reply.bytes,
				      f->reply.len, &f->answer))
		fail(s, "the answer is no DHCP message");
}

/* ---- commands ---- */

static void do_config(struct script *s, const struct words *words)
{
	_cleanup_free_ char *text = block(s);

	if (s->f)
		fail(s, "there is a configuration already");
	s->f = fixture_new(text);
}

/* A file of them, which the configuration names as ${KEYS}. */
static void do_keys(struct script *s, const struct words *words)
{
	static char path[] = "/tmp/dhcpd-keys-XXXXXX";
	_cleanup_free_ char *text = block(s);
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0)
		fd = mkstemp(path);
	s->keys = path;
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail(s, "no file of keys can be written");
	close(fd);
	setenv("KEYS", path, 1);
}

static void do_reload(struct script *s, const struct words *words)
{
	_cleanup_free_ char *text = block(s);
	struct conf *conf = conf_from(text);

	if (!conf || !server_set_conf(&s->f->server, conf))
		fail(s, "the configuration is refused");
	conf_free(s->f->conf);
	s->f->conf = conf;
}

static void do_refused(struct script *s, const struct words *words)
{
	_cleanup_free_ char *text = block(s);

	if (conf_from(text))
		fail(s, "the configuration is not refused");
}

static void do_client(struct script *s, const struct words *words)
{
	struct client_words *client = &s->clients[s->n_clients++];
	size_t used = 0;

	if (s->n_clients > SCRIPT_CLIENTS || words->n < 2)
		fail(s, "expected client NAME WORD..., of at most %d", SCRIPT_CLIENTS);
	snprintf(client->name, sizeof(client->name), "%s", words->word[1]);
	for (int i = 2; i < words->n; i++)
		used += (size_t)snprintf(client->text + used, sizeof(client->text) - used, "%s ",
					 words->word[i]);
}

static void do_pass(struct script *s, const struct words *words)
{
	pass_seconds(strtoul(words->word[1], NULL, 0));
	server_expire(&s->f->server);
	if (!settle(s))
		fail(s, "the store fails");
}

static void do_restart(struct script *s, const struct words *words)
{
	talk_end(TAKE_PTR(s->talk));
	fixture_restart(s->f);
}

static void do_store(struct script *s, const struct words *words)
{
	s->f->store.fails = !strcmp(words->word[1], "fails");
}

static void do_counter(struct script *s, const struct words *words)
{
	for (int i = 1; i < N_COUNTERS; i++) {
		if (strcmp(counter_name(i), words->word[1]))
			continue;
		if (s->f->server.counters[i] != strtoul(words->word[2], NULL, 0))
			fail(s, "%s is %lu", words->word[1],
			     (unsigned long)s->f->server.counters[i]);
		return;
	}
	fail(s, "there is no counter %s", words->word[1]);
}

static void do_pool(struct script *s, const struct words *words)
{
	const struct subnet_conf *subnet =
		leases_subnet(&s->f->server.leases, addr(words->word[1]));
	const struct pool *pool = subnet ? leases_pool(&s->f->server.leases, subnet)
					 : leases_virtual_pool_of(&s->f->server.leases,
								  addr(words->word[1]));

	if (pool->used != strtoul(words->word[3], NULL, 0))
		fail(s, "%u addresses of the pool are used", pool->used);
}

static void do_event(struct script *s, const struct words *words)
{
	if (!s->n_events)
		fail(s, "the manager is told of nothing more");
	require(s, event_check(words, &s->events[0]));
	memmove(s->events, s->events + 1, --s->n_events * sizeof(s->events[0]));
}

static void do_no(struct script *s, const struct words *words)
{
	if (s->n_events)
		fail(s, "the manager is told of something");
}

static void do_manager(struct script *s, const struct words *words)
{
	uint32_t address = words->n > 2 ? addr(words->word[2]) : 0;
	bool done, expected = strcmp(words->word[words->n - 1], "refused") != 0;

	if (!strcmp(words->word[1], "renews"))
		done = server_renew_virtual(&s->f->server, address,
					    (uint32_t)strtoul(words->word[3], NULL, 0));
	else
		done = server_release_virtual(&s->f->server, address);
	if (done != expected)
		fail(s, "it is %s", done ? "done" : "refused");
	if (!settle(s))
		fail(s, "the store fails");
}

static void do_probe(struct script *s, const struct words *words)
{
	bool holds = server_probed(&s->f->server, addr(words->word[1]),
				   !strcmp(words->word[2], "taken"));

	if (holds != !strcmp(words->word[2], "free"))
		fail(s, "the offer %s", holds ? "holds" : "is over");
	if (!settle(s))
		fail(s, "the store fails");
}

static void do_forcerenew(struct script *s, const struct words *words)
{
	struct fixture *f = s->f;
	const struct lease *lease = lease_find(&f->server.leases, addr(words->word[1]));

	if (!lease || !lease->client)
		fail(s, "nobody has that address");
	s->answered = server_forcerenew(&f->server, lease->client, &f->reply);
	s->seen = false;
	if (s->answered && dhcp_parse(&f->conf->virt.codec, DHCP_BOOTREPLY, f->reply.bytes,
				      f->reply.len, &f->answer))
		fail(s, "what is sent is no DHCP message");
}

/* ---- who asks for leases ---- */

static void do_reader(struct script *s, const struct words *words)
{
	if (!s->talk)
		s->talk = talk_begin(s->f);
	talk_from(s->talk, words->word[1]);
}

static struct words without_first(const struct words *all)
{
	struct words words = {.n = all->n - 1};

	memcpy(words.word, all->word + 1, (size_t)words.n * sizeof(words.word[0]));
	return words;
}

static void do_ask(struct script *s, const struct words *all)
{
	const struct words words = without_first(all);

	require(s, query_ask(s->talk, &words, &s->query));
}

static void do_told(struct script *s, const struct words *all)
{
	const struct words words = without_first(all);

	require(s, query_told(s->talk, &words, &s->query));
}

static void do_answer(struct script *s, const struct words *all)
{
	const struct words words = without_first(all);
	bool held;

	s->seen = true;
	if (!words.n)
		fail(s, "expected -> and what is answered");
	if (!strcmp(words.word[0], "nothing")) {
		if (s->answered)
			fail(s, "the answer is %s", dhcp_type_name(s->f->answer.type));
		return;
	}
	if (!s->answered)
		fail(s, "there is no answer");
	require(s, answer_check(&words, &s->asked, &s->f->reply, &s->f->answer));
	held = s->told_in && s->f->reply.batch == s->told_in;
	for (int i = 1; i < words.n; i++) {
		if (!strcmp(words.word[i], "held") && !held)
			fail(s, "the answer does not wait for the manager");
		if (!strcmp(words.word[i], "at-once") && held)
			fail(s, "the answer waits for the manager");
	}
}

static const struct {
	const char *name;
	int words; /* at least */
	void (*run)(struct script *s, const struct words *words);
} commands[] = {
	{"config", 1, do_config}, {"reload", 1, do_reload},   {"refused", 1, do_refused},
	{"client", 3, do_client}, {"pass", 2, do_pass},	      {"restart", 1, do_restart},
	{"store", 2, do_store},	  {"counter", 3, do_counter}, {"pool", 4, do_pool},
	{"event", 1, do_event},	  {"no", 2, do_no},	      {"manager", 3, do_manager},
	{"keys", 1, do_keys},	  {"->", 2, do_answer},	      {"forcerenew", 2, do_forcerenew},
	{"probe", 3, do_probe},	  {"reader", 2, do_reader},   {"ask", 2, do_ask},
	{"told", 2, do_told},
};

/* CLIENT MESSAGE WORD...: the client's own words come first, so that later ones override. */
static void say(struct script *s, const char *line)
{
	char text[2048], name[32], type[32];
	const char *own = NULL;
	struct words words;
	int at = 0;

	if (sscanf(line, "%31s %31s%n", name, type, &at) < 2)
		fail(s, "expected CLIENT MESSAGE WORD... or a command");
	for (int i = 0; i < s->n_clients; i++)
		if (!strcmp(s->clients[i].name, name))
			own = s->clients[i].text;
	if (!own)
		fail(s, "there is no client %s, and no such command", name);
	if (!s->f)
		fail(s, "a configuration comes first");
	snprintf(text, sizeof(text), "%s %s %s", type, own, line + at);
	if (!words_split(text, &words))
		fail(s, "too many words");
	require(s, packet_build(&words, &s->asked));
	send_packet(s);
}

static void run_line(struct script *s, char *line)
{
	char whole[1024];
	struct words words;

	snprintf(whole, sizeof(whole), "%s", line);
	if (!words_split(line, &words))
		fail(s, "too many words");
	if (!words.n || words.word[0][0] == '#')
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, words.word[0]))
			continue;
		if (words.n < commands[i].words)
			fail(s, "%s: words are missing", words.word[0]);
		commands[i].run(s, &words);
		return;
	}
	if (!s->seen)
		fail(s, "what is answered to the message before?");
	say(s, whole);
}

static void run_script(const char *path)
{
	struct script s = {.path = path, .file = fopen(path, "re"), .seen = true};
	char line[1024];

	cr_assert(s.file, "%s: %s", path, strerror(errno));
	while (next_line(&s, line, sizeof(line)))
		run_line(&s, line);
	if (!s.seen)
		fail(&s, "what is answered to the last message?");
	talk_end(s.talk);
	if (s.f)
		fixture_free(s.f);
	if (s.keys)
		unlink(s.keys);
	fclose(s.file);
}

ParameterizedTestParameters(script, conversation)
{
	static char(*paths)[256];
	glob_t found;
	size_t n;

	if (glob(SCRIPTS, 0, NULL, &found) || !found.gl_pathc)
		return cr_make_param_array(char[256], NULL, 0);
	paths = cr_malloc(found.gl_pathc * sizeof(*paths));
	for (size_t i = 0; i < found.gl_pathc; i++)
		snprintf(paths[i], sizeof(*paths), "%s", found.gl_pathv[i]);
	n = found.gl_pathc;
	globfree(&found);
	return cr_make_param_array(char[256], paths, n);
}

ParameterizedTest(char path[256], script, conversation)
{
	run_script(path);
}
