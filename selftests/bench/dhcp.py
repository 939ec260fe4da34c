"""mnat-dhcpd beside Kea (memfile, multi-threading): perfdhcp drives both through a relay's
address, turn and turn about, on the same machine. It is given either of its two ways of
working, and each server the one that suits it better: it is perfdhcp that tires first."""
import ipaddress
import json
import re
import sqlite3
import statistics
import time

from mnatlab import LabError
from mnatlab.mobilenat import (BIN, GATEWAY_CONF, GATEWAY_SETTINGS, MMD_CONF, MMD_SETTINGS,
                               Box)
from mnatlab.netns import veth
from mnatlab.proc import Program

DROP = 0.025        # of the exchanges begun, at most
SECONDS = 5         # of one run
CLIENTS = 50_000    # different ones
STEP = 1.08         # between two rates that are tried
THREADS = ("single", "multi")
MILLION = 1_000_000
RELAY = "10.64.0.1"
POOL = "10.64.1.0-10.95.255.254"
SHIM = "224,00000000"  # the seed's option: any virtual address

# what mnat-dhcpd writes for a client with an actual address
LEASE_ROW = """INSERT INTO leases (address, kind, state, expires, generation, mac, client)
    VALUES (?, 'actual', 'bound', ?, 1, ?, ?)"""

DHCPD = """
interfaces = {{"srv0"}}
server-id = "{server}"
lease-time = 36000
reserve-first = 1
virtual {{
	pool = "10.128.0.1-10.255.255.254"
	manager = "{server}"
}}
subnet "10.64.0.0/11" {{
	pool = "{pool}"
	router = "{relay}"
}}
run-dir = "{run_dir}"
database = "{run_dir}/dhcpd.sqlite"
manager-socket = "{manager}"
"""


def kea_conf(directory):
    """Its fastest durable form: leases in a file in memory and on disk, all processors."""
    return {"Dhcp4": {
        "interfaces-config": {"interfaces": ["srv0"], "dhcp-socket-type": "udp"},
        "multi-threading": {"enable-multi-threading": True, "thread-pool-size": 2,
                            "packet-queue-size": 64},
        "lease-database": {"type": "memfile", "persist": True, "lfc-interval": 0,
                           "name": str(directory / "leases.csv")},
        "valid-lifetime": 36000,
        "subnet4": [{"subnet": "10.64.0.0/11", "pools": [{"pool": POOL.replace("-", " - ")}],
                     "option-data": [{"name": "routers", "data": RELAY}]}],
        "loggers": [{"name": "kea-dhcp4", "severity": "ERROR",
                     "output_options": [{"output": "stderr"}]}]}}


class Server:
    """A server in a namespace of its own, and the cable to its clients' relay."""
    address = "192.0.2.1"

    def __init__(self, run):
        self.run = run
        self.netns, self.clients = run.add(self.name), run.add(f"{self.name}-clients")
        veth(self.netns, "srv0", self.clients, "relay0")
        self.netns.ip(f"addr add {self.address}/24 dev srv0", "route add 10.64.0.0/11 dev srv0")
        # perfdhcp's socket is bound to the device that has the relay's address
        self.clients.ip(f"addr add {RELAY}/11 dev relay0", "route add 192.0.2.0/24 dev relay0")
        self.directory = run.dir / self.name
        self.directory.mkdir(exist_ok=True)
        self.program = None

    def load(self, rate, seconds=SECONDS, clients=CLIENTS, options=()):
        """One run of perfdhcp."""
        out = self.clients.sh("sh", "-c", '"$@" || [ $? = 3 ]', "perfdhcp", "perfdhcp", "-4",
                              "-r", rate, "-R", clients, "-p", seconds, "-W", 300_000,
                              "-s", 1, "-l", RELAY, *options, self.address,
                              timeout=seconds + 30)
        return Report(out, seconds)


class Kea(Server):
    name = "kea"

    def start(self):
        conf = self.directory / "kea.conf"
        conf.write_text(json.dumps(kea_conf(self.directory)))
        # the lock and pid files of the system's instance are not ours to touch
        script = (f"export KEA_PIDFILE_DIR={self.directory} KEA_LOCKFILE_DIR={self.directory}; "
                  f"exec kea-dhcp4 -c {conf}")
        self.program = Program(self.netns, "kea-dhcp4", ["sh", "-c", script])
        self.program.wait_for(lambda: self.netns.sh("ss", "-H", "-lnu", "sport = :67").strip(),
                              "a socket on port 67")


class Mnat(Server, Box):
    """mnat-dhcpd alone, or with a manager and a gateway's agent."""

    def __init__(self, run, manager=False, name="mnat"):
        self.name = name
        Server.__init__(self, run)
        self.role, self.daemons = "gateway", {}
        self.run_dir, self.pins = self.directory, run.pins / "gateway"
        self.configure("dhcpd", DHCPD, server=self.address, relay=RELAY, pool=POOL,
                       manager=self.run_dir / "mmd.sock" if manager else "")

    def start(self):
        self.program = Box.start(self, "mnat-dhcpd", "-c", self.run_dir / "dhcpd.conf")

    def start_chain(self, hosts):
        """A gateway with its programs loaded, its agent and a manager."""
        self.netns.ip("link add out0 type veth peer name far0", "link set out0 up",
                      "addr add 135.180.32.4/24 dev out0")
        self.configure("gateway", GATEWAY_CONF.replace("10.0.0.0/16", "10.64.0.0/11"),
                       inside='"srv0"', external='"135.180.32.4"', ports="7088-16000",
                       hosts=hosts, sessions=hosts, **GATEWAY_SETTINGS)
        self.configure("mmd", MMD_CONF, **MMD_SETTINGS)
        Box.load(self)
        Box.start(self, "mnat-midcomd", "-c", self.run_dir / "gateway.conf")
        Box.start(self, "mnat-mmd", "-c", self.run_dir / "mmd.conf")


