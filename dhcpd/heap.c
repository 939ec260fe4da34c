// SPDX-License-Identifier: GPL-2.0-only
#include "heap.h"

#include <errno.h>
#include <stdlib.h>

static void place(struct heap *heap, struct heap_node *node, size_t at)
{
	heap->node[at] = node;
	node->place = at;
}

static void sift(struct heap *heap, struct heap_node *node, size_t at)
{
	while (at > 1 && heap->node[at / 2]->when > node->when) {
		place(heap, heap->node[at / 2], at);
		at /= 2;
	}
	for (;;) {
		size_t child = 2 * at;

		if (child < heap->n && heap->node[child + 1]->when < heap->node[child]->when)
			child++;
		if (child > heap->n || heap->node[child]->when >= node->when)
			break;
		place(heap, heap->node[child], at);
		at = child;
	}
	place(heap, node, at);
}

static int grow(struct heap *heap)
{
	size_t room = heap->room ? 2 * heap->room : 64;
	struct heap_node **node = reallocarray(heap->node, room + 1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	heap->node = node;
	heap->room = room;
	return 0;
}

int heap_set(struct heap *heap, struct heap_node *node, uint64_t when)
{
	if (!node->place) {
		if (heap->n == heap->room && grow(heap))
			return -ENOMEM;
		node->place = ++heap->n;
	}
	node->when = when;
	sift(heap, node, node->place);
	return 0;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t at = node->place;
	struct heap_node *last;

	if (!at)
		return;
	node->place = 0;
	last = heap->node[heap->n--];
	if (last != node)
		sift(heap, last, at);
}

struct heap_node *heap_first(const struct heap *heap)
{
	return heap->n ? heap->node[1] : NULL;
}

void heap_done(struct heap *heap)
{
	free(heap->node);
	*heap = (struct heap){0};
}
