// SPDX-License-Identifier: GPL-2.0-only
/* Asking a daemon, and saying in a sentence why that did not work. */
#include <errno.h>
#include <string.h>

#include "ctl.h"
#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/log.h"

const struct ctl_daemon ctl_daemons[] = {
	{"midcomd", "mnat-midcomd"},
	{"mmd", "mnat-mmd"},
	{"dhcpd", "mnat-dhcpd"},
	{"mnatc", "mnatc"},
};
const size_t ctl_n_daemons = CTL_COUNT(ctl_daemons);

static const char *program_of(const char *daemon)
{
	int i = ctl_match(daemon, CTL_WORDS(ctl_daemons, ctl_n_daemons));

	return i < 0 ? daemon : ctl_daemons[i].program;
}

char *ctl_socket_path(const struct ctl *ctl, const char *daemon, enum ctl_socket socket)
{
	char *path;

	if (asprintf(&path, "%s/%s%s.sock", ctl->run_dir, daemon,
		     socket == CTL_READ_ONLY ? "-ro" : "") < 0)
		return NULL;
	return path;
}

static void json_decrefpp(json_t **json)
{
	json_decref(*json);
}

static void ignore_row(const json_t *row, void *user)
{
}

int ctl_ask(const struct ctl *ctl, const char *daemon, enum ctl_socket socket, json_t *request,
	    ctl_row row, void *user, json_t **ret_last)
{
	_cleanup_(json_decrefpp) json_t *owned = request;
	_cleanup_free_ char *path = ctl_socket_path(ctl, daemon, socket);

	if (!owned || !path)
		return -ENOMEM;
	return mnat_control_call(path, owned, ctl->wait_ms, row ? row : ignore_row, user, ret_last);
}

bool ctl_is_absent(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

char *ctl_why(const struct ctl *ctl, const char *daemon, enum ctl_socket socket, int r)
{
	_cleanup_free_ char *path = ctl_socket_path(ctl, daemon, socket);
	const char *program = program_of(daemon);
	char *why = NULL;
	int n;

	if (ctl_is_absent(r))
		n = asprintf(&why,
			     "%s is not running (nothing answers on %s): start it with systemctl "
			     "start %s, or name its run directory with -r",
			     program, path, program);
	else if (r == -EACCES || r == -EPERM)
		n = asprintf(&why, "no permission for %s: use sudo", path);
	else if (r == -ETIMEDOUT)
		n = asprintf(&why,
			     "%s did not answer within %d ms: wait longer with -w, or see "
			     "journalctl -u %s",
			     program, ctl->wait_ms, program);
	else if (r == -EPROTO)
		n = asprintf(&why,
			     "%s does not speak the control protocol of mnatctl " MNAT_VERSION
			     ": install the same version of both and restart %s",
			     program, program);
	else
		n = asprintf(&why, "%s broke off (%s): see journalctl -u %s", program, strerror(-r),
			     program);
	return n < 0 ? NULL : why;
}

int ctl_settle(const struct ctl *ctl, const char *daemon, enum ctl_socket socket, int r,
	       const json_t *last)
{
	json_int_t code;
	const char *error;

	if (r) {
		_cleanup_free_ char *why = ctl_why(ctl, daemon, socket, r);

		log_err("%s", why ? why : strerror(-r));
		return CTL_FAILED;
	}
	code = json_integer_value(json_object_get(last, "code"));
	if (code == MNAT_OK)
		return CTL_DONE;
	error = json_string_value(json_object_get(last, "error"));
	log_err("%s: %s%s", program_of(daemon), error ? error : "failed without a reason",
		code == MNAT_E_PERMISSION ? ": use sudo" : "");
	return CTL_FAILED;
}
