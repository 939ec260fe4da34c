// SPDX-License-Identifier: GPL-2.0-only
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "shim.h"

#define VERSION	    1
#define BOOT_ID_LEN 37
#define PATH_SIZE   512

/* CLOCK_BOOTTIME starts anew with each boot: this tells them apart. */
static void read_boot_id(char id[BOOT_ID_LEN])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(id, BOOT_ID_LEN, f))
		id[0] = '\0';
}

/* ---- writing ---- */

static json_t *address(struct in_addr addr)
{
	char buf[MNAT_IP_LEN];

	return json_string(mnat_ip(addr, buf));
}

static json_t *lease_json(const struct lease *lease)
{
	uint64_t age_s = (mnat_clock_now() - lease->since_ns) / MNAT_NS_PER_SEC;
	char boot_id[BOOT_ID_LEN];

	read_boot_id(boot_id);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:I,s:I,s:I,s:I,s:I,s:s}", "actual",
			 address(lease->actual), "mask", address(lease->mask), "router",
			 address(lease->router), "server", address(lease->server), "manager",
			 address(lease->manager), "virtual", address(lease->virt), "mobile",
			 lease->mobile, "lease_s", (json_int_t)lease->lease_s, "t1_s",
			 (json_int_t)lease->t1_s, "t2_s", (json_int_t)lease->t2_s,
			 "since_boottime_ns", (json_int_t)lease->since_ns, "since_wall_s",
			 (json_int_t)time(NULL) - (json_int_t)age_s, "boot_id", boot_id);
}

static json_t *state_json(const struct state *state)
{
	json_t *networks = json_array();
	char buf[MNAT_MAC_LEN];
	uint8_t mac[6];

	for (int i = 0; i < state->n_networks; i++) {
		shim_mac_bytes(state->networks[i].gateway_mac, mac);
		json_array_append_new(networks,
				      json_pack("{s:s,s:o}", "gateway_mac", mnat_mac(mac, buf),
						"actual", address(state->networks[i].actual)));
	}
	return json_pack("{s:i,s:o,s:o,s:o}", "version", VERSION, "virtual", address(state->virt),
			 "lease", state->have_lease ? lease_json(&state->lease) : json_null(),
			 "networks", networks);
}

static void make_directory(const char *path)
{
	char dir[PATH_SIZE];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		mkdir(dir, 0755); /* if it fails, so does what follows */
	}
}

static int write_file(const char *path, json_t *json)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (json_dumpfd(json, fd, JSON_INDENT(2)))
		return -EIO;
	return fsync(fd) ? -errno : 0;
}

int state_save(const char *path, const struct state *state)
{
	_cleanup_(json_decrefp) json_t *json = state_json(state);
	char tmp[PATH_SIZE];
	int r;

	if (!json)
		return -ENOMEM;
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	make_directory(path);
	r = write_file(tmp, json);
	if (!r && rename(tmp, path))
		r = -errno;
	if (r < 0) {
		log_err("%s cannot be written: %s; the addresses will not be known after a restart",
			path, strerror(-r));
		unlink(tmp);
	}
	return r;
}

void state_remember_network(struct state *state, uint64_t gateway_mac, struct in_addr actual)
{
	int i;

	for (i = 0; i < state->n_networks; i++)
		if (state->networks[i].gateway_mac == gateway_mac)
			break;
	if (i == state->n_networks && state->n_networks < STATE_NETWORKS)
		state->n_networks++;
	if (i == STATE_NETWORKS)
		i--;
	memmove(&state->networks[1], &state->networks[0], (size_t)i * sizeof(struct network));
	state->networks[0] = (struct network){gateway_mac, actual};
}

/* ---- reading: the file may have been edited ---- */

static bool get_address(const json_t *object, const char *key, struct in_addr *ret_addr)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && !mnat_parse_ip(text, ret_addr);
}

static bool get_seconds(const json_t *object, const char *key, uint32_t *ret_seconds)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > UINT32_MAX)
		return false;
	*ret_seconds = (uint32_t)json_integer_value(value);
	return true;
}

/*
 * When the lease began, on this boot's clock; after a reboot that may lie before its
 * zero, which wraps, and adding the duration wraps back.
 */
static uint64_t since(const json_t *object)
{
	const char *was = json_string_value(json_object_get(object, "boot_id"));
	json_int_t wall = json_integer_value(json_object_get(object, "since_wall_s"));
	char boot_id[BOOT_ID_LEN];
	json_int_t age;

	read_boot_id(boot_id);
	if (was && boot_id[0] && !strcmp(was, boot_id))
		return (uint64_t)json_integer_value(json_object_get(object, "since_boottime_ns"));
	age = (json_int_t)time(NULL) - wall;
	if (age < 0 || age > UINT32_MAX)
		age = UINT32_MAX; /* the clock was set: trust nothing */
	return mnat_clock_now() - (uint64_t)age * MNAT_NS_PER_SEC;
}

static bool get_lease(const json_t *object, struct lease *lease)
{
	if (!get_address(object, "actual", &lease->actual) ||
	    !get_address(object, "mask", &lease->mask) ||
	    !get_address(object, "router", &lease->router) ||
	    !get_address(object, "server", &lease->server) ||
	    !get_address(object, "manager", &lease->manager) ||
	    !get_address(object, "virtual", &lease->virt) ||
	    !get_seconds(object, "lease_s", &lease->lease_s) ||
	    !get_seconds(object, "t1_s", &lease->t1_s) ||
	    !get_seconds(object, "t2_s", &lease->t2_s))
		return false;
	lease->mobile = json_is_true(json_object_get(object, "mobile"));
	lease->since_ns = since(object);
	return true;
}

static bool has_expired(const struct lease *lease)
{
	uint64_t age_ns = mnat_clock_now() - lease->since_ns;

	return lease->lease_s != LEASE_INFINITE && age_ns / MNAT_NS_PER_SEC >= lease->lease_s;
}

static void get_networks(const json_t *array, struct state *state)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		const json_t *row = json_array_get(array, i);
		const char *text = json_string_value(json_object_get(row, "gateway_mac"));
		struct in_addr actual;
		uint8_t mac[6];

		if (text && !mnat_parse_mac(text, mac) && get_address(row, "actual", &actual))
			state_remember_network(state, shim_mac_word(mac), actual);
	}
}

int state_load(const char *path, struct state *ret_state)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_(json_decrefp) json_t *json = NULL;
	struct state state = {};
	json_error_t error;

	if (!f)
		return -errno;
	json = json_loadf(f, 0, &error);
	if (!json || json_integer_value(json_object_get(json, "version")) != VERSION ||
	    !get_address(json, "virtual", &state.virt)) {
		log_warn("%s makes no sense and is not used: %s", path,
			 json ? "not a state file of this version" : error.text);
		return -EINVAL;
	}
	state.have_lease = get_lease(json_object_get(json, "lease"), &state.lease) &&
			   !has_expired(&state.lease);
	get_networks(json_object_get(json, "networks"), &state);
	*ret_state = state;
	return 0;
}
