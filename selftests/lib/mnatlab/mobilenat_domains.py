"""The programs under test in several domains: a gateway box a site, and the nodes."""
from .certs import Authority
from .mobilenat import Box, Gateway, Node
from .proc import wait_until
from .topology_domains import SITES, UPLINK, Domains

GATEWAY_CONF = """
inside {{
	interfaces = {{{interfaces}}}
	prefixes = {{"{inside}"}}
	plain-hosts = "nat"
}}
outside {{
	interfaces = {{"out0"}}
	addresses = "{external}"
	ports = "{ports}"
}}
limits {{
	hosts = {hosts}
	sessions = {sessions}
	grace = 10
	sweep = {sweep}
}}
log {{
	file = "{run_dir}/ports.db"
}}
pin = "{pin}"
run-dir = "{run_dir}"
"""

MMD_CONF = """
gateway "{name}" {{
	socket = "{run_dir}/midcom.sock"
	tunnel-address = "{external}"
}}
domain = {number}
secret = "{run_dir}/mmd.secret"
state = "{run_dir}/mmd.sqlite"
listen = "{external}:7627"
ca = "{run_dir}/ca.pem"
cert = "{run_dir}/mm.pem"
key = "{run_dir}/mm.key"
crl = "{run_dir}/crl.pem"
{peers}
run-dir = "{run_dir}"
"""

PEER_CONF = """peer "{number}" {{
	manager = "{manager}"
	name = "{name}"
	serve = {serve}
	direct = {direct}
	forward = "{forward}"
	outer-source = "{outer_source}"
}}"""

DHCPD_CONF = """
interfaces = {{"in0"}}
server-id = "{router}"
lease-time = {lease_time}
virtual {{
	pool = {{{virtual}}}
	lease-time = 86400
	manager = "{external}"
	domain = {number}
	enterprise = 32473
	seed-option = 224
}}
subnet "{subnet}.0/24" {{
	pool = "{actual}-{subnet}.254"
	router = "{router}"
}}
run-dir = "{run_dir}"
database = "{run_dir}/dhcpd.sqlite"
manager-socket = "{run_dir}/mmd.sock"
"""


def pool_from(first):
    """'"10.128.0.2-10.128.0.254"'"""
    return f'"{first}-{first.rpartition(".")[0]}.254"'


class DomainGateway(Gateway):
    """A domain's gateway box with all of its servers."""

    def __init__(self, net, site, authority, ports="7088-16000", hosts=64, sessions=16384,
                 sweep=30, lease_time=3600, virtual=None, serve=0, direct=False,
                 forward="tunnel", outer_source="gateway"):
        Box.__init__(self, net.gateways[site], "gateway")
        self.pins = net.run.pins / self.netns.name
        self.site = site
        self.configure("gateway", GATEWAY_CONF, inside=site.inside,
                       interfaces=", ".join(f'"{name}"' for name in net.inside[site]), external=site.external,
                       ports=ports, hosts=hosts, sessions=sessions, sweep=sweep)
        self.others = [other for other in net.sites if other is not site]
        self.configure_manager(serve=serve, direct=direct, forward=forward,
                               outer_source=outer_source)
        self.configure("dhcpd", DHCPD_CONF, router=site.router, lease_time=lease_time,
                       virtual=virtual or pool_from(site.virtual), external=site.external,
                       subnet=site.subnet, actual=site.actual, number=site.number)
        self.give_certificate(authority, site.name)

    def configure_manager(self, **policy):
        """What holds for all peers, from the manager's next start."""
        policy["direct"] = "true" if policy["direct"] else "false"
        peers = [PEER_CONF.format(number=other.number, manager=other.external, name=other.name,
                                  **policy) for other in self.others]
        self.configure("mmd", MMD_CONF, name=self.netns.name, number=self.site.number,
                       external=self.site.external, peers="\n".join(peers))

    def give_certificate(self, authority, name, issuer=None):
        """Whom the manager believes, and how it shows itself (issuer: if that is another
        authority), from its next start."""
        (issuer or authority).give(name, self.run_dir)
        authority.give_trust(self.run_dir)

    def restart(self, daemon):
        self.daemons[daemon].kill9()
        self.start_daemon(daemon)

    def reboot(self):
        """The power fails: everything starts anew, the maps are empty."""
        for daemon in self.DAEMONS:
            self.daemons[daemon].kill9()
        self.load("unload")
        self.load()
        for daemon in self.DAEMONS:
            self.start_daemon(daemon)

    def anchors(self):
        """Where sessions of hosts that are here began, if not here: tunnel addresses."""
        return {row["gateway"] for row in self.dump("mnat-midcomd", "anchors")}

    def wait_paths(self, anchor, path):
        """Until all sessions of that anchor are on that path: tunnel or translate."""
        def look():
            rows = [row for row in self.sessions() if row["anchor"] == anchor]
            return rows and all(row["path"] == path for row in rows)
        wait_until(look, 15, f"{self.site.name} to have sessions of {anchor} by {path}")

    def wait_imported(self, virtual):
        """Until all is known here of a node that has arrived."""
        def look():
            row = next((row for row in self.dump("mnat-midcomd", "hosts")
                        if row["virtual"] == virtual), None)
            return row and not row["importing"]
        wait_until(look, 10, f"{self.site.name} to know the sessions of {virtual}")


class Providers:
    """Domains with all their programs running. Of the options virtual, {site: pools}, is
    by site; the others are for all."""

    NET = Domains
    GATEWAY = DomainGateway

    def __init__(self, run, sites=SITES, public=False, fixed=False, no_offload=False,
                 virtual=None, daemons=None, **options):
        self.run = run
        self.net = self.NET(run, sites, public, fixed)
        self.authority = Authority(run)
        self.gateways = {}
        for site in sites:
            self.authority.issue(site.name)
        for site in sites:
            gateway = self.GATEWAY(self.net, site, self.authority,
                                   virtual=(virtual or {}).get(site), **options)
            gateway.DAEMONS = daemons or gateway.DAEMONS
            self.gateways[site] = gateway.up()
        self.home = self.gateways[sites[0]]
        self.wait_peers()
        if no_offload:
            self.net.no_offload()

    def wait_peers(self):
        """Until all managers have found one another."""
        wait_until(lambda: all(row["connected"] for gateway in self.gateways.values()
                               for row in gateway.dump("mnat-mmd", "peers")), 10,
                   "all managers to be connected")

    def set_forward(self, forward):
        """From now on tunnel or translate, for nodes that move from now on."""
        for gateway in self.gateways.values():
            gateway.configure_manager(serve=0, direct=False, forward=forward,
                                      outer_source="gateway")
            gateway.restart("mnat-mmd")
        self.wait_peers()

    def recertify(self, site, name=None, issuer=None):
        """Another certificate for a site's manager, and the newest revocations."""
        self.gateways[site].give_certificate(self.authority, name or site.name, issuer)
        self.gateways[site].restart("mnat-mmd")

    def peer(self, site, other):
        """What a site's manager says of another's."""
        rows = self.gateways[site].dump("mnat-mmd", "peers")
        return next(row for row in rows if row["domain"] == other.number)

    def make_node(self):
        return Node(self.net, UPLINK)

    def start_node(self):
        """A node at home in the first domain."""
        self.node = self.make_node().up()
        self.node.wait_address(self.home.site.actual)
        if "mnat-mmd" in self.home.DAEMONS:
            self.node.wait_ticket()
        return self
