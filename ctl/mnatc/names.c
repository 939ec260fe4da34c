// SPDX-License-Identifier: GPL-2.0-only
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define OURS	 "# by mnatc, which puts the file before it back when it releases its lease\n"
#define FILE_MAX 8192

char *names_text(const struct lease_dns *dns)
{
	char *text = NULL, ip[MNAT_IP_LEN];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	if (dns->search[0])
		fprintf(out, "search %s\n", dns->search);
	for (int i = 0; i < dns->n; i++)
		fprintf(out, "nameserver %s\n", mnat_ip(dns->servers[i], ip));
	fclose(out);
	return text;
}

/* ---- Other programs ---- */

struct call {
	uv_process_t process;
	char *input;
	uv_pipe_t pipe;
	uv_write_t write;
	const char *program;
	int open; /* handles that still are */
};

static void call_closed(uv_handle_t *handle)
{
	struct call *call = handle->data;

	if (--call->open)
		return;
	free(call->input);
	free(call);
}

static void call_ended(uv_process_t *process, int64_t status, int signal)
{
	struct call *call = process->data;

	if (status || signal)
		log_warn("%s refused the name servers: exit status %d", call->program, (int)status);
	uv_close((uv_handle_t *)process, call_closed);
}

static void input_written(uv_write_t *write, int status)
{
	uv_close((uv_handle_t *)write->handle, call_closed);
}

/* input: on its standard input, taken over; NULL: it has none. */
static void run(uv_loop_t *loop, const char *const *words, char *input)
{
	struct call *call = calloc(1, sizeof(*call));
	uv_stdio_container_t in = {.flags = UV_IGNORE};
	uv_process_options_t options = {
		.exit_cb = call_ended,
		.file = words[0],
		.args = (char **)words,
		.stdio = &in,
		.stdio_count = 1,
	};
	uv_buf_t buf;
	int r;

	if (!call) {
		free(input);
		return;
	}
	call->program = words[0];
	call->input = input;
	call->process.data = call->pipe.data = call;
	call->open = 1;
	if (input) {
		uv_pipe_init(loop, &call->pipe, 0);
		call->open++;
		in = (uv_stdio_container_t){.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
					    .data.stream = (uv_stream_t *)&call->pipe};
	}
	r = uv_spawn(loop, &call->process, &options);
	if (r) {
		log_warn("%s cannot be run: %s", words[0], uv_strerror(r));
		uv_close((uv_handle_t *)&call->process, call_closed);
	}
	if (!input)
		return;
	buf = uv_buf_init(input, (unsigned int)strlen(input));
	if (r || uv_write(&call->write, (uv_stream_t *)&call->pipe, &buf, 1, input_written))
		uv_close((uv_handle_t *)&call->pipe, call_closed);
}

static void apply_resolved(struct names *names, const struct lease_dns *dns)
{
	const char *servers[4 + LEASE_MAX_DNS] = {"resolvectl", "dns", names->device};
	/* "~.": all names, for this is where the default route goes */
	const char *domains[] = {
		"resolvectl", "domain", names->device, "~.", dns->search[0] ? dns->search : NULL,
		NULL};
	char ips[LEASE_MAX_DNS][MNAT_IP_LEN];

	for (int i = 0; i < dns->n; i++)
		servers[3 + i] = mnat_ip(dns->servers[i], ips[i]);
	run(names->loop, servers, NULL);
	run(names->loop, domains, NULL);
}

static void apply_resolvconf(struct names *names, const struct lease_dns *dns)
{
	const char *words[] = {"resolvconf", "-a", names->device, NULL};

	run(names->loop, words, names_text(dns));
}

/* ---- resolv.conf itself: written in place, for nothing else of /etc is ours to write ---- */

/* Where the file waits that was there before, beside mnatc's state. */
static void saved_path(const struct names *names, char path[MNAT_PATH_MAX + 32])
{
	const char *slash = strrchr(names->state_file, '/');
	int len = slash ? (int)(slash - names->state_file + 1) : 0;

	snprintf(path, MNAT_PATH_MAX + 32, "%.*sresolv.conf.before-mnatc", len, names->state_file);
}

static int read_file(const char *path, char text[FILE_MAX + 1])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, FILE_MAX + 1);

	if (n < 0)
		return -errno;
	if (n > FILE_MAX)
		return -EFBIG;
	text[n] = '\0';
	return 0;
}

static int write_file(const char *path, const char *head, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || dprintf(fd, "%s%s", head, text) < 0)
		return -errno;
	return 0;
}

static int save_file(const struct names *names)
{
	char saved[MNAT_PATH_MAX + 32], text[FILE_MAX + 1];
	int r = read_file(names->path, text);

	if (r == -ENOENT || (!r && !strncmp(text, OURS, strlen(OURS))))
		return 0;
	saved_path(names, saved);
	return r ? r : write_file(saved, "", text);
}

static void apply_file(struct names *names, const struct lease_dns *dns)
{
	char *text = names_text(dns);
	int r = text ? save_file(names) : -ENOMEM;

	if (!r)
		r = write_file(names->path, OURS, text);
	if (r)
		log_warn("%s cannot be written: %s; name servers stay as they are", names->path,
			 strerror(-r));
	free(text);
}

static void revert_file(struct names *names)
{
	char saved[MNAT_PATH_MAX + 32], text[FILE_MAX + 1];

	saved_path(names, saved);
	if (read_file(names->path, text) || strncmp(text, OURS, strlen(OURS)))
		return; /* somebody else's by now */
	if (read_file(saved, text) || write_file(names->path, "", text))
		log_warn("%s is not there to be put back", saved);
	else
		unlink(saved);
}

/* ---- */

void names_open(uv_loop_t *loop, const struct mnat_node_conf *conf, struct names *ret_names)
{
	*ret_names = (struct names){.loop = loop,
				    .how = conf->dns,
				    .device = conf->device,
				    .path = conf->resolv_conf,
				    .state_file = conf->state_file};
	if (conf->dns != MNAT_DNS_AUTO)
		return;
	if (!access("/run/systemd/resolve/io.systemd.Resolve", F_OK))
		ret_names->how = MNAT_DNS_RESOLVED;
	else if (!access("/sbin/resolvconf", X_OK))
		ret_names->how = MNAT_DNS_RESOLVCONF;
	else
		ret_names->how = MNAT_DNS_FILE;
}

void names_apply(struct names *names, const struct lease_dns *dns)
{
	if (!dns->n || !memcmp(dns, &names->in_force, sizeof(*dns)))
		return;
	names->in_force = *dns;
	if (names->how == MNAT_DNS_RESOLVED)
		apply_resolved(names, dns);
	else if (names->how == MNAT_DNS_RESOLVCONF)
		apply_resolvconf(names, dns);
	else if (names->how == MNAT_DNS_FILE)
		apply_file(names, dns);
}

void names_revert(struct names *names)
{
	const char *resolved[] = {"resolvectl", "revert", names->device, NULL};
	const char *resolvconf[] = {"resolvconf", "-d", names->device, NULL};

	if (!names->in_force.n)
		return;
	names->in_force = (struct lease_dns){};
	if (names->how == MNAT_DNS_RESOLVED)
		run(names->loop, resolved, NULL);
	else if (names->how == MNAT_DNS_RESOLVCONF)
		run(names->loop, resolvconf, NULL);
	else if (names->how == MNAT_DNS_FILE)
		revert_file(names);
}
