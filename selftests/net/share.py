"""Several hosts with one virtual address, by tunnel (seed paragraph 58)."""
import hashlib

from mnatlab.checks import check, equal, flow_whole, stream_whole
from mnatlab.flows import Download, TcpFlow, UdpFlow, connections
from mnatlab.mobilenat import Gateway, Node
from mnatlab.mobilenat_domains import Providers
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Nginx
from mnatlab.topology import EXTERNAL, FIXED, SERVER, UPLINK, Internet
from mnatlab.topology_domains import HOME, VISITED
from mnatlab.topology_domains import SERVER as FAR_SERVER

from doctor import examine
from intra import goes_on
from move import wait_progress

SHARED = "10.128.9.1"
IDENTITIES = ["240.1.0.1", "240.1.0.2"]
PORT = "1756"  # of both nodes' sessions
CONF = f"""
	gateway = "{EXTERNAL}"
	share "{SHARED}" {{
		identities = "240.1.0.1-240.1.0.254"
	}}
"""
FORWARD = f"""
forward "to the second" {{
	protocol = "tcp"
	port = 7200
	host = "{IDENTITIES[1]}"
	host-port = 5003
}}
"""
CLASS = f"""
class "sensors" {{
	client-id = "hex:00{b'sensor-'.hex()}"
	virtual = "{SHARED}"
}}
"""


def configure(gateway):
    """The DHCP server gives the nodes named sensor-N one virtual address."""
    conf = gateway.conf("mnat-dhcpd")
    conf.write_text(conf.read_text().replace("virtual {", f"virtual {{{CONF}", 1)
                    .replace("10.128.0.1-10.255.255.254", "10.128.0.1-10.128.8.255") + CLASS)


def name(node, n):
    conf = node.conf()
    conf.write_text(conf.read_text().replace("dhcp {", f'dhcp {{\n\tclient-id = "sensor-{n}"', 1))
    return node


class Sensors:
    """Two nodes with one virtual address, one on each subnet, of which the second sends by
    tunnel, too; a fixed host; the gateway."""

    def __init__(self, run):
        self.net = net = Internet(run, fixed=True)
        self.gateway = Gateway(net, numbered=True)
        configure(self.gateway)
        conf = self.gateway.conf("mnat-midcomd")
        conf.write_text(conf.read_text() + FORWARD)
        self.gateway.up()
        net.start_relays()
        other = net.add_node("mn2", "ap2")
        self.nodes = [self.start(Node(net, UPLINK, netns=netns, settings=settings), n)
                      for n, netns, settings in ((1, net.mn, 'dns = "none"'),
                                                 (2, other, 'dns = "none"\ntunnel-out = true'))]

    @staticmethod
    def start(node, n):
        shim = name(node, n).up().wait_address(f"10.0.{n}.")
        equal((shim["virtual"], shim["mode"], shim["tunnel"]), (SHARED, "tunnel", EXTERNAL),
              f"what {node.netns.name} was told")
        return node

    def netns(self):
        return [node.netns for node in self.nodes]

    def where(self):
        """{identity: (shown address, actual address, path)} in the gateway's map"""
        return {row["virtual"]: (row["shows"], row["actual"], row["path"])
                for row in self.gateway.dump("mnat-midcomd", "hosts") if not row["plain"]}

    def check_where(self):
        wanted = {identity: (SHARED, node.shim()["actual"], "tunnel")
                  for identity, node in zip(IDENTITIES, self.nodes)}
        equal(self.where(), wanted, "hosts at the gateway")
        for identity, node in zip(IDENTITIES, self.nodes):
            row = self.gateway.host(identity)
            equal((row["shows"], row["actual"], row["state"]),
                  (SHARED, node.shim()["actual"], "bound"), f"the manager's row of {identity}")
        leases = {row["virtual"]: (row["shows"], row["actual"])
                  for row in self.gateway.dump("mnat-dhcpd", "leases")}
        equal(leases, {identity: row[:2] for identity, row in wanted.items()}, "leases")

    def refused(self):
        return self.gateway.counters("mnat-midcomd")["shared_in_domain"]

    def expect_refused(self, netns, target):
        """Three echo requests, each refused and counted, and nothing else."""
        before = self.refused()
        out = netns.sh("sh", "-c", f"busybox ping -c 3 -W 1 {target}; true")
        check("3 packets transmitted, 0 packets received" in out, f"no answer: {out}")
        equal(self.refused() - before, 3, f"packets refused from {netns.name} to {target}")

    def restart(self, *daemons):
        for daemon in daemons:
            self.gateway.daemons[daemon].kill9()
        for daemon in daemons:
            self.gateway.start_daemon(daemon)
        self.gateway.wait_connected()
        wait_until(lambda: all((self.gateway.host(identity) or {}).get("state") == "bound"
                               for identity in IDENTITIES), 10, "the manager to know both again")


