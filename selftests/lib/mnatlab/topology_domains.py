"""Several providers and public space, after the seed's figures 10 and 11.

    mn wl0 ~~ ap1 -- 10.0.2.1   gw1 135.180.32.4 --.
           ~~ ap2 -- 10.5.7.1   gw2 143.32.2.70 ---+-- inet -- cn 64.236.16.20
           ~~ ap3 -- 10.9.3.1   gw3 192.0.2.9 -----+
           ~~ ap4 -- 198.51.100.1 pub -------------'

A domain's gateway is the router on its access link and runs all of its servers. pub is
an ordinary provider's router with a stock DHCP server that gives out public addresses.
inet is every provider's upstream: it knows no way to 10.0.0.0/8 and, where strict(), takes
from a provider only what it would send back to that provider.
"""
import re
from dataclasses import dataclass

from .netns import veth
from .services import Udhcpd
from .topology import UPLINK, Air

SERVER = "64.236.16.20"
PUBLIC = "198.51.100.7"
PUBLIC_ROUTER = "198.51.100.1"
PUBLIC_AP = "ap4"


@dataclass(frozen=True)
class Site:
    """Where a domain is, and what it gives out."""
    number: int
    name: str  # also its manager's name in certificates
    external: str
    subnet: str  # "10.0.2": the access network, a /24
    first: int  # the last byte of the first address given out there
    virtual: str  # "10.128.0.2": the first of its virtual pool
    prefix: str = ""  # all addresses its hosts may have; "": the /16 of its subnet

    @property
    def ap(self):
        return f"ap{self.number}"

    @property
    def inside(self):
        return self.prefix or ".".join(self.subnet.split(".")[:2]) + ".0.0/16"

    @property
    def router(self):
        return f"{self.subnet}.1"

    @property
    def upstream(self):
        return re.sub(r"\d+$", "1", self.external)

    @property
    def actual(self):
        """What the first node gets there."""
        return f"{self.subnet}.{self.first}"


HOME = Site(1, "mm.one", "135.180.32.4", "10.0.2", 24, "10.128.0.2")
VISITED = Site(2, "mm.two", "143.32.2.70", "10.5.7", 19, "10.160.0.2")
THIRD = Site(3, "mm.three", "192.0.2.9", "10.9.3", 33, "10.192.0.2")
SITES = (HOME, VISITED, THIRD)


class Domains(Air):
    """Routers, links and hosts; no MobileNAT yet. fixed: the first domain has a host at
    10.0.4.9."""

    def __init__(self, run, sites=SITES, public=False, fixed=False):
        self.run = run
        self.sites = sites
        self.gateways = {}  # site -> namespace
        self.inside = {site: ["in0"] for site in sites}  # its gateway's interfaces
        self.air, self.inet, self.cn = (run.add(name) for name in ("air", "inet", "cn"))
        for key in ("iptables", "arptables", "ip6tables"):
            self.air.sysctl({f"net.bridge.bridge-nf-call-{key}": 0})
        self.inet.router()
        self._server()
        for site in sites:
            self._domain(site)
        if public:
            self._public()
        if fixed:
            self.add_fixed(self.gateways[sites[0]])
            self.inside[sites[0]].append("in4")
        self.mn = self.add_node("mn", sites[0].ap)

    def _access_point(self, name):
        self.air.ip(f"link add {name} type bridge", f"link set {name} up")

    def _server(self):
        veth(self.inet, "lan", self.cn, "eth0")
        self.inet.ip("addr add 64.236.16.1/24 dev lan")
        self.cn.ip(f"addr add {SERVER}/24 dev eth0", "route add default via 64.236.16.1")

    def _domain(self, site):
        gateway = self.gateways[site] = self.run.add(f"gw{site.number}")
        gateway.router()
        self._access_point(site.ap)
        veth(gateway, "in0", self.air, gateway.name)
        self.air.ip(f"link set {gateway.name} master {site.ap}")
        veth(gateway, "out0", self.inet, gateway.name)
        self.inet.ip(f"addr add {site.upstream}/24 dev {gateway.name}")
        gateway.ip(f"addr add {site.router}/24 dev in0", f"addr add {site.external}/24 dev out0",
                   f"route add default via {site.upstream}")

    def _public(self):
        self.pub = self.run.add("pub")
        self.pub.router()
        self._access_point(PUBLIC_AP)
        veth(self.pub, "lan", self.air, "pub")
        self.air.ip(f"link set pub master {PUBLIC_AP}")
        veth(self.pub, "out0", self.inet, "pub")
        self.inet.ip("addr add 203.0.113.1/30 dev pub",
                     "route add 198.51.100.0/24 via 203.0.113.2")
        self.pub.ip("addr add 203.0.113.2/30 dev out0", f"addr add {PUBLIC_ROUTER}/24 dev lan",
                    "route add default via 203.0.113.1")
        self.udhcpd = Udhcpd(self.pub, "lan", PUBLIC, PUBLIC_ROUTER)

    def strict(self, site, on=True):
        """Strict reverse-path filtering (RFC 3704) at the upstream of a domain."""
        gateway = self.gateways[site].name
        self.inet.sysctl({f"net.ipv4.conf.{gateway}.rp_filter": int(on)})

    def filtered(self):
        """How many packets that filter has stopped, at all upstreams."""
        names, values = (line.split() for line in self.inet.sh(
            "grep", "^TcpExt:", "/proc/net/netstat").splitlines())
        return int(values[names.index("IPReversePathFilter")])

    def partition(self, site, cut=True):
        """Cut a domain from all of the Internet, or heal it."""
        self.inet.ip(f"link set {self.gateways[site].name} {'down' if cut else 'up'}")
