// SPDX-License-Identifier: GPL-2.0-only
/* mnat-dhcpd: the DHCP server of a MobileNAT domain. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "mnat/clock.h"
#include "mnat/daemon.h"
#include "mnat/log.h"

#include "conf.h"
#include "confine.h"
#include "control.h"
#include "diff.h"
#include "io.h"
#include "keeper.h"
#include "leasequery.h"
#include "links.h"
#include "manager.h"
#include "server.h"

#define EXPIRY_INTERVAL_MS 1000

struct dhcpd {
	uv_loop_t loop;
	uv_timer_t expiry;
	bool failed;
	const char *conf_path;
	struct conf *conf;
	struct server server;
	struct mnat_store *store;
	struct io *io;
	struct manager *manager;
	int leasequery_fd; /* -1: nobody may ask */
	struct leasequery *leasequery;
	struct control_source source;
	struct mnat_control *control;
};

static int check_interfaces(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_interfaces; i++)
		if (!link_exists(conf->interfaces[i])) {
			log_err("there is no interface %s: correct interfaces = {...}, or make it",
				conf->interfaces[i]);
			return -ENODEV;
		}
	return 0;
}

/* ---- while running ---- */

static void on_expiry(uv_timer_t *timer)
{
	struct dhcpd *d = timer->data;

	server_expire(&d->server);
	control_watch_pools(&d->server);
	control_forget_import(&d->source);
	leasequery_tick(d->leasequery);
	io_settle(d->io);
}

static void send_held(const struct outgoing *out, void *user)
{
	struct dhcpd *d = user;

	io_send(d->io, out);
}

static void settle(void *user)
{
	struct dhcpd *d = user;

	io_settle(d->io);
}

static const struct manager_ops manager_ops = {.send = send_held, .changed = settle};

static void warn_fixed(const struct conf *was, const struct conf *is)
{
	if (strcmp(was->run_dir, is->run_dir) || strcmp(was->database, is->database) ||
	    strcmp(was->manager_socket, is->manager_socket))
		log_warn("run-dir, database and manager-socket change only when mnat-dhcpd is "
			 "restarted");
	if (memcmp(&was->leasequery.listen, &is->leasequery.listen, sizeof(was->leasequery.listen)))
		log_warn("leasequery: listen changes only when mnat-dhcpd is restarted");
	if (was->probe == PROBE_NONE && is->probe != PROBE_NONE)
		log_warn("probe = \"icmp\" begins when mnat-dhcpd is restarted: its socket cannot "
			 "be opened any more");
}

static bool reload(void *user)
{
	struct dhcpd *d = user;
	struct conf *conf = NULL;

	if (conf_load(d->conf_path, &conf) || check_interfaces(conf) ||
	    !server_set_conf(&d->server, conf)) {
		conf_free(conf);
		log_err("the configuration stays as it was");
		return false;
	}
	warn_fixed(d->conf, conf);
	conf_free(d->conf);
	d->conf = conf;
	log_info("serving by the configuration now in %s", d->conf_path);
	return true;
}

static void on_hangup(void *user)
{
	reload(user);
}

static void stop(void *user)
{
	struct dhcpd *d = user;

	manager_free(d->manager);
	leasequery_close(d->leasequery);
	io_close(d->io);
	mnat_control_close(d->control);
	uv_close((uv_handle_t *)&d->expiry, NULL);
}

/* ---- start ---- */

/* Everything is open: from here on nothing more is, and only now strangers are heard. */
static void on_ready(uv_timer_t *timer)
{
	struct dhcpd *d = timer->data;

	keeper_be_broker(d->store);
	json_object_seed(0); /* reads a file */
	if (confine()) {
		d->failed = true;
		raise(SIGTERM);
		return;
	}
	io_use_manager(d->io, d->manager, d->leasequery);
	uv_timer_start(timer, on_expiry, EXPIRY_INTERVAL_MS, EXPIRY_INTERVAL_MS);
}

static int serve(struct dhcpd *d)
{
	int r = manager_new(&d->loop, d->conf->manager_socket, &d->server, &manager_ops, d,
			    &d->manager);

	if (r) {
		log_err("no link to a mobility manager can be made: %s", strerror(-r));
		return r;
	}
	d->source.manager = d->manager;
	uv_timer_init(&d->loop, &d->expiry);
	d->expiry.data = d;
	uv_timer_start(&d->expiry, on_ready, 0, 0);
	log_info("serving %zu subnets, %u clients known", d->conf->n_subnets,
		 HASH_COUNT(d->server.leases.clients));
	mnat_daemon_run(&d->loop, on_hangup, stop, d);
	return d->failed ? -EPERM : 0;
}

static int serve_leases(struct dhcpd *d)
{
	int r = keeper_open(d->store);

	if (r)
		return r;
	r = server_init(&d->server, d->conf, &store_keeper, d->store, NULL);
	if (r)
		return r;
	if (d->leasequery_fd >= 0)
		r = leasequery_new(&d->loop, &d->server, d->leasequery_fd, &d->leasequery);
	d->source.leasequery = d->leasequery;
	if (!r)
		r = serve(d);
	server_done(&d->server);
	return r;
}

static int serve_port(struct dhcpd *d)
{
	int r = io_open(&d->loop, &d->server, d->store, &d->io);

	if (r)
		return r;
	d->source.io = d->io;
	r = leasequery_listen(d->conf, &d->leasequery_fd);
	if (!r && d->conf->probe != PROBE_NONE)
		r = io_open_prober(d->io);
	if (!r)
		r = serve_leases(d);
	if (r)
		io_close(d->io);
	return r;
}

/* The control socket comes first: it tells whether another server is running here. */
static int serve_domain(struct dhcpd *d)
{
	int r;

	uv_loop_init(&d->loop);
	d->source = (struct control_source){
		.server = &d->server, .reload = reload, .user = d, .started = mnat_clock_now()};
	r = mnat_control_listen(&d->loop, d->conf->run_dir, "dhcpd", "mnat-dhcpd", control_commands,
				&d->source, &d->control);
	if (r)
		return r;
	r = serve_port(d);
	if (r) {
		mnat_control_close(d->control);
		uv_run(&d->loop, UV_RUN_DEFAULT); /* what was opened is closing */
	}
	return r;
}

static int run(struct dhcpd *d)
{
	const struct keeper_paths paths = {
		.database = d->conf->database,
		.conf = d->conf_path,
		.keys = d->conf->auth.path,
		.manager = d->conf->manager_socket,
		.run_dir = d->conf->run_dir,
	};
	int r = check_interfaces(d->conf);

	if (!r)
		r = keeper_start(&paths, &d->store);
	if (r)
		return r;
	r = serve_domain(d);
	store_keeper.close(d->store);
	return r;
}

int main(int argc, char **argv)
{
	static const struct mnat_daemon_info info = {
		.name = "mnat-dhcpd",
		.summary = "DHCP server of a MobileNAT domain: leases actual and virtual "
			   "addresses.",
		.conf = "/etc/mobilenat/dhcpd.conf",
		.flag = 'd',
		.flag_name = "diff",
		.flag_text = "show how the running server's configuration differs",
	};
	static struct dhcpd dhcpd;
	struct mnat_daemon_args args;
	int status;

	if (!mnat_daemon_args(argc, argv, &info, &args, &status))
		return status;
	dhcpd.conf_path = args.conf;
	if (conf_load(args.conf, &dhcpd.conf))
		return 1;
	if (args.flag)
		status = diff_with_running(dhcpd.conf);
	else
		status = args.check ? 0 : run(&dhcpd) ? 1 : 0;
	conf_free(dhcpd.conf);
	return status;
}
