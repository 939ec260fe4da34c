// SPDX-License-Identifier: GPL-2.0-only
/* Writing a DHCP message. */
#include "mnat/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define END_LEN 1 /* room kept for the end option */

void dhcp_build(struct dhcp_builder *b, void *buf, size_t size, const struct dhcp_header *header,
		enum dhcp_type type)
{
	struct dhcp_header head = *header;

	*b = (struct dhcp_builder){.buf = buf, .size = size, .len = sizeof(head)};
	if (size < DHCP_MIN_MESSAGE) {
		b->error = -EMSGSIZE;
		return;
	}
	head.magic = htonl(DHCP_MAGIC);
	memcpy(buf, &head, sizeof(head));
	b->field[0].room = head.file[0] ? 0 : sizeof(head.file) - END_LEN;
	b->field[1].room = head.sname[0] ? 0 : sizeof(head.sname) - END_LEN;
	dhcp_put_u8(b, DHCP_OPT_TYPE, (uint8_t)type);
}

static void put_part(struct dhcp_builder *b, uint8_t code, const uint8_t *data, size_t len)
{
	if (b->error)
		return;
	if (b->size - b->len < 2 + len + END_LEN) {
		b->error = -EMSGSIZE;
		return;
	}
	b->buf[b->len++] = code;
	b->buf[b->len++] = (uint8_t)len;
	if (len)
		memcpy(b->buf + b->len, data, len);
	b->len += len;
}

void dhcp_put(struct dhcp_builder *b, uint8_t code, const void *data, size_t len)
{
	const uint8_t *part = data;

	for (; len > UINT8_MAX; len -= UINT8_MAX, part += UINT8_MAX)
		put_part(b, code, part, UINT8_MAX);
	put_part(b, code, part, len);
}

void dhcp_put_ip(struct dhcp_builder *b, uint8_t code, struct in_addr addr)
{
	dhcp_put(b, code, &addr, sizeof(addr));
}

void dhcp_put_u32(struct dhcp_builder *b, uint8_t code, uint32_t value)
{
	value = htonl(value);
	dhcp_put(b, code, &value, sizeof(value));
}

void dhcp_put_u16(struct dhcp_builder *b, uint8_t code, uint16_t value)
{
	value = htons(value);
	dhcp_put(b, code, &value, sizeof(value));
}

void dhcp_put_u8(struct dhcp_builder *b, uint8_t code, uint8_t value)
{
	dhcp_put(b, code, &value, sizeof(value));
}

/* ---- options that may overflow into file and sname ---- */

#define PART_HEAD    2
#define OVERLOAD_LEN 3 /* option 52 */

static const size_t field_at[] = {offsetof(struct dhcp_header, file),
				  offsetof(struct dhcp_header, sname)};

void dhcp_keep(struct dhcp_builder *b, size_t len)
{
	b->kept += len;
}

size_t dhcp_option_size(size_t len)
{
	size_t parts = len ? (len + UINT8_MAX - 1) / UINT8_MAX : 1;

	return len + parts * PART_HEAD;
}

static size_t room_in_options(const struct dhcp_builder *b)
{
	size_t taken = b->len + END_LEN + b->kept + OVERLOAD_LEN;

	return b->size > taken ? b->size - taken : 0;
}

/* None if option 52 itself has no room: nobody would look there. */
static size_t room_in_field(const struct dhcp_builder *b, int field)
{
	if (b->size < b->len + END_LEN + b->kept + OVERLOAD_LEN)
		return 0;
	return b->field[field].room - b->field[field].used;
}

static void put_in_field(struct dhcp_builder *b, int field, uint8_t code, const uint8_t *data,
			 size_t len)
{
	uint8_t *at = b->buf + field_at[field] + b->field[field].used;

	at[0] = code;
	at[1] = (uint8_t)len;
	if (len)
		memcpy(at + PART_HEAD, data, len);
	at[PART_HEAD + len] = DHCP_OPT_END;
	b->field[field].used += PART_HEAD + len;
}

/* Bytes of data that a space holds as parts of one option. */
static size_t capacity(size_t room)
{
	size_t whole = room / (PART_HEAD + UINT8_MAX), rest = room % (PART_HEAD + UINT8_MAX);

	return whole * UINT8_MAX + (rest > PART_HEAD ? rest - PART_HEAD : 0);
}

/* In the order in which a reader joins the parts: RFC 3396 section 5. */
static void put_long(struct dhcp_builder *b, uint8_t code, const uint8_t *data, size_t len)
{
	size_t first = capacity(room_in_options(b));

	if (first > len)
		first = len;
	if (first)
		dhcp_put(b, code, data, first);
	for (int i = 0; i < 2 && first < len; i++) {
		size_t n = capacity(room_in_field(b, i));

		if (n > len - first)
			n = len - first;
		if (n)
			put_in_field(b, i, code, data + first, n);
		first += n;
	}
}

