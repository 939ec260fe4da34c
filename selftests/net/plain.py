"""Hosts that know nothing of MobileNAT."""
import hashlib

from mnatlab.capture import Capture, dhcp_messages
from mnatlab.checks import check, equal
from mnatlab.flows import Download
from mnatlab.mobilenat import Gateway
from mnatlab.scenario import scenario
from mnatlab.services import Nginx, Udhcpc
from mnatlab.topology import SERVER, Internet


@scenario("plain.host")
def plain_host(run):
    """A stock client gets an address without our options, and ordinary NAT."""
    net = Internet(run)
    gateway = Gateway(net).up()
    net.start_relays()
    web = Nginx(net.cn)
    web.publish("file", 5_000_000)
    dhcp = Capture(net.plain, "eth0", "udp port 67 or udp port 68")
    leak = Capture(net.gw, "out0", "net 10.0.0.0/8")
    address = Udhcpc(net.plain, "eth0").wait_bound()
    check(address.startswith("10.0.1."), f"an address of its subnet, not {address}")
    download = Download(net.plain, f"http://{SERVER}/file")
    equal(download.wait(20), 0, "curl's exit status")
    equal(download.sha.hexdigest(), hashlib.sha256((web.www / "file").read_bytes()).hexdigest(),
          "sha256")
    messages = dhcp_messages(dhcp.stop())
    equal([m.type for m in messages], ["discover", "offer", "request", "ack"], "DHCP messages")
    for message in messages:
        for code in (125, 224):
            check(code not in message.options, f"option {code} in {message.type}")
    equal(leak.stop(), [], "inside addresses on the outside")
    equal([row["virtual"] for row in gateway.dump("mnat-dhcpd", "leases")], [None], "leases")
