"""Several domains one after the other, sessions begun in each."""
import subprocess

from mnatlab.checks import check, equal, stream_whole
from mnatlab.flows import TcpFlow, connections
from mnatlab.mobilenat import Node
from mnatlab.mobilenat_domains import Providers
from mnatlab.proc import Program, wait_until
from mnatlab.scenario import scenario
from mnatlab.services import LIB
from mnatlab.topology_domains import HOME, SERVER, SITES, THIRD, UPLINK, VISITED

from move import received_by_server, wait_progress

MANY = 1000


class Journey:
    """A node that opens a byte stream wherever it comes, and all that must hold on."""

    PROVIDERS = Providers

    def __init__(self, run, sites=SITES, **options):
        self.providers = self.PROVIDERS(run, sites, **options).start_node()
        self.net, self.node = self.providers.net, self.providers.node
        self.opened = 0
        self.streams = {}  # port -> (stream, the server's view of it)

    def open(self, site, rate=300_000, server=SERVER, external=None):
        """A stream begun here has this gateway's external address for good."""
        port = 5001 + self.opened
        stream = TcpFlow(self.net.mn, self.net.cn, port, rate, options=("-g", 1000),
                         address=server)
        wait_progress(self.net, port, 20_000)
        view = connections(self.net.cn, port)
        external = external or site.external
        check(view[0].startswith(f"{external}:"),
              f"a session begun in {site.name} comes from {external}: {view}")
        self.opened += 1
        self.streams[port] = stream, view

    def go(self, site):
        self.node.move(self.net, site.ap, f"{site.subnet}.")
        self.all_go_on()
        self.node.wait_ticket()

    def all_go_on(self):
        starts = {port: received_by_server(self.net, port) for port in self.streams}
        for port, (_, view) in self.streams.items():
            wait_until(lambda: received_by_server(self.net, port) > starts[port] + 20_000, 20,
                       f"the session to port {port} from {view} to go on")
            equal(connections(self.net.cn, port), view, f"the server's view of port {port}")

    def finish(self):
        for port, (stream, _) in self.streams.items():
            stream_whole(stream.stop(30), f"byte stream to port {port}")


def chain(run, forward):
    journey = Journey(run, forward=forward)
    journey.open(HOME)
    begun = {HOME}
    for site in (VISITED, THIRD, VISITED, HOME):
        journey.go(site)
        journey.open(site)
        journey.all_go_on()
        for home in begun - {site}:
            # each home forwards straight to where the node is now
            journey.providers.gateways[site].wait_paths(home.external, forward)
            journey.providers.gateways[home].wait_paths("here", forward)
        begun.add(site)
        journey.all_go_on()
    equal(sorted(row["anchor"] for row in journey.providers.home.sessions(proto="tcp")),
          sorted(["here", "here", VISITED.external, VISITED.external, THIRD.external]),
          "anchors of the node's sessions, at the home gateway")
    journey.finish()


@scenario("inter.chain")
def chain_tunnel(run):
    """A-B-C-B-A, a session begun at every stop; all arrive whole, each by its anchor."""
    chain(run, "tunnel")


@scenario("inter.chain.translate")
def chain_translate(run):
    """The same by translation, from each home straight to where the node is."""
    chain(run, "translate")


@scenario("inter.collision")
def collision(run):
    """Its virtual address is taken there: another for new sessions, the old for old ones."""
    pool = {VISITED: '"10.128.0.2-10.128.0.2", "10.128.0.5-10.128.0.254"'}
    journey = Journey(run, (HOME, VISITED), virtual=pool)
    other = journey.net.add_node("mn2", VISITED.ap)
    resident = Node(journey.net, UPLINK, netns=other).up()
    resident.wait_address(f"{VISITED.subnet}.")
    equal(resident.shim()["virtual"], HOME.virtual, "the resident's virtual address")
    theirs = TcpFlow(other, journey.net.cn, 6001, 300_000, address=SERVER)
    journey.open(HOME)
    journey.go(VISITED)
    equal(journey.node.shim()["virtual"], "10.128.0.5", "the newcomer's new virtual address")
    journey.node.daemons["mnatc"].wait_text("is another host's in domain 2")
    journey.open(VISITED)
    journey.all_go_on()
    out = journey.net.mn.sh("ss", "-Htn", "state", "established", "dport >= :5001")
    equal(sorted(line.split()[2].split(":")[0] for line in out.splitlines()),
          [HOME.virtual, "10.128.0.5"], "the node's own addresses, both in use at once")
    journey.go(HOME)
    journey.finish()
    stream_whole(theirs.stop(), "the resident's stream")


def thousand(run, forward):
    providers = Providers(run, forward=forward).start_node()
    net, node = providers.net, providers.node
    Program(net.cn, "manytcp-serve", [LIB / "manytcp", "serve", 7000]).wait_text("ready")
    client = Program(net.mn, "manytcp", [LIB / "manytcp", "run", SERVER, 7000, MANY],
                     stdin=subprocess.PIPE)
    client.wait_text("connected", 30)
    for number, site in enumerate((HOME, VISITED, THIRD, HOME), 1):
        if number > 1:
            node.move(net, site.ap, f"{site.subnet}.")
        if site is not HOME:
            providers.gateways[site].wait_paths(HOME.external, forward)
            providers.home.wait_paths("here", forward)
        client.popen.stdin.write(b"\n")
        client.popen.stdin.flush()
        client.wait_text(f"round {number}:", 30)
        check(f"round {number}: {MANY} of {MANY}" in client.log(),
              f"all sessions alive in {site.name}: {client.log().splitlines()[-1]}")


@scenario("inter.thousand")
def thousand_tunnel(run):
    """1,000 TCP sessions move to another domain, on to a third, and home."""
    thousand(run, "tunnel")


@scenario("inter.thousand.translate")
def thousand_translate(run):
    """The same, each session by a port of its own at the visited gateway."""
    thousand(run, "translate")
