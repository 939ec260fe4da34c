"""The client beside servers of all kinds, and servers that behave badly."""
from mnatlab import control
from mnatlab.capture import Capture, dhcp_messages
from mnatlab.checks import equal
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Udhcpd
from mnatlab.topology import ACTUAL_1, ACTUAL_2, UPLINK, VIRTUAL, Internet

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
    wait_until(lambda: any("does not speak MobileNAT" in text
                           for text in control.status(node.socket("mnatc"))["problems"]), 5, "it is told")
