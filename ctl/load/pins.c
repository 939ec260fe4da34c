// SPDX-License-Identifier: GPL-2.0-only
/* What stays in bpffs: maps, so that sessions outlive every program; programs. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "load.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define BPFFS "/sys/fs/bpf"

static int make_path(const char *dir)
{
	char path[MNAT_PATH_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

int pins_lock(const char *dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (geteuid()) {
		log_err("loading and unloading BPF programs needs root: use sudo");
		return -EPERM;
	}
	if (!strncmp(dir, BPFFS "/", sizeof(BPFFS)) && !is_bpffs(BPFFS)) {
		if (mount("bpf", BPFFS, "bpf", 0, "mode=0755")) {
			r = -errno;
			log_err("no BPF file system on " BPFFS " and it cannot be mounted: %s",
				strerror(-r));
			return r;
		}
		log_info("mounted the BPF file system on " BPFFS);
	}
	r = make_path(dir);
	if (r) {
		log_err("cannot create %s: %s", dir, strerror(-r));
		return r;
	}
	if (!is_bpffs(dir)) {
		log_err("pin = \"%s\" is not on a BPF file system: choose a path below " BPFFS, dir);
		return -EINVAL;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
		log_err("another mnat-load is at work on %s", dir);
		return -EBUSY;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int pins_check_abi(const char *dir, enum mnat_role role)
{
	_cleanup_close_ int fd = -1;
	struct mnat_abi abi = {};
	char path[MNAT_PATH_MAX + 32];
	uint32_t zero = 0;

	snprintf(path, sizeof(path), "%s/abi", dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (bpf_map_lookup_elem(fd, &zero, &abi))
		return -errno;
	if (abi.magic == MNAT_ABI_MAGIC && abi.version == MNAT_ABI_VERSION && abi.role == role)
		return 0;
	if (abi.magic == MNAT_ABI_MAGIC && abi.version == MNAT_ABI_VERSION) {
		log_err("%s holds the maps of a %s: give the other role a pin directory of its own",
			dir, abi.role == MNAT_ROLE_NODE ? "node" : "gateway");
		return -EPROTO;
	}
	log_err("%s holds maps of ABI version %u, this mnat-load speaks version %d: install the "
		"programs of that version, or end all sessions with 'mnat-load ... unload' and "
		"load again",
		dir, abi.version, MNAT_ABI_VERSION);
	return -EPROTO;
}

/* A pinned map keeps its size; say so in words before libbpf says -EINVAL. */
static int check_size(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type == bpf_map__type(map) && info.max_entries == bpf_map__max_entries(map) &&
	    info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map))
		return 0;
	log_err("map %s has %u entries, the configuration now asks for %u: a loaded map keeps its "
		"size. Restore the limits or prefixes, or end all sessions with 'mnat-load ... "
		"unload' and load again",
		bpf_map__name(map), info.max_entries, bpf_map__max_entries(map));
	return -EINVAL;
}

/*
 * The pinned map, or the place to pin it. libbpf's own way to find a pinned map compares
 * flags, too, of which the kernel adds one to maps of devices.
 */
static int use_map(struct bpf_map *map, const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	int r;

	if (fd < 0)
		return errno == ENOENT ? bpf_map__set_pin_path(map, path) : -errno;
	r = check_size(map, fd);
	return r ? r : bpf_map__reuse_fd(map, fd);
}

int pins_use_maps(const char *dir, struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		char path[MNAT_PATH_MAX + 32];
		int r;

		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		r = use_map(map, path);
		if (r)
			return r;
	}
	return 0;
}

/*
 * The pinned arrays' places stand for addresses and ports: those of the configuration
 * they were made for.
 */
static int check_layout(const struct plan *plan, const struct mnat_gateway_config *was)
{
	const struct mnat_gateway_config *now = plan->config;

	if (!memcmp(was->inside, now->inside, sizeof(now->inside)) &&
	    !memcmp(was->external, now->external, sizeof(now->external)) &&
	    was->block_shift == now->block_shift)
		return 0;
	log_err("sessions go by other prefixes, external addresses, ports or port-block than the "
		"configuration now has. Restore them, or end all sessions with 'mnat-load ... "
		"unload' and load again");
	return -EINVAL;
}

int pins_check_layout(const struct plan *plan)
{
	struct mnat_gateway_config was;
	char path[MNAT_PATH_MAX + 32];
	_cleanup_close_ int fd = -1;
	uint32_t zero = 0;

	if (!plan->config)
		return 0;
	snprintf(path, sizeof(path), "%s/config", plan->pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return bpf_map_lookup_elem(fd, &zero, &was) ? -errno : check_layout(plan, &was);
}

int pins_write_map(const struct plan *plan, const char *name, const void *value)
{
	struct bpf_map *map = plan_map(plan, name);
	uint32_t zero = 0;

	if (!map || bpf_map_update_elem(bpf_map__fd(map), &zero, value, BPF_ANY)) {
		log_err("cannot write map %s: %m", name);
		return -EIO;
	}
	return 0;
}

int pins_write_abi(const struct role *role, const struct plan *plan)
{
	struct mnat_abi abi = { MNAT_ABI_MAGIC, MNAT_ABI_VERSION, role->id, 0 };
	int r = pins_write_map(plan, "abi", &abi);

	if (!r && plan->config)
		r = pins_write_map(plan, "config", plan->config);
	return r;
}

int pins_replace_programs(const char *dir, struct bpf_object *object)
{
	struct bpf_program *program;
	char path[MNAT_PATH_MAX + 64], fresh[MNAT_PATH_MAX + 72];

	snprintf(path, sizeof(path), "%s/prog", dir);
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	bpf_object__for_each_program(program, object) {
		snprintf(path, sizeof(path), "%s/prog/%s", dir, bpf_program__name(program));
		snprintf(fresh, sizeof(fresh), "%s-new", path);
		unlink(fresh);
		if (bpf_obj_pin(bpf_program__fd(program), fresh) || rename(fresh, path)) {
			log_err("cannot pin %s: %m", path);
			return -errno;
		}
	}
	return 0;
}

/* Remove the files of one directory, then itself. */
static int remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(d)))
		if (entry->d_type != DT_DIR)
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return rmdir(dir) && errno != ENOENT ? -errno : 0;
}

int pins_remove(const char *dir)
{
	static const char *const below[] = { "prog", "link" };
	char path[MNAT_PATH_MAX + 32];
	int r = 0;

	for (int i = 0; !r && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, below[i]);
		r = remove_dir(path);
	}
	return r ? r : remove_dir(dir);
}
