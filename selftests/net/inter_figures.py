"""Between domains and into public space, packet by packet: figures 10 and 11."""
import hashlib

from mnatlab.capture import IPIP, TCP, Capture
from mnatlab.checks import check, equal
from mnatlab.flows import Download, connections
from mnatlab.mobilenat_domains import Providers
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Nginx
from mnatlab.topology_domains import HOME, PUBLIC, PUBLIC_AP, SERVER, UPLINK, VISITED

LOCAL_PORT = 1756
REMOTE = f"{SERVER}:80"
NODE = f"{HOME.virtual}:{LOCAL_PORT}"
OUTSIDE = f"{HOME.external}:7088"
SIZE = 3_000_000
RATE = 500_000


def there_and_back(local):
    return {f"{local} > {REMOTE}", f"{REMOTE} > {local}"}


class Observed:
    """A download begun at home, with a capture at every hop once the node has moved."""

    def __init__(self, run, sites, **options):
        # one port of that parity: the session must get the figure's
        self.providers = Providers(run, sites, ports="7088-7089", no_offload=True, **options)
        self.net = self.providers.net
        self.web = Nginx(self.net.cn, rate=RATE)
        self.web.publish("page", SIZE)
        self.node = self.providers.start_node().node
        self.download = Download(self.net.mn, f"http://{SERVER}/page", "--local-port",
                                 str(LOCAL_PORT))
        self.wait_progress(300_000)
        equal(connections(self.net.cn, 80), [OUTSIDE], "the server's view before the move")

    def wait_progress(self, amount):
        start = self.download.bytes
        wait_until(lambda: self.download.bytes >= start + amount, 15, "the download to go on")

    def check_ends(self):
        """Neither end has noticed the move."""
        equal(connections(self.net.cn, 80), [OUTSIDE], "the server's view after the move")
        equal(self.node_socket(), [NODE, REMOTE], "the node's socket")

    def observe(self, points, amount=800_000):
        """{point: packets of the download, inside a tunnel or not}"""
        self.check_ends()
        captures = {point: Capture(netns, device, whole=True)
                    for point, (netns, device) in points.items()}
        self.wait_progress(amount)
        return {point: [p for p in capture.stop() if is_http(p)]
                for point, capture in captures.items()}

    def finish(self):
        equal(self.download.wait(30), 0, "curl's exit status")
        equal(self.download.sha.hexdigest(),
              hashlib.sha256((self.web.www / "page").read_bytes()).hexdigest(), "sha256")

    def node_socket(self):
        return self.net.mn.sh("ss", "-Htn", "state", "established",
                              f"sport = :{LOCAL_PORT}").split()[2:4]


def is_http(packet):
    """Of the download, or of a tunnel that carries it."""
    packet = packet.inner or packet
    return packet.protocol == TCP and 80 in (packet.sport, packet.dport)


def check_paths(packets, expected):
    """Exactly these paths at each point, every checksum right, every hop counted."""
    for point, paths in expected.items():
        equal({p.path for p in packets[point]}, paths, f"packets at the {point}")
        for p in packets[point]:
            equal(p.checksum_errors(), [], f"checksums at the {point} of {p.path}")


def tunnelled(source, target, inner):
    return f"{source} > {target} [{inner}]"


def fig10(run, direct):
    chain = Observed(run, (HOME, VISITED), direct=direct)
    net = chain.net
    chain.node.move(net, VISITED.ap, VISITED.actual)
    chain.providers.gateways[VISITED].wait_imported(HOME.virtual)
    packets = chain.observe({
        "node": (net.mn, "mnat0"), "access link": (net.mn, UPLINK),
        "visited inside": (net.gateways[VISITED], "in0"),
        "visited outside": (net.gateways[VISITED], "out0"),
        "home outside": (net.gateways[HOME], "out0"), "server": (net.cn, "eth0")})
    to_visited = tunnelled(HOME.external, VISITED.external, f"{REMOTE} > {NODE}")
    to_home = tunnelled(VISITED.external, HOME.external, f"{NODE} > {REMOTE}")
    out, back = f"{OUTSIDE} > {REMOTE}", f"{REMOTE} > {OUTSIDE}"
    link = there_and_back(f"{VISITED.actual}:{LOCAL_PORT}")
    check_paths(packets, {
        # what leaves mnat0 is taken by the shim before captures see it
        "node": {f"{REMOTE} > {NODE}"},
        "access link": link, "visited inside": link,
        "visited outside": {to_visited, out if direct else to_home},
        "home outside": {back, to_visited} | (set() if direct else {to_home, out}),
        "server": {out, back}})
    rows = chain.providers.gateways[VISITED].sessions(proto="tcp", port=LOCAL_PORT)
    equal([row["anchor"] for row in rows], [HOME.external], "the session's anchor as dumped")
    chain.finish()


@scenario("inter.fig10.reverse")
def fig10_reverse(run):
    """Table 6.10, home and visited joined by a tunnel both ways, at every hop."""
    fig10(run, direct=False)


@scenario("inter.fig10.direct")
def fig10_direct(run):
    """Table 6.10, the way out straight from the visited domain as the home gateway."""
    fig10(run, direct=True)


@scenario("inter.urpf")
def urpf(run):
    """An upstream that filters sources strictly: the reverse tunnel passes."""
    chain = Observed(run, (HOME, VISITED))
    chain.net.strict(VISITED)
    chain.node.move(chain.net, VISITED.ap, VISITED.actual)
    chain.providers.gateways[VISITED].wait_imported(HOME.virtual)
    chain.wait_progress(300_000)
    chain.check_ends()
    chain.finish()


@scenario("inter.public")
def fig11(run):
    """Table 6.11: public space, no gateway there; the node tunnels with home itself."""
    chain = Observed(run, (HOME,), public=True)
    net = chain.net
    chain.node.move(net, PUBLIC_AP, PUBLIC)
    chain.wait_progress(100_000)
    packets = chain.observe({
        "node": (net.mn, "mnat0"), "access link": (net.mn, UPLINK),
        "home outside": (net.gateways[HOME], "out0"), "server": (net.cn, "eth0")})
    to_node = tunnelled(HOME.external, PUBLIC, f"{REMOTE} > {NODE}")
    to_home = tunnelled(PUBLIC, HOME.external, f"{NODE} > {REMOTE}")
    check_paths(packets, {
        "node": {f"{REMOTE} > {NODE}"},
        "access link": {to_node, to_home},
        "home outside": there_and_back(OUTSIDE) | {to_node, to_home},
        "server": there_and_back(OUTSIDE)})
    chain.finish()
    new = Download(net.mn, f"http://{SERVER}/page")
    wait_until(lambda: new.bytes, 10, "a new connection")
    check([peer for peer in connections(net.cn, 80) if peer.startswith(f"{PUBLIC}:")],
          f"a new connection comes from {PUBLIC}: {connections(net.cn, 80)}")
    tunnels = Capture(net.mn, UPLINK, f"ip proto {IPIP}")
    equal(new.wait(20), 0, "curl's exit status")
    equal(tunnels.stop(), [], "tunnel packets of a new connection")
