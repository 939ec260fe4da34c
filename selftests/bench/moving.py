"""What a move costs, seen by traffic, for each kind of move."""
import itertools
import statistics
import time

from mnatlab.flows import Pair as Flow
from mnatlab.flows import TcpFlow, UdpFlow
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.services import Dhclient, masquerade
from mnatlab.topology import UPLINK, Internet, boottime

from move import wait_token
from uplinks import Pair

TCP_RATE = 2_000_000
SPACING = 20  # ms, between packets of voice; G.729 has 20 bytes in each, in RTP
VOICE = ("-n", 1000 // SPACING, "-s", 32, "-g", 2 * SPACING)
PLACES = (("ap2", "10.0.2."), ("ap1", "10.0.1."))


def gaps_of(flow):
    """[(µs, ms)] of each way: out, in"""
    return [[(int(at), float(ms)) for at, ms, _ in UdpFlow.GAP.findall(program.log())]
            for program in (flow.server, flow.client)]


def longest(gaps, began, until):
    """ms; 0 if none was long enough to be listed"""
    return max((ms for at, ms in gaps if at + ms * 1000 >= began and at < until), default=0.0)


class Lab:
    """A gateway and a node, with a way to move it."""

    def __init__(self, run, server="", client="", numbered=False):
        self.net = Internet(run)
        gateway = Gateway(self.net, numbered=numbered)
        conf = gateway.conf("mnat-dhcpd")
        conf.write_text(f"{server}\n{conf.read_text()}")
        gateway.up()
        self.net.start_relays()
        self.node = Node(self.net, UPLINK)
        conf = self.node.conf()
        conf.write_text(conf.read_text().replace("dhcp {", f"dhcp {{\n\t{client}"))
        self.node.up()
        self.node.wait_address("10.0.1.")

    def go(self, n):
        """The nth move; µs when it began."""
        return self.node.move(self.net, *PLACES[n % 2])["began_us"]


class DirectLab(Lab):
    """Moves by the rebind message alone, between networks the node has been in."""

    def __init__(self, run):
        super().__init__(run, numbered=True)
        for n in range(2):
            super().go(n)

    def go(self, n):
        wait_token(self.node, self.net)
        began = super().go(n)
        events = [event["what"] for event in self.node.moves()[-1]["events"]]
        if "rebound" not in events:
            raise LookupError(f"no direct rebind took place: {events}")
        return began


class PreparedLab(Lab):
    """Moves that the node is told of beforehand."""

    def go(self, n):
        prefix = PLACES[n % 2][1]
        self.node.ctl("prepare", f"{prefix}1")
        wait_until(lambda: str(self.node.ctl("status")["daemons"]["mnatc"]["prepared"]).startswith(
            prefix), 5, "an offer for the next link")
        return super().go(n)


class OverlapLab:
    """Two uplinks, both up."""

    def __init__(self, run):
        pair = self.pair = Pair(run).up()
        self.net, self.node = pair.net, pair.node

    def go(self, n):
        began = boottime()
        self.pair.go(second=n % 2 == 0)
        return int(began * 1e6)


LABS = {
    "dhcp4": lambda run: Lab(run, client="rapid-commit = false"),
    "rapid": lambda run: Lab(run, server="rapid-commit = true"),
    "prepared": lambda run: PreparedLab(run, client="rapid-commit = false"),
    "rebind": DirectLab,
    "mbb": OverlapLab,
}


def alive(flow, udp):
    """Until traffic runs both ways again."""
    if udp:
        flow.outage(0)
        return
    for program in (flow.server, flow.client):
        port = "sport" if program is flow.server else "dport"

        def received():
            out = program.netns.sh("ss", "-Htin", "state", "established", f"{port} = :5001")
            return sum(int(word.split(":")[1]) for word in out.split()
                       if word.startswith("bytes_received:"))
        start = received()
        wait_until(lambda: received() > start + TCP_RATE // 20, 30, "the stream to go on")


def series(lab, moves, flows):
    """(began of each move in µs, and when the last was over; the moves' records)"""
    began, rows = [], []
    for n in range(moves):
        began.append(lab.go(n))
        for flow in flows:
            alive(flow, isinstance(flow, UdpFlow))
        rows.append(lab.node.moves()[-1])
    return began + [int(boottime() * 1e6)], rows


def between(rows, first, last):
    """ms of each move between two events, as the node recorded them"""
    times = []
    for row in rows:
        at = {event["what"]: event["at_us"] for event in row["events"]}
        if first in at and last in at:
            times.append((at[last] - at[first]) / 1000)
    return times


def samples(gaps, began):
    return [longest(gaps, a, b) for a, b in zip(began, began[1:])]


def report(results, name, values, unit="ms"):
    results.add(f"{name}.median", statistics.median(values), unit)
    results.add(f"{name}.worst", max(values), unit)


def outage(kind):
    def measure(run, results, quick):
        moves = 6 if quick else 50
        lab = LABS[kind](run)
        udp = UdpFlow(lab.net.mn, lab.net.cn, options=("-g", 2), server_options=("-g", 2))
        tcp = TcpFlow(lab.net.mn, lab.net.cn, rate=TCP_RATE, gap=8)
        alive(tcp, False)
        began, rows = series(lab, moves, (udp, tcp))
        udp_out, udp_in = (samples(gaps, began) for gaps in gaps_of(udp))
        tcp_out, tcp_in = (samples(gaps, began) for gaps in gaps_of(tcp))
        lost = udp.stop()
        tcp.stop(60)
        silence = [max(pair) for pair in zip(udp_out, udp_in)]
        name = f"move.{kind}"
        report(results, f"{name}.outage", silence)
        if kind != "mbb":
            report(results, f"{name}.from.carrier", between(rows, "link-up", "first-in"))
        if kind == "rapid":  # the rule is in force before the ACK leaves
            report(results, "dhcp.known", between(rows, "discover", "ack"))
        for way, stalls in (("upload", tcp_out), ("download", tcp_in)):
            report(results, f"{name}.{way}.beyond",
                   [max(0.0, stall - gone) for stall, gone in zip(stalls, silence)])
        for side, way in (("server", "out"), ("node", "in")):
            results.add(f"{name}.lost.{way}", lost[side]["lost"] / moves, "a move")
            results.add(f"{name}.reordered.{way}", lost[side]["reordered"] / moves, "a move")
    measure.__doc__ = f"move.{kind}: outage of 1,000 packets a second, TCP's stall beyond it."
    return measure


def slow(lab, n, seconds):
    """The nth move, seconds without a carrier; (µs when it began, µs when the shim followed)."""
    access_point, prefix = PLACES[n % 2]
    began = boottime()
    lab.net.air.ip("link set mn down", "link set mn nomaster", f"link set mn master {access_point}")
    time.sleep(seconds)
    lab.net.air.ip("link set mn up")
    lab.node.wait_address(prefix)
    events = {event["what"]: event["at_us"] for event in lab.node.moves()[-1]["events"]}
    return int(began * 1e6), events["shim-set"]


def deafen(lab, deaf):
    """Both ends hear no ICMP error, or do again."""
    for netns in (lab.net.mn, lab.net.cn):
        netns.sh("nft", "add table ip deaf; delete table ip deaf;" + (
            "add table ip deaf; add chain ip deaf in { type filter hook input priority 0; };"
            "add rule ip deaf in icmp type destination-unreachable drop" if deaf else ""))


def wake(run, results, quick):
    """move.wake: TCP's stall beyond a long outage, with and without the word to both ends."""
    lab = Lab(run)
    tcp = TcpFlow(lab.net.mn, lab.net.cn, rate=TCP_RATE, gap=8)
    alive(tcp, False)
    places = itertools.count()
    for seconds in (1, 3):
        beyond = {False: ([], []), True: ([], [])}
        for deaf in (False, True) * (1 if quick else 5):
            deafen(lab, deaf)
            began, flip = slow(lab, next(places), seconds)
            alive(tcp, False)
            until = int(boottime() * 1e6)
            for stalls, gaps in zip(beyond[deaf], gaps_of(tcp)):
                stalls.append(max(0.0, longest(gaps, began, until) - (flip - began) / 1000))
        for way, told, untold in zip(("upload", "download"), beyond[False], beyond[True]):
            results.median(f"move.wake.{seconds}s.{way}.beyond", told, "ms", "without", untold)
    tcp.stop(60)


def voice(run, results, quick):
    """move.voice: 50 packets a second through each kind of move."""
    moves = 4 if quick else 50
    for kind in LABS:
        with type(run)() as own:
            try:
                lab = LABS[kind](own)
                flow = UdpFlow(lab.net.mn, lab.net.cn, options=VOICE,
                               server_options=VOICE)
                alive(flow, True)
                began, _ = series(lab, moves, (flow,))
            except LookupError as why:
                print(f"  move.voice.{kind}: {why}")
                continue
            gaps = [max(pair) for pair in zip(*(samples(g, began) for g in gaps_of(flow)))]
            lost = flow.stop()
            results.add(f"move.voice.{kind}.gap.worst", max(max(gaps), SPACING), "ms")
            results.add(f"move.voice.{kind}.lost",
                        max(lost[side]["lost"] for side in lost) / moves, "a move")


def ordinary(run, results, quick):
    """move.ordinary: a stock client and the kernel's NAT: the time to an address, and whether a
    session lives on."""
    moves = 2 if quick else 6
    net = Internet(run)
    Gateway(net, mobile=False).start_daemon("mnat-dhcpd")
    net.start_relays()
    masquerade(net.gw, "out0")
    client = Dhclient(net.mn, UPLINK)
    client.wait_bound("10.0.1.")
    times, survived = [], 0
    for n in range(moves):
        access_point, prefix = PLACES[n % 2]
        flow = TcpFlow(net.mn, net.cn, 5100 + n)
        began = net.move(access_point)
        client.stop()
        net.mn.ip(f"addr flush dev {UPLINK}")
        client.start()
        client.wait_bound(prefix)
        times.append((boottime() - began) * 1000)
        survived += flow_survives(net, flow, 5100 + n)
        flow.client.kill9()
        flow.server.kill9()
    report(results, "move.ordinary.address", times)
    results.add("move.ordinary.sessions.alive", survived / moves, "of 1")


def flow_survives(net, flow: Flow, port):
    """Does the server receive anything more within two seconds?"""
    def received():
        return net.cn.sh("ss", "-Htin", "state", "established", f"sport = :{port}")

    def count():
        return sum(int(word.split(":")[1]) for word in received().split()
                   if word.startswith("bytes_received:"))
    start, until = count(), time.monotonic() + 2
    while time.monotonic() < until:
        if count() > start + 10_000:
            return True
        time.sleep(0.1)
    return False
