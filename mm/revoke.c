// SPDX-License-Identifier: GPL-2.0-only
/* The command revoke: a host's virtual address, or a domain's number. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "manager.h"
#include "mmd_conf.h"
#include "mnat/addr.h"
#include "mnat/log.h"
#include "report.h"

static void revoke_host(struct mnat_control_client *client, struct manager *m, struct in_addr virt)
{
	char ip[MNAT_IP_LEN];
	int r = roam_revoke_host(&m->roam, virt);

	mnat_ip(virt, ip);
	if (r == -ENOENT)
		return mnat_control_fail(client, MNAT_E_NOT_FOUND,
					 "no mobile node of this domain has %s", ip);
	if (r == -EAGAIN)
		return mnat_control_fail(client, MNAT_E_FAILED,
					 "the DHCP server has not told its leases yet: ask again");
	if (r)
		return mnat_control_fail(client, MNAT_E_FAILED, "it cannot be kept on disk: %s",
					 strerror(-r));
	log_info("%s: its tickets are revoked", ip);
	mnat_control_done(client, NULL);
}

static void revoke_peer(struct mnat_control_client *client, struct manager *m, uint32_t domain)
{
	if (roam_revoke_peer(&m->roam, domain))
		return mnat_control_fail(client, MNAT_E_NOT_FOUND, "domain %u is no peer of ours",
					 domain);
	for (unsigned int i = 0; m->links && i < m->roam.n_peers; i++)
		if (m->roam.peers[i].domain == domain)
			links_revoke(m->links, i);
	log_info("domain %u is revoked until the next start; remove it from mmd.conf for good",
		 domain);
	mnat_control_done(client, NULL);
}

void report_on_revoke(struct mnat_control_client *client, const json_t *request, void *user)
{
	const char *what = json_string_value(json_object_get(request, "what"));
	struct manager *m = user;
	struct in_addr virt;
	uint32_t domain;

	if (!m->roam.domain)
		mnat_control_fail(client, MNAT_E_FAILED,
				  "this domain has no dealings with others (domain = 0 in mmd.conf)");
	else if (what && !mnat_parse_ip(what, &virt))
		revoke_host(client, m, virt);
	else if (what && !mmd_conf_domain(what, &domain))
		revoke_peer(client, m, domain);
	else
		mnat_control_fail(client, MNAT_E_ARGUMENT,
				  "revoke needs \"what\": a virtual address, or a domain's number");
}
