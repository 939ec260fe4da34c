"""Sessions inside the domain go on when a node leaves it (seed paragraphs 81 and 171)."""
from intra import goes_on
from mnatlab.capture import TCP, Capture
from mnatlab.checks import equal, stream_whole
from mnatlab.flows import TcpFlow, connections
from mnatlab.mobilenat import Node
from mnatlab.mobilenat_domains import Providers
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology import FIXED
from mnatlab.topology_domains import HOME, THIRD, UPLINK, VISITED

PORT = 5001
LOCAL = 1756
REMOTE = f"{FIXED}:{PORT}"
NODE = f"{HOME.virtual}:{LOCAL}"
VIRTUAL_2 = "10.128.0.3"


def there_and_back(a, b):
    return {f"{a} > {b}", f"{b} > {a}"}


def tunnelled(source, target, inner):
    return f"{source} > {target} [{inner}]"


def paths(points, streams):
    """{point: paths of the TCP packets there, inside a tunnel or not}"""
    captures = {point: Capture(netns, device, "tcp port 5001 or ip proto 4", whole=True)
                for point, (netns, device) in points.items()}
    goes_on(*streams)
    seen = {}
    for point, capture in captures.items():
        packets = [p for p in capture.stop() if (p.inner or p).protocol == TCP]
        seen[point] = {p.path for p in packets}
        for p in packets:
            equal(p.checksum_errors(), [], f"checksums at {point} of {p.path}")
    return seen


def travel(providers, node, site):
    node.move(providers.net, site.ap, f"{site.subnet}.")
    if site is not HOME:
        providers.gateways[site].wait_imported(HOME.virtual)


def anchors(gateway):
    return {(row["remote"].split(":")[0], row["anchor"]) for row in gateway.sessions(proto="tcp")}


@scenario("inter.intra")
def fixed(run):
    """A stream with home's 10.0.4.9, at every hop: away, in a third domain, home again."""
    providers = Providers(run, (HOME, VISITED, THIRD), fixed=True, no_offload=True, direct=True)
    net, node = providers.net, providers.start_node().node
    flow = TcpFlow(net.mn, net.fixed, PORT, 500_000, options=("-b", LOCAL), address=FIXED)
    ends = ((net.fixed, PORT),)
    goes_on(*ends)
    home, visited = net.gateways[HOME], net.gateways[VISITED]
    travel(providers, node, VISITED)
    goes_on(*ends)
    link = there_and_back(f"{VISITED.actual}:{LOCAL}", REMOTE)
    tunnel = {tunnelled(HOME.external, VISITED.external, f"{REMOTE} > {NODE}"),
              tunnelled(VISITED.external, HOME.external, f"{NODE} > {REMOTE}")}
    equal(paths({"the link": (net.mn, UPLINK), "visited, inside": (visited, "in0"),
                 "visited, outside": (visited, "out0"), "home, outside": (home, "out0"),
                 "home, inside": (home, "in4"), "the fixed host": (net.fixed, "eth0")}, ends),
          {"the link": link, "visited, inside": link, "visited, outside": tunnel,
           "home, outside": tunnel, "home, inside": there_and_back(NODE, REMOTE),
           "the fixed host": there_and_back(NODE, REMOTE)}, "packets while away")
    equal(anchors(providers.gateways[VISITED]), {(FIXED, HOME.external)}, "the session's anchor")
    travel(providers, node, THIRD)
    goes_on(*ends)
    travel(providers, node, HOME)
    goes_on(*ends)
    equal(paths({"home, inside": (home, "in0"), "home, outside": (home, "out0")}, ends),
          {"home, inside": there_and_back(f"{HOME.actual}:{LOCAL}", REMOTE),
           "home, outside": set()}, "packets at home again")
    equal(connections(net.fixed, PORT), [NODE], "the fixed host's view, all the time")
    stream_whole(flow.stop())


@scenario("inter.intra.mobile")
def mobile(run):
    """Two mobile nodes: one leaves, the other leaves, both come home."""
    providers = Providers(run, (HOME, VISITED), no_offload=True)
    net, one = providers.net, providers.start_node().node
    two = Node(net, UPLINK, netns=net.add_node("mn2", HOME.ap)).up()
    two.wait_address(f"{HOME.subnet}.")
    two.wait_ticket()
    flow = TcpFlow(net.mn, two.netns, PORT, 500_000, address=VIRTUAL_2)
    back = TcpFlow(two.netns, net.mn, PORT + 1, 500_000, address=HOME.virtual)
    ends = ((two.netns, PORT), (net.mn, PORT + 1))
    goes_on(*ends)
    for node, site in ((one, VISITED), (two, VISITED), (one, HOME), (two, HOME)):
        node.move(net, site.ap, f"{site.subnet}.")
        goes_on(*ends)
    stream_whole(flow.stop())
    stream_whole(back.stop())


@scenario("inter.intra.ends")
def ends(run):
    """The last session inside home's domain ends: home forwards no longer."""
    providers = Providers(run, (HOME, VISITED), fixed=True, sweep=1)
    net, node = providers.net, providers.start_node().node
    gateway = providers.home
    conf = gateway.conf("mnat-midcomd")
    conf.write_text(conf.read_text() + "timeouts {\n\ttcp-closing = 1\n\ttcp-reset = 1\n}\n")
    gateway.load("load")
    flow = TcpFlow(net.mn, net.fixed, PORT, 300_000, address=FIXED)
    goes_on((net.fixed, PORT))
    travel(providers, node, VISITED)
    goes_on((net.fixed, PORT))
    equal([row["path"] for row in gateway.dump("mnat-midcomd", "hosts")], ["tunnel"], "at home")
    stream_whole(flow.stop())
    wait_until(lambda: not gateway.sessions(), 20, "the session to be swept")
    wait_until(lambda: all(row["path"] != "tunnel"
                           for row in gateway.dump("mnat-midcomd", "hosts")), 20,
               "home to forward no longer")
