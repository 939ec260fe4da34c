/* SPDX-License-Identifier: GPL-2.0-only */
/* A server on a virtual clock with a store in memory, and messages to send to it. */
#ifndef DHCPD_FIXTURE_TEST_H
#define DHCPD_FIXTURE_TEST_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "mnat/clock.h"

#include "server.h"

/* The seed's pools, one address at the start of each kept back. */
#define SEED_CONF                                                                                  \
	"interfaces = {\"eth1\"}\n"                                                                \
	"server-id = \"10.0.0.1\"\n"                                                               \
	"reserve-first = 1\n"                                                                      \
	"virtual { pool = \"10.128.0.1-10.255.255.254\"\n manager = \"10.0.0.1\" }\n"              \
	"subnet \"10.0.1.0/24\" { pool = \"10.0.1.4-10.0.1.254\"\n router = \"10.0.1.1\"\n"        \
	" dns = {\"10.0.0.1\"} }\n"                                                                \
	"subnet \"10.0.2.0/24\" { pool = \"10.0.2.6-10.0.2.254\"\n router = \"10.0.2.1\" }\n"

/* text as a configuration file; NULL: refused. */
struct conf *conf_from(const char *text);

struct memory_store {
	struct mnat_lease_record *records;
	size_t n;
	struct mnat_auth_record *auths;
	size_t n_auths;
	int transactions;
	bool fails;
};

struct fixture {
	struct conf *conf;
	struct memory_store store;
	struct server server;
	struct arrival arrival;
	struct reply reply;
	struct dhcp_message answer; /* the reply parsed, of the last ask() */
	void (*stored)(struct fixture *f); /* a batch is, with its events; NULL: nobody cares */
	void *user;
};

extern const struct mnat_store_ops memory_store_ops;

struct fixture *fixture_new(const char *conf);
/* As after kill -9: only what is in the store is left. */
void fixture_restart(struct fixture *f);
void fixture_free(struct fixture *f);

/* The virtual clock begins anew with each fixture. */
void pass_seconds(uint64_t seconds);

/* What a client says; addresses as text, NULL: not there. */
struct say {
	enum dhcp_type type;
	uint8_t host; /* last byte of the MAC */
	const char *client_id;
	const char *relay;
	const char *ciaddr;
	const char *requested;
	const char *server;
	const char *shim;
	enum dhcp_shim_form form;		      /* with shim; 0: option 125 */
	const char *arrivals[DHCP_MNAT_MAX_ARRIVALS]; /* managers, with shim */
	const char *hostname;
	const char *relay_info;
	bool broadcast_flag;
	uint16_t max_size;
	uint64_t counter; /* not 0: proved by fixture_secret under the number 1 */
};

extern const struct dhcp_secret fixture_secret;

/* From now on who does not prove himself by it gets no answer. */
void fixture_require_auth(struct fixture *f);

size_t say_bytes(const struct say *say, uint8_t buf[DHCP_MAX_MESSAGE]);

/* Handle, commit, begin the next batch; false: no answer. f->answer and f->reply are set. */
bool ask(struct fixture *f, const struct say *say);
#define ASK(f, ...) ask(f, &(const struct say){__VA_ARGS__})

/* The four messages of a client with that MAC; its actual address. */
uint32_t bind_host(struct fixture *f, uint8_t host, const char *relay, const char *shim);

uint32_t addr(const char *text); /* host order */
uint32_t yiaddr(const struct fixture *f);
uint32_t shim(const struct fixture *f); /* of the answer; 0: none */
struct client *client_of(struct fixture *f, uint8_t host);

#endif
