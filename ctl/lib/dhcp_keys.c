// SPDX-License-Identifier: GPL-2.0-only
/* Files of keys. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_text.h"
#include "mnat/addr.h"
#include "mnat/broker.h"
#include "mnat/cleanup.h"
#include "mnat/dhcp_auth.h"
#include "mnat/hex.h"

#define ETHERNET   1
#define CLIENT_MAX 255

struct reader {
	const char *path;
	int line;
	struct dhcp_keys *keys;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static int wrong(const struct reader *reader,
						       const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", reader->path, reader->line);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -EINVAL;
}

void dhcp_keys_free(struct dhcp_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->n; i++)
		free(keys->key[i].client);
	if (keys->key)
		explicit_bzero(keys->key, keys->n * sizeof(*keys->key));
	free(keys->key);
	free(keys);
}

/* The words are the file's: secrets are in it, so that it is not shown in an error. */
static int read_secret(struct reader *reader, const char *text, struct dhcp_key *key)
{
	size_t len = text ? strlen(text) / 2 : 0;

	if (len < DHCP_KEY_MIN || len > DHCP_KEY_MAX || mnat_unhex(text, key->secret, len))
		return wrong(reader,
			     "secret: expected %d to %d bytes in hexadecimal, such as openssl "
			     "rand -hex 32 gives",
			     DHCP_KEY_MIN, DHCP_KEY_MAX);
	key->len = (uint8_t)len;
	return 0;
}

/* An identifier in hexadecimal, or a hardware address, or the text of node.conf's client-id. */
static int read_client(struct reader *reader, const char *text, struct dhcp_key *key)
{
	uint8_t id[CLIENT_MAX] = {0};
	size_t len = strlen(text);

	if (!mnat_parse_mac(text, id + 1)) {
		id[0] = ETHERNET;
		len = 7;
	} else if (!strncmp(text, "hex:", 4)) {
		len = strlen(text + 4) / 2;
		if (!len || len > sizeof(id) || mnat_unhex(text + 4, id, len))
			return wrong(reader, "client: expected 1 to %d bytes in hexadecimal",
				     CLIENT_MAX);
	} else if (len < sizeof(id)) {
		memcpy(id + 1, text, len++);
	} else {
		return wrong(reader, "client: expected at most %d characters", CLIENT_MAX - 1);
	}
	key->client = malloc(len);
	if (!key->client)
		return -ENOMEM;
	memcpy(key->client, id, len);
	key->client_len = (uint8_t)len;
	return 0;
}

static struct dhcp_key *new_key(struct reader *reader)
{
	struct dhcp_keys *keys = reader->keys;

	if (keys->n == reader->room) {
		size_t room = reader->room ? 2 * reader->room : 16;
		/* not realloc(): what it leaves behind is not wiped */
		struct dhcp_key *bigger = calloc(room, sizeof(*bigger));

		if (!bigger)
			return NULL;
		if (keys->n) {
			memcpy(bigger, keys->key, keys->n * sizeof(*bigger));
			explicit_bzero(keys->key, keys->n * sizeof(*bigger));
		}
		free(keys->key);
		keys->key = bigger;
		reader->room = room;
	}
	return &keys->key[keys->n++];
}

static int read_line(struct reader *reader, char *line)
{
	char *save, *word = strtok_r(line, " \t\r", &save), *end;
	struct dhcp_key *key;
	unsigned long id;
	int r;

	if (!word)
		return 0;
	key = new_key(reader);
	if (!key)
		return -ENOMEM;
	key->master = !strcmp(word, "master");
	if (key->master)
		word = strtok_r(NULL, " \t\r", &save);
	id = word ? strtoul(word, &end, 10) : 0;
	if (!id || *end || id > UINT32_MAX || *word == '-')
		return wrong(reader,
			     "expected NUMBER SECRET [CLIENT], or master NUMBER SECRET, the "
			     "number from 1 to %u",
			     UINT32_MAX);
	key->id = (uint32_t)id;
	r = read_secret(reader, strtok_r(NULL, " \t\r", &save), key);
	word = strtok_r(NULL, " \t\r", &save);
	if (!r && word && key->master)
		return wrong(reader, "a master's secret is no single client's");
	if (!r && word)
		r = read_client(reader, word, key);
	if (!r && strtok_r(NULL, " \t\r", &save))
		return wrong(reader, "expected nothing behind the client");
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct dhcp_key *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int read_lines(struct reader *reader, char *text)
{
	struct dhcp_keys *keys = reader->keys;
	int r = 0;

	for (char *line = text, *next; !r && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		reader->line++;
		r = read_line(reader, line);
	}
	if (!r && !keys->n)
		return wrong(reader, "expected at least one key");
	if (!r)
		qsort(keys->key, keys->n, sizeof(*keys->key), compare);
	for (size_t i = 1; !r && i < keys->n; i++)
		if (keys->key[i].id == keys->key[i - 1].id)
			r = wrong(reader, "key %u is there twice", keys->key[i].id);
	return r;
}

int dhcp_keys_check(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISREG(st.st_mode) && !(st.st_mode & 077) && (!st.st_uid || st.st_uid == geteuid()))
		return 0;
	fprintf(stderr,
		"%s: holds secrets, and others may read or change it: chown it to root and chmod "
		"600\n",
		path);
	return -EPERM;
}

static int load(struct reader *reader)
{
	_cleanup_close_ int fd = conf_text_open(reader->path);
	char *text = NULL;
	int r = fd < 0 ? fd : mnat_broker() ? 0 : dhcp_keys_check(reader->path, fd);

	if (fd < 0)
		fprintf(stderr, "%s: cannot be read: %s\n", reader->path, strerror(-fd));
	if (!r)
		r = conf_text_read_fd(reader->path, fd, &text);
	if (!r)
		r = read_lines(reader, text);
	if (text)
		explicit_bzero(text, CONF_TEXT_MAX);
	free(text);
	return r;
}

int dhcp_keys_load(const char *path, struct dhcp_keys **ret_keys)
{
	struct reader reader = {.path = path, .keys = calloc(1, sizeof(*reader.keys))};
	int r = reader.keys ? load(&reader) : -ENOMEM;

	if (r) {
		dhcp_keys_free(reader.keys);
		return r;
	}
	*ret_keys = reader.keys;
	return 0;
}

/* ---- which one ---- */

const struct dhcp_key *dhcp_keys_find(const struct dhcp_keys *keys, uint32_t id)
{
	const struct dhcp_key wanted = {.id = id};

	return bsearch(&wanted, keys->key, keys->n, sizeof(wanted), compare);
}

static bool is_of(const struct dhcp_key *key, const void *client, size_t client_len)
{
	return key->client_len == client_len && !memcmp(key->client, client, client_len);
}

const struct dhcp_key *dhcp_keys_for(const struct dhcp_keys *keys, const void *client,
				     size_t client_len)
{
	const struct dhcp_key *common = NULL;

	for (size_t i = 0; i < keys->n; i++) {
		const struct dhcp_key *key = &keys->key[i];

		if (key->client && is_of(key, client, client_len))
			return key;
		if (!key->client && (!common || (key->master && !common->master)))
			common = key;
	}
	return common;
}

bool dhcp_key_secret(const struct dhcp_key *key, const void *client, size_t client_len,
		     struct dhcp_secret *ret_secret)
{
	if (client_len && key->client && !is_of(key, client, client_len))
		return false;
	if (client_len && key->master) {
		dhcp_auth_derive(key, client, client_len, ret_secret);
		return true;
	}
	ret_secret->len = key->len;
	memcpy(ret_secret->bytes, key->secret, key->len);
	return true;
}
