"""Programs, networks and whole gateways that fail while nodes change domains."""
import time

from mnatlab import LabError
from mnatlab.checks import CheckFailed, check, fail
from mnatlab.mobilenat_domains import DomainGateway, Providers
from mnatlab.proc import wait_until
from mnatlab.relay import LineNames, Relay, SimcoNames
from mnatlab.scenario import scenario
from mnatlab.topology_domains import HOME, VISITED

from inter_chain import Journey

# Of mnatc, which speaks to nobody here, a step is a time: all of a move takes some ten.
STEPS_MS = (0, 3, 6, 10, 15, 25, 40, 80)
DEAD = 0.2  # seconds until somebody starts it again

# What passes between the daemons of the box the node comes to, and of the one it leaves.
ARRIVAL = ("lease", "HREB", "HREB+", "HANC", "HANC+", "lease+", "FIMP", "FIMP+")
DEPARTURE = ("HARR", "HARR+", "HREB", "HREB+", "FEXP", "FEXP+")


class RelayedGateway(DomainGateway):
    """Its daemons speak to one another through relays."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.relays = [self._relay("dhcpd", "mmd", LineNames),
                       self._relay("mmd", "midcom", SimcoNames)]

    def _relay(self, client, server, names):
        conf = self.run_dir / f"{client}.conf"
        path = self.run_dir / f"{server}.relay"
        target = self.run_dir / f"{server}.sock"
        conf.write_text(conf.read_text().replace(str(target), str(path)))
        return Relay(path, target, names)

    def trap(self, step):
        return self.relays[0 if step.startswith("lease") else 1].trap(step)

    def is_settled(self, where, anchored):
        """Does its manager know where the node is, and its gateway which sessions are anchored
        elsewhere?"""
        row = self.host(HOME.virtual)
        return (row and row["where"] == where and row["state"] == "bound"
                and self.anchors() == anchored
                and not any(host["importing"] for host in self.dump("mnat-midcomd", "hosts")))


class RelayedProviders(Providers):
    GATEWAY = RelayedGateway


class FailingJourney(Journey):
    PROVIDERS = RelayedProviders

    def __init__(self, run, forward="tunnel"):
        super().__init__(run, (HOME, VISITED), forward=forward)
        self.at = HOME
        self.open(HOME)
        self.go(VISITED)
        self.at = VISITED
        self.open(VISITED)

    def settle(self):
        """Sessions go on, and all daemons are of one mind."""
        here, left = self.at, (HOME, VISITED)[self.at is HOME]
        self.node.wait_address(f"{here.subnet}.", 30)
        self.all_go_on()
        self.node.wait_ticket()
        gateways = self.providers.gateways
        wait_until(lambda: gateways[here].is_settled("here", {left.external})
                   and gateways[left].is_settled(f"domain {here.number}", set()),
                   20, lambda: "the managers to agree: " + "; ".join(
                       f"{box.site.name} {box.host(HOME.virtual)} {box.anchors()}"
                       for box in gateways.values()))

    def move(self):
        self.at = (HOME, VISITED)[self.at is HOME]
        self.net.move(self.at.ap)

    def move_with(self, arriving, step, strike, at_victim):
        """A move in the midst of which, at a step of a box, something happens to one."""
        boxes = self.providers.gateways
        here = (HOME, VISITED)[self.at is HOME]
        trapped, other = boxes[here if arriving else self.at], boxes[self.at if arriving else here]
        trap = trapped.trap(step)
        self.move()
        trap.wait()
        mend = strike(trapped if at_victim else other)
        trap.release()
        if mend:
            time.sleep(DEAD)
            mend()
        try:
            self.settle()
        except (CheckFailed, LabError) as error:
            fail(f"at step {step} of the box {'come to' if arriving else 'left'}: {error}")


def kill(daemon):
    def strike(box):
        box.daemons[daemon].kill9()
        return lambda: box.start_daemon(daemon)
    return strike


def replace_programs(box):
    box.load()


STRIKES = {"mmd": kill("mnat-mmd"), "midcomd": kill("mnat-midcomd"), "dhcpd": kill("mnat-dhcpd"),
           "programs": replace_programs}


def at_every_step(run, strike, at_victim, forward="tunnel"):
    """Twice each: once as the node goes away, once as it comes home."""
    journey = FailingJourney(run, forward)
    for arriving, steps in ((True, ARRIVAL), (False, DEPARTURE)):
        for step in steps:
            for _ in range(2):
                journey.move_with(arriving, step, strike, at_victim)
    journey.finish()


def register():
    for name, strike in STRIKES.items():
        what = f"mnat-{name} killed" if name != "programs" else "Gateway programs replaced"

        def here(run, strike=strike):
            at_every_step(run, strike, True)

        def there(run, strike=strike):
            at_every_step(run, strike, False)

        def translating(run, strike=strike):
            at_every_step(run, strike, True, "translate")
        here.__doc__ = f"{what} where a step of a handover is being made, at each step."
        there.__doc__ = f"{what} at the other end of a handover, at each step."
        translating.__doc__ = f"{what} at each step, sessions being translated."
        scenario(f"inter.kill.{name}")(here)
        scenario(f"inter.kill.{name}.translate")(translating)
        if name != "programs":
            scenario(f"inter.kill.{name}.other")(there)


register()


@scenario("inter.kill.mnatc")
def kill_mnatc(run):
    """mnatc killed at some time of a handover."""
    journey = FailingJourney(run)
    for step in STEPS_MS:
        journey.move()
        time.sleep(step / 1000)
        journey.node.daemons["mnatc"].kill9()
        time.sleep(DEAD)
        journey.node.start_daemon()
        journey.settle()
    journey.finish()


@scenario("inter.late")
def late(run):
    """Home for a moment: the manager hears of that when the node has left again, and does not
    take it for a return."""
    journey = FailingJourney(run)
    home = journey.providers.home
    trap = home.trap("lease")
    journey.move()
    trap.wait()
    journey.node.wait_address(f"{HOME.subnet}.")
    journey.move()
    journey.settle()
    heard = home.counters("mnat-mmd")["events"]
    trap.release()
    wait_until(lambda: home.counters("mnat-mmd")["events"] > heard, 5, "the lease to be heard of")
    journey.settle()
    journey.move()
    journey.settle()
    journey.finish()


@scenario("inter.partition")
def partition(run):
    """The node arrives while its home domain cannot be reached: new sessions at once, old
    ones as soon as the networks are joined again."""
    journey = Journey(run, (HOME, VISITED))
    journey.open(HOME)
    journey.net.partition(HOME)
    journey.node.move(journey.net, VISITED.ap, f"{VISITED.subnet}.")
    time.sleep(2)
    journey.net.partition(HOME, cut=False)
    journey.all_go_on()
    journey.open(VISITED)
    journey.go(HOME)
    journey.finish()


@scenario("inter.reboot.visited")
def reboot_visited(run):
    """The visited gateway comes up with empty maps: sessions anchored at home go on."""
    journey = Journey(run, (HOME, VISITED))
    journey.open(HOME)
    journey.go(VISITED)
    journey.providers.gateways[VISITED].reboot()
    journey.all_go_on()
    journey.open(VISITED)
    journey.all_go_on()
    journey.finish()


@scenario("inter.reboot.translate")
def reboot_translating(run):
    """The same where home translates: the ports it knew are no more, it is told new ones."""
    journey = Journey(run, (HOME, VISITED), forward="translate")
    home, visited = journey.providers.gateways.values()
    journey.open(HOME)
    journey.go(VISITED)
    home.wait_paths("here", "translate")
    visited.reboot()
    journey.all_go_on()
    visited.wait_paths(HOME.external, "translate")
    journey.finish()


@scenario("inter.reboot.home")
def reboot_home(run):
    """The home gateway comes up with empty maps: its sessions are lost, nothing else is."""
    journey = Journey(run, (HOME, VISITED))
    journey.open(HOME)
    journey.go(VISITED)
    journey.open(VISITED)
    journey.providers.home.reboot()
    lost, _ = journey.streams.pop(5001)
    journey.all_go_on()
    journey.go(HOME)
    journey.open(HOME)
    journey.all_go_on()
    check(lost.client.running() or lost.client.popen.returncode, "the lost stream is not whole")
    lost.client.kill9()
    lost.server.kill9()
    journey.finish()
