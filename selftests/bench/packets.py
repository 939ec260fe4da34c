"""Packets a second through the gateway box, counted where they arrive.

The source (BPF_F_TEST_XDP_LIVE_FRAMES) writes every header of every frame; all work from
there to the far end is done on one processor, so that a figure is the cost of the whole
chain: source, two veth hops, the gateway, the sink."""
import json
import os
import struct
from contextlib import contextmanager

from mnatlab import BUILD
from mnatlab.mobilenat import GATEWAY_CONF, Gateway
from mnatlab.netns import sh
from mnatlab.topology import EXTERNAL
from mnatlab.xdp import OBJECT

from bulk import Chain

CPU = os.cpu_count() - 1
EXTERNALS = f"{EXTERNAL}-135.180.32.35"  # 32 addresses: a port for each of 2,000,000 flows
HOSTS, SERVERS = 250, 64
FRAME = 64 - 4  # the checksum that ends a frame on a wire is not in memory
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
                               ports="1024-65535", hosts=64, sessions=sessions)
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

    def flows(self, n, first=0):
        value = struct.pack("=6I4s", n, first, address("10.0.2.1"), HOSTS, address("20.0.0.1"),
                            SERVERS, bytes(map(int, EXTERNAL.split("."))))
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
                    bench.flows(n)
                    bench.send(n)  # every session is there
                    samples[way, n].append(bench.rate(packets))
    return samples


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
