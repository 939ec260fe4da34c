"""A node in tunnel mode at home: what it sends and gets between it and its gateway."""
import hashlib

from mnatlab.capture import IPIP, TCP, Capture, ip_only
from mnatlab.checks import equal
from mnatlab.flows import Download
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Nginx
from mnatlab.topology import ACTUAL_1, ACTUAL_2, EXTERNAL, SERVER, UPLINK, VIRTUAL, Internet


@scenario("tunnel.home")
def tunnel_home(run):
    """Its mode goes by DHCP to the manager and back; a download survives a move, tunnelled."""
    net = Internet(run)
    gateway = Gateway(net)
    conf = gateway.conf("mnat-dhcpd")
    conf.write_text(conf.read_text().replace(
        "virtual {", f'virtual {{\n\tgateway = "{EXTERNAL}"', 1))
    gateway.up()
    net.start_relays()
    web = Nginx(net.cn, rate=4_000_000)
    web.publish("file", 12_000_000)
    node = Node(net, UPLINK, settings='dns = "none"\nmode = "tunnel"').up()
    equal(node.wait_address("10.0.1.")["mode"], "tunnel", "the shim's mode")
    link = Capture(net.gw, "in0", "ip proto 4 or tcp port 80")
    download = Download(net.mn, f"http://{SERVER}/file")
    wait_until(lambda: download.bytes > 500_000, 10, "the download to run")
    node.move(net, "ap2", "10.0.2.")
    for daemon in ("mnat-dhcpd", "mnat-mmd"):  # the one tells the other anew: of the tunnel too
        gateway.daemons[daemon].kill9()
    for daemon in ("mnat-mmd", "mnat-dhcpd"):
        gateway.start_daemon(daemon)
    wait_until(lambda: gateway.host(VIRTUAL), 10, "the manager to know the node again")
    equal(download.wait(30), 0, "curl's exit status")
    equal(download.sha.hexdigest(), hashlib.sha256((web.www / "file").read_bytes()).hexdigest(),
          "sha256")
    packets = link.stop()
    equal({p.source for p in ip_only(packets, protocol=TCP)}, {ACTUAL_1, ACTUAL_2},
          "sources of packets outside the tunnel: what the node sends")
    tunnelled = ip_only(packets, protocol=IPIP)
    equal({(p.source, p.target) for p in tunnelled},
          {(EXTERNAL, ACTUAL_1), (EXTERNAL, ACTUAL_2)}, "ends of the tunnels")
    equal({p.inner.target for p in tunnelled}, {VIRTUAL}, "what is in them is for")
