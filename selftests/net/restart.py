"""Daemons that die, twins, and programs replaced under traffic."""
import os
import signal
import subprocess
import time

from mnatlab import LabError
from mnatlab.capture import Capture
from mnatlab.checks import check, equal, flow_whole, stream_whole
from mnatlab.flows import TcpFlow, UdpFlow
from mnatlab.mobilenat import BIN
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology import ACTUAL_1, ACTUAL_2, VIRTUAL

from move import running_node, wait_progress

KILLS = 3


def moves_on(net, gateway, node, access_point, prefix, actual):
    """Another move, which all believe."""
    node.move(net, access_point, prefix)
    wait_progress(net, 5001)
    equal(gateway.host(VIRTUAL)["actual"], actual, "the manager's view after a move")


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
    moves_on(net, gateway, node, "ap2", "10.0.2.", ACTUAL_2)
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


@scenario("restart.unstored")
def unstored(run):
    """The DHCP server dies between telling of a move and storing it; the node gets its ACK
    from the next one, and the move after that is believed too."""
    net, gateway, node = running_node(run)
    traffic = Traffic(net)
    server = gateway.daemons["mnat-dhcpd"]
    keeper, = server.children()
    acks = gateway.counters("mnat-dhcpd")["out_ack"]
    os.kill(keeper, signal.SIGSTOP)
    net.move("ap2", node.netns.name)
    wait_until(lambda: gateway.host(VIRTUAL)["actual"] == ACTUAL_2, 15,
               "the manager to be told before the disk has it")
    equal(gateway.counters("mnat-dhcpd")["out_ack"], acks, "ACKs that have left")
    server.kill9()
    server = gateway.start_daemon("mnat-dhcpd")
    node.wait_address("10.0.2.")
    server.wait_for(lambda: gateway.counters("mnat-dhcpd")["manager_ahead"] == 1,
                    "the server to hear that it is behind")
    wait_progress(net, 5001)
    moves_on(net, gateway, node, "ap1", "10.0.1.", ACTUAL_1)
    stream_whole(traffic.stream.stop())


@scenario("restart.older")
def older(run):
    """A DHCP server is started with its database of some moves ago: sessions go on, and so do
    moves."""
    net, gateway, node = running_node(run)
    traffic = Traffic(net)
    database = gateway.run_dir / "dhcpd.sqlite"
    gateway.daemons["mnat-dhcpd"].stop()
    saved = database.read_bytes()
    gateway.start_daemon("mnat-dhcpd")
    for access_point, prefix in (("ap2", "10.0.2."), ("ap1", "10.0.1."), ("ap2", "10.0.2.")):
        node.move(net, access_point, prefix)
        wait_progress(net, 5001)
    generation = gateway.host(VIRTUAL)["generation"]
    gateway.daemons["mnat-dhcpd"].stop()
    database.write_bytes(saved)
    server = gateway.start_daemon("mnat-dhcpd")
    server.wait_for(lambda: gateway.counters("mnat-dhcpd")["manager_ahead"] == 1,
                    "the server to hear that it is behind")
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_2, "where the manager knows the node to be")
    wait_progress(net, 5001)
    moves_on(net, gateway, node, "ap1", "10.0.1.", ACTUAL_1)
    check(gateway.host(VIRTUAL)["generation"] > generation, "its generation went on rising")
    stream_whole(traffic.stream.stop())


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