@scenario("share.tunnel")
def share_tunnel(run):
    """Two nodes with one virtual address and port keep their sessions with one server, over
    moves and their daemons' deaths; inside the domain nothing reaches them, nor they it."""
    sensors = Sensors(run)
    net, gateway, (one, two) = sensors.net, sensors.gateway, sensors.nodes
    sensors.check_where()
    web = Nginx(net.cn, rate=600_000)
    web.publish("file", 9_000_000)
    # from 10.128.9.1:1756 to 128.59.16.149:80, both
    downloads = [Download(netns, f"http://{SERVER}/file", "--local-port", PORT)
                 for netns in sensors.netns()]
    streams = [TcpFlow(netns, net.cn, port, 300_000, options=("-b", "1757"))
               for netns, port in zip(sensors.netns(), (5001, 5002))]
    datagrams = [UdpFlow(netns, net.cn, port, options=("-b", PORT))
                 for netns, port in zip(sensors.netns(), (5004, 5005))]
    streams.append(TcpFlow(net.cn, two.netns, 5003, 300_000, address=EXTERNAL, to_port=7200))
    ends = (net.cn, 5001), (net.cn, 5002), (two.netns, 5003)
    goes_on(*ends)
    rows = gateway.sessions(proto="tcp", remote=f"{SERVER}:80")
    equal(sorted((row["identity"], row["port"]) for row in rows),
          [(identity, int(PORT)) for identity in IDENTITIES], "sessions with the web server")
    for row in rows:
        holder, = gateway.ctl("whohad", row["external"])
        equal(holder["virtual"], row["identity"], f"who has {row['external']}")

    # nothing is lost by a death; that of the agent, the manager and the DHCP server
    sensors.restart("mnat-midcomd", "mnat-dhcpd")
    sensors.restart("mnat-mmd")
    goes_on(*ends)
    sensors.check_where()
    for flow in datagrams:
        flow_whole(flow.stop())

    one.move(net, "ap2", "10.0.2.")
    goes_on(*ends)
    two.move(net, "ap1", "10.0.1.")
    goes_on(*ends)
    sensors.check_where()
    sensors.restart("mnat-midcomd", "mnat-dhcpd")
    one.move(net, "ap1", "10.0.1.")
    two.move(net, "ap2", "10.0.2.")
    goes_on(*ends)
    sensors.check_where()

    sensors.expect_refused(one.netns, two.shim()["actual"])
    sensors.expect_refused(two.netns, one.shim()["actual"])
    sensors.expect_refused(one.netns, FIXED)
    sensors.expect_refused(net.fixed, SHARED)
    equal(sensors.refused(), 12, "packets refused in all")

    for flow in streams:
        stream_whole(flow.stop())
    whole = hashlib.sha256((web.www / "file").read_bytes()).hexdigest()
    for download in downloads:
        equal(download.wait(60), 0, "curl's exit status")
        equal(download.sha.hexdigest(), whole, "sha256")
    for node in sensors.nodes:
        status, found = examine(node)
        equal((status, [key for key in found if key[1] == "problem"]), (0, []),
              f"mnatctl doctor: {found}")
    equal(gateway.counters("mnat-dhcpd")["token_given"], 0, "tickets for other domains")


@scenario("share.abroad")
def share_abroad(run):
    """In another domain a node that shares its address is a new host, without its sessions;
    at home it shares again, and brings none along. No manager is asked what it cannot know."""
    providers = Providers(run, (HOME, VISITED))
    net, home, visited = providers.net, providers.home, providers.gateways[VISITED]
    configure(home)
    home.restart("mnat-dhcpd")
    node = name(Node(net, UPLINK), 1).up()
    node.wait_address(HOME.actual)
    for n, (site, virtual, mode) in enumerate(((HOME, SHARED, "tunnel"),
                                               (VISITED, VISITED.virtual, "translate"),
                                               (HOME, SHARED, "tunnel"))):
        if n:
            node.move(net, site.ap, f"{site.subnet}.")
        shim = node.shim()
        equal((shim["virtual"], shim["mode"]), (virtual, mode), f"as told in {site.name}")
        stream = TcpFlow(net.mn, net.cn, 5001 + n, 300_000, address=FAR_SERVER)
        wait_progress(net, 5001 + n, 20_000)
        view = connections(net.cn, 5001 + n)[0]
        check(view.startswith(f"{site.external}:"), f"begun in {site.name}: {view}")
    stream_whole(stream.stop())
    for gateway, there in ((home, VISITED), (visited, HOME)):
        equal(gateway.counters("mnat-dhcpd")["manager_refused"], 0, "events refused")
        equal(gateway.dump("mnat-midcomd", "anchors"), [], "anchors in the other domain")
        row = providers.peer(gateway.site, there)
        equal((row["visitors"], row["ours"], row["refused"]), (0, 0, 0), f"at {gateway.site.name}")
