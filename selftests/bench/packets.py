"""Packets a second through the gateway box, counted where they arrive.

The source (BPF_F_TEST_XDP_LIVE_FRAMES) writes every header of every frame; all work from
there to the far end is done on one processor, so that a figure is the cost of the whole
chain: source, two veth hops, the gateway, the sink."""
import json
import os
import struct
from contextlib import contextmanager
from pathlib import Path

from mnatlab import BUILD, LabError, control, netns
from mnatlab.mobilenat import GATEWAY_CONF, GATEWAY_SETTINGS, Gateway
from mnatlab.netns import sh
from mnatlab.topology import EXTERNAL
from mnatlab.xdp import OBJECT

from bulk import Chain

CPU = os.cpu_count() - 1
EXTERNALS = f'"{EXTERNAL}-135.180.32.19"'  # 16 addresses: a port for each of 1,000,000 sessions
HOSTS, SERVERS = 250, 64
MILLION = 1_000_000
CONNTRACK = Path("/proc/sys/net/netfilter")
FRAME = 64 - 4  # the checksum that ends a frame on a wire is not in memory
NF_CONNTRACK_BYTES = 384
STATISTICS = Path("/proc/sys/kernel/bpf_stats_enabled")
SENT, RECEIVED, UNTRANSLATED = range(3)


def link(namespace, device):
    return json.loads(namespace.sh("ip", "-j", "link", "show", "dev", device))[0]


def mac(namespace, device):
    return bytes.fromhex(link(namespace, device)["address"].replace(":", ""))


def address(text):
    a, b, c, d = map(int, text.split("."))
    return a << 24 | b << 16 | c << 8 | d


class Bench(Chain):
    """client -- gw -- server with a source at one end and a sink at the other."""

    def __init__(self, run, sessions=1 << 18):
        super().__init__(run)
        self.gateway = Gateway(self)
        self.gateway.configure("gateway", GATEWAY_CONF, inside='"in0"', external=EXTERNALS,
                               ports="1024-65535", hosts=64, sessions=sessions,
                               **GATEWAY_SETTINGS)
        run.pins.mkdir(exist_ok=True)
        self.pins = run.pins / "bench"
        sh(["bpftool", "prog", "loadall", OBJECT, self.pins, "pinmaps", self.pins])
        self.server.sh("bpftool", "net", "attach", "xdpdrv", "pinned", self.pins / "sink", "dev",
                       "eth0")
        # whatever the gateway does, frames come to it by NAPI, and one by one
        self.gw.sh("ethtool", "-K", "in0", "gro", "on")
        self.gw.ip("neigh replace 135.180.32.1 lladdr "
                   f"{mac(self.server, 'eth0').hex(':')} dev out0 nud permanent")
        self.sink_index = link(self.gw, "out0")["ifindex"]

    def flows(self, n, first=0, shuffle=False):
        value = struct.pack("=6I4sI", n, first, address("10.0.2.1"), HOSTS, address("20.0.0.1"),
                            SERVERS, bytes(map(int, EXTERNAL.split("."))), shuffle)
        value += mac(self.gw, "in0") + mac(self.client, "eth0")
        value += mac(self.server, "eth0") + mac(self.gw, "out0")
        self.update("settings", bytes(4), value)

    def update(self, name, key, value):
        # devices are found in the namespace of who writes them
        self.gw.sh("bpftool", "map", "update", "pinned", self.pins / name, "key",
                   *map(str, key), "value", *map(str, value))

    def count(self, which):
        rows = json.loads(sh(["bpftool", "-j", "map", "dump", "pinned", self.pins / "counts"]))
        return sum(int.from_bytes(bytes(int(byte, 16) for byte in cpu["value"]), "little")
                   for cpu in rows[which]["values"])

    def send(self, packets):
        """(packets that arrived, seconds)"""
        before = self.count(RECEIVED)
        ns = int(self.client.sh("taskset", "-c", CPU, "chrt", "-f", "50",
                                BUILD / "test" / "xdpsource", self.pins, "eth0", packets, FRAME))
        return self.count(RECEIVED) - before, ns / 1e9

    def rate(self, packets):
        """millions of delivered packets a second"""
        arrived, seconds = self.send(packets)
        return arrived / seconds / 1e6

    def fill(self, n, shuffle=False):
        """Every session is there, and the flows that follow are of these."""
        self.flows(n)
        self.send(n)
        if shuffle:
            self.flows(n, shuffle=True)

    @contextmanager
    def loaded(self, mode):
        self.gateway.load("load", "--mode", mode)
        yield
        self.gateway.load("unload")

    @contextmanager
    def redirecting(self):
        """XDP and no NAT: the most there is to reach."""
        self.update("way_out", bytes(4), self.sink_index.to_bytes(4, "little"))
        self.gw.sh("bpftool", "net", "attach", "xdpdrv", "pinned", self.pins / "forward", "dev",
                   "in0")
        yield
        self.gw.sh("bpftool", "net", "detach", "xdpdrv", "dev", "in0")


def measure(bench, ways, counts, rounds, packets):
    """(way, flows) -> samples, all ways in turn within a round"""
    samples = {(way, n): [] for way in ways for n in counts}
    for _ in range(rounds):
        for way, enter in ways.items():
            with enter():
                for n in counts:
                    bench.fill(n)
                    samples[way, n].append(bench.rate(packets))
    return samples


