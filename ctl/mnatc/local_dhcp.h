/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For a stack that is configured by a DHCP client of its own: a server on the device
 * (seed paragraphs 137-139), which gives it the virtual address for ever, however often
 * the node moves. A request that comes before there is a lease is answered when there is.
 */
#ifndef MNATC_LOCAL_DHCP_H
#define MNATC_LOCAL_DHCP_H

#include <uv.h>

#include "lease.h"
#include "watch.h"

/* What the stack is told. */
struct local_offer {
	struct in_addr virt; /* 0.0.0.0: there is none yet */
	struct in_addr mask;
	struct in_addr gateway; /* also who speaks */
	struct in_addr server;	/* the domain's own server's name */
	uint32_t mtu;
	struct lease_dns dns;
};

struct local_dhcp {
	int index; /* of the device's other end; 0: not open */
	int fd;
	struct watch *watch;
	struct local_offer offer;
	struct in_addr given; /* the stack has this one */
	struct dhcp_message in;
	bool held; /* in waits for an address */
};

/* On device's other end, as mnat-load made the pair. 0 or -errno, printed. */
int local_dhcp_open(uv_loop_t *loop, const char *device, struct local_dhcp *ret_server);
void local_dhcp_close(struct local_dhcp *server);

/*
 * The address there is now. Who waits is answered; a stack that has another one is made
 * to ask again, by a carrier that is gone for a moment: its lease would never end.
 */
void local_dhcp_set(struct local_dhcp *server, const struct local_offer *offer);

/*
 * What a message is answered with: length of the reply in buf (of DHCP_MAX_MESSAGE bytes),
 * 0: nothing. Touches no socket.
 */
size_t local_dhcp_answer(const struct dhcp_message *in, const struct local_offer *offer,
			 uint8_t *buf);

#endif
