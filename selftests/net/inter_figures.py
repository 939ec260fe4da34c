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
    """Of the download, by any of its endpoints, or of a tunnel that carries it."""
    packet = packet.inner or packet
    return packet.protocol == TCP and not {80, 7088}.isdisjoint((packet.sport, packet.dport))


def check_paths(packets, expected):
    """Exactly these paths at each point, every checksum right, every hop counted."""
    for point, paths in expected.items():
        equal({p.path for p in packets[point]}, paths, f"packets at the {point}")
        for p in packets[point]:
            equal(p.checksum_errors(), [], f"checksums at the {point} of {p.path}")


def tunnelled(source, target, inner):
    return f"{source} > {target} [{inner}]"


def fig10(run, direct, forward="tunnel", source="gateway"):
    chain = Observed(run, (HOME, VISITED), direct=direct, forward=forward, outer_source=source)
    net, home, visited = chain.net, *chain.providers.gateways.values()
    chain.node.move(net, VISITED.ap, VISITED.actual)
    visited.wait_imported(HOME.virtual)
    visited.wait_paths(HOME.external, forward)
    home.wait_paths("here", forward)
    if source == "correspondent":
        wait_until(lambda: home.counters("mnat-mmd").get("flows_forwarded"), 10,
                   "home to know that it may")
    packets = chain.observe({
        "node": (net.mn, "mnat0"), "access link": (net.mn, UPLINK),
        "visited inside": (net.gateways[VISITED], "in0"),
        "visited outside": (net.gateways[VISITED], "out0"),
        "home outside": (net.gateways[HOME], "out0"), "server": (net.cn, "eth0")})
    to_visited = tunnelled(HOME.external, VISITED.external, f"{REMOTE} > {NODE}")
    if source == "correspondent":
        to_visited = tunnelled(SERVER, VISITED.external, f"{REMOTE} > {NODE}")
    if forward == "translate":
        sender = REMOTE if source == "correspondent" else OUTSIDE
        to_visited = f"{sender} > {the_only_port(packets['visited outside'])}"
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
    rows = visited.sessions(proto="tcp", port=LOCAL_PORT)
    equal([(row["anchor"], row["path"], row["back"], row["external"]) for row in rows],
          [(HOME.external, forward, "direct" if direct else "reverse", OUTSIDE)],
          "the session as the visited gateway dumps it")
    equal([(row["anchor"], row["path"]) for row in home.sessions(proto="tcp", port=LOCAL_PORT)],
          [("here", forward)], "the session as the home gateway dumps it")
    chain.finish()


def the_only_port(packets):
    """The visited gateway's external endpoint that packets come to outside of tunnels."""
    found = {p.path.split(" > ")[1] for p in packets if not p.inner}
    found = {end for end in found if end.startswith(f"{VISITED.external}:")}
    equal(len(found), 1, f"ports of one session at the visited gateway: {found}")
    return found.pop()


@scenario("inter.fig10.reverse")
def fig10_reverse(run):
    """Table 6.10, home and visited joined by a tunnel both ways, at every hop."""
    fig10(run, direct=False)


@scenario("inter.fig10.direct")
def fig10_direct(run):
    """Table 6.10, the way out straight from the visited domain as the home gateway."""
    fig10(run, direct=True)


@scenario("inter.fig10.source")
def fig10_source(run):
    """Table 6.10, the tunnel to the visited gateway in the correspondent's name (C1)."""
    fig10(run, direct=False, source="correspondent")


@scenario("inter.fig10.translate.reverse")
def fig10_translate_reverse(run):
    """Table 6.10, translated on the way to the node, back through home."""
    fig10(run, direct=False, forward="translate")


@scenario("inter.fig10.translate.direct")
def fig10_translate_direct(run):
    """Table 6.10, translated on the way to the node, back straight to the correspondent."""
    fig10(run, direct=True, forward="translate")


@scenario("inter.fig10.translate.source")
def fig10_translate_source(run):
    """Table 6.10, translated with the correspondent's endpoint kept as source."""
    fig10(run, direct=False, forward="translate", source="correspondent")


def urpf(run, forward):
    chain = Observed(run, (HOME, VISITED), forward=forward)
    for site in (HOME, VISITED):
        chain.net.strict(site)
    chain.node.move(chain.net, VISITED.ap, VISITED.actual)
    chain.providers.gateways[VISITED].wait_paths(HOME.external, forward)
    chain.wait_progress(300_000)
    chain.check_ends()
    chain.finish()


@scenario("inter.urpf")
def urpf_reverse(run):
    """Upstreams that filter sources strictly: tunnels both ways pass."""
    urpf(run, "tunnel")


@scenario("inter.urpf.translate")
def urpf_translate(run):
    """Upstreams that filter sources strictly: what home translates passes."""
    urpf(run, "translate")


@scenario("inter.urpf.direct")
def urpf_direct(run):
    """An upstream that filters sources strictly stops all that leaves directly."""
    chain = Observed(run, (HOME, VISITED), direct=True)
    net = chain.net
    net.strict(VISITED)
    chain.node.move(net, VISITED.ap, VISITED.actual)
    chain.providers.gateways[VISITED].wait_imported(HOME.virtual)
    left, arrived = Capture(net.gateways[VISITED], "out0"), Capture(net.cn, "eth0")
    before = net.filtered()
    # acknowledgements are lost: the server sends again and again, the node answers
    wait_until(lambda: net.filtered() >= before + 3, 60, "the upstream to stop packets")
    direct = f"{OUTSIDE} > {REMOTE}"
    sent = [p for p in left.stop() if p.path == direct]
    check(len(sent) >= 3, f"{len(sent)} packets left the visited gateway as home's")
    equal([p for p in arrived.stop() if p.path == direct], [], "what the server got of them")
    net.strict(VISITED, False)
    chain.wait_progress(300_000)
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
