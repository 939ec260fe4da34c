"""Domains of two gateways and one manager: what the one does not carry the other does.

                             .-- gw1  out0 135.180.32.4 --.
    mn wl0 ~~ ap1 -- r1 --core1                          net1 -- inet -- cn .16.20, .16.21
                             '-- gw1b out0 135.180.32.5 --'

The router of the access network sends what is for SERVER_B through the second gateway. That
one runs an agent only, which the manager beside the first commands by TLS.
"""
from .mobilenat import Box
from .mobilenat_domains import GATEWAY_CONF, DomainGateway, Providers
from .netns import veth
from .services import Relay
from .topology_domains import Domains

SERVER_B = "64.236.16.21"

MIDCOM_CONF = """
midcom {{
	listen = "{address}:7626"
	ca = "{run_dir}/ca.pem"
	cert = "{run_dir}/mm.pem"
	key = "{run_dir}/mm.key"
	crl = "{run_dir}/crl.pem"
	peers = {{"{manager}"}}
}}
"""

SECOND_CONF = """gateway "{name}" {{
	address = "{address}:7626"
	certificate = "{certificate}"
	tunnel-address = "{external}"
}}
"""


def external_b(site):
    prefix, _, last = site.external.rpartition(".")
    return f"{prefix}.{int(last) + 1}"


def core(site, last):
    """An address between the access router and the gateways."""
    return ".".join(site.subnet.split(".")[:2]) + f".0.{last}"


class TwinDomains(Domains):
    """Each domain as in the picture."""

    def _server(self):
        super()._server()
        self.cn.ip(f"addr add {SERVER_B}/24 dev eth0")

    def _domain(self, site):
        n = site.number
        if n == 1:
            self.routers, self.seconds = {}, {}
        router = self.routers[site] = self.run.add(f"r{n}")
        router.router()
        self._access_point(site.ap)
        veth(router, "lan", self.air, f"r{n}")
        self.air.ip(f"link set r{n} master {site.ap}")
        router.ip("link add core type bridge", "link set core up",
                  f"addr add {site.router}/24 dev lan", f"addr add {core(site, 3)}/24 dev core")
        self.inet.ip(f"link add net{n} type bridge", f"link set net{n} up",
                     f"addr add {site.upstream}/24 dev net{n}")
        self.gateways[site] = self._gateway(site, router, f"gw{n}", 1, site.external)
        self.seconds[site] = self._gateway(site, router, f"gw{n}b", 2, external_b(site))
        router.ip(f"route add default via {core(site, 1)}")
        self.send(site, SERVER_B, second=True)
        Relay(router, core(site, 1))

    def _gateway(self, site, router, name, last, external):
        gateway = self.run.add(name)
        gateway.router()
        veth(gateway, "in0", router, name)
        router.ip(f"link set {name} master core")
        veth(gateway, "out0", self.inet, name)
        self.inet.ip(f"link set {name} master net{site.number}")
        gateway.ip(f"addr add {core(site, last)}/24 dev in0", f"addr add {external}/24 dev out0",
                   f"route add {site.subnet}.0/24 via {core(site, 3)}",
                   f"route add default via {site.upstream}")
        return gateway

    def send(self, site, server, second):
        """Which of a domain's gateways carries what is for a server."""
        self.routers[site].ip(f"route replace {server}/32 via {core(site, 2 if second else 1)}")


class SecondGateway(Box):
    """Gateway programs and an agent."""

    def __init__(self, net, site, authority, ports="7088-16000", hosts=64, sessions=16384,
                 sweep=30):
        super().__init__(net.seconds[site], "gateway")
        self.pins = net.run.pins / self.netns.name
        self.name = f"{self.netns.name}.{site.name}"
        self.conf = self.configure("gateway", GATEWAY_CONF + MIDCOM_CONF, inside=site.inside,
                                   interfaces='"in0"', external=external_b(site), ports=ports, hosts=hosts,
                                   sessions=sessions, sweep=sweep, address=core(site, 2),
                                   manager=site.name)
        authority.issue(self.name)
        authority.give(self.name, self.run_dir)

    def start_daemon(self, daemon="mnat-midcomd"):
        return self.start(daemon, "-c", self.conf)

    def up(self):
        self.load()
        self.start_daemon()
        return self

    def sessions(self, **fields):
        return [row for row in self.dump("mnat-midcomd", "sessions")
                if all(row[key] == value for key, value in fields.items())]


class TwinGateway(DomainGateway):
    """The first gateway, with the servers, and the second."""

    def __init__(self, net, site, authority, **options):
        super().__init__(net, site, authority, **options)
        shared = {key: options[key] for key in ("hosts", "sessions", "sweep") if key in options}
        self.second = SecondGateway(net, site, authority, **shared)
        path = self.run_dir / "mmd.conf"
        head, rest = path.read_text().split("}\n", 1)
        path.write_text(head + "}\n" + SECOND_CONF.format(
            name=self.second.netns.name, address=core(site, 2), certificate=self.second.name,
            external=external_b(site)) + rest)
        path = self.run_dir / "dhcpd.conf"
        path.write_text(path.read_text().replace(f'server-id = "{site.router}"',
                                                 f'server-id = "{core(site, 1)}"'))

    def up(self):
        self.second.up()
        return super().up()


class TwinProviders(Providers):
    NET = TwinDomains
    GATEWAY = TwinGateway
