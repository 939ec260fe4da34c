/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Local control: newline-delimited JSON over Unix stream sockets.
 *
 * On connect the server sends a greeting:
 *     {"mobilenat":1,"daemon":"mnat-mmd","version":"0.1.0","pid":4711}
 * A request is one line, {"cmd":NAME, ...arguments}. The answer is any number of
 *     {"row":{...}}
 * lines and one last
 *     {"code":0, ...}        or        {"code":N,"error":"what to do about it"}
 * line. An unknown command or malformed line gets an error and the connection
 * stays open; a line over MNAT_CONTROL_LINE bytes ends it.
 *
 * Codes: 0 done; 1xx the request is wrong (100 not JSON, 101 unknown command,
 * 102 bad argument, 103 not permitted); 2xx it cannot be done now (200 failed,
 * 201 not found, 202 a peer did not answer in time).
 *
 * A daemon has two sockets in its run directory, NAME.sock (mode 0600) and
 * NAME-ro.sock (mode 0666), on which only commands marked read-only answer.
 *
 * Commands of every daemon (read-only):
 *   status            {"code":0,"daemon":...,"uptime_s":...,"healthy":true|false,
 *                      "problems":["sentence", ...], ...own fields}
 *   dump what=NAME    rows
 *
 * Who answers what: mnat-midcomd (socket "midcomd") dumps hosts, sessions,
 * bindings, blocks, anchors, counters, and answers top (ctl/midcom/top.h), monitor
 * (ctl/midcom/monitor.h, rows without end) and, on its full socket only, whohad
 * (ctl/midcom/whohad.h); mnat-dhcpd ("dhcpd") leases, counters; mnat-mmd ("mmd") hosts,
 * gateways, peers, counters; mnatc ("mnatc") shim, counters, moves.
 *
 * Commands of mnat-dhcpd beside those:
 *   export  what="leases": a row a lease or proof, as dhcpd/record.h has them, and in the
 *           end {"code":0,"rows":N} (full socket only, as import)
 *   import  what="leases": the same back, in as many requests as it takes
 *           (dhcpd/transfer.c); {"row":{"line":L,"error":"why"}} for each that is refused
 *
 * Commands of mnat-mmd beside those (full socket only):
 *   lease   a batch of lease events from a DHCP server, acknowledged when every
 *           gateway has them in force:
 *           {"cmd":"lease","id":N,"events":[EVENT,...]} -> {"code":0,"id":N,"pending":P}
 *           P: how many of them some gateway did not confirm within 50 ms; those
 *           are marked pending and retried. code 0 even then: the ACK may go.
 *           EVENT: {"virtual":"10.128.0.2"|null,"actual":"10.0.1.5"|null,
 *                   "old":"10.0.2.7"|null,"gen":7,"mac":"02:..","client":"hex"}
 *           and "circuit":"hex" of the port or access point that the relay names,
 *           and "tunnel":true if packets go to the actual address by tunnel, and
 *           "shows":"10.128.9.1" for a host that shares this virtual address with others:
 *           "virtual" is then its identity, one of 240.0.0.0/4 that is never on a wire, and
 *           it has neither tokens nor arrivals.
 *           An event of a node that comes from other domains has besides
 *                   "arrivals":[{"manager":"135.180.32.4","ticket":"hex","counter":N,
 *                                "proof":"hex"},...]   the last visited domain first
 *           (one with this domain's own ticket tells that it is the host that had the
 *           virtual address before). They are repeated in snapshots.
 *           and the answer has, for each mobile host bound, what its ACK shall carry:
 *                   "tokens":{"10.128.0.2":{"ticket":"hex","key":"hex"},...}
 *           and, for each host of which something later is known than was told,
 *                   "stale":{"10.128.0.2":G,...}
 *           G: a generation that will be believed, as will later ones. The DHCP server's
 *           database is older than the manager, or it died before what it had told was stored.
 *           virtual null: a plain host, whose identity is its actual address.
 *           actual null: the host's lease ended. gen: strictly increasing per
 *           host, kept by the DHCP server with the lease, never reused.
 *   The manager speaks to the DHCP server on the same connection, unasked:
 *           {"notify":"renew","virtual":"10.128.0.2","seconds":N}  keep this virtual lease
 *           {"notify":"release","virtual":"10.128.0.2"}            its last session ended
 *   snapshot  first message of a DHCP server after it connects: "lease" batches
 *           follow, then {"cmd":"snapshot-end"}; hosts not named in between are
 *           gone and are unbound at the gateways.
 */
#ifndef MNAT_CONTROL_H
#define MNAT_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define MNAT_CONTROL_VERSION 1
#define MNAT_CONTROL_LINE (1 << 20)
#define MNAT_RUN_DIR "/run/mobilenat"

