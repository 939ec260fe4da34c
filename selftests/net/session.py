"""What a session looks like on the wire, before and across a move: figures 6, 7, 8."""
from mnatlab.capture import TCP, Capture, dhcp_messages, ip_only
from mnatlab.checks import check, equal
from mnatlab.flows import Download, connections
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Nginx
from mnatlab.topology import (ACTUAL_1, ACTUAL_2, EXTERNAL, SERVER, UPLINK, VIRTUAL, Internet)

REMOTE = f"{SERVER}:80"
OUTSIDE = f"{EXTERNAL}:7088"
LOCAL_PORT = 1756
CURL = ["--local-port", str(LOCAL_PORT)]

# where: (namespace, device, TTL towards the server, TTL towards the node). What leaves
# mnat0 is taken by the shim before captures see it: the socket speaks for that row.
POINTS = {"application": ("mn", "mnat0", 64, 61), "link": ("mn", UPLINK, 64, 61),
          "inside": ("gw", "in0", 63, 62), "outside": ("gw", "out0", 62, 63),
          "server": ("cn", "eth0", 61, 64)}


def both_ways(*locals_):
    return {line for local in locals_ for line in (f"{local} > {REMOTE}", f"{REMOTE} > {local}")}


class Observed:
    """The whole chain with a capture at each point and checksums completed at birth."""

    def __init__(self, run, rate):
        self.net = Internet(run)
        # one port of that parity: the session must get the figure's
        self.gateway = Gateway(self.net, ports="7088-7089").up()
        self.net.start_relays()
        self.web = Nginx(self.net.cn, rate=rate)
        self.node = Node(self.net, UPLINK).up()
        self.node.wait_address("10.0.1.")
        self.net.no_offload()
        self.captures = {point: Capture(getattr(self.net, ns), device, whole=True)
                         for point, (ns, device, _, _) in POINTS.items()}

    def stop(self):
        packets = {point: capture.stop() for point, capture in self.captures.items()}
        self.http = {point: [p for p in ip_only(all_, protocol=TCP) if 80 in (p.sport, p.dport)]
                     for point, all_ in packets.items()}
        return packets

    def check_rows(self, actuals):
        """Tables 6.6 and 6.7."""
        rows = {"application": {f"{REMOTE} > {VIRTUAL}:{LOCAL_PORT}"},
                "link": both_ways(*(f"{actual}:{LOCAL_PORT}" for actual in actuals)),
                "outside": both_ways(OUTSIDE), "server": both_ways(OUTSIDE)}
        rows["inside"] = rows["link"]
        for point, expected in rows.items():
            equal({p.four for p in self.http[point]}, expected, f"4-tuples at the {point}")

    def check_headers(self):
        for point, (_, _, out_ttl, in_ttl) in POINTS.items():
            for p in self.http[point]:
                equal(p.checksum_errors(), [], f"checksums at the {point} of {p.four}")
                equal(p.ttl, out_ttl if p.target == SERVER else in_ttl,
                      f"TTL at the {point} of {p.four}")


def check_socket(net):
    """The application's row, outgoing."""
    equal(net.mn.sh("ss", "-Htn", "state", "established", f"sport = :{LOCAL_PORT}").split()[2:4],
          [f"{VIRTUAL}:{LOCAL_PORT}", REMOTE], "the node's socket")


def check_virtual_hidden(link_packets):
    for packet in link_packets:
        check(not packet.names(VIRTUAL), f"the virtual address on the uplink: {packet}")


@scenario("session.fig6")
def fig6(run):
    """Table 6.6 at each point; checksums and TTLs; the virtual address stays inside."""
    chain = Observed(run, rate=200_000)
    chain.web.publish("page", 200_000)
    download = Download(chain.net.mn, f"http://{SERVER}/page", *CURL)
    wait_until(lambda: download.bytes, 10, "the download to begin")
    check_socket(chain.net)
    equal(download.wait(20), 0, "curl's exit status")
    equal(download.bytes, 200_000, "bytes downloaded")
    packets = chain.stop()
    chain.check_rows([ACTUAL_1])
    chain.check_headers()
    check_virtual_hidden(packets["link"])
    equal([row["external"] for row in chain.gateway.sessions(identity=VIRTUAL, proto="tcp",
                                                             port=LOCAL_PORT)],
          [OUTSIDE], "the gateway's session")


@scenario("move.fig7")
def fig7(run):
    """Table 6.4, the move: REQUEST, NAK, DISCOVER, OFFER, with what they must carry."""
    net = Internet(run)
    gateway = Gateway(net).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    capture = Capture(net.mn, UPLINK)
    move = node.move(net, "ap2", "10.0.2.")
    packets = capture.stop()
    messages = dhcp_messages(packets)
    equal([m.type for m in messages], ["request", "nak", "discover", "offer", "request", "ack"],
          "message sequence at the node's link")
    first, nak, discover, offer, request, ack = messages
    equal((first.address(50), first.shim()), (ACTUAL_1, VIRTUAL), "701 REQUEST")
    equal(first.ciaddr, "0.0.0.0", "701 ciaddr (RFC 2131 4.3.2, INIT-REBOOT)")
    equal(nak.yiaddr, "0.0.0.0", "702 NAK carries no address")
    equal((discover.address(50), discover.shim()), (None, VIRTUAL), "703 DISCOVER")
    equal((offer.yiaddr, offer.shim()), (ACTUAL_2, VIRTUAL), "704 OFFER")
    equal((request.address(50), request.shim()), (ACTUAL_2, VIRTUAL), "REQUEST")
    equal((ack.yiaddr, ack.shim()), (ACTUAL_2, VIRTUAL), "ACK")
    check_virtual_hidden(packets)
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_2, "the manager's view")
    bound = gateway.host(VIRTUAL)["bound_at_us"]
    acked = next(e["at_us"] for e in reversed(move["events"]) if e["what"] == "ack")
    check(bound <= acked, f"the rule was in force {acked - bound} µs before the ACK came")
    equal((move["from"], move["to"]), (ACTUAL_1, ACTUAL_2), "the node's record of the move")


@scenario("move.fig8")
def fig8(run):
    """Table 6.7: across a move only the middle row changes, and only once."""
    chain = Observed(run, rate=500_000)
    chain.web.publish("page", 2_000_000)
    download = Download(chain.net.mn, f"http://{SERVER}/page", *CURL)
    wait_until(lambda: download.bytes > 300_000, 10, "the download to run")
    before = connections(chain.net.cn, 80)
    chain.node.move(chain.net, "ap2", "10.0.2.")
    wait_until(lambda: download.bytes > 1_000_000, 10, "the download to go on after the move")
    equal(connections(chain.net.cn, 80), before, "the server's view of the connection")
    check_socket(chain.net)
    equal(before, [OUTSIDE], "the server's view of the connection")
    equal(download.wait(20), 0, "curl's exit status")
    equal(download.bytes, 2_000_000, "bytes downloaded")
    packets = chain.stop()
    chain.check_rows([ACTUAL_1, ACTUAL_2])
    chain.check_headers()
    check_virtual_hidden(packets["link"])
    outgoing = [p.source for p in chain.http["link"] if p.target == SERVER]
    changes = [b for a, b in zip(outgoing, outgoing[1:]) if a != b]
    equal(changes, [ACTUAL_2], "changes of the source address on the link")
