// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node's state file: the input is the file. It is refused, or what it says has room,
 * and comes back as it was when it is saved and read again.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "quiet.h"
#include "state.h"

static char path[64];

static void remove_file(void)
{
	unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	snprintf(path, sizeof(path), "/dev/shm/mnat-fuzz-%d", getpid());
	atexit(remove_file);
	be_quiet();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state state, again;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	if (state_load(path, &state))
		return 0;
	require(state.n_networks >= 0 && state.n_networks <= STATE_NETWORKS);
	require(!state_save(path, &state) && !state_load(path, &again));
	require(again.virt.s_addr == state.virt.s_addr && again.n_networks <= state.n_networks);
	return 0;
}
