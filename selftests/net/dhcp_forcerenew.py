"""A DHCP server that has its clients renew."""
import socket
import subprocess

from mnatlab import control
from mnatlab.capture import Capture, dhcp_messages, read
from mnatlab.checks import check, equal
from mnatlab.mobilenat import BIN, Gateway, Node
from mnatlab.netns import veth
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Dhcpcd, Udhcpc, address
from mnatlab.topology import ACTUAL_1, GATEWAY_INSIDE, UPLINK, VIRTUAL, Internet

DHCPCD_MAC, UDHCPC_MAC = "02:00:00:00:00:03", "02:00:00:00:00:04"


def host(net, name, mac):
    space = net.run.add(name)
    veth(space, "eth0", net.air, name)
    net.air.ip(f"link set {name} master ap1")
    space.ip(f"link set eth0 address {mac}")
    return space


def obeyed(node):
    return control.status(node.socket("mnatc"))["forcerenew"]


def renewals(capture, mac):
    """REQUESTs of a client that has an address, and the FORCERENEWs to it."""
    messages = [m for m in dhcp_messages(read(capture.path)) if m.chaddr == mac]
    return ([m for m in messages if m.type == "request" and m.ciaddr != "0.0.0.0"],
            [m for m in messages if m.type == "forcerenew"])


@scenario("dhcp.forcerenew")
def forcerenew(run):
    """The node and dhcpcd renew when told by their nonce; forged and old ones are ignored."""
    net = Internet(run)
    gateway = Gateway(net).up()
    net.start_relays()
    near = Capture(net.r1, "lan", "udp port 67 or udp port 68", whole=True)
    node = Node(net, UPLINK).up()
    node.wait_address(ACTUAL_1)
    mac = gateway.dump("mnat-dhcpd", "leases")[0]["mac"]
    spaces = {name: host(net, name, m)
              for name, m in (("dhcpcd", DHCPCD_MAC), ("udhcpc", UDHCPC_MAC))}
    dhcpcd = Dhcpcd(spaces["dhcpcd"], "eth0")
    dhcpcd.wait_for(lambda: address(spaces["dhcpcd"], "eth0", "10.0.1."), "an address", 30)
    spaces["dhcpcd"].ip("route add 10.0.0.0/24 via 10.0.1.1")
    Udhcpc(spaces["udhcpc"], "eth0").wait_bound()

    before = gateway.counters("mnat-dhcpd")["out_ack"]
    equal(gateway.ctl("forcerenew", ACTUAL_1), {"code": 0, "sent_to": ACTUAL_1}, "by address")
    wait_until(lambda: gateway.counters("mnat-dhcpd")["out_ack"] > before, 5, "an ACK")
    wait_until(lambda: obeyed(node) == {"obeyed": 1, "unasked": 0, "forged": 0, "replay": 0}, 5,
               "the node to have obeyed")
    wait_until(lambda: renewals(near, mac)[1], 5, "the capture")
    requests, told = renewals(near, mac)
    equal([m.ciaddr for m in requests], [ACTUAL_1], "the node's renewal")
    equal((node.shim()["actual"], node.shim()["virtual"]), (ACTUAL_1, VIRTUAL), "what it has")

    payload = told[0].packet.payload
    sender = spaces["udhcpc"].socket(socket.AF_INET, socket.SOCK_DGRAM)  # a neighbour
    sender.bind(("0.0.0.0", 67))
    for data in (payload, payload[:-30] + b"\1" + payload[-29:],
                 payload.replace(socket.inet_aton(GATEWAY_INSIDE), b"\x0a\0\0\2")):
        sender.sendto(data, (ACTUAL_1, 68))
    wait_until(lambda: obeyed(node) == {"obeyed": 1, "unasked": 0, "forged": 2, "replay": 1}, 5,
               "the node to have ignored three")

    equal(gateway.ctl("forcerenew", DHCPCD_MAC)["code"], 0, "by hardware address")
    dhcpcd.wait_for(lambda: renewals(near, DHCPCD_MAC)[0], "dhcpcd to renew", 10)
    done = subprocess.run([BIN / "mnatctl", "-r", gateway.run_dir, "forcerenew", UDHCPC_MAC],
                          capture_output=True, text=True, check=False)
    equal(done.returncode, 1, "exit status for a client that cannot")
    check("does not take a FORCERENEW" in done.stderr, done.stderr)
    equal(gateway.counters("mnat-dhcpd")["out_forcerenew"], 2, "FORCERENEWs sent")
    equal(gateway.counters("mnat-dhcpd")["out_nak"], 0, "NAKs")
