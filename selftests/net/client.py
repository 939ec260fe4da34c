"""The client beside servers of all kinds, and servers that behave badly."""
from mnatlab import control
from mnatlab.capture import Capture, dhcp_messages
from mnatlab.checks import check, equal, stream_whole
from mnatlab.flows import TcpFlow
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Udhcpd
from mnatlab.topology import ACTUAL_1, ACTUAL_2, UPLINK, VIRTUAL, Internet

from move import running_node, wait_progress

DHCP = "udp port 67 or udp port 68"


def types(capture):
    return [message.type for message in dhcp_messages(capture.stop())]


def rapid_gateway(net):
    gateway = Gateway(net)
    conf = gateway.conf("mnat-dhcpd")
    conf.write_text("rapid-commit = true\n" + conf.read_text())
    return gateway.up()


@scenario("client.rapid")
def rapid(run):
    """RFC 4039: the first lease by two messages, a move by four; the rule is in force before
    the ACK as ever. Switched off it is the exchange of figure 7."""
    net = Internet(run)
    gateway = rapid_gateway(net)
    net.start_relays()
    messages = Capture(net.mn, UPLINK, DHCP)
    node = Node(net, UPLINK).up()
    node.wait_address(ACTUAL_1)
    node.move(net, "ap2", ACTUAL_2)
    equal(types(messages), ["discover", "ack", "request", "nak", "discover", "ack"], "messages")
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_2, "the manager's view")
    equal(gateway.counters("mnat-dhcpd")["rapid_commit"], 2, "leases committed at once")

    node.daemons["mnatc"].stop()
    conf = node.conf()
    conf.write_text(conf.read_text().replace("dhcp {", "dhcp {\n\trapid-commit = false"))
    messages = Capture(net.mn, UPLINK, DHCP)
    node.start_daemon()
    wait_until(lambda: control.status(node.socket("mnatc"))["state"] == "BOUND", 10, "a lease")
    node.move(net, "ap1", "10.0.1.")
    equal(types(messages)[-6:], ["request", "nak", "discover", "offer", "request", "ack"],
          "messages with rapid-commit = false")


@scenario("client.stock")
def stock(run):
    """A stock server that knows neither rapid commit nor MobileNAT: four messages."""
    net = Internet(run, domain="switched")
    Udhcpd(net.gw, "in1", "10.0.1.77", "10.0.1.1")
    messages = Capture(net.mn, UPLINK, DHCP)
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.77")
    seen = dhcp_messages(messages.stop())
    equal([m.type for m in seen], ["discover", "offer", "request", "ack"], "messages")
    equal([80 in m.options for m in seen], [True, False, False, False], "option 80")
    wait_until(lambda: "does not speak MobileNAT" in str(
        control.status(node.socket("mnatc"))["problems"]), 5, "it is told")


@scenario("client.conflict")
def conflict(run):
    """Another machine has the address that the server gives: it is declined, the next is used,
    and the sessions go on."""
    net, gateway, node = running_node(run)
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    # it answers ARP; without a route it sends nothing else
    net.air.ip("link set plain master ap2")
    net.plain.ip(f"addr add {ACTUAL_2}/32 dev lo")
    messages = Capture(net.mn, UPLINK, DHCP)
    node.move(net, "ap2", "10.0.2.")
    wait_until(lambda: node.shim()["actual"] not in (ACTUAL_2, ACTUAL_1)
               and node.shim()["actual"], 10, "another address")
    wait_progress(net, 5001, 50_000)
    stream_whole(stream.stop())
    declined = next(m for m in dhcp_messages(messages.stop()) if m.type == "decline")
    equal(declined.address(50), ACTUAL_2, "the address declined")
    equal(gateway.host(VIRTUAL)["actual"], node.shim()["actual"], "the manager's view")


@scenario("client.server.down")
def server_down(run):
    """The server is away during a move and comes back: the sessions go on, and the moves made
    meanwhile, faster than anybody answers, leave nothing behind."""
    net, gateway, node = running_node(run)
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    gateway.daemons["mnat-dhcpd"].kill9()
    for access_point in ("ap2", "ap1", "ap2", "ap1", "ap2"):
        net.move(access_point)
    wait_until(lambda: control.status(node.socket("mnatc"))["state"] == "SELECTING", 10,
               "DISCOVER into the void")
    gateway.start_daemon("mnat-dhcpd")
    node.wait_address(ACTUAL_2, 30)
    wait_progress(net, 5001, 50_000)
    stream_whole(stream.stop())
    wait_until(lambda: sum(control.status(node.socket("mnatc"))["outages"].values()) >= 1, 5,
               "the outage in the histogram")
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_2, "the manager's view")
    check(len(gateway.dump("mnat-midcomd", "hosts")) == 1, "one host")
