// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/broker.h"

#include <stddef.h>

static const struct mnat_broker *used;

void mnat_broker_use(const struct mnat_broker *broker)
{
	used = broker;
}

const struct mnat_broker *mnat_broker(void)
{
	return used;
}
