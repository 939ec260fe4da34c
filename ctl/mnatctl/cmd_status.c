// SPDX-License-Identifier: GPL-2.0-only
/* mnatctl, mnatctl status */
#include <errno.h>

#include "ctl.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

/* A daemon that was never started here is not a problem: boxes run what they need. */
static int ask_one(const struct ctl *ctl, const struct ctl_daemon *daemon, json_t *status)
{
	_cleanup_free_ char *path = ctl_socket_path(ctl, daemon->name, CTL_READ_ONLY);
	_cleanup_free_ char *why = NULL;
	json_t *answer = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	r = ctl_ask(ctl, daemon->name, CTL_READ_ONLY, json_pack("{s:s}", "cmd", "status"), NULL,
		    NULL, &answer);
	if (r)
		why = ctl_why(ctl, daemon->name, CTL_READ_ONLY, r);
	ctl_status_add(status, daemon, r ? NULL : answer, why ? why : "no memory");
	json_decref(answer);
	return 1;
}

static void add_nobody(const struct ctl *ctl, json_t *status)
{
	char sentence[512];

	snprintf(sentence, sizeof(sentence),
		 "no MobileNAT daemon answers in %s: start them with systemctl start mnat-midcomd "
		 "mnat-mmd mnat-dhcpd (a gateway) or mnatc (a mobile node), or name their run "
		 "directory with -r",
		 ctl->run_dir);
	ctl_status_add(status, NULL, NULL, sentence);
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	json_t *status = ctl_status_new();
	bool healthy;
	int asked = 0;

	for (size_t i = 0; i < ctl_n_daemons; i++) {
		int r = ask_one(ctl, &ctl_daemons[i], status);

		if (r < 0) {
			log_err("out of memory");
			return CTL_FAILED;
		}
		asked += r;
	}
	if (!asked)
		add_nobody(ctl, status);
	if (ctl->json) {
		json_dumpf(status, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
	} else {
		ctl_status_print(ctl->out, status);
	}
	healthy = json_is_true(json_object_get(status, "healthy"));
	json_decref(status);
	return healthy ? CTL_DONE : CTL_FAILED;
}
