// SPDX-License-Identifier: GPL-2.0-only
#include "signal.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/nl80211.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnat/cleanup.h"
#include "mnat/netlink.h"

static struct nlmsghdr *request(char *buf, uint16_t type, uint16_t flags, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

static int on_family(const struct nlmsghdr *nlh, void *user)
{
	struct nlattr *attr;
	uint16_t *family = user;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
			*family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

void radio_open(struct radio *ret_radio)
{
	char buf[256];
	struct nlmsghdr *nlh = request(buf, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);

	*ret_radio = (struct radio){};
	if (mnat_nl_open_bus(NETLINK_GENERIC, 0, &ret_radio->nl))
		return;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NL80211_GENL_NAME);
	if (mnat_nl_talk(ret_radio->nl, nlh, on_family, &ret_radio->family))
		radio_close(ret_radio);
}

void radio_close(struct radio *radio)
{
	mnat_nl_closep(&radio->nl);
	radio->family = 0;
}

struct answer {
	bool known;
	int dbm;
};

static int on_station(const struct nlmsghdr *nlh, void *user)
{
	struct answer *answer = user;
	struct nlattr *attr, *info;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != NL80211_ATTR_STA_INFO)
			continue;
		mnl_attr_for_each_nested(info, attr) {
			if (mnl_attr_get_type(info) != NL80211_STA_INFO_SIGNAL ||
			    mnl_attr_validate(info, MNL_TYPE_U8) < 0)
				continue;
			answer->dbm = (int8_t)mnl_attr_get_u8(info);
			answer->known = true;
		}
	}
	return MNL_CB_OK;
}

bool radio_signal(const struct radio *radio, int index, int *ret_dbm)
{
	struct answer answer = {};
	char buf[256];
	struct nlmsghdr *nlh;

	if (!radio->family)
		return false;
	nlh = request(buf, radio->family, NLM_F_DUMP, NL80211_CMD_GET_STATION);
	mnl_attr_put_u32(nlh, NL80211_ATTR_IFINDEX, (uint32_t)index);
	if (mnat_nl_talk(radio->nl, nlh, on_station, &answer) || !answer.known)
		return false;
	*ret_dbm = answer.dbm;
	return true;
}

bool signal_of_file(const char *path, int *ret_dbm)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[32], *end;
	long dbm;

	if (!f || !fgets(line, sizeof(line), f))
		return false;
	dbm = strtol(line, &end, 10);
	if (end == line || dbm < -200 || dbm > 100)
		return false;
	*ret_dbm = (int)dbm;
	return true;
}
