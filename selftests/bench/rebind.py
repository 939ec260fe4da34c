"""The time from a lease event to the gateway's confirmation, by the host's sessions.

Three hosts of one gateway hold 1, 1,000 and 100,000 sessions, made by real packets;
their addresses are changed turn and turn about, so that all see the same machine.
"""

from mnatlab import BUILD, LabError
from mnatlab.control import Control
from mnatlab.mobilenat import Gateway
from mnatlab.topology import Internet, boottime

ROUNDS = 500
PORTS = 500
COUNTS = (1, 1_000, 100_000)
SINK = "198.18.0.0/15"  # RFC 2544: for benchmarks; isp throws it away


class Host:
    """Known to the gateway as a mobile node; its packets come from namespace "plain"."""

    def __init__(self, n, sessions):
        self.sessions = sessions
        self.virtual = f"10.128.1.{n}"
        self.actuals = [f"10.0.1.{20 + n}", f"10.0.2.{20 + n}"]
        self.mac = f"02:00:00:00:00:{n:02x}"
        self.generation = 0
        self.waited = []  # µs
        self.rules = []
        self.late = 0

    def event(self):
        """The next lease event: the first binds, each later one moves."""
        self.generation += 1
        new = self.actuals[(self.generation + 1) % 2]
        old = self.actuals[self.generation % 2] if self.generation > 1 else None
        return {"virtual": self.virtual, "actual": new, "old": old, "gen": self.generation,
                "mac": self.mac, "client": ""}

    def rebind(self, manager):
        """(µs until the manager had every gateway's confirmation, its answer)"""
        event = self.event()
        began = boottime()
        _, last = manager.call("lease", id=self.generation, events=[event])
        took = (boottime() - began) * 1e6
        if last.get("code"):
            raise LabError(f"rebind: {last}")
        return took, last

    def spray(self, net):
        net.plain.sh(BUILD / "test" / "udpspray", "-a", self.actuals[0], "-n", self.sessions,
                     "-p", min(PORTS, self.sessions), "198.18.0.1", timeout=120)

    def measure(self, manager, gateway):
        took, last = self.rebind(manager)
        self.waited.append(took)
        self.late += last["pending"]
        row = gateway.host(self.virtual)
        if row["generation"] != self.generation:
            raise LabError(f"rebind: not in force: {row}")
        self.rules.append(row["rule_us"])


def rebind(run, results, quick):
    """rebind.N: a host of N sessions, its actual address changed to and fro."""
    net = Internet(run)
    gateway = Gateway(net, sessions=131072, limits="sessions-per-host = 131072")
    gateway.load()
    for daemon in ("mnat-midcomd", "mnat-mmd"):
        gateway.start_daemon(daemon)
    gateway.wait_connected()
    net.isp.ip(f"route add blackhole {SINK}")
    hosts = [Host(n, count) for n, count in enumerate(COUNTS[:2] if quick else COUNTS)]
    net.plain.ip(*(f"addr add {host.actuals[0]}/24 dev eth0" for host in hosts),
                 "route add default via 10.0.1.1")
    with Control(gateway.socket("mnat-mmd")) as manager:
        for host in hosts:
            host.rebind(manager)
            host.spray(net)
        live = gateway.dump("mnat-midcomd", "sessions")
        for host in hosts:
            made = sum(row["identity"] == host.virtual for row in live)
            if made != host.sessions:
                raise LabError(f"rebind: {made} sessions made, {host.sessions} wanted")
        for _ in range(ROUNDS):
            for host in hosts:
                host.measure(manager, gateway)
    few = hosts[0]
    for host in hosts:
        name = f"rebind.{host.sessions}"
        results.median(name, host.waited, "us", "with 1 session", few.waited)
        results.median(f"{name}.manager", host.rules, "us", "with 1 session", few.rules)
        results.add(f"{name}.worst", max(host.waited), "us")
        if host.late:
            results.add(f"{name}.late", host.late, f"of {ROUNDS}")
