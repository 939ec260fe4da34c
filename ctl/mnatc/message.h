/* SPDX-License-Identifier: GPL-2.0-only */
/* A client's DHCP messages, as bytes. */
#ifndef MNATC_MESSAGE_H
#define MNATC_MESSAGE_H

#include "fsm.h"
#include "mnat/role_conf.h"

/* Option 61: 255 bytes at most; 64 of text and a type byte are enough for us. */
struct client_id {
	uint8_t bytes[65];
	uint8_t len;
};

/* What all messages of this node have in common. */
struct identity {
	struct client_id client_id;
	struct dhcp_codec codec;
	enum dhcp_shim_form form;
	uint8_t mode; /* enum dhcp_mnat_mode: what the domain is asked for */
};

/* From the configuration; mac is the first uplink's. */
void identity_init(const struct mnat_node_conf *conf, const uint8_t mac[6],
		   struct identity *ret_identity);

/* What proves to other domains that we have come here. */
struct arrivals {
	struct dhcp_mnat_arrival list[DHCP_MNAT_MAX_ARRIVALS];
	unsigned int n;
};

/* mac: of the uplink it leaves by; buf of DHCP_MAX_MESSAGE bytes. 0 or -EMSGSIZE. */
int message_build(const struct identity *identity, const struct fsm_message *message,
		  const struct arrivals *arrivals, const uint8_t mac[6], uint8_t *buf,
		  size_t *ret_len);

#endif
