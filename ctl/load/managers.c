// SPDX-License-Identifier: GPL-2.0-only
/*
 * NetworkManager and systemd-networkd are told to leave the node's interfaces alone, by
 * files that last as long as the data path: in their folders under /run.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define PATH_SIZE (MNAT_PATH_MAX + 64)

static void each_interface(FILE *f, const struct mnat_node_conf *conf, const char *before,
			   const char *after)
{
	char peer[IF_NAMESIZE + 8];

	snprintf(peer, sizeof(peer), "%s-peer", conf->device);
	fprintf(f, "%s%s%s%s%s%s", before, conf->device, after, before, peer, after);
	for (int i = 0; i < conf->n_uplink; i++)
		fprintf(f, "%s%s%s", before, conf->uplink[i], after);
}

static void write_networkmanager(FILE *f, const struct mnat_node_conf *conf)
{
	fputs("# by mnat-load: these are MobileNAT's\n[keyfile]\nunmanaged-devices+=", f);
	each_interface(f, conf, "interface-name:=", ";");
	fputc('\n', f);
}

static void write_networkd(FILE *f, const struct mnat_node_conf *conf)
{
	fputs("# by mnat-load: these are MobileNAT's\n[Match]\nName=", f);
	each_interface(f, conf, "", " ");
	fputs("\n\n[Link]\nUnmanaged=yes\n", f);
}

static const struct manager {
	const char *home; /* is there while it runs */
	const char *folder;
	const char *file;
	void (*write)(FILE *f, const struct mnat_node_conf *conf);
	const char *reload;
} managers[] = {
	{"NetworkManager", "NetworkManager/conf.d", "90-mobilenat.conf", write_networkmanager,
	 "nmcli general reload conf"},
	{"systemd/netif", "systemd/network", "05-mobilenat.network", write_networkd,
	 "networkctl reload"},
};

static int write_file(const struct manager *manager, const struct mnat_node_conf *conf,
		      const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	fchmod(fileno(f), 0644);
	manager->write(f, conf);
	return fflush(f) ? -errno : 0;
}

static void tell(const struct manager *manager, const struct mnat_node_conf *conf)
{
	char path[PATH_SIZE];
	int r = 0;

	snprintf(path, sizeof(path), "%s/%s", conf->managers, manager->home);
	if (access(path, F_OK))
		return;
	snprintf(path, sizeof(path), "%s/%s", conf->managers, manager->folder);
	if (!mkdir(path, 0755))
		chmod(path, 0755); /* whatever our umask is: not all of them are root */
	else if (errno != EEXIST)
		r = -errno;
	snprintf(path, sizeof(path), "%s/%s/%s", conf->managers, manager->folder, manager->file);
	if (!r)
		r = write_file(manager, conf, path);
	if (r)
		log_warn("%s cannot be written: %s", path, strerror(-r));
	else
		log_info("%s written; what runs already reads it after: %s", path, manager->reload);
}

void managers_tell(const struct mnat_node_conf *conf)
{
	for (size_t i = 0; *conf->managers && i < sizeof(managers) / sizeof(managers[0]); i++)
		tell(&managers[i], conf);
}

void managers_forget(const struct mnat_node_conf *conf)
{
	char path[PATH_SIZE];

	for (size_t i = 0; *conf->managers && i < sizeof(managers) / sizeof(managers[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", conf->managers, managers[i].folder,
			 managers[i].file);
		unlink(path);
	}
}
