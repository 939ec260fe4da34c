// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf_text.h"
#include "mnat/addr.h"
#include "mnat/role_conf.h"
#include "mnat/cleanup.h"

/* Sections do not know their file in libconfuse 3.3; one file is read at a time. */
static const char *reading = "configuration";
static bool reported;

static void print_options(const cfg_t *cfg)
{
	for (const cfg_opt_t *opt = cfg->opts; opt->name; opt++)
		fprintf(stderr, "%s%s", opt == cfg->opts ? ": expected one of " : ", ", opt->name);
}

/* libconfuse's own error reports, in the form compilers and editors know. */
static void report(cfg_t *cfg, const char *fmt, va_list ap)
{
	bool section = cfg && strcmp(cfg->name, "root") && !cfg->title;

	reported = true;
	fprintf(stderr, "%s:", reading);
	if (cfg && cfg->line)
		fprintf(stderr, "%d:", cfg->line);
	fprintf(stderr, " %s%s", section ? cfg->name : "", section ? ": " : "");
	vfprintf(stderr, fmt, ap);
	if (cfg && !strncmp(fmt, "no such option", strlen("no such option")))
		print_options(cfg);
	fputc('\n', stderr);
}

/* Sections that the file does not have know neither where to report nor a line. */
static void adopt_sections(cfg_t *cfg)
{
	for (cfg_opt_t *opt = cfg->opts; opt->name; opt++)
		for (unsigned int i = 0; opt->type == CFGT_SEC && i < cfg_opt_size(opt); i++) {
			cfg_t *section = cfg_opt_getnsec(opt, i);

			if (section->line)
				continue;
			section->line = cfg->line;
			cfg_set_error_function(section, report);
		}
}

int mnat_conf_load(const char *path, cfg_opt_t *opts, void (*validate)(cfg_t *), cfg_t **ret_cfg)
{
	_cleanup_free_ char *text = NULL;
	int r = conf_text_read(path, &text);
	cfg_t *cfg;

	if (r)
		return r;
	cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		return -ENOMEM;
	reading = path;
	reported = false;
	cfg_set_error_function(cfg, report);
	if (validate)
		validate(cfg);
	if (cfg_parse_buf(cfg, text) != CFG_SUCCESS) {
		if (!reported)
			cfg_error(cfg, "expected NAME = VALUE or SECTION { ... }");
		cfg_free(cfg);
		return -EINVAL;
	}
	adopt_sections(cfg);
	*ret_cfg = cfg;
	return 0;
}

static int check_each(cfg_t *cfg, cfg_opt_t *opt, int (*parse)(const char *, void *),
		      const char *expected)
{
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		const char *text = cfg_opt_getnstr(opt, i);
		char scratch[64];

		if (!text || parse(text, scratch)) {
			cfg_error(cfg, "%s = \"%s\": expected %s", opt->name, text ? text : "",
				  expected);
			return -1;
		}
	}
	return 0;
}

static int parse_ip(const char *text, void *out)
{
	return mnat_parse_ip(text, out);
}

static int parse_prefix(const char *text, void *out)
{
	return mnat_parse_prefix(text, out);
}

static int parse_range(const char *text, void *out)
{
	return mnat_parse_range(text, out);
}

static int parse_pool(const char *text, void *out)
{
	struct mnat_range ports;

	return mnat_parse_pool(text, out, &ports);
}

static int parse_ports(const char *text, void *out)
{
	return mnat_parse_ports(text, out);
}

int mnat_conf_is_ip(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_each(cfg, opt, parse_ip, "an IPv4 address such as 10.0.1.1");
}

int mnat_conf_is_prefix(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_each(cfg, opt, parse_prefix,
			  "a prefix with no host bits set, such as 10.0.1.0/24");
}

int mnat_conf_is_range(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_each(cfg, opt, parse_range,
			  "an address, a prefix, or a range such as 10.0.1.5-10.0.1.254");
}

int mnat_conf_is_pool(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_each(cfg, opt, parse_pool,
			  "an address, a prefix, or a range, and behind it ports of its own if it "
			  "has any, such as 135.180.32.1-135.180.32.4:8000-10000");
}

int mnat_conf_is_ports(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_each(cfg, opt, parse_ports, "a port range such as 8000-10000");
}

int mnat_conf_is_positive(cfg_t *cfg, cfg_opt_t *opt)
{
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		long value = cfg_opt_getnint(opt, i);

		if (value < 1 || value > INT32_MAX) {
			cfg_error(cfg, "%s = %ld: expected a number from 1 to %d", opt->name, value,
				  INT32_MAX);
			return -1;
		}
	}
	return 0;
}

int mnat_conf_copy_text(cfg_t *cfg, const char *option, char *out, size_t size)
{
	const char *text = cfg_getstr(cfg, option);

	if (!text || strlen(text) >= size) {
		cfg_error(cfg, "%s: longer than %zu characters", option, size - 1);
		return -EINVAL;
	}
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

int mnat_conf_is_interfaces(cfg_t *cfg, cfg_opt_t *opt)
{
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		const char *name = cfg_opt_getnstr(opt, i);

		if (*name && strlen(name) < IF_NAMESIZE)
			continue;
		cfg_error(cfg, "%s: \"%s\" is not an interface name", cfg_opt_name(opt), name);
		return -1;
	}
	return 0;
}

int mnat_conf_copy_interfaces(cfg_t *cfg, const char *option, char out[][IF_NAMESIZE],
			      int *ret_n)
{
	unsigned int n = cfg_size(cfg, option);

	if (!n || n > MNAT_MAX_INTERFACES) {
		cfg_error(cfg, "%s: expected 1 to %d interface names", option, MNAT_MAX_INTERFACES);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < n; i++) {
		const char *name = cfg_getnstr(cfg, option, i);

		memcpy(out[i], name, strlen(name) + 1);
	}
	*ret_n = (int)n;
	return 0;
}
