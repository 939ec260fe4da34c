// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "json_line.h"
#include "mnat/cleanup.h"
#include "mnat/stream.h"
#include "mnat/unix.h"

#define MAX_CLIENTS 64	   /* of each socket */
#define MAX_OUTSTANDING 64 /* requests of one client being worked on */
#define MAX_BACKLOG (1 << 20)

/* One of the two sockets. */
struct door {
	struct mnat_control *control;
	struct mnat_listener *listener;
	bool read_only;
	unsigned int n_clients;
};

struct mnat_control {
	uv_loop_t *loop;
	const char *daemon;
	const struct mnat_control_command *commands;
	void *user;
	struct door full;
	struct door ro;
	struct mnat_control_client *clients;
};

struct mnat_control_client {
	struct door *door;
	struct mnat_stream *stream; /* NULL: the connection has gone */
	unsigned int refs;	    /* the connection's own is one */
	unsigned int outstanding;
	bool ended; /* the other side sends no more */
	bool (*step)(struct mnat_control_client *client, void *state);
	void (*free_state)(void *state);
	void *state;
	struct mnat_control_client *prev, *next;
};

struct mnat_control_client *mnat_control_client_ref(struct mnat_control_client *client)
{
	client->refs++;
	return client;
}

void mnat_control_client_unref(struct mnat_control_client *client)
{
	if (--client->refs == 0)
		free(client);
}

static void end_stream(struct mnat_control_client *client)
{
	if (client->free_state)
		client->free_state(client->state);
	client->step = NULL;
	client->free_state = NULL;
	client->state = NULL;
}

static void drop_client(struct mnat_control_client *client)
{
	struct mnat_control *control;

	if (!client->stream)
		return;
	control = client->door->control;
	mnat_stream_close(TAKE_PTR(client->stream));
	end_stream(client);
	client->door->n_clients--;
	DL_DELETE(control->clients, client);
	mnat_control_client_unref(client);
}

/* Stop reading from a client that has enough to wait for. */
static void throttle(struct mnat_control_client *client)
{
	if (client->stream)
		mnat_stream_pause(client->stream,
				  client->step || client->outstanding >= MAX_OUTSTANDING ||
					  mnat_stream_backlog(client->stream) > MAX_BACKLOG);
}

/* A client that half-closed stays until its answers have left. */
static void drop_if_finished(struct mnat_control_client *client)
{
	if (client->stream && client->ended && !client->outstanding &&
	    !mnat_stream_backlog(client->stream))
		drop_client(client);
}

void mnat_control_notify(struct mnat_control_client *client, json_t *line)
{
	if (client->stream)
		json_line_put(client->stream, line);
	else
		json_decref(line);
}

void mnat_control_row(struct mnat_control_client *client, json_t *row)
{
	mnat_control_notify(client, json_pack("{s:o}", "row", row));
}

static void answer(struct mnat_control_client *client, json_t *line)
{
	if (!client->stream) {
		json_decref(line);
		return;
	}
	json_line_put(client->stream, line);
	client->outstanding--;
	throttle(client);
}

void mnat_control_done(struct mnat_control_client *client, json_t *fields)
{
	json_t *line = fields ? fields : json_object();

	json_object_set_new(line, "code", json_integer(MNAT_OK));
	answer(client, line);
}

void mnat_control_fail(struct mnat_control_client *client, enum mnat_code code, const char *fmt,
		       ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(client, json_pack("{s:i, s:o}", "code", code, "error", json_vsprintf(fmt, ap)));
	va_end(ap);
}

size_t mnat_control_backlog(const struct mnat_control_client *client)
{
	return client->stream ? mnat_stream_backlog(client->stream) : 0;
}

bool mnat_control_is_waiting(const struct mnat_control_client *client)
{
	return client->stream && !client->ended;
}

/* The next piece, once the reader has taken what came before. */
static void run_step(struct mnat_control_client *client)
{
	if (!client->step || mnat_control_backlog(client))
		return;
	mnat_control_client_ref(client);
	if (!client->step(client, client->state))
		end_stream(client);
	else if (client->stream && !mnat_control_backlog(client))
		mnat_stream_kick(client->stream); /* a piece without a row */
	throttle(client);
	mnat_control_client_unref(client);
}

void mnat_control_stream(struct mnat_control_client *client,
			 bool (*step)(struct mnat_control_client *client, void *state),
			 void (*free_state)(void *state), void *state)
{
	client->step = step;
	client->free_state = free_state;
	client->state = state;
	if (!client->stream) {
		end_stream(client);
		return;
	}
	run_step(client);
}

