// SPDX-License-Identifier: GPL-2.0-only
/* What can be dumped, from whom, and how its columns look. Data only. */
#include "ctl.h"

static const struct ctl_column gateway_hosts[] = {
	{"id", "ID", .right = true},
	{"virtual", "VIRTUAL"},
	{"shows", "SHOWS"},
	{"actual", "ACTUAL", .null = "gone"},
	{"generation", "GENERATION", .right = true},
	{"path", "PATH"},
	{"endpoint", "BEHIND"},
	{"plain", "PLAIN"},
	{"bound_at_us", "BOUND SINCE", ctl_format_since, .right = true},
	{"sessions", "SESSIONS", .right = true},
	{"ports", "PORTS", .right = true},
	{"blocks", "BLOCKS", .right = true},
	{"bytes_out", "BYTES OUT", ctl_format_units, .right = true},
	{"bytes_in", "BYTES IN", ctl_format_units, .right = true},
	{},
};

static const struct ctl_column manager_hosts[] = {
	{"virtual", "VIRTUAL"},
	{"shows", "SHOWS"},
	{"actual", "ACTUAL", .null = "gone"},
	{"where", "WHERE", .null = "gone"},
	{"anchors", "ANCHORS", .null = "here"},
	{"generation", "GENERATION", .right = true},
	{"state", "STATE"},
	{"mac", "MAC"},
	{"bound_at_us", "BOUND SINCE", ctl_format_since, .right = true},
	{"rule_us", "RULE MS", ctl_format_ms, .right = true},
	{},
};

static const struct ctl_column sessions[] = {
	{"proto", "PROTO"},
	{"identity", "IDENTITY"},
	{"port", "PORT", .right = true},
	{"external", "EXTERNAL"},
	{"remote", "REMOTE"},
	{"anchor", "ANCHOR"},
	{"path", "PATH"},
	{"back", "BACK"},
	{"state", "STATE"},
	{"age_s", "AGE", ctl_format_seconds, .right = true},
	{"idle_s", "IDLE", ctl_format_seconds, .right = true},
	{},
};

static const struct ctl_column bindings[] = {
	{"proto", "PROTO"},
	{"identity", "IDENTITY"},
	{"port", "PORT", .right = true},
	{"external", "EXTERNAL"},
	{"sessions", "SESSIONS", .right = true},
	{"age_s", "AGE", ctl_format_seconds, .right = true},
	{},
};

static const struct ctl_column blocks[] = {
	{"external", "EXTERNAL"},
	{"state", "STATE"},
	{"identity", "IDENTITY"},
	{"tcp", "TCP", .right = true},
	{"udp", "UDP", .right = true},
	{"icmp", "ICMP", .right = true},
	{"age_s", "FOR", ctl_format_seconds, .right = true},
	{},
};

static const struct ctl_column anchors[] = {
	{"gateway", "GATEWAY"},
	{"virtual", "VIRTUAL THERE"},
	{"host", "HOST"},
	{"sessions", "SESSIONS", .right = true},
	{"direct", "DIRECT"},
	{"translate", "TRANSLATE"},
	{"default", "DEFAULT"},
	{},
};

static const struct ctl_column rules[] = {
	{"rule", "RULE", .right = true},
	{"owner", "OWNER"},
	{"group", "GROUP", .right = true},
	{"state", "STATE"},
	{"proto", "PROTO"},
	{"inside", "INSIDE", .null = "nobody"},
	{"external", "EXTERNAL"},
	{"lifetime_s", "ENDS IN", ctl_format_seconds, .right = true},
	{},
};

static const struct ctl_column leases[] = {
	{"actual", "ACTUAL"},
	{"virtual", "VIRTUAL", .null = "plain"},
	{"shows", "SHOWS"},
	{"mac", "MAC"},
	{"state", "STATE"},
	{"expires_s", "EXPIRES IN", ctl_format_seconds, .right = true},
	{"subnet", "SUBNET"},
	{"circuit", "CIRCUIT"},
	{"generation", "GENERATION", .right = true},
	{"hostname", "HOSTNAME"},
	{"client", "CLIENT"},
	{},
};

static const struct ctl_column counters[] = {
	{"from", "FROM"},
	{"class", "CLASS"},
	{"name", "NAME"},
	{"packets", "PACKETS", .right = true},
	{"bytes", "BYTES", .right = true},
	{"text", "WHAT IT COUNTS"},
	{},
};

static const struct ctl_column gateways[] = {
	{"name", "NAME"},
	{"at", "AT"},
	{"tunnel", "TUNNELS END AT", .null = "nowhere"},
	{"connected", "CONNECTED"},
	{"hosts", "HOSTS", .right = true},
	{"pending", "PENDING", .right = true},
	{"epoch", "EPOCH", .right = true},
	{},
};

static const struct ctl_column peers[] = {
	{"domain", "DOMAIN", .right = true},
	{"connected", "CONNECTED"},
	{"revoked", "REVOKED"},
	{"visitors", "VISITORS HERE", .right = true},
	{"ours", "OURS THERE", .right = true},
	{"refused", "REFUSED", .right = true},
	{},
};

static const struct ctl_column shim[] = {
	{"mode", "MODE"},
	{"virtual", "VIRTUAL"},
	{"actual", "ACTUAL"},
	{"mask", "MASK"},
	{"gateway", "GATEWAY"},
	{"gateway_mac", "GATEWAY MAC", .null = "unknown"},
	{"tunnel", "TUNNEL", .null = "none"},
	{"uplink", "UPLINK", .null = "none"},
	{"generation", "GENERATION", .right = true},
	{},
};

static const struct ctl_column homes[] = {
	{"domain", "DOMAIN", .right = true},
	{"virtual", "VIRTUAL"},
	{"manager", "MANAGER"},
	{"gateway", "GATEWAY", .null = "untold"},
	{"sockets", "SOCKETS", .right = true},
	{},
};

static const struct ctl_column moves[] = {
	{"n", "N", .right = true},
	{"uplink", "UPLINK"},
	{"from", "FROM", .null = "(start)"},
	{"to", "TO"},
	{"events", "EVENTS", ctl_format_events},
	{},
};

const struct ctl_noun ctl_nouns[] = {
	{
		"hosts",
		"where each host is (gateway's view; --from mmd: the manager's)",
		{{"midcomd", gateway_hosts}, {"mmd", manager_hosts}},
	},
	{"sessions", "sessions through the gateway", {{"midcomd", sessions}}},
	{"bindings", "external ports taken by inside endpoints", {{"midcomd", bindings}}},
	{"blocks", "blocks of external ports, and the hosts that have them", {{"midcomd", blocks}}},
	{"anchors", "where else visiting hosts have sessions", {{"midcomd", anchors}}},
	{"rules", "external ports managers hold by Midcom", {{"midcomd", rules}}},
	{"leases", "addresses given out by the DHCP server", {{"dhcpd", leases}}},
	{
		"counters",
		"packets by what became of them, of all daemons (-a: zero ones too)",
		{{"midcomd", counters},
		 {"mmd", counters},
		 {"dhcpd", counters},
		 {"mnatc", counters}},
		.everywhere = true,
		.hide_zero = "packets",
	},
	{"gateways", "gateways the mobility manager commands", {{"mmd", gateways}}},
	{"peers", "other domains' mobility managers", {{"mmd", peers}}},
	{"shim", "what this node translates between", {{"mnatc", shim}}},
	{"homes", "domains where this node may have sessions", {{"mnatc", homes}}},
	{"moves", "this node's last moves", {{"mnatc", moves}}},
};
const size_t ctl_n_nouns = CTL_COUNT(ctl_nouns);
