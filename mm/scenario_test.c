// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs selftests/scenario/mm/NAME.txt on the three managers of roam_sim_test.h: a line a
 * step, words apart by blanks, "#" begins a comment. README there says what steps there are.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "roam_sim_test.h"

#define FILES	  "selftests/scenario/mm/*.txt"
#define MAX_WORDS 16

struct line {
	char at[128]; /* file:number, for what is wrong */
	char *words[MAX_WORDS + 1];
	int n;
};

static int domain_of(const struct line *l, int i)
{
	const char *word = i < l->n ? l->words[i] : "";

	cr_assert(word[0] >= 'A' && word[0] < 'A' + N_DOMAINS && !word[1],
		  "%s: expected a domain, A to C, not '%s'", l->at, word);
	return word[0] - 'A';
}

static unsigned int number_of(const struct line *l, int i)
{
	char *end = "?";
	unsigned long number = i < l->n ? strtoul(l->words[i], &end, 10) : 0;

	cr_assert(!*end, "%s: expected a number as word %d", l->at, i + 1);
	return (unsigned int)number;
}

static const char *word_of(const struct line *l, int i)
{
	cr_assert_lt(i, l->n, "%s: lacks a word", l->at);
	return l->words[i];
}

/* Which of those on their way, as "A>B", and the n-th of these. */
static unsigned int message_of(const struct line *l, int i)
{
	char text[32];

	for (unsigned int n = 0; n < sim_queued(); n++) {
		sim_describe(n, text);
		if (!strcmp(text, word_of(l, i)))
			return n;
	}
	cr_assert_fail("%s: no %s is on its way", l->at, l->words[i]);
	return 0;
}

/* ---- steps ---- */

static void do_move(const struct line *l)
{
	sim_move(domain_of(l, 1));
}

static void do_expire(const struct line *l)
{
	sim_expire(domain_of(l, 1));
}

static void do_kill(const struct line *l)
{
	sim_kill(domain_of(l, 1));
}

static void do_revive(const struct line *l)
{
	sim_revive(domain_of(l, 1));
}

static void do_revive_mute(const struct line *l)
{
	sim_revive_mute(domain_of(l, 1));
}

static void do_mute(const struct line *l)
{
	sim[domain_of(l, 1)].mute = true;
}

static void do_snapshot(const struct line *l)
{
	sim_snapshot(domain_of(l, 1));
}

static void do_cut(const struct line *l)
{
	sim_link(domain_of(l, 1), domain_of(l, 2), false);
}

static void do_join(const struct line *l)
{
	sim_link(domain_of(l, 1), domain_of(l, 2), true);
}

static void do_deliver(const struct line *l)
{
	if (l->n == 1)
		sim_deliver_all();
	for (int i = 1; i < l->n; i++)
		sim_deliver(message_of(l, i));
}

static void do_drop(const struct line *l)
{
	sim_drop(message_of(l, 1));
}

static void do_repeat(const struct line *l)
{
	sim_repeat(message_of(l, 1));
}

static void do_pass(const struct line *l)
{
	sim_pass_ms(1000ul * number_of(l, 1));
}

static void do_skip(const struct line *l)
{
	sim_skip_s(number_of(l, 1));
}

static void do_ended(const struct line *l)
{
	int domain = domain_of(l, 1);

	roam_sessions_ended(&sim[domain].roam, sim[domain].identity, number_of(l, 2));
}

static void do_revoke(const struct line *l)
{
	int domain = domain_of(l, 1);

	if (l->n > 2)
		cr_assert_eq(roam_revoke_peer(&sim[domain].roam, (uint32_t)domain_of(l, 2) + 1), 0);
	else
		cr_assert_eq(roam_revoke_host(&sim[domain].roam, sim[domain].identity), 0);
}

static void do_forget(const struct line *l)
{
	sim_node.visited[domain_of(l, 1)] = 0;
}

static void do_limit(const struct line *l)
{
	struct roam *roam = &sim[domain_of(l, 1)].roam;
	uint32_t peer = (uint32_t)domain_of(l, 2) + 1;
	unsigned int value = number_of(l, 4);
	const char *what = word_of(l, 3);

	for (unsigned int i = 0; i < roam->n_peers; i++) {
		if (roam->peers[i].domain != peer)
			continue;
		if (!strcmp(what, "serve"))
			roam->peers[i].serve_s = value;
		else if (!strcmp(what, "visitors"))
			roam->peers[i].max_visitors = value;
		else if (!strcmp(what, "sessions"))
			roam->peers[i].max_flows = value;
		else if (!strcmp(what, "rate"))
			roam->peers[i].rate = value;
		else
			cr_assert_fail("%s: limits are serve, visitors, sessions and rate", l->at);
	}
}

/* ---- expectations ---- */

static void see_messages(const struct line *l)
{
	char text[32], all[1024] = "", expected[1024] = "";

	for (unsigned int n = 0; n < sim_queued() && strlen(all) < sizeof(all) - 40; n++) {
		sim_describe(n, text);
		strcat(strcat(all, " "), text);
	}
	for (int i = 1; i < l->n; i++)
		strcat(strcat(expected, " "), l->words[i]);
	cr_assert_str_eq(all, expected, "%s: on their way are%s", l->at, all);
}

static void see_right(const struct line *l)
{
	sim_check(l->at);
}

