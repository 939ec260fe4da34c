"""What the shim costs: bulk TCP and nanoseconds a packet, translating and tunnelling."""
import json
import subprocess

from mnatlab import BUILD
from mnatlab.mobilenat import Gateway, Node
from mnatlab.netns import sh
from mnatlab.topology import ACTUAL_1, EXTERNAL, SERVER, UPLINK, VIRTUAL, Internet

from bulk import Server, gbits
from packets import link, mac


class Lab:
    """A node whose domain grants a tunnel to who asks for one, and a plain host beside it."""

    def __init__(self, run):
        net = self.net = Internet(run, domain="switched")
        gateway = Gateway(net)
        conf = gateway.conf("mnat-dhcpd")
        conf.write_text(conf.read_text().replace(
            "virtual {", f'virtual {{\n\tgateway = "{EXTERNAL}"', 1))
        gateway.up()
        net.plain.ip("addr add 10.0.1.200/24 dev eth0", "route add default via 10.0.1.1")
        self.node = Node(net, UPLINK, settings='dns = "none"\ntunnel-out = true').up()
        self.node.wait_address("10.0.1.")

    def mode(self, mode):
        self.node.ctl("mode", mode)
        program = self.node.daemons["mnatc"]
        program.wait_for(lambda: self.node.shim()["mode"] == mode, f"mode {mode}")


def bulk(run, results, quick):
    """shim.bulk: a node with the shim, both modes, and a plain one on the same link and gateway."""
    lab = Lab(run)
    net = lab.net
    Server(net.cn)
    rounds, seconds = (3, 1) if quick else (15, 1)
    samples = {(name, down): [] for name in ("translate", "tunnel", "plain")
               for down in (False, True)}
    for _ in range(rounds):
        for name in ("translate", "plain", "tunnel"):
            if name != "plain":
                lab.mode(name)
            for down in (False, True):
                client = net.plain if name == "plain" else net.mn
                samples[name, down].append(gbits(client, seconds, down))
    for name in ("translate", "tunnel"):
        for down, way in ((False, "up"), (True, "down")):
            results.median(f"shim.bulk.{name}.{way}", samples[name, down], "Gbit/s",
                           "without the shim", samples["plain", down])


def sum16(data):
    total = sum(int.from_bytes(data[at:at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def packed(address):
    return bytes(map(int, address.split(".")))


def ipv4(source, target, protocol, payload):
    header = (b"\x45\0" + (20 + len(payload)).to_bytes(2, "big") + b"\0\0\0\0\x40"
              + bytes([protocol]) + b"\0\0" + packed(source) + packed(target))
    return header[:10] + sum16(header).to_bytes(2, "big") + header[12:] + payload


def udp(source, target):
    """A datagram of 64 bytes' payload, without a checksum: none has to be followed."""
    return ipv4(source, target, 17, b"\x13\x8c\x13\x8c\0\x48\0\0" + bytes(64))


def programs(lab):
    """name -> id, of the node's attached ones"""
    shown = json.loads(lab.node.load("show", "-j"))
    return {row["program"]: row["id"] for row in shown["programs"]}


def nanoseconds(lab, program, ifindex, frame, times):
    done = subprocess.run(
        lab.net.mn.argv([BUILD / "test" / "shimns", str(program), str(ifindex), str(times)]),
        input=frame, capture_output=True, check=True)
    return float(done.stdout)


def ns(run, results, quick):
    """shim.ns: each program by BPF_PROG_TEST_RUN, its maps those in force, less an empty one."""
    lab = Lab(run)
    times, rounds = (2_000, 3) if quick else (20_000, 15)
    pin = run.pins / "empty"
    sh(["bpftool", "prog", "load", BUILD / "test" / "empty.bpf.o", pin])
    empty = json.loads(sh(["bpftool", "-j", "prog", "show", "pinned", pin]))["id"]
    mn = lab.net.mn
    uplink, device = link(mn, UPLINK)["ifindex"], link(mn, "mnat0")["ifindex"]
    ethernet = mac(mn, UPLINK) + mac(lab.net.gw, "in1") + b"\x08\0"
    tunnelled = ipv4(EXTERNAL, ACTUAL_1, 4, udp(SERVER, VIRTUAL))
    kinds = {
        "translate.out": ("translate", "node_out", device, udp(VIRTUAL, SERVER)),
        "translate.in": ("translate", "node_in", uplink, udp(SERVER, ACTUAL_1)),
        "tunnel.out": ("tunnel", "node_out", device, udp(VIRTUAL, SERVER)),
        "tunnel.in": ("tunnel", "node_in", uplink, tunnelled),
    }
    samples = {name: [] for name in kinds}
    nothing = []
    for _ in range(rounds):
        for name, (mode, program, index, packet) in kinds.items():
            lab.mode(mode)
            ids = programs(lab)
            samples[name].append(nanoseconds(lab, ids[program], index, ethernet + packet, times))
            nothing.append(nanoseconds(lab, empty, index, ethernet + packet, times))
    for name in kinds:
        results.median(f"shim.ns.{name}", samples[name], "ns", "empty program", nothing)
    results.add("shim.bytes.translate", 0, "bytes")
    results.add("shim.bytes.tunnel", len(tunnelled) - len(udp(SERVER, VIRTUAL)), "bytes")
