"""Daemons that die, twins, and programs replaced under traffic."""
import subprocess
import time

from mnatlab import LabError
from mnatlab.capture import Capture
from mnatlab.checks import check, equal, flow_whole, stream_whole
from mnatlab.flows import TcpFlow, UdpFlow
from mnatlab.mobilenat import BIN
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology import ACTUAL_2, VIRTUAL

from move import running_node, wait_progress

KILLS = 3


class Traffic:
    """A stream and a 1,000/s flow each way, and a look-out for untranslated packets."""

    def __init__(self, net):
        self.net = net
        self.leak = Capture(net.gw, "out0", "net 10.0.0.0/8")
        self.stream = TcpFlow(net.mn, net.cn)
        self.flow = UdpFlow(net.mn, net.cn)
        self.run_for(0.5)

    def run_for(self, seconds):
        time.sleep(seconds)  # the traffic's own duration

    def check_flow(self):
        flow_whole(self.flow.stop())
        equal(self.leak.stop(), [], "untranslated packets on the outside")


def kill9(run, box_of, daemon):
    net, gateway, node = running_node(run)
    box = {"gateway": gateway, "node": node}[box_of]
    traffic = Traffic(net)
    for _ in range(KILLS):
        box.daemons[daemon].kill9()
        traffic.run_for(0.3)
        box.start_daemon(daemon)
        gateway.wait_connected()
        traffic.run_for(0.3)
    traffic.check_flow()
    wait_until(lambda: (gateway.host(VIRTUAL) or {}).get("state") == "bound", 5,
               "the manager to know the node again")
    node.move(net, "ap2", "10.0.2.")
    wait_progress(net, 5001)
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_2, "the manager's view after a move")
    stream_whole(traffic.stream.stop())


@scenario("restart.kill9.midcomd")
def kill9_midcomd(run):
    """The gateway's agent dies under load: nothing lost, nothing untranslated."""
    kill9(run, "gateway", "mnat-midcomd")


@scenario("restart.kill9.mmd")
def kill9_mmd(run):
    """The mobility manager dies under load."""
    kill9(run, "gateway", "mnat-mmd")


@scenario("restart.kill9.dhcpd")
def kill9_dhcpd(run):
    """The DHCP server dies under load."""
    kill9(run, "gateway", "mnat-dhcpd")


@scenario("restart.kill9.mnatc")
def kill9_mnatc(run):
    """The node's daemon dies under load; the one started after it takes over as it is."""
    kill9(run, "node", "mnatc")


@scenario("two.daemons")
def two_daemons(run):
    """A second daemon of a name refuses to start, and says who is there."""
    _, gateway, node = running_node(run)
    for box, daemon in [(gateway, name) for name in gateway.DAEMONS] + [(node, "mnatc")]:
        first = box.daemons[daemon]
        second = subprocess.run(box.netns.argv([BIN / daemon, "-c", box.conf(daemon)]),
                                capture_output=True, text=True, timeout=10)
        equal(second.returncode, 1, f"exit status of a second {daemon}: {second.stderr}")
        check(str(first.pid) in second.stderr,
              f"a second {daemon} names the first's pid {first.pid}: {second.stderr}")
        check(box.answers(daemon, first.pid), f"the first {daemon} still answers")


@scenario("upgrade.swap")
def upgrade_swap(run):
    """Programs replaced under traffic: nothing lost or untranslated, the same maps."""
    net, gateway, node = running_node(run)
    before = gateway.map_ids(), node.map_ids()
    check(before[0] and before[1], f"pinned maps: {before}")
    traffic = Traffic(net)
    for _ in range(10):
        gateway.load()
        node.load()
        traffic.run_for(0.1)
    equal((gateway.map_ids(), node.map_ids()), before, "map ids")
    traffic.check_flow()
    stream_whole(traffic.stream.stop())


@scenario("abi.mismatch")
def abi_mismatch(run):
    """Maps of another version are refused with a hint and left as they are."""
    net, gateway, node = running_node(run)
    traffic = Traffic(net)
    for box in (gateway, node):
        before = box.map_ids()
        words = [0x4d4e4154, 99, 1, 0]
        value = [f"{byte}" for word in words for byte in word.to_bytes(4, "little")]
        subprocess.run(["bpftool", "map", "update", "pinned", box.pins / "abi", "key", "0", "0",
                        "0", "0", "value", *value], check=True, capture_output=True)
        try:
            box.load()
        except LabError as error:
            check("exit 1" in str(error), f"exit status: {error}")
            check("version" in str(error), f"the error names the version: {error}")
        else:
            check(False, "mnat-load accepted maps of version 99")
        equal(box.map_ids(), before, "map ids")
    traffic.check_flow()
    stream_whole(traffic.stream.stop())
