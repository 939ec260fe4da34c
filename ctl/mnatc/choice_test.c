// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>

#include "choice.h"

static const struct choice_rules rules = {.weak = -78, .margin = 6};

static struct choice at(unsigned int priority, int signal)
{
	struct choice choice = {.priority = priority};

	choice_sample(&choice, &rules, true, signal);
	return choice;
}

static void assert_better(struct choice other, struct choice used, bool better)
{
	cr_assert_eq(choice_is_better(&other, &used, &rules), better);
}

Test(choice, priority_before_signal)
{
	assert_better(at(0, -70), at(1, -30), true);
	assert_better(at(1, -30), at(0, -70), false);
}

Test(choice, weak_is_last_whatever_its_priority)
{
	assert_better(at(0, -79), at(1, -60), false);
	assert_better(at(1, -60), at(0, -79), true);
	assert_better(at(1, -85), at(0, -79), false);
}

Test(choice, equal_ones_by_signal_with_a_margin)
{
	assert_better(at(1, -54), at(1, -60), false);
	assert_better(at(1, -53), at(1, -60), true);
	cr_assert(choice_is_first(&(struct choice){1, true, -59}, &(struct choice){1, true, -60}));
}

Test(choice, weak_until_stronger_by_the_margin)
{
	struct choice choice = at(0, -78);

	cr_assert_not(choice.weak);
	choice_sample(&choice, &rules, true, -79);
	cr_assert(choice.weak);
	choice_sample(&choice, &rules, true, -73);
	cr_assert(choice.weak);
	choice_sample(&choice, &rules, true, -72);
	cr_assert_not(choice.weak);
	choice_sample(&choice, &rules, true, -78);
	cr_assert_not(choice.weak);
	choice_sample(&choice, &rules, false, 0);
	cr_assert_not(choice.measured);
}

Test(choice, a_wire_has_no_signal)
{
	struct choice wire = {.priority = 1};

	assert_better(wire, at(1, -40), false);
	assert_better(at(1, -40), wire, false);
	assert_better(wire, at(0, -90), true);
}