enum mnat_code {
	MNAT_OK = 0,
	MNAT_E_JSON = 100,
	MNAT_E_COMMAND = 101,
	MNAT_E_ARGUMENT = 102,
	MNAT_E_PERMISSION = 103,
	MNAT_E_FAILED = 200,
	MNAT_E_NOT_FOUND = 201,
	MNAT_E_TIMEOUT = 202,
};

/* ---- Server (libuv) ---- */

struct mnat_control;	    /* a daemon's pair of sockets */
struct mnat_control_client; /* one connection; dies when either side closes */

/*
 * A handler answers by mnat_control_row() any number of times and one of
 * mnat_control_done()/_fail(), at once or later: it may keep client if it holds a
 * reference (mnat_control_client_ref) and drops it after answering. Answers to a
 * connection that has gone are discarded.
 */
typedef void (*mnat_control_handler)(struct mnat_control_client *client, const json_t *request,
				     void *user);

struct mnat_control_command {
	const char *name;
	bool read_only; /* also answers on the -ro socket */
	mnat_control_handler handler;
};

/*
 * Listen on RUN_DIR/NAME.sock and RUN_DIR/NAME-ro.sock; creates run_dir (0755).
 * commands ends with a NULL name and is kept by reference, as is user. If a live
 * daemon answers on the path: -EADDRINUSE, with its pid in the error printed; a
 * stale socket file is replaced. Errors are printed.
 */
int mnat_control_listen(uv_loop_t *loop, const char *run_dir, const char *name,
			const char *daemon, const struct mnat_control_command *commands,
			void *user, struct mnat_control **ret_control);

/* Close all connections and both sockets, unlink them; finishes on the loop. */
void mnat_control_close(struct mnat_control *control);

/* row and fields are stolen (one reference each); fields may be NULL. */
void mnat_control_row(struct mnat_control_client *client, json_t *row);
void mnat_control_done(struct mnat_control_client *client, json_t *fields);
void mnat_control_fail(struct mnat_control_client *client, enum mnat_code code, const char *fmt,
		       ...) __attribute__((format(printf, 3, 4)));

/* A line that answers nothing; line is stolen. */
void mnat_control_notify(struct mnat_control_client *client, json_t *line);

/* False: the other side has gone, or sends no more and takes what is said as the end. */
bool mnat_control_is_waiting(const struct mnat_control_client *client);

/* Bytes accepted for this client and not yet written. */
size_t mnat_control_backlog(const struct mnat_control_client *client);

/*
 * Answer piece by piece: a table of a million rows must neither block the loop nor
 * sit in memory for a reader that does not read. step() gives some rows (about
 * MNAT_CONTROL_PIECE bytes) and returns true, or answers by done/fail and returns
 * false; it is called whenever the client has taken what came before. free_state
 * (may be NULL) is called once after the last step, or when the client has gone.
 * Further requests of this client wait meanwhile.
 */
#define MNAT_CONTROL_PIECE 65536
void mnat_control_stream(struct mnat_control_client *client,
			 bool (*step)(struct mnat_control_client *client, void *state),
			 void (*free_state)(void *state), void *state);

struct mnat_control_client *mnat_control_client_ref(struct mnat_control_client *client);
void mnat_control_client_unref(struct mnat_control_client *client);

/* ---- Asynchronous peer (libuv): a daemon that talks to another's socket ---- */

struct mnat_peer;

struct mnat_peer_ops {
	void (*connected)(struct mnat_peer *peer, void *user);
	void (*message)(struct mnat_peer *peer, const json_t *line, void *user);
	void (*lost)(struct mnat_peer *peer, void *user); /* reconnects by itself, 10 ms .. 1 s */
};

int mnat_peer_new(uv_loop_t *loop, const char *path, const struct mnat_peer_ops *ops,
		  void *user, struct mnat_peer **ret_peer);
bool mnat_peer_is_connected(const struct mnat_peer *peer);

/*
 * Steals line. -ENOTCONN when the peer is not there; -ENOBUFS when it has read nothing
 * of the last 8 MiB: it is lost and connected anew. The line is then dropped.
 */
int mnat_peer_send(struct mnat_peer *peer, json_t *line);
void mnat_peer_free(struct mnat_peer *peer);

/* ---- Blocking client (mnatctl) ---- */

/*
 * Send one request over path and call row for each row (borrowed) until the last
 * line, which *ret_last (owned by the caller) receives whatever its code. Returns
 * 0 if that line came, else -errno: -ENOENT or -ECONNREFUSED the daemon is not
 * running, -EPROTO it speaks another version, -ETIMEDOUT no line for timeout_ms.
 */
int mnat_control_call(const char *path, const json_t *request, int timeout_ms,
		      void (*row)(const json_t *row, void *user), void *user, json_t **ret_last);

#endif
