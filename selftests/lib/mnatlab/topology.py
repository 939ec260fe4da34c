"""The small Internet of the seed's figures.

    routed:                                       135.180.32.0/24    128.59.16.0/24
    mn wl0 ~~ ap1 -- 10.0.1.1 r1 --+
    plain ---/                     +-- core -- 10.0.0.1 gw .4 --- .1 isp .1 --- .149 cn
           ~~ ap2 -- 10.0.2.1 r2 --+

                                             |
                                          10.0.4.1 -- fixed 10.0.4.9, where asked for

    switched: no r1, r2 and core; gw itself is 10.0.1.1 on ap1 and 10.0.2.1 on ap2.

ap1, ap2 and ap1b (a second access point of ap1's subnet) are bridges in namespace
"air"; the mobile node's link is a veth whose far end moves between them. Nothing
outside knows a way to 10.0.0.0/8.
"""
import time

from .netns import veth
from .services import Relay

VIRTUAL = "10.128.0.2"
ACTUAL_1 = "10.0.1.5"
ACTUAL_2 = "10.0.2.7"
EXTERNAL = "135.180.32.4"
SERVER = "128.59.16.149"
GATEWAY_INSIDE = "10.0.0.1"
UPLINK = "wl0"
FIXED = "10.0.4.9"


def boottime():
    """CLOCK_BOOTTIME in seconds: the clock of every time stamp here."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Air:
    """Access points, bridges in namespace self.air, and the nodes that move between them."""

    def add_node(self, name, access_point):
        """A namespace with a link to an access point. The node "mn" is the one that moves
        unless another is named."""
        node = self.run.add(name)
        veth(node, UPLINK, self.air, self._port(name))
        self.air.ip(f"link set {self._port(name)} master {access_point}")
        return node

    @staticmethod
    def _port(name):
        return name if name == "mn" else f"air-{name}"

    def move(self, access_point, name="mn"):
        """Carry a node to another access point; the time it began."""
        port = self._port(name)
        began = boottime()
        self.air.ip(f"link set {port} down", f"link set {port} nomaster",
                    f"link set {port} master {access_point}", f"link set {port} up")
        return began

    def carrier(self, up, name="mn"):
        self.air.ip(f"link set {self._port(name)} {'up' if up else 'down'}")

    def add_fixed(self, gateway):
        """A host of the domain that does not move, on a link of the gateway's own."""
        self.fixed = self.run.add("fixed")
        veth(gateway, "in4", self.fixed, "eth0")
        gateway.ip("addr add 10.0.4.1/24 dev in4")
        self.fixed.ip(f"addr add {FIXED}/24 dev eth0", "route add default via 10.0.4.1")

    def no_offload(self):
        """Complete every checksum where a packet is born, so that captures can be checked."""
        for ns in self.run.netns.values():
            for line in ns.sh("ip", "-o", "link", "show", "type", "veth").splitlines():
                device = line.split(": ")[1].split("@")[0]
                ns.sh("ethtool", "-K", device, "tx", "off")


class Internet(Air):
    """Routers, links and hosts; no MobileNAT yet. fixed: with a host at 10.0.4.9 inside."""

    def __init__(self, run, domain="routed", fixed=False):
        self.run = run
        self.domain = domain
        self.relays = []
        names = "air plain gw isp cn" + (" core r1 r2" if domain == "routed" else "")
        for name in names.split():
            setattr(self, name, run.add(name))
        self._air()
        if domain == "routed":
            self._routed()
        else:
            self._switched()
        self._outside()
        self.inside = list(self.access)
        if fixed:
            self.add_fixed(self.gw)
            self.inside.append("in4")

    def _air(self):
        for key in ("iptables", "arptables", "ip6tables"):
            self.air.sh("sysctl", "-q", "-e", f"net.bridge.bridge-nf-call-{key}=0")
        self.air.ip(*(f"link add {ap} type bridge" for ap in ("ap1", "ap2", "ap1b")),
                    *(f"link set {ap} up" for ap in ("ap1", "ap2", "ap1b")),
                    "link add backbone-a type veth peer name backbone-b",
                    "link set backbone-a master ap1 up", "link set backbone-b master ap1b up")
        self.mn = self.add_node("mn", "ap1")
        veth(self.plain, "eth0", self.air, "plain")
        self.air.ip("link set plain master ap1")

    def _routed(self):
        self.core.ip("link add core type bridge", "link set core up")
        for name, n in (("r1", 1), ("r2", 2)):
            router = getattr(self, name)
            router.router()
            veth(router, "lan", self.air, name)
            self.air.ip(f"link set {name} master ap{n}")
            veth(router, "core", self.core, name)
            self.core.ip(f"link set {name} master core")
            router.ip(f"addr add 10.0.{n}.1/24 dev lan", f"addr add 10.0.0.{n + 1}/24 dev core",
                      f"route add default via {GATEWAY_INSIDE}")
        veth(self.gw, "in0", self.core, "gw")
        self.core.ip("link set gw master core")
        self.gw.ip(f"addr add {GATEWAY_INSIDE}/24 dev in0",
                   "route add 10.0.1.0/24 via 10.0.0.2", "route add 10.0.2.0/24 via 10.0.0.3")
        self.access = ["in0"]

    def _switched(self):
        for n in (1, 2):
            veth(self.gw, f"in{n}", self.air, f"gw{n}")
            self.air.ip(f"link set gw{n} master ap{n}")
            self.gw.ip(f"addr add 10.0.{n}.1/24 dev in{n}")
        self.gw.ip(f"addr add {GATEWAY_INSIDE}/32 dev lo")
        self.access = ["in1", "in2"]

    def _outside(self):
        self.gw.router()
        self.isp.router()
        veth(self.gw, "out0", self.isp, "gw")
        veth(self.isp, "lan", self.cn, "eth0")
        self.gw.ip(f"addr add {EXTERNAL}/24 dev out0", "route add default via 135.180.32.1")
        self.isp.ip("addr add 135.180.32.1/24 dev gw", "addr add 128.59.16.1/24 dev lan")
        self.cn.ip(f"addr add {SERVER}/24 dev eth0", "route add default via 128.59.16.1")

    def start_relays(self):
        if self.domain == "routed":
            self.relays = [Relay(self.r1, GATEWAY_INSIDE), Relay(self.r2, GATEWAY_INSIDE)]
