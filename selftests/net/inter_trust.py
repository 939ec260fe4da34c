"""Whom managers believe: certificates, tokens, and how long they serve."""
import signal

from mnatlab import LabError, control
from mnatlab.capture import Capture, dhcp_messages
from mnatlab.certs import Authority
from mnatlab.checks import check, equal, stream_whole
from mnatlab.control import Control
from mnatlab.flows import TcpFlow
from mnatlab.mobilenat import Node
from mnatlab.mobilenat_domains import Providers
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology import boottime
from mnatlab.topology_domains import HOME, SERVER, THIRD, UPLINK, VISITED

from inter_chain import Journey
from move import received_by_server, wait_progress

ARRIVAL = 12  # sub-option: manager 4, ticket 48, counter 8, proof 16
SILENCE = 2  # seconds without progress after which a stream counts as stopped


def stopped(net, port):
    """Does the server get nothing more of a stream?"""
    start = received_by_server(net, port)
    try:
        wait_until(lambda: received_by_server(net, port) > start, SILENCE, "progress")
    except LabError:
        return True
    return False


def untrusted(run, spoil):
    """A visited manager whose certificate does not do is served nothing; a good one is."""
    journey = Journey(run, (HOME, VISITED))
    providers = journey.providers
    journey.open(HOME)
    spoil(providers)
    journey.node.move(journey.net, VISITED.ap, f"{VISITED.subnet}.")
    journey.open(VISITED)
    check(stopped(journey.net, 5001), "the home domain does not forward to a stranger")
    check(not stopped(journey.net, 5002), "a new session of the visited domain goes on")
    equal(providers.peer(HOME, VISITED)["connected"], False, "the home manager's view")
    providers.recertify(VISITED)
    journey.all_go_on()
    journey.finish()


@scenario("inter.cert.wrong")
def cert_wrong(run):
    """A certificate of another authority."""
    untrusted(run, lambda p: p.recertify(VISITED, issuer=Authority(run, "other").issue(
        VISITED.name)))


@scenario("inter.cert.stranger")
def cert_stranger(run):
    """A good certificate of somebody else."""
    def spoil(providers):
        providers.authority.issue("stranger")
        providers.recertify(VISITED, "stranger")
    untrusted(run, spoil)


@scenario("inter.cert.expired")
def cert_expired(run):
    """A certificate that was good once."""
    def spoil(providers):
        providers.authority.issue("old", subject=VISITED.name, expired=True)
        providers.recertify(VISITED, "old")
    untrusted(run, spoil)


@scenario("inter.cert.revoked")
def cert_revoked(run):
    """A certificate that was taken back."""
    def spoil(providers):
        providers.authority.issue("lost", subject=VISITED.name).revoke("lost")
        providers.recertify(HOME)
        providers.recertify(VISITED, "lost")
    untrusted(run, spoil)


class Thief:
    """Somebody in the third domain, even its DHCP server's equal, who has overheard the
    node's DHCP messages at home and in the visited domain."""

    def __init__(self, run, **options):
        self.journey = Journey(run, **options)
        self.providers, net = self.journey.providers, self.journey.net
        self.journey.open(HOME)
        capture = Capture(net.gateways[VISITED], "in0", "udp port 67", whole=True)
        self.journey.go(VISITED)
        self.arrival = next(m.vivso()[ARRIVAL] for m in reversed(dhcp_messages(capture.stop()))
                            if ARRIVAL in (m.vivso() or {}))
        self.generation = 1000

    def arrive(self, arrival):
        """Claim in the third domain to be the node."""
        self.generation += 1
        fields = {"manager": HOME.external, "ticket": arrival[4:52].hex(),
                  "counter": int.from_bytes(arrival[52:60], "big"), "proof": arrival[60:76].hex()}
        with Control(self.providers.gateways[THIRD].socket("mnat-mmd")) as manager:
            _, last = manager.call("lease", id=self.generation, events=[{
                "virtual": HOME.virtual, "actual": f"{THIRD.subnet}.99", "old": None,
                "gen": self.generation, "mac": "02:00:00:00:00:66", "client": "",
                "arrivals": [fields]}])
        return last

    def check_futile(self, reason):
        """The home manager refused, and the node noticed nothing."""
        wait_until(lambda: self.providers.home.counters("mnat-mmd")[reason], 5,
                   f"the home manager to count '{reason}'")
        self.journey.all_go_on()
        equal(self.providers.home.host(HOME.virtual)["where"], f"domain {VISITED.number}",
              "where home forwards to")
        self.journey.finish()


def changed(data, at, value):
    return data[:at] + bytes([data[at] ^ value]) + data[at + 1:]


