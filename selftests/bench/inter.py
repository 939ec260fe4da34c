"""What leaving a domain costs, and how fast one manager drives a gateway."""
import json
import socket
import statistics
import struct
from dataclasses import replace

from mnatlab import BUILD, LabError
from mnatlab.control import Control
from mnatlab.flows import UdpFlow
from mnatlab.mobilenat_domains import Providers
from mnatlab.proc import Program
from mnatlab.services import listening
from mnatlab.topology import boottime
from mnatlab.topology_domains import HOME, SERVER, VISITED

SESSIONS = 10_000
PORTS = 500
SINK = "198.18.0.0/15"  # RFC 2544: for benchmarks; inet throws it away
HOSTS = 100_000
BATCH = 500
FORWARD = {"tunnel": "", "translate": ".translate"}  # what it adds to a figure's name
WINDOW = 8  # batches under way at once


def silences(providers, udp, moves):
    """The outages of that many moves between home and visited, in ms."""
    found = []
    for n in range(moves):
        site = (VISITED, HOME)[n % 2]
        move = providers.node.move(providers.net, site.ap, f"{site.subnet}.")
        found.append(max(udp.outage(move["began_us"])))
    return found


def outage(run, results, quick):
    """inter.outage and inter.flat: a 1,000/s flow, moves to another domain and home again."""
    moves = 6 if quick else 20
    providers = Providers(run, (HOME, VISITED), sessions=32768).start_node()
    net = providers.net
    net.inet.ip(f"route add blackhole {SINK}")
    udp = UdpFlow(net.mn, net.cn, options=("-c",), address=SERVER)
    one = silences(providers, udp, moves)
    results.add("inter.outage.median", statistics.median(one), "ms")
    results.add("inter.outage.worst", max(one), "ms")
    net.mn.sh(BUILD / "test" / "udpspray", "-n", SESSIONS, "-p", PORTS, "198.18.0.1", timeout=120)
    made = len(providers.home.sessions(proto="udp"))
    if made < SESSIONS:
        raise LabError(f"inter.flat: {made} sessions made, {SESSIONS} wanted")
    results.median("inter.flat", silences(providers, udp, moves), "ms", "with 1 session", one)
    udp.stop()


class Transfer:
    """An iperf3 run that begins at home and goes on as the node moves away."""

    PORT = 5201

    def __init__(self, providers, seconds, *options):
        self.providers, self.seconds = providers, seconds
        net = providers.net
        self.out = net.run.dir / f"iperf3.{len(net.run.programs)}.json"
        if not listening(net.cn, self.PORT):
            server = Program(net.cn, "iperf3-server", ["iperf3", "-s", "-p", self.PORT])
            server.wait_for(lambda: listening(net.cn, self.PORT), "a socket")
        with open(self.out, "wb") as out:
            self.program = Program(net.mn, f"iperf3-{self.out.stem}", [
                "iperf3", "-c", SERVER, "-p", self.PORT, "-t", 2 * seconds, "-i", "0.5", "-J",
                "-R", *options], stdout=out)

    def rates(self, forward, value):
        """(at home, visited): medians of value(interval) of what the node received."""
        began = boottime()
        net, node = self.providers.net, self.providers.node
        self.program.wait_for(lambda: boottime() > began + self.seconds, "half of the run", 60)
        node.move(net, VISITED.ap, f"{VISITED.subnet}.")
        self.providers.gateways[VISITED].wait_paths(HOME.external, forward)
        self.program.wait_exit(self.seconds + 30)
        node.move(net, HOME.ap, f"{HOME.subnet}.")
        intervals = [value(i["sum"]) for i in json.loads(self.out.read_text())["intervals"]]
        half = len(intervals) // 2
        return statistics.median(intervals[1:half - 1]), statistics.median(intervals[half + 2:-1])


def transfers(run, results, quick):
    """inter.bulk and inter.pps: to the node, at home and through home and visited, which are
    joined by a tunnel and by translation in turn."""
    seconds, rounds = (3, 1) if quick else (5, 3)
    providers = Providers(run, (HOME, VISITED)).start_node()

    def measure(name, unit, value, *options):
        pairs = {forward: [] for forward in FORWARD}
        for _ in range(rounds):
            for forward in FORWARD:
                providers.set_forward(forward)
                pairs[forward].append(Transfer(providers, seconds, *options).rates(forward, value))
        for forward, suffix in FORWARD.items():
            results.median(name + suffix, [visited for _, visited in pairs[forward]], unit,
                           "at home", [home for home, _ in pairs[forward]])
    measure("inter.bulk", "Gbit/s", lambda i: i["bits_per_second"] / 1e9)
    measure("inter.pps", "kpps", lambda i: (i["packets"] - i["lost_packets"]) / i["seconds"] / 1e3,
            "-u", "-b", "0", "-l", "64")


def address(first, n):
    return socket.inet_ntoa(struct.pack("!I", struct.unpack("!I", socket.inet_aton(first))[0] + n))


class Fleet:
    """Many hosts known to one manager, that all move at once."""

    def __init__(self, count):
        self.count = count
        self.generation = 0

    def batches(self):
        """The next lease event of each host, BATCH at a time, as lines."""
        self.generation += 1
        here, there = (f"10.{2 * (n % 2)}.0.9" for n in (self.generation, self.generation + 1))
        for start in range(0, self.count, BATCH):
            events = [{"virtual": address("10.128.0.2", n), "actual": address(here, n),
                       "old": address(there, n) if self.generation > 1 else None,
                       "gen": self.generation, "mac": f"02:00:00:{n >> 16:02x}:{n >> 8 & 255:02x}:"
                       f"{n & 255:02x}", "client": ""}
                      for n in range(start, min(start + BATCH, self.count))]
            yield json.dumps({"cmd": "lease", "id": start, "events": events}).encode() + b"\n"

    def move(self, manager):
        """(seconds, hosts not confirmed in time)"""
        lines = list(self.batches())
        late = 0
        began = boottime()
        for n in range(len(lines) + WINDOW):
            if n < len(lines):
                manager.file.write(lines[n])
                manager.file.flush()
            if n >= WINDOW:
                last = json.loads(manager.file.readline())
                if last.get("code"):
                    raise LabError(f"mm.rebinds: {last}")
                late += last["pending"]
        return boottime() - began, late


def rebinds(run, results, quick):
    """mm.rebinds: all hosts of one domain move, again and again."""
    count = HOSTS // 10 if quick else HOSTS
    site = replace(HOME, prefix="10.0.0.0/14")
    providers = Providers(run, (site,), hosts=131072, daemons=("mnat-midcomd", "mnat-mmd"))
    gateway = providers.gateways[site]
    fleet = Fleet(count)
    rates, late = [], 0
    with Control(gateway.socket("mnat-mmd"), timeout=60) as manager:
        fleet.move(manager)
        for _ in range(3 if quick else 7):
            seconds, more = fleet.move(manager)
            rates.append(count / seconds)
            late += more
    behind = sum(row["generation"] != fleet.generation
                 for row in gateway.dump("mnat-midcomd", "hosts") if row["virtual"])
    if behind:
        raise LabError(f"mm.rebinds: {behind} hosts are not where they were last sent")
    results.median("mm.rebinds", rates, "1/s")
    if late:
        results.add("mm.rebinds.late", late, f"of {count * len(rates)}")
