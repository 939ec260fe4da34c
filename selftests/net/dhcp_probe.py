"""An address that somebody uses without a lease."""
from mnatlab.capture import Capture, dhcp_messages, read
from mnatlab.checks import check, equal
from mnatlab.mobilenat import Gateway, Node
from mnatlab.netns import veth
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Udhcpc, address
from mnatlab.topology import UPLINK, Internet

PROBE_MS = 300


def host(net, name):
    space = net.run.add(name)
    veth(space, "eth0", net.air, name)
    net.air.ip(f"link set {name} master ap1")
    return space


@scenario("dhcp.probe")
def probe(run):
    """A squatter's address is found by a ping behind the relay, put aside, and not given."""
    net = Internet(run)
    gateway = Gateway(net)
    conf = gateway.conf("mnat-dhcpd")
    conf.write_text(f'probe = "icmp"\nprobe-time = {PROBE_MS}\n' + conf.read_text())
    gateway.up()
    net.start_relays()
    squatter = host(net, "squatter")
    squatter.ip("addr add 10.0.1.5/24 dev eth0", "route add default via 10.0.1.1")
    near = Capture(net.r1, "lan", "udp port 67 or udp port 68", whole=True)
    client = host(net, "client")
    Udhcpc(client, "eth0").wait_bound()
    equal(address(client, "eth0", "10.0.1."), "10.0.1.6", "the address that is not in use")
    counters = gateway.counters("mnat-dhcpd")
    equal({name: counters[name] for name in ("probed", "probe_taken", "probe_skipped", "out_offer",
                                             "declined")},
          {"probed": 2, "probe_taken": 1, "probe_skipped": 0, "out_offer": 1, "declined": 0},
          "what is counted")
    log = gateway.daemons["mnat-dhcpd"].log_path.read_text()
    equal(log.count("10.0.1.5 is in use by a host that has no lease of it"), 1, "the log")
    equal([pool["used"] for pool in gateway.ctl("status")["daemons"]["dhcpd"]["pools"]
           if pool["subnet"] == "10.0.1.0/24"], [2], "addresses that cannot be had")
    wait_until(lambda: any(m.type == "ack" for m in dhcp_messages(read(near.path))), 5, "capture")
    messages = dhcp_messages(read(near.path))
    offer = next(m for m in messages if m.type == "offer")
    asked = [m for m in messages if m.type == "discover" and m.packet.time < offer.packet.time][-1]
    waited = offer.packet.time - asked.packet.time
    check(PROBE_MS / 1000 <= waited < PROBE_MS / 1000 + 0.3, f"the offer came after {waited:.3f} s")

    gateway.daemons["mnat-dhcpd"].kill9()  # the quarantine is on disk
    gateway.start_daemon("mnat-dhcpd")
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.7")
    moved = gateway.counters("mnat-dhcpd")["probed"]
    node.move(net, "ap2", "10.0.2.")
    equal(gateway.counters("mnat-dhcpd")["probed"], moved, "probes for a node that moves")
