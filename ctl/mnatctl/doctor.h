/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mnatctl doctor: what is wrong with this mobile node, in plain words, with what to do.
 * It looks for itself, so that it works when mnatc does not run; what mnatc says is one
 * finding of several.
 */
#ifndef MNATCTL_DOCTOR_H
#define MNATCTL_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "mnat/role_conf.h"

enum finding { FINDING_OK, FINDING_PROBLEM, FINDING_UNKNOWN };

struct doctor {
	struct mnat_node_conf conf;
	const char *conf_path;
	json_t *status;	  /* mnatc's answer, or NULL */
	json_t *findings; /* array of {"check", "result", "text"} */
	bool sick;
};

void doctor_say(struct doctor *doctor, const char *check, enum finding finding, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));

/* doctor_system.c: the data path, interfaces, who else manages them, routes, clock */
void doctor_data_path(struct doctor *doctor);
void doctor_uplinks(struct doctor *doctor);
void doctor_device(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);

/* doctor_network.c: needs a lease */
void doctor_path_mtu(struct doctor *doctor);
void doctor_names(struct doctor *doctor);

/* For tests: the name server in a line of resolv.conf. False: there is none. */
bool doctor_name_server(const char *line, struct in_addr *ret_server);

#endif
