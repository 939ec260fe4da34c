// SPDX-License-Identifier: GPL-2.0-only
/* Which place in the gateway's arrays stands for which address and port. */
#include "mnat/maps.h"

int64_t mnat_actual_index(const struct mnat_gateway_config *config, uint32_t addr)
{
	for (uint32_t i = 0; i < config->n_inside; i++) {
		const struct mnat_prefix *p = &config->inside[i];

		if (addr >= p->first && addr <= p->last)
			return (int64_t)p->base + (addr - p->first);
	}
	return -1;
}

uint32_t mnat_actual_address(const struct mnat_gateway_config *config, uint32_t index)
{
	uint32_t i = 0;

	while (i + 1 < config->n_inside && config->inside[i + 1].base <= index)
		i++;
	return config->inside[i].first + (index - config->inside[i].base);
}

uint32_t mnat_bindings_size(const struct mnat_gateway_config *config)
{
	return (MNAT_N_PROTO * config->n_blocks) << config->block_shift;
}

static void lay_out_range(struct mnat_gateway_config *c, struct mnat_external *e)
{
	uint32_t first = e->port_first >> c->block_shift;

	e->block_base = c->n_blocks;
	e->n_blocks = (e->port_last >> c->block_shift) - first + 1;
	e->n_low = e->port_first < MNAT_CLASS_PORTS && e->port_last >= MNAT_CLASS_PORTS
			   ? (MNAT_CLASS_PORTS >> c->block_shift) - first
			   : 0;
	c->n_blocks += (e->last - e->first + 1) * e->n_blocks;
	c->classes |= e->n_low != 0;
	if (!c->step || e->n_blocks < c->step)
		c->step = e->n_blocks;
}

void mnat_lay_out(struct mnat_gateway_config *config)
{
	config->n_blocks = config->step = config->classes = 0;
	for (uint32_t i = 0; i < config->n_external; i++)
		lay_out_range(config, &config->external[i]);
}

void mnat_block_endpoints(const struct mnat_gateway_config *config, uint32_t block,
			  struct mnat_ports *ret_ports)
{
	const volatile struct mnat_external *e = mnat_block_range(config, block);
	uint32_t nth = block - e->block_base;

	ret_ports->addr = e->first + nth / e->n_blocks;
	ret_ports->first = (uint16_t)mnat_block_ports(e, config->block_shift, nth % e->n_blocks,
						      &ret_ports->n);
}
