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
#include "mnat/hex.h"
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

/* On the wall clock, which is good for another boot only; INT64_MAX for NEVER. */
static int64_t wall_of(uint64_t at_ns)
{
	int64_t from_now_ns = (int64_t)(at_ns - mnat_clock_now());

	return at_ns == NEVER ? INT64_MAX
			      : time(NULL) + from_now_ns / (int64_t)MNAT_NS_PER_SEC;
}

static json_t *lease_json(const struct lease *lease)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "actual",
			 address(lease->actual), "mask", address(lease->mask), "router",
			 address(lease->router), "server", address(lease->server), "manager",
			 address(lease->manager), "virtual", address(lease->virt), "tunnel",
			 address(lease->tunnel), "mobile", lease->mobile, "domain",
			 (json_int_t)lease->domain, "lease_s", (json_int_t)lease->lease_s, "t1_s",
			 (json_int_t)lease->t1_s, "t2_s", (json_int_t)lease->t2_s,
			 "since_boottime_ns", (json_int_t)lease->since_ns, "since_wall_s",
			 (json_int_t)wall_of(lease->since_ns));
}

static json_t *home_json(const struct home *home)
{
	char ticket[MNAT_HEX_LEN(sizeof(home->token.ticket))];
	char key[MNAT_HEX_LEN(sizeof(home->token.key))];
	json_t *json;

	mnat_hex(home->token.ticket, sizeof(home->token.ticket), ticket);
	mnat_hex(home->token.key, sizeof(home->token.key), key);
	json = json_pack("{s:I,s:o,s:o,s:s?,s:s?,s:I}", "domain", (json_int_t)home->domain,
			 "manager", address(home->manager), "virtual", address(home->virt),
			 "ticket", home->have_token ? ticket : NULL, "key",
			 home->have_token ? key : NULL, "seen_s", (json_int_t)home->seen_s);
	explicit_bzero(key, sizeof(key));
	return json;
}

static json_t *homes_json(const struct roam *roam)
{
	json_t *homes = json_array();

	for (int i = 0; i < roam->n; i++)
		json_array_append_new(homes, home_json(&roam->homes[i]));
	return homes;
}

static json_t *network_json(const struct network *network)
{
	char buf[MNAT_MAC_LEN];
	uint8_t mac[6];

	shim_mac_bytes(network->gateway_mac, mac);
	return json_pack("{s:s,s:o,s:o,s:o,s:I,s:I,s:I}", "gateway_mac", mnat_mac(mac, buf),
			 "actual", address(network->actual), "mask", address(network->mask),
			 "router", address(network->router), "domain", (json_int_t)network->domain,
			 "until_boottime_ns", (json_int_t)network->until_ns, "until_wall_s",
			 (json_int_t)wall_of(network->until_ns));
}

static json_t *state_json(const struct state *state)
{
	json_t *networks = json_array();
	char boot_id[BOOT_ID_LEN];

	read_boot_id(boot_id);
	for (int i = 0; i < state->n_networks; i++)
		json_array_append_new(networks, network_json(&state->networks[i]));
	return json_pack("{s:i,s:s,s:o,s:o,s:o,s:o,s:I,s:I}", "version", VERSION, "boot_id",
			 boot_id, "virtual", address(state->virt), "lease",
			 state->have_lease ? lease_json(&state->lease) : json_null(), "networks",
			 networks, "homes", homes_json(&state->roam), "counter",
			 (json_int_t)roam_reserve(&state->roam), "dhcp_replay",
			 (json_int_t)state->dhcp_replay);
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

int state_save(const char *path, struct state *state)
{
	_cleanup_(json_decrefp) json_t *json = state_json(state);
	uint64_t reserved = roam_reserve(&state->roam);
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
		return r;
	}
	state->roam.reserved = reserved;
	return 0;
}

