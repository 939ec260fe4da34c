// SPDX-License-Identifier: GPL-2.0-only
#include "links.h"

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool link_exists(const char *name)
{
	static int fd = -1;
	struct ifreq ifr = {0};

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (strlen(name) >= sizeof(ifr.ifr_name))
		return false;
	strcpy(ifr.ifr_name, name);
	return !ioctl(fd, SIOCGIFINDEX, &ifr);
}
