/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gateway's Midcom agent, seen from the manager: a SIMCO session that is opened
 * again whenever it is lost. Requests are pipelined; those of one turn of the loop
 * leave in one write, and their replies come in their order.
 */
#ifndef MM_GATEWAY_H
#define MM_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "mnat/peering.h"
#include "mnat/simco.h"
#include "mnat/tls.h"
#include "registry.h"

#define MAX_GATEWAYS (1 + PEERING_OTHERS_MAX)
#define PROMPT_MS 50	/* what an answer may take before nobody waits for it */
#define GIVE_UP_MS 5000 /* ... before the session is opened anew */

struct batch;
struct gateway;

struct gateway_ops {
	/* The session is open (SE and HELLO answered). */
	void (*established)(struct gateway *gateway, void *user);
	/*
	 * The end of a rebind: error 0 confirmed, an enum simco_error, or -1: the
	 * session was lost before the answer. batch as given, may be NULL.
	 */
	void (*rebound)(struct gateway *gateway, struct host *host, uint32_t generation, int error,
			uint64_t bound_at_ns, struct batch *batch, void *user);
	void (*lost)(struct gateway *gateway, void *user);
	/* HEND: the last session of a host that is away has ended there. May be NULL. */
	void (*ended)(struct gateway *gateway, struct in_addr identity, void *user);
};

/*
 * The reply to gateway_ask(), positive or negative; its flows do not outlive the call.
 * NULL: the session was lost before it came.
 */
typedef void (*gateway_reply_fn)(struct gateway *gateway, const struct simco_message *reply,
				 void *user);

/* A request whose reply has not come. */
struct gateway_request {
	uint32_t transaction;
	uint8_t subtype;
	uint32_t generation;
	uint64_t sent_ns;
	struct host *host;   /* held by the caller until rebound() */
	struct batch *batch;
	gateway_reply_fn replied; /* of gateway_ask() */
	void *user;
	struct gateway_request *prev, *next;
};

struct gateway {
	uv_loop_t *loop;
	char *name;
	char *path;	   /* of its socket, or NULL: */
	char *address;	   /* its "host:port" ... */
	char *certificate; /* ... and the name its certificate bears */
	struct mnat_tls *tls;
	struct in_addr tunnel_addr; /* where its tunnels end; 0.0.0.0: nowhere */
	uint32_t bit; /* in host masks */
	const struct gateway_ops *ops;
	void *user;
	struct mnat_stream *stream; /* NULL: not connected */
	bool established;
	bool synced; /* it agreed to forget hosts we do not name */
	bool complained;
	uint32_t transaction;
	uint64_t epoch;
	bool reset; /* its tables are others than at the session before */
	uint32_t hosts; /* as the gateway last said */
	uint64_t sessions; /* opened since the start */
	struct gateway_request *requests;
	uv_timer_t retry; /* to path */
	unsigned int retry_ms;
	struct mnat_tls_connector *connector; /* to address */
};

/*
 * name, bit, and either path or address, certificate and tls are set by the caller,
 * whose they stay. 0 or -errno, printed.
 */
int gateway_start(struct gateway *gateway, uv_loop_t *loop, const struct gateway_ops *ops,
		  void *user);
void gateway_close(struct gateway *gateway);

/* Begin a session on a connected socket, which it takes over. */
int gateway_attach(struct gateway *gateway, int fd);

/* Send where the host is. 0: rebound() will follow; -ENOTCONN or -ENOMEM: it will not. */
int gateway_rebind(struct gateway *gateway, struct host *host, struct batch *batch);

/*
 * Send any other request: HANC, HARR, FEXP, FIMP. The caller fills in the sub-type and
 * attributes. 0: replied() will follow; -ENOTCONN, -ENOMEM or -EMSGSIZE: it will not.
 */
int gateway_ask(struct gateway *gateway, struct simco_message *request, gateway_reply_fn replied,
		void *user);

/* flags: SIMCO_HSYNC_BEGIN or SIMCO_HSYNC_END. */
int gateway_sync(struct gateway *gateway, uint32_t flags);

/* Is an answer to be expected soon? */
bool gateway_is_prompt(const struct gateway *gateway, uint64_t now_ns);

/* Drop a session that has not answered for GIVE_UP_MS; the next one starts anew. */
void gateway_watch(struct gateway *gateway, uint64_t now_ns);

#endif