static void dispatch(struct mnat_control_client *client, const json_t *request)
{
	const struct mnat_control *control = client->door->control;
	const char *name = json_string_value(json_object_get(request, "cmd"));
	const struct mnat_control_command *command = control->commands;

	client->outstanding++;
	if (!json_is_object(request))
		return mnat_control_fail(client, MNAT_E_JSON,
					 "expected one JSON object a line, such as "
					 "{\"cmd\":\"status\"}");
	if (!name)
		return mnat_control_fail(client, MNAT_E_ARGUMENT,
					 "the request has no \"cmd\" with a command's name");
	while (command->name && strcmp(command->name, name))
		command++;
	if (!command->name)
		return mnat_control_fail(client, MNAT_E_COMMAND, "%s knows no command \"%.64s\"",
					 control->daemon, name);
	if (client->door->read_only && !command->read_only)
		return mnat_control_fail(client, MNAT_E_PERMISSION,
					 "\"%s\" changes things and needs root: this is the "
					 "read-only socket",
					 name);
	command->handler(client, request, control->user);
}

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct mnat_control_client *client = user;
	json_t *request = NULL;
	ssize_t n = json_line_get(buf, len, &request);

	if (n == -EMSGSIZE) {
		client->outstanding++;
		mnat_control_fail(client, MNAT_E_JSON,
				  "a line may have at most %d bytes; the connection ends",
				  MNAT_CONTROL_LINE);
	}
	if (n <= 0)
		return n;
	mnat_control_client_ref(client);
	dispatch(client, request);
	json_decref(request);
	throttle(client);
	mnat_control_client_unref(client);
	return n;
}

static void on_drained(struct mnat_stream *stream, void *user)
{
	struct mnat_control_client *client = user;

	mnat_control_client_ref(client);
	run_step(client);
	drop_if_finished(client);
	mnat_control_client_unref(client);
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	struct mnat_control_client *client = user;

	client->ended = true;
	if (error)
		drop_client(client);
	else
		drop_if_finished(client);
}

static const struct mnat_stream_ops client_ops = {
	.received = on_received,
	.drained = on_drained,
	.ended = on_ended,
};

static void on_accept(int fd, void *user)
{
	struct door *door = user;
	struct mnat_control *control = door->control;
	_cleanup_close_ int owned = fd;
	_cleanup_free_ struct mnat_control_client *client = calloc(1, sizeof(*client));

	if (!client || door->n_clients >= MAX_CLIENTS ||
	    mnat_stream_new(control->loop, owned, MNAT_CONTROL_LINE, &client_ops, client,
			    &client->stream))
		return;
	TAKE_FD(owned);
	client->door = door;
	client->refs = 1;
	door->n_clients++;
	DL_APPEND(control->clients, client);
	json_line_put(client->stream, json_pack("{s:i, s:s, s:s, s:i}", "mobilenat",
						MNAT_CONTROL_VERSION, "daemon", control->daemon,
						"version", MNAT_VERSION, "pid", getpid()));
	TAKE_PTR(client);
}

static int open_door(struct door *door, struct mnat_control *control, const char *run_dir,
		     const char *name)
{
	char file[64];

	door->control = control;
	snprintf(file, sizeof(file), "%s%s.sock", name, door->read_only ? "-ro" : "");
	return mnat_unix_listen(control->loop, run_dir, file, door->read_only ? 0666 : 0600,
				control->daemon, on_accept, door, &door->listener);
}

int mnat_control_listen(uv_loop_t *loop, const char *run_dir, const char *name, const char *daemon,
			const struct mnat_control_command *commands, void *user,
			struct mnat_control **ret_control)
{
	struct mnat_control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->daemon = daemon;
	control->commands = commands;
	control->user = user;
	control->ro.read_only = true;
	r = open_door(&control->full, control, run_dir, name);
	if (!r)
		r = open_door(&control->ro, control, run_dir, name);
	if (r) {
		mnat_control_close(control);
		return r;
	}
	*ret_control = control;
	return 0;
}

void mnat_control_close(struct mnat_control *control)
{
	struct mnat_control_client *client, *next;

	if (!control)
		return;
	DL_FOREACH_SAFE(control->clients, client, next)
		drop_client(client);
	mnat_unix_close(control->full.listener);
	mnat_unix_close(control->ro.listener);
	free(control);
}