@contextmanager
def conntrack(buckets):
    """The kernel's own table, of that many buckets and with room; both are the machine's."""
    names = ("nf_conntrack_max", "nf_conntrack_buckets")
    before = [int((CONNTRACK / name).read_text()) for name in names]
    for name, value in zip(names, (max(before[0], MILLION * 4), buckets or before[1])):
        (CONNTRACK / name).write_text(str(value))
    try:
        yield
    finally:
        for name, value in zip(names, before):
            (CONNTRACK / name).write_text(str(value))


def pps(run, results, quick):
    """nat.pps.xdp, nat.pps.tc, nat.limit.xdp: 64-byte UDP packets, four ways."""
    bench = Bench(run)
    rounds, packets = (2, 200_000) if quick else (5, 1_000_000)
    counts = (1, 1_000, 100_000)
    ways = {"xdp": lambda: bench.loaded("xdp"), "tc": lambda: bench.loaded("tc"),
            "nftables masquerade": bench.masquerading, "bare XDP redirect": bench.redirecting}
    samples = measure(bench, ways, counts, rounds, packets)
    for way, peer in (("xdp", "nftables masquerade"), ("tc", "nftables masquerade"),
                      ("xdp", "bare XDP redirect")):
        name = "nat.limit.xdp" if peer.startswith("bare") else f"nat.pps.{way}"
        for n in counts:
            results.median(f"{name} {n} flows", samples[way, n], "Mpps", peer, samples[peer, n])


def newsessions(run, results, quick):
    """nat.newsessions: every packet begins a session with a port of its own."""
    rounds, packets = (2, 100_000) if quick else (5, 400_000)
    default = int((CONNTRACK / "nf_conntrack_buckets").read_text())
    ways = {"xdp": (lambda bench: bench.loaded("xdp"), 0),
            "tc": (lambda bench: bench.loaded("tc"), 0),
            f"nf_conntrack, {default} buckets": (Bench.masquerading, default),
            "nf_conntrack, 1048576 buckets": (Bench.masquerading, 1 << 20)}
    samples = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (enter, buckets) in ways.items():
            with netns.Run() as fresh, conntrack(buckets):
                bench = Bench(fresh, sessions=1 << 19)
                with enter(bench):
                    bench.fill(1)
                    bench.flows(packets, first=1000)
                    samples[way].append(bench.rate(packets))
    for ours in ("xdp", "tc"):
        for peer in list(ways)[2:]:
            results.median(f"nat.newsessions {ours}", samples[ours], "M/s", peer, samples[peer])


def program_ns(bench, name, packets):
    """Nanoseconds in the program for each packet it sees, as the kernel's statistics say."""
    def read():
        row = json.loads(sh(["bpftool", "-j", "prog", "show", "pinned",
                             bench.gateway.pins / "prog" / name]))
        return row.get("run_time_ns", 0), row.get("run_cnt", 0)
    was = STATISTICS.read_text()
    STATISTICS.write_text("1")
    try:
        (ns_before, n_before) = read()
        bench.send(packets)
        (ns_after, n_after) = read()
    finally:
        STATISTICS.write_text(was)
    return (ns_after - ns_before) / (n_after - n_before)


def memory(bench):
    """Bytes of all maps, as the kernel accounts them."""
    rows = [json.loads(sh(["bpftool", "-j", "map", "show", "pinned", path]))
            for path in bench.gateway.pins.iterdir() if path.is_file()]
    return sum(row["bytes_memlock"] for row in rows)


def million(run, results, quick):
    """nat.ns.1m, nat.memory, nat.sweep: a full table of 1,000,000 sessions."""
    bench = Bench(run, sessions=MILLION)
    rounds, packets = (1, 200_000) if quick else (5, MILLION)
    ns = {(way, n): [] for way in ("xdp", "nft") for n in (1_000, MILLION)}
    for _ in range(rounds):
        with bench.loaded("xdp"):
            for n in (1_000, MILLION):
                bench.fill(n, shuffle=True)
                ns["xdp", n].append(program_ns(bench, "gw_inside_xdp", packets))
        with conntrack(0), bench.masquerading():
            for n in (1_000, MILLION):
                bench.fill(n, shuffle=True)
                arrived, seconds = bench.send(packets)
                ns["nft", n].append(seconds / arrived * 1e9)
    for way, text in (("xdp", "nat.ns.1m gw_inside_xdp"), ("nft", "nat.ns.1m kernel, whole chain")):
        results.median(text, ns[way, MILLION], "ns", "1,000 sessions", ns[way, 1_000])

    with bench.loaded("xdp"):
        bench.gateway.start_daemon("mnat-midcomd")
        bench.fill(MILLION)
        with control.Control(bench.gateway.socket("mnat-midcomd"), timeout=60) as agent:
            live = agent.call("sweep")[1]["live"]
        if live < MILLION:
            raise LabError(f"{live} sessions are in the table, expected {MILLION}")
        sweep = control.status(bench.gateway.socket("mnat-midcomd"))["sweep"]
        results.add("nat.sweep of 1,000,000", sweep["worst_us"] / 1000, "ms")
        results.add("nat.sweep longest run", sweep["longest_run_us"] / 1000, "ms", "limit", 5)
        results.add("nat.memory of a session", memory(bench) / MILLION, "bytes",
                    "nf_conntrack", NF_CONNTRACK_BYTES)
        bench.gateway.daemons["mnat-midcomd"].stop()