@scenario("inter.token.late")
def token_late(run):
    """The manager says nothing while the node gets its lease: it asks again by itself. Who
    leaves before it has a token leaves its sessions behind, and is told."""
    providers = Providers(run, (HOME, VISITED))
    net, manager = providers.net, providers.home.daemons["mnat-mmd"]
    manager.signal(signal.SIGSTOP)
    one = Node(net, UPLINK).up()
    one.wait_address(HOME.actual)
    check(not control.status(one.socket("mnatc"))["ticket"], "no word of the manager's yet")
    two = Node(net, UPLINK, netns=net.add_node("mn2", HOME.ap)).up()
    two.wait_address(f"{HOME.subnet}.")
    two.move(net, VISITED.ap, f"{VISITED.subnet}.")
    two.daemons["mnatc"].wait_text("stay behind: this node had no ticket")
    manager.signal(signal.SIGCONT)
    one.wait_ticket()
    stream = TcpFlow(net.mn, net.cn, address=SERVER)
    wait_progress(net, 5001)
    one.move(net, VISITED.ap, f"{VISITED.subnet}.")
    wait_progress(net, 5001)
    stream_whole(stream.stop())


@scenario("inter.token.replayed")
def token_replayed(run):
    """The very proof the node gave, said again elsewhere."""
    thief = Thief(run)
    thief.arrive(thief.arrival)
    thief.check_futile("refused_replay")


@scenario("inter.token.stolen")
def token_stolen(run):
    """The ticket without its key: a newer counter needs another proof."""
    thief = Thief(run)
    thief.arrive(changed(thief.arrival, 55, 1))
    thief.check_futile("refused_proof")


@scenario("inter.token.forged")
def token_forged(run):
    """A ticket the manager never made."""
    thief = Thief(run)
    thief.arrive(changed(thief.arrival, 8, 1))
    thief.check_futile("refused_ticket")


def set_manager(journey, site, line):
    """One more line of a manager's configuration."""
    path = journey.providers.gateways[site].conf("mnat-mmd")
    path.write_text(f"{line}\n{path.read_text()}")
    journey.providers.gateways[site].restart("mnat-mmd")
    journey.providers.wait_peers()


@scenario("inter.token.expired")
def token_expired(run):
    """A ticket that was good once: refused; with a new one the session goes on."""
    lifetime = 3
    journey = Journey(run, (HOME, VISITED))
    home = journey.providers.home
    set_manager(journey, HOME, f"ticket-lifetime = {lifetime}")
    journey.open(HOME)
    journey.node.ctl("renew")
    given = boottime()
    wait_until(lambda: boottime() > given + lifetime + 1, 2 * lifetime, "the ticket to expire")
    journey.node.move(journey.net, VISITED.ap, f"{VISITED.subnet}.")
    wait_until(lambda: home.counters("mnat-mmd")["refused_ticket"], 5, "a refusal")
    journey.open(VISITED)
    check(stopped(journey.net, 5001), "the home domain does not forward")
    equal(home.host(HOME.virtual)["where"], "here", "where the home manager has the node")
    journey.go(HOME)
    journey.node.move(journey.net, VISITED.ap, f"{VISITED.subnet}.")
    journey.all_go_on()
    journey.finish()


@scenario("inter.token.revoked")
def token_revoked(run):
    """A node's tickets taken back while it is away: its sessions end, others go on, the
    visited domain hears why; at home it gets a new one."""
    journey = Journey(run, (HOME, VISITED))
    home, visited = journey.providers.home, journey.providers.gateways[VISITED]
    journey.open(HOME)
    journey.go(VISITED)
    journey.open(VISITED)
    home.ctl("revoke", HOME.virtual)
    visited.daemons["mnat-mmd"].wait_text(
        f"domain {HOME.number} ends its service for {HOME.virtual}: its home has revoked it")
    wait_until(lambda: not visited.anchors(), 5, "the anchor to be forgotten")
    check(stopped(journey.net, 5001), "the session begun at home is not served")
    check(not stopped(journey.net, 5002), "the session begun there goes on")
    journey.go(HOME)
    journey.open(HOME)
    journey.go(VISITED)
    journey.finish()


@scenario("inter.peer.revoked")
def peer_revoked(run):
    """A domain revoked: what visits there is served no longer, a third domain is as before."""
    journey = Journey(run)
    home = journey.providers.home
    journey.open(HOME)
    journey.go(VISITED)
    home.ctl("revoke", str(VISITED.number))
    check(stopped(journey.net, 5001), "the session is not served there")
    peers = {row["domain"]: (row["connected"], row["revoked"])
             for row in home.dump("mnat-mmd", "peers")}
    equal(peers, {VISITED.number: (False, True), THIRD.number: (True, False)}, "the peers")
    journey.go(THIRD)
    journey.finish()


@scenario("inter.limit")
def limit(run):
    """The home domain serves a departed node for so long; then it ends, with notice."""
    journey = Journey(run, (HOME, VISITED), serve=4)
    journey.open(HOME)
    journey.go(VISITED)
    journey.open(VISITED)
    wait_until(lambda: stopped(journey.net, 5001), 20, "the home domain to end its service")
    check(not stopped(journey.net, 5002), "the session begun in the visited domain goes on")
    wait_until(lambda: not journey.providers.gateways[VISITED].anchors(), 5,
               "the anchor to be forgotten")
    stream, _ = journey.streams.pop(5001)
    journey.all_go_on()
    journey.finish()
