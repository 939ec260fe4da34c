// SPDX-License-Identifier: GPL-2.0-only
/* What the daemons say of themselves, put together. */
#include <string.h>

#include "ctl.h"

json_t *ctl_status_new(void)
{
	return json_pack("{s:b, s:[], s:{}}", "healthy", 1, "problems", "daemons");
}

static void add_problem(json_t *status, const char *daemon, const char *sentence)
{
	json_object_set_new(status, "healthy", json_false());
	json_array_append_new(json_object_get(status, "problems"),
			      daemon ? json_sprintf("%s: %s", daemon, sentence)
				     : json_string(sentence));
}

static void add_problems(json_t *status, const struct ctl_daemon *daemon, const json_t *answer)
{
	const json_t *problems = json_object_get(answer, "problems");
	const char *error = json_string_value(json_object_get(answer, "error"));
	size_t i;
	json_t *problem;

	json_array_foreach((json_t *)problems, i, problem) if (json_is_string(problem))
		add_problem(status, daemon->program, json_string_value(problem));
	if (error)
		add_problem(status, daemon->program, error);
	else if (!json_array_size(problems) && !json_is_true(json_object_get(answer, "healthy")))
		add_problem(status, daemon->program, "not healthy, and gives no reason");
}

void ctl_status_add(json_t *status, const struct ctl_daemon *daemon, const json_t *answer,
		    const char *why)
{
	json_t *copy;

	if (!answer) {
		add_problem(status, NULL, why);
		return;
	}
	add_problems(status, daemon, answer);
	copy = json_copy((json_t *)answer);
	json_object_del(copy, "code");
	json_object_set_new(json_object_get(status, "daemons"), daemon->name, copy);
}

static void print_health(FILE *out, const json_t *problems)
{
	size_t n = json_array_size(problems), i;
	json_t *problem;

	if (!n) {
		fputs("healthy\n", out);
		return;
	}
	fprintf(out, "%zu problem%s\n", n, n == 1 ? "" : "s");
	json_array_foreach((json_t *)problems, i, problem)
		fprintf(out, "  %s\n", json_string_value(problem));
}

static void print_daemon(FILE *out, const char *name, const json_t *answer)
{
	int i = ctl_match(name, CTL_WORDS(ctl_daemons, ctl_n_daemons));
	const json_t *uptime = json_object_get(answer, "uptime_s");
	char up[32];

	fprintf(out, "\n%s", i < 0 ? name : ctl_daemons[i].program);
	if (uptime) {
		ctl_format_seconds(uptime, up, sizeof(up));
		fprintf(out, ", up %s", up);
	}
	fputc('\n', out);
	ctl_fields_print(out, answer);
}

void ctl_status_print(FILE *out, const json_t *status)
{
	const char *name;
	json_t *answer;

	print_health(out, json_object_get(status, "problems"));
	json_object_foreach(json_object_get(status, "daemons"), name, answer)
		print_daemon(out, name, answer);
}
