"""Bulk TCP: the gateway beside the kernel's forwarding and NAT.

The whole chain runs on one core, before other work there: the scheduler moving its
parts about costs more than what is compared. So a figure is the cost of everything from
sender to receiver."""
import json
from contextlib import contextmanager

from mnatlab.mobilenat import Gateway
from mnatlab.netns import veth
from mnatlab.proc import Program
from mnatlab.services import listening, masquerade
from mnatlab.topology import EXTERNAL, SERVER

PORT = 5201


class Server(Program):
    def __init__(self, netns):
        super().__init__(netns, "iperf3", ["nice", "-n", "-20", "iperf3", "-s", "-p", PORT])
        self.wait_for(lambda: listening(netns, PORT), "a socket")


def gbits(client, seconds, down=False, streams=1):
    """One iperf3 run, in Gbit/s as received."""
    out = client.sh("nice", "-n", "-20", "iperf3", "-c", SERVER, "-p", PORT, "-t", seconds,
                    "-J", "-A", "0,0", "-P", streams,
                    *(["-R"] if down else []))
    return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e9


class Chain:
    """client -- gw -- server, with nothing else on the way; an Internet to Gateway."""

    def __init__(self, run):
        self.run = run
        self.inside = self.access = ["in0"]
        self.client, self.gw, self.server = (run.add(name) for name in ("client", "gw", "server"))
        self.gw.router()
        veth(self.client, "eth0", self.gw, "in0")
        veth(self.gw, "out0", self.server, "eth0")
        self.client.ip("addr add 10.0.1.23/24 dev eth0", "route add default via 10.0.1.1")
        self.gw.ip("addr add 10.0.1.1/24 dev in0", f"addr add {EXTERNAL}/24 dev out0",
                   "route add default via 135.180.32.1")
        self.server.ip("addr add 135.180.32.1/24 dev eth0", f"addr add {SERVER}/32 dev lo")

    @contextmanager
    def forwarding(self):
        self.server.ip(f"route add 10.0.1.0/24 via {EXTERNAL}")
        yield
        self.server.ip(f"route del 10.0.1.0/24 via {EXTERNAL}")

    @contextmanager
    def masquerading(self):
        masquerade(self.gw, "out0")
        yield
        self.gw.sh("nft", "delete table ip nat")

    @contextmanager
    def mobilenat(self):
        self.gateway.load()
        yield
        self.gateway.load("unload")


def nat(run, results, quick):
    """nat.bulk: one and eight TCP streams through the gateway box, three ways, each direction."""
    chain = Chain(run)
    chain.gateway = Gateway(chain)
    Server(chain.server)
    rounds, seconds = (3, 1) if quick else (15, 1)
    modes = {"mobilenat": chain.mobilenat, "kernel forwarding": chain.forwarding,
             "nftables masquerade": chain.masquerading}
    kinds = {"nat.bulk.up": (False, 1), "nat.bulk.down": (True, 1),
             "nat.bulk.up 8 streams": (False, 8), "nat.bulk.down 8 streams": (True, 8)}
    samples = {(mode, name): [] for mode in modes for name in kinds}
    for _ in range(rounds):
        for mode, enter in modes.items():
            with enter():
                for name, (down, streams) in kinds.items():
                    samples[mode, name].append(gbits(chain.client, seconds, down, streams))
    for name in kinds:
        for peer in ("kernel forwarding", "nftables masquerade"):
            results.median(name, samples["mobilenat", name], "Gbit/s", peer, samples[peer, name])
