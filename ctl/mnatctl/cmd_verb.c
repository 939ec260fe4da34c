// SPDX-License-Identifier: GPL-2.0-only
/* Commands that change something: one request to one daemon's full socket. */
#include "ctl.h"
#include "mnat/addr.h"
#include "mnat/log.h"

/* The command's words become these arguments of the request. */
static const struct verb {
	const char *name;
	const char *daemon;
	const char *keys[2];
	bool plain; /* they are words that the daemon knows, not addresses */
} verbs[] = {
	{"replace", "midcomd", {"old", "new"}},
	{"sweep", "midcomd"},
	{"revoke", "mmd", {"what"}, .plain = true},
	{"reload", "dhcpd"},
	{"forcerenew", "dhcpd", {"client"}, .plain = true},
	{"renew", "mnatc"},
	{"release", "mnatc"},
	{"rebind", "mnatc"},
	{"prepare", "mnatc", {"router"}},
	{"mode", "mnatc", {"mode"}, .plain = true},
};

static json_t *request_of(const struct verb *verb, char **words)
{
	json_t *request = json_pack("{s:s}", "cmd", verb->name);
	struct in_addr addr;

	for (size_t i = 0; i < CTL_COUNT(verb->keys) && verb->keys[i]; i++) {
		if (!verb->plain && mnat_parse_ip(words[i], &addr)) {
			log_err("%s: \"%s\" is not an IPv4 address such as 10.0.1.5", verb->name,
				words[i]);
			json_decref(request);
			return NULL;
		}
		json_object_set_new(request, verb->keys[i], json_string(words[i]));
	}
	return request;
}

void ctl_print_done(const struct ctl *ctl, const json_t *last)
{
	if (ctl->json) {
		json_dumpf(last, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
	} else {
		fputs("done\n", ctl->out);
		ctl_fields_print(ctl->out, last);
	}
}

int cmd_verb(struct ctl *ctl, int argc, char **argv)
{
	int i = ctl_match(argv[0], CTL_WORDS(verbs, CTL_COUNT(verbs)));
	json_t *request = i < 0 ? NULL : request_of(&verbs[i], argv + 1);
	json_t *last = NULL;
	int r;

	if (!request)
		return CTL_USAGE;
	r = ctl_ask(ctl, verbs[i].daemon, CTL_FULL, request, NULL, NULL, &last);
	r = ctl_settle(ctl, verbs[i].daemon, CTL_FULL, r, last);
	if (r == CTL_DONE)
		ctl_print_done(ctl, last);
	json_decref(last);
	return r;
}