bool dhcp_offer(struct dhcp_builder *b, uint8_t code, const void *data, size_t len)
{
	size_t size = dhcp_option_size(len);

	if (b->error)
		return false;
	if (size <= room_in_options(b)) {
		dhcp_put(b, code, data, len);
		return true;
	}
	for (int i = 0; i < 2; i++)
		if (size <= room_in_field(b, i)) {
			put_in_field(b, i, code, data, len);
			return true;
		}
	if (len <= UINT8_MAX || capacity(room_in_options(b)) + capacity(room_in_field(b, 0)) +
						capacity(room_in_field(b, 1)) <
					len)
		return false;
	put_long(b, code, data, len);
	return true;
}

void dhcp_put_overload(struct dhcp_builder *b)
{
	uint8_t value = (uint8_t)((b->field[0].used ? 1 : 0) | (b->field[1].used ? 2 : 0));

	b->kept = 0;
	if (value)
		dhcp_put_u8(b, DHCP_OPT_OVERLOAD, value);
}

/* ---- option 125 ---- */

#define BLOCK_HEAD 5 /* of option 125: enterprise number, length */

/* Sub-options of one block being gathered. */
struct block {
	uint8_t bytes[BLOCK_HEAD + UINT8_MAX];
	size_t len;
	bool full;
};

static void add_suboption(struct block *block, uint8_t code, const void *data, size_t len)
{
	if (sizeof(block->bytes) - block->len < 2 + len) {
		block->full = true;
		return;
	}
	block->bytes[block->len++] = code;
	block->bytes[block->len++] = (uint8_t)len;
	memcpy(block->bytes + block->len, data, len);
	block->len += len;
}

static void put_vivso(struct dhcp_builder *b, uint32_t enterprise, const struct dhcp_mnat *mnat)
{
	uint32_t domain = htonl(mnat->domain), generation = htonl(mnat->generation);
	struct block block = {.len = BLOCK_HEAD};

	enterprise = htonl(enterprise);
	memcpy(block.bytes, &enterprise, sizeof(enterprise));
	if (mnat->shim.s_addr || !generation)
		add_suboption(&block, DHCP_MNAT_SHIM, &mnat->shim, sizeof(mnat->shim));
	if (generation)
		add_suboption(&block, DHCP_MNAT_GENERATION, &generation, sizeof(generation));
	if (mnat->manager.s_addr)
		add_suboption(&block, DHCP_MNAT_MANAGER, &mnat->manager, sizeof(mnat->manager));
	if (mnat->gateway.s_addr)
		add_suboption(&block, DHCP_MNAT_GATEWAY, &mnat->gateway, sizeof(mnat->gateway));
	if (mnat->mode)
		add_suboption(&block, DHCP_MNAT_MODE, &mnat->mode, sizeof(mnat->mode));
	if (domain)
		add_suboption(&block, DHCP_MNAT_DOMAIN, &domain, sizeof(domain));
	if (mnat->token)
		add_suboption(&block, DHCP_MNAT_TOKEN, mnat->token, sizeof(*mnat->token));
	for (unsigned int i = 0; i < mnat->n_arrivals; i++)
		add_suboption(&block, DHCP_MNAT_ARRIVAL, &mnat->arrivals[i],
			      sizeof(mnat->arrivals[i]));
	if (block.full) {
		b->error = -EMSGSIZE;
		return;
	}
	block.bytes[BLOCK_HEAD - 1] = (uint8_t)(block.len - BLOCK_HEAD);
	dhcp_put(b, DHCP_OPT_VIVSO, block.bytes, block.len);
}

void dhcp_put_mnat(struct dhcp_builder *b, const struct dhcp_codec *codec, enum dhcp_shim_form form,
		   const struct dhcp_mnat *mnat)
{
	if (form & DHCP_SHIM_VIVSO)
		put_vivso(b, codec->enterprise, mnat);
	if ((form & DHCP_SHIM_SEED) && codec->seed_option)
		dhcp_put_ip(b, codec->seed_option, mnat->shim);
}

void dhcp_put_shim(struct dhcp_builder *b, const struct dhcp_codec *codec, enum dhcp_shim_form form,
		   struct in_addr shim, struct in_addr manager, uint8_t mode)
{
	const struct dhcp_mnat mnat = {.shim = shim, .manager = manager, .mode = mode};

	dhcp_put_mnat(b, codec, form, &mnat);
}

int dhcp_finish(struct dhcp_builder *b, size_t *ret_len)
{
	if (b->error)
		return b->error;
	b->buf[b->len++] = DHCP_OPT_END;
	if (b->len < DHCP_MIN_MESSAGE) {
		memset(b->buf + b->len, DHCP_OPT_PAD, DHCP_MIN_MESSAGE - b->len);
		b->len = DHCP_MIN_MESSAGE;
	}
	*ret_len = b->len;
	return 0;
}
