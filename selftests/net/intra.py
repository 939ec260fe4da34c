"""Sessions inside the domain: figure 9 and paragraph 72 of the seed, on the wire."""
from mnatlab.capture import TCP, Capture
from mnatlab.checks import check, equal, stream_whole
from mnatlab.flows import TcpFlow, connections
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Udhcpc
from mnatlab.topology import ACTUAL_1, ACTUAL_2, FIXED, UPLINK, VIRTUAL, Internet

OUT, IN = 5001, 5002  # the node begins; the other begins
VIRTUAL_2 = "10.128.0.3"


def received(netns, port):
    """Bytes a server's kernel has received on its one connection."""
    out = netns.sh("ss", "-Htin", "state", "established", f"sport = :{port}")
    return next((int(word.split(":")[1]) for word in out.split()
                 if word.startswith("bytes_received:")), 0)


def goes_on(*ends, amount=100_000):
    """Until every (namespace, port) has received more than it has now."""
    start = {end: received(*end) for end in ends}
    for end in ends:
        wait_until(lambda e=end: received(*e) >= start[e] + amount, 20,
                   f"the stream to {end[0].name}:{end[1]} to go on")


class Domain:
    """Nodes at home, a fixed host, the gateway between them."""

    def __init__(self, run, fixed=False, nodes=1):
        self.net = Internet(run, fixed=fixed)
        self.gateway = Gateway(self.net).up()
        self.net.start_relays()
        self.nodes = [Node(self.net, UPLINK).up()]
        self.nodes[0].wait_address("10.0.1.")
        for n in range(2, nodes + 1):
            netns = self.net.add_node(f"mn{n}", "ap1")
            self.nodes.append(Node(self.net, UPLINK, netns=netns).up())
            self.nodes[-1].wait_address("10.0.1.")

    def move(self, node, subnet):
        node.move(self.net, f"ap{subnet}", f"10.0.{subnet}.")

    def sessions(self):
        """(identity, remote) of sessions inside the domain"""
        return {(row["identity"], row["remote"].split(":")[0])
                for row in self.gateway.sessions(external=None, proto="tcp")}


def observe(points, ports, streams):
    """{point: 4-tuples of TCP packets there, but for the ports that clients chose}"""
    captures = {point: Capture(netns, device, "tcp", whole=True)
                for point, (netns, device) in points.items()}
    goes_on(*streams)
    seen = {}
    for point, capture in captures.items():
        packets = [p for p in capture.stop() if p.protocol == TCP
                   and {p.sport, p.dport} & set(ports)]
        seen[point] = {tuple(f"{address}:{port}" if port in ports else address for address, port in
                             ((p.source, p.sport), (p.target, p.dport))) for p in packets}
        for p in packets:
            equal(p.checksum_errors(), [], f"checksums at {point} of {p.four}")
    return seen


def both_ways(*pairs):
    return {pair for a, b in pairs for pair in ((a, b), (b, a))}


@scenario("intra.fixed")
def fixed(run):
    """Table 6.8, by the gateway: a session each way with a fixed host of the domain goes on."""
    domain = Domain(run, fixed=True)
    net, node = domain.net, domain.nodes[0]
    net.no_offload()
    flows = [TcpFlow(net.mn, net.fixed, OUT, 500_000, address=FIXED),
             TcpFlow(net.fixed, net.mn, IN, 500_000, address=VIRTUAL)]
    ends = ((net.fixed, OUT), (net.mn, IN))
    points = {"the link": (net.mn, UPLINK), "the gateway": (net.gw, "in0"),
              "the fixed host": (net.fixed, "eth0")}
    peers = connections(net.fixed, OUT)
    for subnet, actual in ((1, ACTUAL_1), (2, ACTUAL_2)):
        if subnet == 2:
            domain.move(node, subnet)
            goes_on(*ends)
        on_link = both_ways((actual, f"{FIXED}:{OUT}"), (f"{actual}:{IN}", FIXED))
        equal(observe(points, (OUT, IN), ends), {
            "the link": on_link,
            # what comes from the fixed host leaves here with the actual address
            "the gateway": on_link,
            "the fixed host": both_ways((VIRTUAL, f"{FIXED}:{OUT}"), (f"{VIRTUAL}:{IN}", FIXED))},
            f"packets with the node at {actual}")
    equal(connections(net.fixed, OUT), peers, "the fixed host's view of the connection")
    equal(domain.sessions(), {(VIRTUAL, FIXED)}, "sessions as dumped")
    equal(domain.gateway.dump("mnat-midcomd", "bindings"), [], "external ports taken")
    for flow in flows:
        stream_whole(flow.stop())


@scenario("intra.mobile")
def mobile(run):
    """Table 6.9: two mobile nodes, either moves, both move at once; they see V and V only."""
    domain = Domain(run, nodes=2)
    net, (one, two) = domain.net, domain.nodes
    flows = [TcpFlow(net.mn, two.netns, OUT, 500_000, address=VIRTUAL_2),
             TcpFlow(two.netns, net.mn, IN, 500_000, address=VIRTUAL)]
    ends = ((two.netns, OUT), (net.mn, IN))
    goes_on(*ends)
    peers = connections(two.netns, OUT), connections(net.mn, IN)
    for who, subnet in ((one, 2), (two, 2), (one, 1)):
        domain.move(who, subnet)
        goes_on(*ends)
    net.move("ap2")
    net.move("ap1", two.netns.name)
    one.wait_address("10.0.2.")
    two.wait_address("10.0.1.")
    goes_on(*ends)
    equal((connections(two.netns, OUT), connections(net.mn, IN)), peers, "what the servers see")
    check(peers[0][0].startswith(f"{VIRTUAL}:") and peers[1][0].startswith(f"{VIRTUAL_2}:"),
          f"virtual addresses at both ends: {peers}")
    equal(domain.sessions(), {(VIRTUAL, VIRTUAL_2)}, "sessions as dumped")
    for flow in flows:
        stream_whole(flow.stop())


@scenario("intra.plain")
def plain(run):
    """A host without the client and a mobile node, either begins; the node moves."""
    domain = Domain(run, fixed=True)
    net, node = domain.net, domain.nodes[0]
    address = Udhcpc(net.plain, "eth0").wait_bound()
    domain.move(node, 2)
    flow = TcpFlow(net.plain, net.mn, IN, 300_000, address=VIRTUAL)
    back = TcpFlow(net.mn, net.plain, OUT, 300_000, address=address)
    straight = TcpFlow(net.plain, net.fixed, 5003, 300_000, address=FIXED)
    goes_on((net.mn, IN), (net.plain, OUT), (net.fixed, 5003))
    check(connections(net.plain, OUT)[0].startswith(f"{VIRTUAL}:"), "the node's virtual address")
    check(connections(net.fixed, 5003)[0].startswith(f"{address}:"), "the plain host's own")
    equal(domain.sessions(), {(VIRTUAL, address)}, "sessions as dumped")
    for each in (flow, back, straight):
        stream_whole(each.stop())


@scenario("intra.actual")
def actual(run):
    """A node spoken to by its actual address answers from there, as it always has."""
    domain = Domain(run, fixed=True)
    net = domain.net
    flow = TcpFlow(net.fixed, net.mn, IN, 300_000, address=ACTUAL_1)
    goes_on((net.mn, IN))
    stream_whole(flow.stop())
