// SPDX-License-Identifier: GPL-2.0-only
/* gateway.conf: forward "NAME" { ... }, external ports that are always a host's. */
#include "gateway_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* After inside and outside. */
static int parse_forward(cfg_t *cfg, const struct mnat_gateway_config *bpf,
			 struct mnat_forward *ret_forward)
{
	long port = cfg_getint(cfg, "port"), host_port = cfg_getint(cfg, "host-port");
	const char *protocol = cfg_getstr(cfg, "protocol"), *title = cfg_title(cfg);
	struct in_addr address = {htonl(bpf->external[0].first)}, host;
	struct mnat_forward f = {};

	if (strlen(title) >= sizeof(f.name)) {
		cfg_error(cfg, "the name \"%s\" is too long: at most %zu letters", title,
			  sizeof(f.name) - 1);
		return -EINVAL;
	}
	if (strcmp(protocol, "tcp") && strcmp(protocol, "udp")) {
		cfg_error(cfg, "protocol = \"%s\": expected \"tcp\" or \"udp\"", protocol);
		return -EINVAL;
	}
	if (!cfg_getstr(cfg, "host")) {
		cfg_error(cfg, "host: missing, expected a host's virtual address, or a plain "
			       "host's own");
		return -EINVAL;
	}
	mnat_parse_ip(cfg_getstr(cfg, "host"), &host);
	if (cfg_getstr(cfg, "address"))
		mnat_parse_ip(cfg_getstr(cfg, "address"), &address);
	f.proto = strcmp(protocol, "tcp") ? MNAT_UDP : MNAT_TCP;
	f.address = ntohl(address.s_addr);
	f.port = (uint16_t)port;
	f.host = host.s_addr;
	f.host_port = htons((uint16_t)(host_port ? host_port : port));
	snprintf(f.name, sizeof(f.name), "%s", title);
	if (!gateway_is_in(ntohl(f.host), bpf->inside, bpf->n_inside) &&
	    !gateway_is_in(ntohl(f.host), bpf->virtuals, bpf->n_virtual) &&
	    !mnat_is_sharing_identity(ntohl(f.host))) {
		cfg_error(cfg,
			  "host = \"%s\": is neither in inside { prefixes } nor in "
			  "inside { virtual }, nor the identity of a host that shares its address",
			  cfg_getstr(cfg, "host"));
		return -EINVAL;
	}
	if (port < 1 || port > 65535 || host_port < 0 || host_port > 65535 ||
	    mnat_binding_index(bpf, f.proto, f.address, f.port) < 0) {
		cfg_error(cfg,
			  "port = %ld: expected an address and port of outside { addresses, ports }, "
			  "and a host-port below 65536",
			  port);
		return -EINVAL;
	}
	*ret_forward = f;
	return 0;
}

int gateway_parse_forwards(cfg_t *cfg, struct mnat_gateway_conf *conf)
{
	unsigned int n = cfg_size(cfg, "forward");

	if (n > MNAT_MAX_FORWARDS) {
		cfg_error(cfg, "more than %d forward sections", MNAT_MAX_FORWARDS);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct mnat_forward *f = &conf->forwards[i];
		cfg_t *section = cfg_getnsec(cfg, "forward", i);

		if (parse_forward(section, &conf->bpf, f))
			return -EINVAL;
		for (unsigned int j = 0; j < i; j++) {
			const struct mnat_forward *o = &conf->forwards[j];

			if (o->proto == f->proto &&
			    ((o->address == f->address && o->port == f->port) ||
			     (o->host == f->host && o->host_port == f->host_port))) {
				cfg_error(section,
					  "has the external port, or the host and port, of "
					  "forward \"%s\"",
					  o->name);
				return -EINVAL;
			}
		}
	}
	conf->n_forwards = n;
	return 0;
}
