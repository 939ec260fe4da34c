"""The registry behind selftests/net/run: a scenario is a function of a run."""
SCENARIOS = {}


class Skip(Exception):
    """This machine cannot run the scenario; the text says why."""


def scenario(name):
    """Register a function(run) under a name; a promise of design.md keeps its name."""
    def register(function):
        assert name not in SCENARIOS, name
        SCENARIOS[name] = function
        return function
    return register
