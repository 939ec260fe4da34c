"""The time from a lease event to the gateway's confirmation, by number of sessions."""
import statistics

from mnatlab import BUILD, LabError
from mnatlab.control import Control
from mnatlab.mobilenat import Gateway, Node
from mnatlab.topology import ACTUAL_1, ACTUAL_2, UPLINK, VIRTUAL, Internet, boottime

REBINDS = 500
PORTS = 500
COUNTS = (1, 1_000, 100_000)
SINK = "198.18.0.0/15"  # RFC 2544: for benchmarks; isp throws it away


def spray(net, count):
    net.mn.sh(BUILD / "test" / "udpspray", "-p", min(PORTS, count), "-n", count, "198.18.0.1")


class Manager:
    """Lease events as a DHCP server sends them."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.control = Control(gateway.socket("mnat-mmd"))
        host = gateway.host(VIRTUAL)
        self.generation, self.mac = host["generation"], host["mac"]

    def rebind(self, old, new):
        """µs until every gateway has it in force"""
        self.generation += 1
        began = boottime()
        _, last = self.control.call("lease", id=self.generation, events=[
            {"virtual": VIRTUAL, "actual": new, "old": old, "gen": self.generation,
             "mac": self.mac, "client": ""}])
        took = (boottime() - began) * 1e6
        if last.get("code") or last.get("pending"):
            raise LabError(f"rebind: {last}")
        return took

    def rule_us(self):
        """The manager's own measure of the last one."""
        return self.gateway.host(VIRTUAL)["rule_us"]


def rebind(run, results, quick):
    """rebind.N: one host, N sessions, its actual address changed to and fro."""
    net = Internet(run)
    gateway = Gateway(net, sessions=131072).up()
    net.start_relays()
    net.isp.ip(f"route add blackhole {SINK}")
    Node(net, UPLINK).up().wait_address("10.0.1.")
    manager = Manager(gateway)
    first = None
    for count in COUNTS[:2] if quick else COUNTS:
        spray(net, count)
        live = len(gateway.sessions(identity=VIRTUAL, proto="udp"))
        if live < count:
            raise LabError(f"rebind: {live} sessions live, {count} wanted")
        waited, rules = [], []
        for n in range(REBINDS):
            old, new = ((ACTUAL_1, ACTUAL_2), (ACTUAL_2, ACTUAL_1))[n % 2]
            waited.append(manager.rebind(old, new))
            rules.append(manager.rule_us())
        first = first or (statistics.median(waited), statistics.median(rules))
        results.add(f"rebind.{count}", statistics.median(waited), "us", "with 1 session", first[0])
        results.add(f"rebind.{count}.manager", statistics.median(rules), "us", "with 1 session",
                    first[1])
