"""Programs, networks and whole gateways that fail while nodes change domains."""
import time

from mnatlab.checks import check
from mnatlab.scenario import scenario
from mnatlab.topology_domains import HOME, VISITED

from inter_chain import Journey

# A handover takes some ten milliseconds: link, DHCP, rules, arrival, forwarding, import.
STEPS_MS = (0, 3, 6, 10, 15, 25, 40, 80)
DEAD = 0.2  # seconds until somebody starts it again


def killed_at_every_step(run, site, daemon):
    """A move a step, to and fro; the streams must go on after each."""
    journey = Journey(run, (HOME, VISITED))
    box = journey.providers.gateways[site] if site else journey.node
    journey.open(HOME)
    journey.go(VISITED)
    journey.open(VISITED)
    for n, step in enumerate(STEPS_MS):
        there = (HOME, VISITED)[n % 2]
        journey.net.move(there.ap)
        time.sleep(step / 1000)
        box.daemons[daemon].kill9()
        time.sleep(DEAD)
        box.start_daemon(daemon)
        journey.node.wait_address(f"{there.subnet}.", 30)
        journey.all_go_on()
    journey.finish()


def register():
    victims = [(site, daemon) for site in (HOME, VISITED)
               for daemon in ("mnat-midcomd", "mnat-mmd", "mnat-dhcpd")] + [(None, "mnatc")]
    for site, daemon in victims:
        place = {HOME: "home.", VISITED: "visited.", None: ""}[site]

        def kill(run, site=site, daemon=daemon):
            killed_at_every_step(run, site, daemon)
        kill.__doc__ = f"{daemon} killed at every step of a handover."
        scenario(f"inter.kill.{place}{daemon.removeprefix('mnat-')}")(kill)


register()


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