void state_remember_network(struct state *state, const struct network *network)
{
	int i;

	for (i = 0; i < state->n_networks; i++)
		if (state->networks[i].gateway_mac == network->gateway_mac)
			break;
	if (i == state->n_networks && state->n_networks < STATE_NETWORKS)
		state->n_networks++;
	if (i == STATE_NETWORKS)
		i--;
	memmove(&state->networks[1], &state->networks[0], (size_t)i * sizeof(struct network));
	state->networks[0] = *network;
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

/* Was the file written since this machine was booted? */
static bool is_same_boot(const json_t *json)
{
	const char *was = json_string_value(json_object_get(json, "boot_id"));
	char boot_id[BOOT_ID_LEN];

	read_boot_id(boot_id);
	return was && boot_id[0] && !strcmp(was, boot_id);
}

/*
 * When the lease began, on this boot's clock; after a reboot that may lie before its
 * zero, which wraps, and adding the duration wraps back.
 */
static uint64_t since(const json_t *object, bool same_boot)
{
	json_int_t wall = json_integer_value(json_object_get(object, "since_wall_s"));
	json_int_t age = (json_int_t)time(NULL) - wall;

	if (same_boot)
		return (uint64_t)json_integer_value(json_object_get(object, "since_boottime_ns"));
	if (age < 0 || age > UINT32_MAX)
		age = UINT32_MAX; /* the clock was set: trust nothing */
	return mnat_clock_now() - (uint64_t)age * MNAT_NS_PER_SEC;
}

/* When the lease on a network ends, on this boot's clock. */
static uint64_t until(const json_t *object, bool same_boot)
{
	json_int_t wall = json_integer_value(json_object_get(object, "until_wall_s"));
	json_int_t left = wall - (json_int_t)time(NULL);

	if (same_boot)
		return (uint64_t)json_integer_value(json_object_get(object, "until_boottime_ns"));
	if (left <= 0)
		return 0;
	return left < UINT32_MAX ? mnat_clock_now() + (uint64_t)left * MNAT_NS_PER_SEC : NEVER;
}

static bool get_lease(const json_t *object, bool same_boot, struct lease *lease)
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
	get_seconds(object, "domain", &lease->domain); /* older files have neither */
	get_address(object, "tunnel", &lease->tunnel);
	lease->mobile = json_is_true(json_object_get(object, "mobile"));
	lease->since_ns = since(object, same_boot);
	return true;
}

static bool has_expired(const struct lease *lease)
{
	uint64_t age_ns = mnat_clock_now() - lease->since_ns;

	return lease->lease_s != LEASE_INFINITE && age_ns / MNAT_NS_PER_SEC >= lease->lease_s;
}

static void get_networks(const json_t *array, bool same_boot, struct state *state)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		const json_t *row = json_array_get(array, i);
		const char *text = json_string_value(json_object_get(row, "gateway_mac"));
		struct network network = {};
		uint8_t mac[6];

		if (!text || mnat_parse_mac(text, mac) ||
		    !get_address(row, "actual", &network.actual))
			continue;
		network.gateway_mac = shim_mac_word(mac);
		/* older files have none of the rest: such a network is only a memory */
		get_address(row, "mask", &network.mask);
		get_address(row, "router", &network.router);
		get_seconds(row, "domain", &network.domain);
		network.until_ns = until(row, same_boot);
		state_remember_network(state, &network);
	}
}

static bool get_home(const json_t *object, struct home *home)
{
	const char *ticket = json_string_value(json_object_get(object, "ticket"));
	const char *key = json_string_value(json_object_get(object, "key"));

	if (!get_seconds(object, "domain", &home->domain) ||
	    !get_address(object, "manager", &home->manager) ||
	    !get_address(object, "virtual", &home->virt))
		return false;
	home->seen_s = json_integer_value(json_object_get(object, "seen_s"));
	home->have_token = !mnat_unhex(ticket, home->token.ticket, sizeof(home->token.ticket)) &&
			   !mnat_unhex(key, home->token.key, sizeof(home->token.key));
	return true;
}

static void get_roam(const json_t *json, struct state *state)
{
	const json_t *homes = json_object_get(json, "homes");
	json_int_t counter = json_integer_value(json_object_get(json, "counter"));
	struct roam *roam = &state->roam;

	for (size_t i = 0; i < json_array_size(homes) && roam->n < ROAM_HOMES; i++) {
		struct home home = {.serial = roam->last_serial + 1};

		if (!get_home(json_array_get(homes, i), &home))
			continue;
		roam->homes[roam->n++] = home;
		roam->last_serial++;
	}
	roam->here = roam->n && state->have_lease && home_is(&roam->homes[0], &state->lease);
	/* whatever was reserved may have been used */
	roam->counter = roam->reserved =
		counter > 0 ? (uint64_t)counter : roam_first_counter(time(NULL));
}

int state_load(const char *path, struct state *ret_state)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_(json_decrefp) json_t *json = NULL;
	struct state state = {};
	json_error_t error;
	bool same_boot;

	if (!f)
		return -errno;
	json = json_loadf(f, 0, &error);
	if (!json || json_integer_value(json_object_get(json, "version")) != VERSION ||
	    !get_address(json, "virtual", &state.virt)) {
		log_warn("%s makes no sense and is not used: %s", path,
			 json ? "not a state file of this version" : error.text);
		return -EINVAL;
	}
	same_boot = is_same_boot(json);
	state.have_lease = get_lease(json_object_get(json, "lease"), same_boot, &state.lease) &&
			   !has_expired(&state.lease);
	get_networks(json_object_get(json, "networks"), same_boot, &state);
	get_roam(json, &state);
	state.dhcp_replay = (uint64_t)json_integer_value(json_object_get(json, "dhcp_replay"));
	*ret_state = state;
	return 0;
}