class Report:
    """What perfdhcp says of a run."""

    def __init__(self, text, seconds):
        sent = [int(n) for n in re.findall(r"sent packets: (\d+)", text)]
        received = [int(n) for n in re.findall(r"received packets: (\d+)", text)]
        if len(sent) != 2 or not sent[0]:
            raise LabError(f"perfdhcp: not understood: {text}")
        self.rate = received[1] / seconds
        self.drop = 1 - received[1] / sent[0]
        self.text = text

    def waits(self):
        """(DISCOVER to OFFER, REQUEST to ACK) of the exchanges, in ms; with perfdhcp -x t."""
        parts = self.text.split("***Timestamps for packets")[1:3]
        return [[(float(end) - float(begin)) * 1e3 for begin, end in
                 re.findall(r"sent / received: ([\d.]+) / ([\d.]+)", part)] for part in parts]


def best_rate(server, threads, guess):
    """Exchanges a second that are finished at the highest rate with no more than DROP lost."""
    options = ("-g", threads)
    rate, report = guess, server.load(round(guess), options=options)
    if report.drop <= DROP:
        while report.drop <= DROP:
            best, rate = report, rate * STEP
            report = server.load(round(rate), options=options)
        return best.rate
    while report.drop > DROP and rate > 500:
        rate = min(rate / STEP, report.rate)
        report = server.load(round(rate), options=options)
    return report.rate


def rates(servers, rounds, guess=7000):
    """name -> a best rate for each round; the servers take turns."""
    found = {server.name: [] for server in servers}
    last = {(server.name, threads): guess for server in servers for threads in THREADS}
    for _ in range(rounds):
        for server in servers:
            for threads in THREADS:
                key = server.name, threads
                last[key] = best_rate(server, threads, last[key])
            found[server.name].append(max(last[server.name, threads] for threads in THREADS))
    return found


def rate(run, results, quick):
    """dhcp.rate: four-message exchanges a second, every ACK of ours durable."""
    servers = [Kea(run), Mnat(run)]
    for server in servers:
        server.start()
    found = rates(servers, 1 if quick else 3)
    results.median("dhcp.rate", found["mnat"], "/s", "Kea, memfile, 2 threads", found["kea"])


def latency(run, results, quick):
    """dhcp.latency: DISCOVER to ACK at 1,000 exchanges a second; with us each client gets a
    virtual address too, and its rule is in force in a gateway."""
    kea, mnat = Kea(run), Mnat(run, manager=True)
    mnat.start_chain(CLIENTS)
    kea.start()
    mnat.start()
    waits = {"kea": ([], []), "mnat": ([], [])}
    for _ in range(2 if quick else 5):
        for server, options in ((kea, ()), (mnat, ("-o", SHIM))):
            # few clients: what is measured is neither a table's growth nor its size
            report = server.load(1000, clients=1000, options=("-g", "single", "-x", "t", *options))
            for all_of_it, half in zip(waits[server.name], report.waits()):
                all_of_it += half
    if not all(half for halves in waits.values() for half in halves):
        raise LabError("dhcp.latency: no exchange was finished")
    counters = mnat.counters("mnat-dhcpd")
    if counters["ack_timeouts"] or counters["ack_unreported"]:
        print(f"  dhcp.latency: {counters['ack_timeouts']} ACKs went before their rule was there, "
              f"{counters['ack_unreported']} without")
    bound = sum(row["state"] == "bound" for row in mnat.dump("mnat-mmd", "hosts"))
    if not bound:
        raise LabError("dhcp.latency: the manager knows no host")
    # a REQUEST leaves as its OFFER comes
    for name, of in (("", statistics.median), (".p99", quantile)):
        ours, theirs = (sum(of(half) for half in waits[key]) for key in ("mnat", "kea"))
        results.add(f"dhcp.latency{name}", ours, "ms", "Kea, no gateway, not synced", theirs)


def quantile(samples):
    return statistics.quantiles(samples, n=100)[98]


def resident(server):
    """Bytes of the server and of the keeper of its database."""
    pids = [server.program.pid, *server.program.children()]
    lines = [line for one in pids for line in open(f"/proc/{one}/status")]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def fill(path, n):
    """Leases of n clients in a database that mnat-dhcpd has made."""
    until = int(time.time()) + 30_000
    first = ipaddress.ip_address(POOL.split("-")[0])
    rows = ((str(first + i), until, (0x020100000000 + i).to_bytes(6, "big").hex(":"),
             bytes((1, 2, 1)) + i.to_bytes(4, "big")) for i in range(n))
    with sqlite3.connect(path) as database:
        database.executemany(LEASE_ROW, rows)
    database.close()


def million(run, results, quick):
    """dhcp.million: memory a lease, start, and the rate against the empty table."""
    empty, full = Mnat(run), Mnat(run, name="mnat-full")
    for server in (empty, full):
        server.start()
    before = resident(full)
    full.program.stop()
    fill(full.run_dir / "dhcpd.sqlite", MILLION)
    began = time.monotonic()
    full.start()
    results.add("dhcp.million.start", time.monotonic() - began, "s")
    results.add("dhcp.million.memory", (resident(full) - before) / MILLION, "B/lease")
    found = rates([empty, full], 1 if quick else 3)
    results.median("dhcp.million.rate", found["mnat-full"], "/s", "an empty table", found["mnat"])
