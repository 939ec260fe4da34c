"""Several uplinks: which is used, and moves between them."""
from mnatlab import control
from mnatlab.checks import check, equal, flow_whole, stream_whole
from mnatlab.flows import TcpFlow, UdpFlow
from mnatlab.mobilenat import Gateway, Node
from mnatlab.netns import veth
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology import UPLINK, Internet

from move import wait_progress

SECOND = "wl1"
FAR = "mn-second"  # the second uplink's far end
ON_1, ON_2 = "10.0.1.", "10.0.2."


class Pair:
    """A node with an uplink on each access point; both equal, the stronger signal is used."""

    def __init__(self, run, settings=""):
        self.net = net = Internet(run)
        self.gateway = Gateway(net).up()
        net.start_relays()
        veth(net.mn, SECOND, net.air, FAR)
        net.air.ip(f"link set {FAR} master ap2")
        self.files = {name: run.dir / f"{name}.dbm" for name in (UPLINK, SECOND)}
        self.signal(-50, -60)
        sections = "\n".join(f'uplink "{name}" {{\n\tpriority = 1\n\tsignal = "{path}"\n}}'
                             for name, path in self.files.items())
        self.node = Node(net, f'{UPLINK}", "{SECOND}',
                         settings=f'dns = "none"\n{settings}\n{sections}')

    def up(self):
        self.node.up()
        self.node.wait_address(ON_1)
        return self

    def signal(self, first, second):
        """dBm of both"""
        for path, dbm in zip(self.files.values(), (first, second)):
            path.with_suffix(".new").write_text(f"{dbm}\n")
            path.with_suffix(".new").rename(path)

    def go(self, second):
        """Make before break to the first or the second uplink."""
        self.signal(*((-70, -50) if second else (-50, -70)))
        self.node.wait_address(ON_2 if second else ON_1)

    def uplink(self):
        return self.node.shim()["uplink"]


@scenario("uplinks.mbb")
def mbb(run):
    """Both uplinks are up: 10 moves by signal lose no packet of 5,000 a second either way."""
    # short, or the address that comes is still taken for the one left before
    pair = Pair(run, "old-address-grace = 200").up()
    flow = UdpFlow(pair.net.mn, pair.net.cn, options=("-n", 5000))
    for n in range(10):
        pair.go(second=n % 2 == 0)
    flow_whole(flow.stop())
    equal(pair.uplink(), UPLINK, "the uplink at the end")


@scenario("uplinks.signal")
def by_signal(run):
    """By signal with a margin: a little stronger is not enough; a weak one is left for one of
    lower priority."""
    pair = Pair(run, "signal-weak = -80\nsignal-margin = 10").up()
    pair.signal(-60, -51)
    moves = len(pair.node.moves())
    pair.signal(-60, -49)
    pair.node.wait_address(ON_2)
    equal(len(pair.node.moves()), moves + 1, "moves")
    pair.signal(-60, -66)
    pair.signal(-58, -69)
    pair.node.wait_address(ON_1)
    conf = pair.node.conf()
    conf.write_text(conf.read_text().replace("priority = 1", "priority = 0", 1))
    pair.node.daemons["mnatc"].stop()
    pair.node.start_daemon()
    pair.node.wait_address(ON_1)
    pair.signal(-81, -70)
    pair.node.wait_address(ON_2)
    pair.signal(-69, -70)
    pair.node.wait_address(ON_1)


@scenario("uplinks.priority")
def priority(run):
    """The preferred one comes back: the node goes to it, and loses nothing."""
    pair = Pair(run)
    conf = pair.node.conf()
    conf.write_text("\n".join(line for line in conf.read_text().splitlines()
                              if "priority" not in line and "signal" not in line) + "\n")
    pair.up()
    pair.net.carrier(False)
    pair.node.wait_address(ON_2)
    flow = UdpFlow(pair.net.mn, pair.net.cn)
    pair.net.carrier(True)
    pair.node.wait_address(ON_1)
    flow_whole(flow.stop())


@scenario("uplinks.dead")
def dead(run):
    """The access point forwards nothing any more, the carrier stays: another uplink carries on."""
    pair = Pair(run).up()
    net = pair.net
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    net.air.ip("link set r1 nomaster")
    pair.node.wait_address(ON_2, 20)
    wait_progress(net, 5001, 50_000)
    stream_whole(stream.stop())
    check(any("is silent" in line for line in pair.node.daemons["mnatc"].log().splitlines()),
          "the log says why")
    check("tcp-woken" in [event["what"] for event in pair.node.moves()[-1]["events"]],
          "TCP did not wait for its timers")


@scenario("uplinks.rename")
def rename(run):
    """An uplink is renamed, and comes back under its name; another is unplugged."""
    pair = Pair(run).up()
    net = pair.net
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    net.mn.ip(f"link set {UPLINK} down", f"link set {UPLINK} name else0",
              "link set else0 up")
    pair.node.wait_address(ON_2)
    wait_progress(net, 5001)
    net.mn.ip("link set else0 down", f"link set else0 name {UPLINK}", f"link set {UPLINK} up")
    pair.node.wait_address(ON_1)
    wait_progress(net, 5001)
    net.mn.ip(f"link del {SECOND}")
    wait_until(lambda: f"{SECOND} does not exist" in " ".join(
        control.status(pair.node.socket("mnatc"))["problems"]), 5, "the loss to be told")
    wait_progress(net, 5001)
    stream_whole(stream.stop())
