// SPDX-License-Identifier: GPL-2.0-only
#include "conf_share.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "mnat/abi.h"

cfg_opt_t share_settings[] = {
	CFG_STR_LIST("identities", "{}", CFGF_NONE),
	CFG_END(),
};

static int get_share(cfg_t *cfg, struct share_conf *share)
{
	struct in_addr addr;
	int r;

	if (mnat_parse_ip(cfg_title(cfg), &addr) || !addr.s_addr) {
		cfg_error(cfg, "share \"%s\": expected a virtual address, such as 10.128.9.1",
			  cfg_title(cfg));
		return -EINVAL;
	}
	share->address = ntohl(addr.s_addr);
	r = ranges_get(cfg, "identities", &share->identities);
	if (r)
		return r;
	for (size_t i = 0; i < share->identities.n; i++)
		if (!mnat_is_sharing_identity(share->identities.range[i].first) ||
		    !mnat_is_sharing_identity(share->identities.range[i].last))
			r = -EINVAL;
	if (!r && share->identities.n)
		return 0;
	cfg_error(cfg,
		  "share \"%s\": expected identities = \"240.1.0.0/16\", addresses of 240.0.0.0/4 "
		  "but not 255.255.255.255, one for each host",
		  cfg_title(cfg));
	return -EINVAL;
}

int shares_get(cfg_t *cfg, struct shares_conf *shares)
{
	unsigned int n = cfg_size(cfg, "share");
	int r = 0;

	if (n > MNAT_MAX_SHARED) {
		cfg_error(cfg, "%u share sections: expected at most %d", n, MNAT_MAX_SHARED);
		return -EINVAL;
	}
	shares->share = calloc(n + 1, sizeof(*shares->share));
	if (!shares->share)
		return -ENOMEM;
	while (!r && shares->n < n) {
		cfg_t *section = cfg_getnsec(cfg, "share", (unsigned int)shares->n);

		r = get_share(section, &shares->share[shares->n++]);
	}
	return r;
}

void shares_free(struct shares_conf *shares)
{
	for (size_t i = 0; i < shares->n; i++)
		free(shares->share[i].identities.range);
	free(shares->share);
}

const struct share_conf *shares_at(const struct shares_conf *shares, uint32_t address)
{
	for (size_t i = 0; i < shares->n; i++)
		if (shares->share[i].address == address)
			return &shares->share[i];
	return NULL;
}

const struct share_conf *shares_of(const struct shares_conf *shares, uint32_t identity)
{
	for (size_t i = 0; mnat_is_sharing_identity(identity) && i < shares->n; i++)
		if (ranges_contain(&shares->share[i].identities, identity))
			return &shares->share[i];
	return NULL;
}
