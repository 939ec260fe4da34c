// SPDX-License-Identifier: GPL-2.0-only
#include "conf_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"

static int add(struct conf_lines *lines, char *line)
{
	char **grown = reallocarray(lines->line, lines->n + 1, sizeof(*grown));

	if (!line || !grown) {
		free(line);
		lines->line = grown ? grown : lines->line;
		return -ENOMEM;
	}
	lines->line = grown;
	lines->line[lines->n++] = line;
	return 0;
}

static void print_value(FILE *out, cfg_opt_t *opt, unsigned int i)
{
	if (opt->type == CFGT_INT)
		fprintf(out, "%ld", cfg_opt_getnint(opt, i));
	else if (opt->type == CFGT_BOOL)
		fputs(cfg_opt_getnbool(opt, i) ? "true" : "false", out);
	else
		fprintf(out, "\"%s\"", cfg_opt_getnstr(opt, i) ? cfg_opt_getnstr(opt, i) : "");
}

static int add_option(struct conf_lines *lines, const char *where, cfg_opt_t *opt)
{
	char *line = NULL;
	size_t size;
	FILE *out;

	if (!cfg_opt_size(opt) || (opt->type == CFGT_STR && !cfg_opt_getnstr(opt, 0)))
		return 0;
	out = open_memstream(&line, &size);
	if (!out)
		return -ENOMEM;
	fprintf(out, "%s%s = ", where, opt->name);
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		fputs(i ? ", " : "", out);
		print_value(out, opt, i);
	}
	fclose(out);
	return add(lines, line);
}

static int add_all(struct conf_lines *lines, const char *where, cfg_t *cfg);

static int add_section(struct conf_lines *lines, cfg_t *section)
{
	const char *title = cfg_title(section);
	_cleanup_free_ char *where = NULL;

	if (title ? asprintf(&where, "%s \"%s\" ", section->name, title) < 0
		  : asprintf(&where, "%s ", section->name) < 0)
		return -ENOMEM;
	return add_all(lines, where, section);
}

static int add_all(struct conf_lines *lines, const char *where, cfg_t *cfg)
{
	int r = 0;

	for (cfg_opt_t *opt = cfg->opts; !r && opt->name; opt++) {
		if (opt->type != CFGT_SEC)
			r = add_option(lines, where, opt);
		else
			for (unsigned int i = 0; !r && i < cfg_opt_size(opt); i++)
				r = add_section(lines, cfg_opt_getnsec(opt, i));
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int conf_lines_get(cfg_t *cfg, struct conf_lines *ret_lines)
{
	int r;

	*ret_lines = (struct conf_lines){0};
	r = add_all(ret_lines, "", cfg);
	qsort(ret_lines->line, ret_lines->n, sizeof(*ret_lines->line), compare);
	return r;
}

void conf_lines_free(struct conf_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		free(lines->line[i]);
	free(lines->line);
	*lines = (struct conf_lines){0};
}

size_t conf_lines_diff(const struct conf_lines *a, const struct conf_lines *b)
{
	size_t i = 0, j = 0, n = 0;

	while (i < a->n || j < b->n) {
		int order = i == a->n ? 1 : j == b->n ? -1 : strcmp(a->line[i], b->line[j]);

		if (order < 0)
			printf("- %s\n", a->line[i]);
		else if (order > 0)
			printf("+ %s\n", b->line[j]);
		n += order != 0;
		i += order <= 0;
		j += order >= 0;
	}
	return n;
}
