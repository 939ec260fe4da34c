// SPDX-License-Identifier: GPL-2.0-only
#include "conf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mnat/broker.h"
#include "mnat/cleanup.h"

static char *blank_to(char *from, const char *end)
{
	for (; from < end; from++)
		if (*from != '\n')
			*from = ' ';
	return from;
}

static char *skip_string(char *at)
{
	char quote = *at++;

	for (; *at && *at != quote; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

/* Inside a word a slash is a character like others: a = x//y. */
static bool begins_word(const char *text, const char *at)
{
	return at == text || strchr(" \t\r\n={}(),+\"'", at[-1]);
}

static char *skip_comment(char *at)
{
	char *end;

	if (at[0] == '/' && at[1] == '*') {
		end = strstr(at + 2, "*/");
		return blank_to(at, end ? end + 2 : at + strlen(at));
	}
	return blank_to(at, at + strcspn(at, "\n"));
}

void conf_text_blank_comments(char *text)
{
	for (char *at = text; *at;) {
		if (*at == '"' || *at == '\'')
			at = skip_string(at);
		else if (*at == '#' || (*at == '/' && (at[1] == '/' || at[1] == '*') &&
					begins_word(text, at)))
			at = skip_comment(at);
		else
			at++;
	}
}

static int read_all(int fd, char *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return -errno;
	*ret_len = len;
	return len == size ? -EFBIG : 0;
}

static int line_of(const char *text, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

int conf_text_open(const char *path)
{
	int fd;

	if (mnat_broker())
		return mnat_broker()->open(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int conf_text_read_fd(const char *path, int fd, char **ret_text)
{
	_cleanup_free_ char *text = malloc(CONF_TEXT_MAX);
	size_t len = 0;
	int r = fd < 0 ? fd : 0;

	if (!text)
		return -ENOMEM;
	if (!r)
		r = read_all(fd, text, CONF_TEXT_MAX, &len);
	if (r) {
		fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(-r));
		return r;
	}
	text[len] = '\0';
	if (strlen(text) < len) {
		fprintf(stderr, "%s:%d: a zero byte: expected text\n", path,
			line_of(text, strlen(text)));
		return -EINVAL;
	}
	conf_text_blank_comments(text);
	*ret_text = TAKE_PTR(text);
	return 0;
}

int conf_text_read(const char *path, char **ret_text)
{
	_cleanup_close_ int fd = conf_text_open(path);

	return conf_text_read_fd(path, fd, ret_text);
}
