"""A node comes up: figure 5, both forms of the option, renewals."""
import json
import time

from mnatlab.capture import Capture, dhcp_messages
from mnatlab.checks import at_most, check, equal, flow_whole
from mnatlab.flows import UdpFlow
from mnatlab.mobilenat import Gateway, Node
from mnatlab.scenario import scenario
from mnatlab.topology import ACTUAL_1, GATEWAY_INSIDE, UPLINK, VIRTUAL, Internet

FOUR_MESSAGES = ["discover", "offer", "request", "ack"]


def mac(netns, device):
    return json.loads(netns.sh("ip", "-j", "link", "show", device))[0]["address"]


def boot_and_capture(run, form):
    """(net, node, DHCP messages at the node's link)"""
    net = Internet(run)
    Gateway(net).up()
    net.start_relays()
    capture = Capture(net.mn, UPLINK, "udp port 67 or udp port 68")
    node = Node(net, UPLINK, form).up()
    node.wait_address("10.0.1.")
    return net, node, dhcp_messages(capture.stop())


@scenario("boot")
def boot(run):
    """Table 6.4, figure 5: messages, addresses and options at the node's link."""
    net, node, messages = boot_and_capture(run, "vivso")
    equal([m.type for m in messages], FOUR_MESSAGES, "message sequence at the node's link")
    discover, offer, request, ack = messages
    equal(discover.chaddr, mac(net.mn, UPLINK), "501 chaddr")
    equal(discover.shim(), "0.0.0.0", "501 asks for any virtual address")
    equal(discover.address(50), None, "501 requests no actual address")
    for name, message in (("502 OFFER", offer), ("ACK", ack)):
        equal(message.yiaddr, ACTUAL_1, f"{name} actual address")
        equal(message.shim(), VIRTUAL, f"{name} virtual address")
        equal(message.address(54), GATEWAY_INSIDE, f"{name} server id")
        equal(message.address(3), "10.0.1.1", f"{name} router")
        equal((message.vivso() or {}).get(2), bytes([10, 0, 0, 1]), f"{name} mobility manager")
        equal(message.address(224), None, f"{name} has no option nobody asked for")
    equal(request.shim(), VIRTUAL, "REQUEST virtual address")
    equal(request.address(50), ACTUAL_1, "REQUEST actual address")
    for message in messages:
        equal(message.packet.checksum_errors(), [], f"checksums of {message.type}")
    equal(node.shim()["virtual"], VIRTUAL, "virtual address in the shim")
    check(f"inet {VIRTUAL}/" in net.mn.sh("ip", "addr", "show", "mnat0"),
          "the virtual address is on mnat0")
    equal(net.mn.sh("ip", "-4", "addr", "show", UPLINK).strip(), "",
          "the uplink holds no address for the stack")


def both_forms(run, form, other):
    _, _, messages = boot_and_capture(run, form)
    equal([m.type for m in messages], FOUR_MESSAGES, "message sequence")
    equal(messages[0].shim(form), "0.0.0.0", "DISCOVER")
    for message in messages[1:]:
        equal(message.shim(form), VIRTUAL, f"{message.type}, the form asked for")
    for message in messages:
        equal(message.shim(other), None, f"{message.type}, the other form")


@scenario("both.forms.vivso")
def form_vivso(run):
    """Option 125 asked for, option 125 answered, nothing else."""
    both_forms(run, "vivso", "seed")


@scenario("both.forms.seed")
def form_seed(run):
    """The seed's four-byte option asked for, the same answered, nothing else."""
    both_forms(run, "seed", "vivso")


@scenario("renew")
def renew(run):
    """A short lease is renewed in time, again and again; traffic does not notice."""
    net = Internet(run)
    gateway = Gateway(net, lease_time=4).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    rule = gateway.host(VIRTUAL)
    capture = Capture(net.mn, UPLINK, "udp port 67 or udp port 68")
    flow = UdpFlow(net.mn, net.cn)
    time.sleep(9)  # two leases long
    flow_whole(flow.stop())
    messages = dhcp_messages(capture.stop())
    requests = [m for m in messages if m.type == "request"]
    check(len(requests) >= 3, f"renewals in two lease times: {len(requests)}")
    for message in requests:
        equal(message.ciaddr, ACTUAL_1, "a renewal's ciaddr")
    # the relay hears unicast requests that pass through its router and relays them too
    acks = list({m.xid: m for m in messages if m.type == "ack"}.values())
    equal([m.xid for m in acks], [m.xid for m in requests], "each renewal is answered")
    equal({m.type for m in messages}, {"request", "ack"}, "messages of renewals")
    at_most(max(b.packet.time - a.packet.time for a, b in zip(acks, acks[1:])), 4,
            "seconds between renewals")
    equal((node.shim()["virtual"], node.shim()["actual"]), (VIRTUAL, ACTUAL_1), "the addresses")
    equal(gateway.host(VIRTUAL), rule, "the manager's view")
