// SPDX-License-Identifier: GPL-2.0-only
#include "rights.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mnat/log.h"

#define BIT(capability) ((uint64_t)1 << (capability))

void rights_keep(void)
{
	const uint64_t needed = BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_BPF);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {};
	uint64_t have;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capget, &header, sets)) {
		log_warn("capabilities cannot be given up: %m");
		return;
	}
	have = (sets[0].permitted | (uint64_t)sets[1].permitted << 32) & needed;
	sets[0] = (struct __user_cap_data_struct){(uint32_t)have, (uint32_t)have, 0};
	sets[1] = (struct __user_cap_data_struct){(uint32_t)(have >> 32), (uint32_t)(have >> 32), 0};
	if (syscall(SYS_capset, &header, sets))
		log_warn("capabilities cannot be given up: %m");
}
