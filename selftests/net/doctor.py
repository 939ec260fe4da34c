"""mnatctl doctor, and the network managers that are told to keep away."""
import json
import subprocess

from mnatlab.checks import check, equal
from mnatlab.mobilenat import BIN, Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Udhcpd
from mnatlab.topology import GATEWAY_INSIDE, UPLINK, Internet


def examine(node, *options):
    """(exit status, (check, result) -> texts)"""
    done = subprocess.run(node.netns.argv([BIN / "mnatctl", "-r", node.run_dir, "doctor", "-j",
                                           "-c", node.conf(), *options]),
                          capture_output=True, text=True)
    found = {}
    for row in json.loads(done.stdout):
        found.setdefault((row["check"], row["result"]), []).append(row["text"])
    return done.returncode, found


def problem(node, name, text):
    status, found = examine(node)
    texts = found.get((name, "problem"), [])
    equal(status, 1, "exit status")
    check(any(text in line for line in texts), f"{name}: {text!r} in {found}")


@scenario("doctor.healthy")
def healthy(run):
    """Nothing is wrong: it says so, and a packet of full size reaches the manager. Then the way
    becomes narrower and nobody says so."""
    net = Internet(run)
    Gateway(net).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    status, found = examine(node)
    equal([key for key in found if key[1] == "problem"], [], f"problems in {found}")
    equal(status, 0, "exit status")
    equal(found["mtu", "ok"], [f"packets of 1500 bytes reach {GATEWAY_INSIDE}"], "MTU")
    check(any("wl0" in line for line in found["bpf", "ok"]), f"bpf: {found}")
    net.air.ip("link set r1 mtu 1400")  # a bridge drops what is too big in silence
    problem(node, "mtu", "but not those of 1500 bytes")


@scenario("doctor.sick")
def sick(run):
    """One thing after the other: each is named, with what to do."""
    net = Internet(run)
    node = Node(net, UPLINK)
    run.pins.mkdir(exist_ok=True)
    problem(node, "bpf", "the data path is not loaded")
    problem(node, "device", "there is no mnat0")
    node.load()
    problem(node, "mnatc", "mnatc is not running")
    net.mn.ip(f"addr add 10.0.1.66/24 dev {UPLINK}")
    problem(node, "uplink", "wl0 has an address of its own")
    net.mn.ip(f"addr flush dev {UPLINK}")
    net.mn.sh("tc", "qdisc", "del", "dev", UPLINK, "clsact")
    problem(node, "bpf", "the shim is not attached to wl0")
    node.load()
    node.start_daemon()
    wait_until(lambda: "no DHCP server" in str(examine(node)[1]), 10, "that no server answers")
    net.mn.ip(f"link set {UPLINK} down")
    problem(node, "uplink", "wl0 is down")
    net.mn.ip(f"link set {UPLINK} up")
    conf = node.conf()
    conf.write_text(conf.read_text().replace('dns = "none"',
                                             f'dns = "file"\nresolv-conf = "{run.dir}/none"'))
    problem(node, "dns", "no name server")
    conf.write_text("uplinks = 5\nx\n")
    problem(node, "configuration", "cannot be used")


@scenario("doctor.stock")
def stock(run):
    """A server without MobileNAT, and a second default route."""
    net = Internet(run, domain="switched")
    Udhcpd(net.gw, "in1", "10.0.1.77", "10.0.1.1")
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.77")
    problem(node, "mnatc", "does not speak MobileNAT")
    net.mn.ip("link add other type veth peer name other2", "link set other up",
              "link set other2 up", "addr add 192.0.2.2/24 dev other",
              "route del default", "route add default via 192.0.2.1 dev other")
    net.mn.sh("sysctl", "-q", "net.ipv4.conf.mnat0.rp_filter=1")
    problem(node, "route", "goes by other, not by mnat0")
    problem(node, "rp_filter", "rp_filter is strict on mnat0")


@scenario("node.managers")
def managers(run):
    """NetworkManager and systemd-networkd, where they run, are told; unloading takes it back."""
    net = Internet(run)
    node = Node(net, UPLINK)
    for folder in ("NetworkManager", "systemd/netif", "systemd/network"):
        (node.run_dir / folder).mkdir(parents=True, exist_ok=True)
    node.load()
    manager = node.run_dir / "NetworkManager/conf.d/90-mobilenat.conf"
    network = node.run_dir / "systemd/network/05-mobilenat.network"
    check("\nunmanaged-devices+=interface-name:=mnat0;interface-name:=mnat0-peer;"
          "interface-name:=wl0;\n" in manager.read_text(), manager.read_text())
    check("\nName=mnat0 mnat0-peer wl0 \n\n[Link]\nUnmanaged=yes\n" in network.read_text(),
          network.read_text())
    node.load("unload")
    check(not manager.exists() and not network.exists(), "they are gone")
