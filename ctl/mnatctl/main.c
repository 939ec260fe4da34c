// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "ctl.h"
#include "mnat/control.h"
#include "mnat/log.h"

/* A full disk must not pass for a whole dump. */
static int close_output(FILE *out, int result)
{
	if (!fflush(out) && !ferror(out))
		return result;
	log_err("cannot write the output: %s", strerror(errno));
	return result ? result : CTL_FAILED;
}

int main(int argc, char **argv)
{
	const char *run_dir = getenv("MNAT_RUN_DIR");
	struct ctl ctl = {
		.out = stdout,
		.run_dir = run_dir && *run_dir ? run_dir : MNAT_RUN_DIR,
		.wait_ms = 2000,
	};
	int first;

	setlocale(LC_CTYPE, "");
	mnat_log_init("mnatctl", MNAT_LOG_INFO);
	if (ctl_options_parse(&ctl, argc, argv, &first))
		return CTL_USAGE;
	if (ctl.version) {
		puts("mnatctl " MNAT_VERSION);
		return CTL_DONE;
	}
	return close_output(stdout, ctl_run(&ctl, argc - first, argv + first));
}
