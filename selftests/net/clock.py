"""The wall clock is set while all run: nothing that matters goes by it."""
import json
import time

from mnatlab.capture import Capture, dhcp_messages
from mnatlab.checks import check, equal, flow_whole
from mnatlab.clock import YEAR, Clock
from mnatlab.flows import UdpFlow
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology import ACTUAL_1, UPLINK, VIRTUAL, Internet

from move import wait_token

LEASE = 8  # s: renewed after 4


def saved(node):
    return json.loads((node.run_dir / "mnatc.json").read_text())


def near(value, wanted, what):
    check(abs(value - wanted) <= 60, f"{what}: {value}, expected about {wanted}")


@scenario("clock.steps")
def steps(run):
    """The wall clock jumps by a year, there, back and beyond: leases are renewed, a restarted
    mnatc keeps its lease, and a network known before is known still."""
    clock = Clock(run)
    net = Internet(run)
    gateway, node = Gateway(net, lease_time=LEASE, numbered=True), Node(net, UPLINK)
    gateway.clock = node.clock = clock
    gateway.up()
    net.start_relays()
    node.up()
    node.wait_address("10.0.1.")
    wait_token(node, net)
    capture = Capture(net.r1, "lan", "udp port 67 or udp port 68", whole=True)
    flow = UdpFlow(net.mn, net.cn)
    for step in (YEAR, -YEAR, 0):
        clock.step(step)
        began = time.time()
        lease = saved(node)["lease"]["since_boottime_ns"]
        wait_until(lambda was=lease: saved(node)["lease"]["since_boottime_ns"] > was, LEASE,
                   "a renewed lease")
        near(saved(node)["lease"]["since_wall_s"], began + step, "the file has the clock as set")
        equal((node.shim()["actual"], node.shim()["virtual"]), (ACTUAL_1, VIRTUAL), "addresses")
    flow_whole(flow.stop())
    node.daemons["mnatc"].kill9()
    node.load("unload")
    node.load()  # the shim of before would know the lease as well
    clock.step(YEAR)
    node.start_daemon()
    node.wait_address("10.0.1.")
    kinds = {message.type for message in dhcp_messages(capture.stop())}
    equal(kinds, {"request", "ack"}, "DHCP messages: nothing was asked for anew, nothing refused")
    check(all(row["state"] == "bound" for row in gateway.dump("mnat-dhcpd", "leases")),
          "leases in force")


@scenario("clock.known")
def known(run):
    """A network left before the wall clock jumped by a year is gone back to by a rebind."""
    clock = Clock(run)
    net = Internet(run)
    gateway, node = Gateway(net, numbered=True), Node(net, UPLINK)
    node.clock = clock
    gateway.up()
    net.start_relays()
    node.up()
    node.wait_address("10.0.1.")
    node.move(net, "ap2", "10.0.2.")
    for step, place in ((YEAR, ("ap1", "10.0.1.")), (-YEAR, ("ap2", "10.0.2."))):
        wait_token(node, net)
        clock.step(step)
        names = [event["what"] for event in node.move(net, *place)["events"]]
        check("rebound" in names, f"by a rebind, {step:+d} s: {names}")