static void see_count(const struct line *l)
{
	static const char *const names[] = {
#define X(name, text) #name,
		ROAM_COUNTERS(X)
#undef X
	};
	uint64_t got;

	for (size_t i = 0; i < ROAM_N_COUNTERS; i++) {
		if (strcasecmp(names[i], word_of(l, 2)))
			continue;
		got = sim[domain_of(l, 1)].roam.counters[i];
		cr_assert_eq(got, number_of(l, 3), "%s: %lu", l->at, (unsigned long)got);
		return;
	}
	cr_assert_fail("%s: no counter %s", l->at, l->words[2]);
}

static void see_rule(const struct line *l)
{
	const struct sim_rule *rule = &sim[domain_of(l, 1)].rule;
	const char *is = !rule->known || (!rule->bound && !rule->away) ? "nowhere"
			 : rule->away				       ? "away"
			 : rule->importing			       ? "importing"
								       : "here";

	cr_assert_str_eq(is, word_of(l, 2), "%s: %s", l->at, is);
}

static void see_released(const struct line *l)
{
	cr_assert_eq(sim[domain_of(l, 1)].releases, number_of(l, 2), "%s: %u", l->at,
		     sim[domain_of(l, 1)].releases);
}

/* arrive HOME VISITED RESULT [what is changed in it] */
static void see_arrive(const struct line *l)
{
	static const struct {
		const char *name;
		uint8_t error;
	} results[] = {
		{"accepted", 0},
		{"ticket", PEERING_E_TICKET},
		{"proof", PEERING_E_PROOF},
		{"replay", PEERING_E_REPLAY},
		{"policy", PEERING_E_POLICY},
		{"busy", PEERING_E_BUSY},
	};
	int home = domain_of(l, 1), from = domain_of(l, 2);
	struct peering_message m = sim_arrive(home, from), answer;
	const char *spoilt = l->n > 4 ? l->words[4] : "";

	m.ticket[5] ^= !strcmp(spoilt, "ticket");
	m.proof[0] ^= !strcmp(spoilt, "proof");
	m.counter += !strcmp(spoilt, "counter");
	answer = sim_ask(home, from, m);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (!strcmp(results[i].name, word_of(l, 3))) {
			cr_assert_eq(answer.basic,
				     results[i].error ? SIMCO_NEGATIVE : SIMCO_POSITIVE, "%s: %s",
				     l->at, peering_error_text(answer.subtype));
			cr_assert(!results[i].error || answer.subtype == results[i].error, "%s: %s",
				  l->at, peering_error_text(answer.subtype));
			return;
		}
	cr_assert_fail("%s: no such result", l->at);
}

static void do_prove(const struct line *l)
{
	sim_node.counter++;
}

static const struct step {
	const char *name;
	void (*take)(const struct line *l);
} steps[] = {
	{"move", do_move},
	{"expire", do_expire},
	{"kill", do_kill},
	{"revive", do_revive},
	{"revive-mute", do_revive_mute},
	{"mute", do_mute},
	{"snapshot", do_snapshot},
	{"cut", do_cut},
	{"join", do_join},
	{"deliver", do_deliver},
	{"drop", do_drop},
	{"repeat", do_repeat},
	{"pass", do_pass},
	{"skip", do_skip},
	{"ended", do_ended},
	{"revoke", do_revoke},
	{"forget", do_forget},
	{"limit", do_limit},
	{"prove", do_prove},
	{"messages", see_messages},
	{"right", see_right},
	{"count", see_count},
	{"rule", see_rule},
	{"released", see_released},
	{"arrive", see_arrive},
};

static void take(struct line *l, char *text)
{
	char *at = NULL, *word;

	text[strcspn(text, "#\n")] = '\0';
	for (l->n = 0; l->n < MAX_WORDS && (word = strtok_r(l->n ? NULL : text, " \t", &at)); l->n++)
		l->words[l->n] = word;
	if (!l->n)
		return;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!strcmp(steps[i].name, l->words[0])) {
			steps[i].take(l);
			return;
		}
	cr_assert_fail("%s: no step '%s'", l->at, l->words[0]);
}

static void run(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	struct line line;
	char text[256];
	FILE *file = fopen(path, "r");

	cr_assert(file, "%s", path);
	sim_start();
	for (int n = 1; fgets(text, sizeof(text), file); n++) {
		snprintf(line.at, sizeof(line.at), "%s:%d", name, n);
		take(&line, text);
	}
	sim_stop();
	fclose(file);
}

struct path {
	char text[256];
};

ParameterizedTestParameters(scenario, text)
{
	struct path *paths;
	glob_t found;

	if (glob(FILES, 0, NULL, &found))
		return cr_make_param_array(struct path, NULL, 0);
	paths = cr_malloc(found.gl_pathc * sizeof(*paths));
	for (size_t i = 0; i < found.gl_pathc; i++)
		snprintf(paths[i].text, sizeof(paths[i].text), "%s", found.gl_pathv[i]);
	return cr_make_param_array(struct path, paths, found.gl_pathc);
}

ParameterizedTest(struct path *path, scenario, text, .timeout = 60)
{
	run(path->text);
}

/* The runner is started at the root of the tree. */
Test(scenario, there_are_some)
{
	glob_t found;

	cr_assert_eq(glob(FILES, 0, NULL, &found), 0, "no " FILES " from here");
	cr_assert_gt(found.gl_pathc, 5);
	globfree(&found);
}
