// SPDX-License-Identifier: GPL-2.0-only
#include "maps_test.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arrays_test.h"

static struct mnat_gateway gateway;

static int make(enum bpf_map_type type, const char *name, size_t key, size_t value, uint32_t n)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int fd;

	if (!strcmp(name, "bindings") || !strcmp(name, "blocks") || !strcmp(name, "host_use") ||
	    !strcmp(name, "sessions") || !strcmp(name, "session_tags"))
		opts.map_flags = BPF_F_MMAPABLE;
	fd = bpf_map_create(type, name, (uint32_t)key, (uint32_t)value, n, &opts);

	if (fd < 0 && (errno == EPERM || errno == EACCES))
		cr_skip_test("bpf(2) is not permitted");
	cr_assert_geq(fd, 0, "%s", name);
	return fd;
}

/* The memory of an array; its map goes with it. */
static void *test_map(const char *name, size_t size, uint32_t n)
{
	int fd = make(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), size, n);
	void *at = mmap(NULL, n * size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	cr_assert_neq(at, MAP_FAILED, "%s", name);
	close(fd);
	return at;
}

struct mnat_gateway *test_maps_open(void)
{
	gateway = (struct mnat_gateway){.n_hosts = N_HOSTS, .n_anchors = TEST_ANCHORS};
	gateway.config.n_inside = 1;
	gateway.config.inside[0] = (struct mnat_prefix){0x0a000000, 0x0a00ffff, 0};
	gateway.config.n_actuals = N_ACTUALS;
	gateway.config.external[0] = (struct mnat_external){0x87b42004, 0x87b42004, 1024,
								 32767};
	gateway.config.n_external = 1;
	gateway.config.block_shift = 6;
	mnat_lay_out(&gateway.config);
	gateway.config.max_blocks = 64;
	gateway.config.hold_down = 120;
	gateway.n_buckets = gateway.config.n_buckets = mnat_session_buckets(16384);
	gateway.sessions = test_map("sessions", sizeof(struct mnat_session_slot),
				    gateway.n_buckets * MNAT_BUCKET_SLOTS);
	gateway.session_tags = test_map("session_tags", sizeof(uint64_t), gateway.n_buckets);
	gateway.anchors_fd = make(BPF_MAP_TYPE_ARRAY, "anchors", sizeof(uint32_t),
				  sizeof(struct mnat_anchor), TEST_ANCHORS);
	gateway.defaults_fd =
		make(BPF_MAP_TYPE_ARRAY, "defaults", sizeof(uint32_t), sizeof(uint32_t), N_HOSTS);
	gateway.elsewhere_fd = make(BPF_MAP_TYPE_HASH, "elsewhere", sizeof(struct mnat_session_key),
				    sizeof(struct mnat_elsewhere), 16384);
	gateway.relays_fd = make(BPF_MAP_TYPE_HASH, "relays", sizeof(uint32_t),
				 sizeof(struct mnat_relay), 16384);
	gateway.arrivals_fd = make(BPF_MAP_TYPE_HASH, "arrivals", sizeof(struct mnat_arrival_key),
				   sizeof(uint32_t), 2 * TEST_ANCHORS);
	gateway.n_bindings = mnat_bindings_size(&gateway.config);
	gateway.bindings_fd = make(BPF_MAP_TYPE_ARRAY, "bindings", sizeof(uint32_t),
				   sizeof(struct mnat_binding), gateway.n_bindings);
	gateway.bindings = mmap(NULL, gateway.n_bindings * sizeof(struct mnat_binding),
				PROT_READ | PROT_WRITE, MAP_SHARED, gateway.bindings_fd, 0);
	cr_assert_neq(gateway.bindings, MAP_FAILED);
	gateway.n_blocks = gateway.config.n_blocks;
	gateway.blocks = test_map("blocks", sizeof(struct mnat_block), gateway.n_blocks);
	gateway.use = test_map("host_use", sizeof(struct mnat_host_use), N_HOSTS);
	gateway.bib_fd = make(BPF_MAP_TYPE_HASH, "bib", sizeof(struct mnat_bib_key),
			      sizeof(uint32_t), TEST_BIB);
	return &gateway;
}

void test_maps_close(void)
{
	munmap(gateway.bindings, gateway.n_bindings * sizeof(struct mnat_binding));
	munmap(gateway.blocks, gateway.n_blocks * sizeof(struct mnat_block));
	munmap(gateway.sessions,
	       gateway.n_buckets * MNAT_BUCKET_SLOTS * sizeof(struct mnat_session_slot));
	munmap(gateway.session_tags, gateway.n_buckets * sizeof(uint64_t));
	munmap(gateway.use, N_HOSTS * sizeof(struct mnat_host_use));
	close(gateway.bindings_fd);
	close(gateway.bib_fd);
	close(gateway.anchors_fd);
	close(gateway.defaults_fd);
	close(gateway.elsewhere_fd);
	close(gateway.relays_fd);
	close(gateway.arrivals_fd);
}
