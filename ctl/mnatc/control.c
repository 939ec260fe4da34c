// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the control socket "mnatc". */
#include "engine.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "mnat/addr.h"

static void cmd_status(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_done(client, status_fields(user));
}

/* ---- dump ---- */

static json_t *address(__be32 addr)
{
	char text[MNAT_IP_LEN];

	return addr ? json_string(mnat_ip((struct in_addr){addr}, text)) : json_null();
}

static json_t *homes(struct engine *e)
{
	const struct roam *roam = &e->state.roam;
	json_t *rows = json_array();

	for (int i = 0; i < roam->n; i++)
		json_array_append_new(rows, visit_row(e, &roam->homes[i]));
	return rows;
}

static void dump_homes(struct mnat_control_client *client, struct engine *e)
{
	const struct roam *roam = &e->state.roam;

	for (int i = 0; i < roam->n; i++)
		mnat_control_row(client, visit_row(e, &roam->homes[i]));
	mnat_control_done(client, NULL);
}

static void dump_shim(struct mnat_control_client *client, struct engine *e)
{
	static const char *const modes[] = {
		[MNAT_MODE_PASSTHRU] = "passthrough",
		[MNAT_MODE_TRANSLATE] = "translate",
		[MNAT_MODE_PUBLIC] = "public",
		[MNAT_MODE_TUNNEL] = "tunnel",
	};
	char text[MNAT_MAC_LEN], name[IF_NAMESIZE];
	struct mnat_shim slot;
	uint8_t mac[6];
	int r = shim_read(&e->shim, &slot);

	if (r < 0) {
		mnat_control_fail(client, MNAT_E_FAILED, "the shim's map cannot be read: %s",
				  strerror(-r));
		return;
	}
	shim_mac_bytes(slot.gateway_mac, mac);
	mnat_control_row(
		client,
		json_pack("{s:s,s:o,s:o,s:o,s:o,s:s?,s:o,s:s?,s:I,s:o}", "mode",
			  slot.mode < sizeof(modes) / sizeof(modes[0]) ? modes[slot.mode] : "?",
			  "virtual", address(slot.virt), "actual", address(slot.actual), "mask",
			  address(slot.mask), "gateway", address(slot.gateway), "gateway_mac",
			  slot.gateway_mac ? mnat_mac(mac, text) : NULL, "tunnel",
			  address(slot.mode == MNAT_MODE_TUNNEL ? slot.tunnel : 0), "uplink",
			  if_indextoname(slot.uplink, name), "generation",
			  (json_int_t)slot.generation, "homes", homes(e)));
	mnat_control_done(client, NULL);
}

static void dump_counters(struct mnat_control_client *client, struct engine *e)
{
	int r = mnat_counters_dump(client, e->shim.node.counters_fd, MNAT_ROLE_NODE);

	if (r < 0)
		mnat_control_fail(client, MNAT_E_FAILED, "the counters cannot be read: %s",
				  strerror(-r));
	else
		mnat_control_done(client, NULL);
}

static void dump_moves(struct mnat_control_client *client, struct engine *e)
{
	uint32_t count = recorder_count(&e->recorder);

	for (uint32_t n = e->recorder.n - count + 1; count > 0; n++, count--)
		mnat_control_row(client, recorder_row(&e->recorder, n));
	mnat_control_done(client, NULL);
}

static const struct {
	const char *what;
	void (*dump)(struct mnat_control_client *client, struct engine *e);
} dumps[] = {
	{"shim", dump_shim},
	{"counters", dump_counters},
	{"moves", dump_moves},
	{"homes", dump_homes},
};

static void cmd_dump(struct mnat_control_client *client, const json_t *request, void *user)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	for (size_t i = 0; what && i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		if (strcmp(dumps[i].what, what))
			continue;
		dumps[i].dump(client, user);
		return;
	}
	mnat_control_fail(client, MNAT_E_ARGUMENT,
			  "what must be one of shim, homes, counters, moves");
}

/* ---- orders ---- */

static void answer(struct mnat_control_client *client, const struct engine *e, int r,
		   const char *why)
{
	if (r < 0)
		mnat_control_fail(client, MNAT_E_FAILED, "%s", why);
	else
		mnat_control_done(client,
				  json_pack("{s:s}", "state", fsm_state_name(e->fsm.state)));
}

static void cmd_renew(struct mnat_control_client *client, const json_t *request, void *user)
{
	answer(client, user, engine_renew(user), "no uplink has a carrier to ask on");
}

static void cmd_rebind(struct mnat_control_client *client, const json_t *request, void *user)
{
	answer(client, user, engine_rebind(user), "no uplink has a carrier to ask on");
}

static void cmd_release(struct mnat_control_client *client, const json_t *request, void *user)
{
	answer(client, user, engine_release(user), "there is no lease to release");
}

static void cmd_prepare(struct mnat_control_client *client, const json_t *request, void *user)
{
	const char *text = json_string_value(json_object_get(request, "router"));
	struct in_addr router;

	if (!text || mnat_parse_ip(text, &router))
		mnat_control_fail(client, MNAT_E_ARGUMENT,
				  "router must be the IPv4 address of the next link's router");
	else
		answer(client, user, engine_prepare(user, router), "there is no lease to ask by");
}

/* The seed's names of paragraph 132 that are not there yet are told apart from typing errors. */
static void cmd_mode(struct mnat_control_client *client, const json_t *request, void *user)
{
	static const char *const modes[] = {
		[DHCP_MODE_EITHER] = "either",
		[DHCP_MODE_TRANSLATE] = "translate",
		[DHCP_MODE_TUNNEL] = "tunnel",
	};
	const char *mode = json_string_value(json_object_get(request, "mode"));
	uint8_t i = 0;

	if (mode && (!strcmp(mode, "mobile-ip-home") || !strcmp(mode, "mobile-ip-foreign"))) {
		mnat_control_fail(client, MNAT_E_ARGUMENT, "%s: Mobile IP is not supported yet",
				  mode);
		return;
	}
	if (mode && !strcmp(mode, "passthrough")) {
		answer(client, user, engine_pass_through(user), "there is no lease yet");
		return;
	}
	while (i < sizeof(modes) / sizeof(modes[0]) && (!mode || strcmp(mode, modes[i])))
		i++;
	if (i == sizeof(modes) / sizeof(modes[0]))
		mnat_control_fail(client, MNAT_E_ARGUMENT,
				  "mode must be one of either, translate, tunnel, passthrough");
	else
		answer(client, user, engine_set_mode(user, i), "no uplink has a carrier to ask on");
}

static const struct mnat_control_command commands[] = {
	{"status", true, cmd_status},  {"dump", true, cmd_dump},	{"renew", false, cmd_renew},
	{"rebind", false, cmd_rebind}, {"release", false, cmd_release}, {"mode", false, cmd_mode},
	{"prepare", false, cmd_prepare}, {NULL},
};

int control_start(struct engine *e)
{
	return mnat_control_listen(e->loop, e->conf.run_dir, "mnatc", "mnatc", commands, e,
				   &e->control);
}
