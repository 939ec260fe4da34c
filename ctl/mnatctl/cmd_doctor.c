// SPDX-License-Identifier: GPL-2.0-only
/* mnatctl doctor */
#include <stdarg.h>

#include "ctl.h"
#include "doctor.h"
#include "mnat/cleanup.h"

static const char *const results[] = {
	[FINDING_OK] = "ok",
	[FINDING_PROBLEM] = "problem",
	[FINDING_UNKNOWN] = "unknown",
};

void doctor_say(struct doctor *doctor, const char *check, enum finding finding, const char *fmt,
		...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	doctor->sick = doctor->sick || finding == FINDING_PROBLEM;
	json_array_append_new(doctor->findings, json_pack("{s:s,s:s,s:s}", "check", check, "result",
							  results[finding], "text", text));
}

static void ask_daemon(const struct ctl *ctl, struct doctor *doctor)
{
	_cleanup_free_ char *why = NULL;
	json_t *problem;
	size_t i;
	int r = ctl_ask(ctl, "mnatc", CTL_READ_ONLY, json_pack("{s:s}", "cmd", "status"), NULL,
			NULL, &doctor->status);

	if (r) {
		why = ctl_why(ctl, "mnatc", CTL_READ_ONLY, r);
		doctor->status = NULL;
		doctor_say(doctor, "mnatc", FINDING_PROBLEM, "%s", why ? why : "no memory");
		return;
	}
	json_array_foreach(json_object_get(doctor->status, "problems"), i, problem)
		doctor_say(doctor, "mnatc", FINDING_PROBLEM, "%s", json_string_value(problem));
	if (!i)
		doctor_say(doctor, "mnatc", FINDING_OK, "%s at %s on %s, state %s",
			   json_string_value(json_object_get(doctor->status, "virtual")),
			   json_string_value(json_object_get(doctor->status, "actual")),
			   json_string_value(json_object_get(doctor->status, "uplink")),
			   json_string_value(json_object_get(doctor->status, "state")));
}

static void examine(const struct ctl *ctl, struct doctor *doctor)
{
	if (mnat_node_conf_load(doctor->conf_path, &doctor->conf)) {
		doctor_say(doctor, "configuration", FINDING_PROBLEM,
			   "%s cannot be used: correct it, mnatc -t -c %s tells what is wrong",
			   doctor->conf_path, doctor->conf_path);
		return;
	}
	doctor_say(doctor, "configuration", FINDING_OK, "%s", doctor->conf_path);
	doctor_data_path(doctor);
	doctor_device(doctor);
	doctor_uplinks(doctor);
	ask_daemon(ctl, doctor);
	doctor_clock(doctor);
	doctor_path_mtu(doctor);
	doctor_names(doctor);
}

static void print(const struct ctl *ctl, const struct doctor *doctor)
{
	json_t *finding;
	size_t i;

	json_array_foreach(doctor->findings, i, finding)
		fprintf(ctl->out, "%-8s %-14s %s\n",
			json_string_value(json_object_get(finding, "result")),
			json_string_value(json_object_get(finding, "check")),
			json_string_value(json_object_get(finding, "text")));
}

int cmd_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct doctor doctor = {
		.conf_path = ctl->config ? ctl->config : "/etc/mobilenat/node.conf",
		.findings = json_array(),
	};

	examine(ctl, &doctor);
	if (ctl->json) {
		json_dumpf(doctor.findings, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
	} else {
		print(ctl, &doctor);
	}
	json_decref(doctor.findings);
	json_decref(doctor.status);
	return doctor.sick ? CTL_FAILED : CTL_DONE;
}
