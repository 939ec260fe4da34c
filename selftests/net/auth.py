"""DHCP messages that prove whose they are, and those that do not."""
import hashlib
import hmac
import socket
import struct

from mnatlab import LabError, control
from mnatlab.capture import Capture, dhcp_messages
from mnatlab.checks import check, equal, stream_whole
from mnatlab.flows import TcpFlow
from mnatlab.mobilenat import Gateway, Node
from mnatlab.mobilenat_domains import DomainGateway, Providers
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Dhcpcd, Relay, Udhcpc, Udhcpd, address
from mnatlab.topology import ACTUAL_1, ACTUAL_2, GATEWAY_INSIDE, UPLINK, VIRTUAL, Internet
from mnatlab.topology_domains import HOME, THIRD, VISITED

from inter_chain import Journey
from move import wait_progress

KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
OTHER = bytes.fromhex("ffeeddccbbaa99887766554433221100")
MASTER = bytes.fromhex("a5" * 32)
MD5, ENTERPRISE = 90, 32473
CAUSES = ("missing", "malformed", "unknown_key", "bad_mac", "replay", "full")


def secret_file(box, name, text):
    path = box.run_dir / name
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def guard(gateway, policy, keys):
    """Its DHCP server's configuration, before it is started."""
    path = secret_file(gateway, "keys", keys)
    conf = gateway.conf("mnat-dhcpd")
    conf.write_text(f'{conf.read_text()}\nauth {{\n\tpolicy = "{policy}"\n\tkeys = "{path}"\n}}\n')


def give_key(node, policy, number, secret, protocol="mobilenat"):
    path = secret_file(node, "key", f"{number} {secret.hex()}\n")
    node.conf().write_text(node.conf().read_text().replace("dhcp {", f"""dhcp {{
	client-id = "node"
	auth = "{policy}"
	auth-id = {number}
	auth-key-file = "{path}"
	auth-protocol = "{protocol}"
"""))


def running(run, number=1, secret=KEY, server="require", node_policy="require",
            protocol="mobilenat"):
    """(net, gateway, node): the relays add option 82; the node waits to be started"""
    net = Internet(run)
    gateway = Gateway(net)
    guard(gateway, server, f"1 {KEY.hex()}\n2 {OTHER.hex()}\nmaster 3 {MASTER.hex()}\n")
    gateway.up()
    net.relays = [Relay(router, GATEWAY_INSIDE, "-a") for router in (net.r1, net.r2)]
    node = Node(net, UPLINK)
    give_key(node, node_policy, number, secret, protocol)
    return net, gateway, node


def counted(gateway):
    """cause -> messages"""
    counters = gateway.counters("mnat-dhcpd")
    return {cause: counters[f"auth_{cause}"] for cause in CAUSES if counters[f"auth_{cause}"]}


def refused(node):
    return {cause: n for cause, n in
            control.status(node.socket("mnatc"))["auth"]["refused"].items() if n}


def state(gateway):
    """What no message of an attacker's may change."""
    return ([(row["mac"], row["actual"], row["virtual"], row["state"], row["generation"])
             for row in gateway.dump("mnat-dhcpd", "leases")],
            {key: value for key, value in gateway.host(VIRTUAL).items()
             if key in ("virtual", "actual", "generation")})


# ---- the message, put together and proved by other code than the programs' ----

def options(data):
    """(code, value, offset of the value) up to the end"""
    at = 240
    while data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        yield data[at], data[at + 2:at + 2 + data[at + 1]], at + 2
        at += 2 + data[at + 1]


def proof_at(data):
    """Where sub-option 9 is: number of the key, counter and MAC; or None."""
    for code, value, at in options(data):
        if code == 125 and struct.unpack_from("!I", value)[0] == ENTERPRISE:
            sub = 5
            while sub < len(value):
                if value[sub] == 9:
                    return at + sub + 2
                sub += 2 + value[sub + 1]
    return None


def mac_of(data, secret):
    data = bytearray(data)
    at = proof_at(data) + 12
    data[3] = 0
    data[24:28] = bytes(4)
    data[at:at + 16] = bytes(16)
    covered = bytes(data[:240]) + b"".join(
        bytes([code, len(value)]) + value for code, value, _ in options(data) if code != 82)
    return hmac.new(secret, covered + b"\xff", hashlib.sha256).digest()[:16]


def proved(data, secret):
    at = proof_at(data)
    return at is not None and hmac.compare_digest(data[at + 12:at + 28], mac_of(data, secret))


def signed(data, secret, number=1, counter=None):
    """The message proved anew, by another secret or counter."""
    data = bytearray(data)
    at = proof_at(data)
    data[at:at + 4] = struct.pack("!I", number)
    if counter is not None:
        data[at + 4:at + 12] = struct.pack("!Q", counter)
    data[at + 12:at + 28] = mac_of(data, secret)
    return bytes(data)


def counter_of(data):
    return struct.unpack_from("!Q", data, proof_at(data) + 4)[0]


# ---- scenarios ----

@scenario("auth.require")
def require(run):
    """All is proved, through relays that add option 82, over a move; strangers get nothing."""
    net, gateway, node = running(run)
    link = Capture(net.mn, UPLINK, "udp port 67 or udp port 68", whole=True)
    core = Capture(net.gw, "in0", "udp port 67", whole=True)
    node.up()
    node.wait_address("10.0.1.")
    equal(node.shim()["virtual"], VIRTUAL, "its virtual address")
    equal(control.status(gateway.socket("mnat-dhcpd"))["auth"], "require", "policy shown")
    stream = TcpFlow(net.mn, net.cn, rate=1_000_000)
    wait_progress(net, 5001, 50_000)
    node.move(net, "ap2", "10.0.2.")
    wait_progress(net, 5001, 50_000)
    stream_whole(stream.stop(60))
    said = dhcp_messages(core.stop())
    asked = [m for m in said if m.packet.target == GATEWAY_INSIDE]
    check({"discover", "request"} == {m.type for m in asked}, f"asked: {[m.type for m in asked]}")
    check(all(82 in m.options for m in asked), "the relays have added option 82")
    check(all(proved(m.packet.payload, KEY) for m in said), "both sides prove themselves")
    heard = [m for m in dhcp_messages(link.stop()) if m.type in ("offer", "ack", "nak")]
    equal({m.type for m in heard}, {"offer", "ack", "nak"}, "answers on the node's link")
    check(all(proved(m.packet.payload, KEY) for m in heard), "... are proved there")
    equal(gateway.counters("mnat-dhcpd")["auth_proved"], len(asked), "messages counted as proved")
    equal((counted(gateway), refused(node)), ({}, {}), "nothing was refused")
    rises = [counter_of(m.packet.payload) for m in asked]
    equal(rises, sorted(set(rises)), "the node's counter")

    stranger = Udhcpc(net.plain, "eth0")
    wait_until(lambda: counted(gateway).get("missing", 0) >= 2, 15, "a stranger to be refused")
    equal(address(net.plain, "eth0"), None, "a stranger's address")
    stranger.stop()
    before = rises[-1]
    node.daemons["mnatc"].kill9()
    gateway.daemons["mnat-dhcpd"].kill9()
    gateway.start_daemon("mnat-dhcpd")
    again = Capture(net.gw, "in0", "udp dst port 67", whole=True)
    node.start_daemon()
    node.move(net, "ap1", "10.0.1.")
    rises = [counter_of(m.packet.payload) for m in dhcp_messages(again.stop())
             if m.packet.target == GATEWAY_INSIDE]
    check(rises and rises[0] > before and rises == sorted(set(rises)),
          f"both killed: the counter goes on, {before} then {rises}")
    equal((counted(gateway), refused(node)), ({}, {}), "nothing was refused after a restart")
    acks = gateway.counters("mnat-dhcpd")["out_ack"]
    gateway.ctl("forcerenew", VIRTUAL)  # by a nonce that came in an answer that was proved
    wait_until(lambda: control.status(node.socket("mnatc"))["forcerenew"]["obeyed"] == 1, 5,
               "the node to renew when told")
    wait_until(lambda: gateway.counters("mnat-dhcpd")["out_ack"] > acks, 5, "an ACK")
    equal(refused(node), {}, "what the node refuses")


@scenario("auth.attacks")
def attacks(run):
    """Messages sent again, changed, by a wrong secret: each is counted, nothing changes."""
    net, gateway, node = running(run)
    core = Capture(net.gw, "in0", "udp dst port 67", whole=True)
    node.up()
    node.wait_address("10.0.1.")
    node.move(net, "ap2", "10.0.2.")
    own = [m for m in dhcp_messages(core.stop()) if m.packet.target == GATEWAY_INSIDE]
    old = [m.packet.payload for m in own]
    last = old[-1]
    release = bytearray(last)
    release[242] = 7  # the type is the first option
    release[12:16] = socket.inet_aton(ACTUAL_2)
    after = max(map(counter_of, old)) + 1000
    unsigned = bytes(release[:243]) + b"\x3d\x05\0node\xff"
    messages = [("missing", unsigned)]
    messages += [("replay", message) for message in old]
    messages += [("bad_mac", bytes(release)),
                 ("bad_mac", signed(release, OTHER, counter=after)),
                 ("bad_mac", signed(release, MASTER, counter=after)),
                 # another's secret for another's number, but in the node's name
                 ("unknown_key", signed(release, OTHER, 2, after)),
                 ("unknown_key", signed(release, KEY, 77, after))]
    held = state(gateway)
    equal(held[1]["actual"], ACTUAL_2, "where the node is")
    expected = {}

    def send(relay, cause, message):
        expected[cause] = expected.get(cause, 0) + 1
        relay.sendto(message, (GATEWAY_INSIDE, 67))
        wait_until(lambda: counted(gateway) == expected, 10,
                   f"{expected}, of which the last is {cause}")

    with net.r1.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        for cause, message in messages:
            send(relay, cause, message)
        equal(state(gateway), held, "leases, and the manager's view")
        gateway.daemons["mnat-dhcpd"].kill9()
        gateway.start_daemon("mnat-dhcpd")
        gateway.wait_connected()
        expected.clear()
        for message in old:
            send(relay, "replay", message)
        equal(state(gateway)[0], held[0], "leases, after a restart")
        # the same, proved: the tests' own code is right about what a proof is
        relay.sendto(signed(release, KEY, counter=after), (GATEWAY_INSIDE, 67))
        wait_until(lambda: gateway.counters("mnat-dhcpd")["released"] == 1, 10,
                   "a RELEASE that is proved to be obeyed")


@scenario("auth.impostor")
def impostor(run):
    """Another DHCP server on the link, without the key: refused, counted, said."""
    net, gateway, node = running(run)
    net.plain.ip("addr add 10.0.1.200/24 dev eth0", "link set eth0 up")
    liar = Udhcpd(net.plain, "eth0", "10.0.1.66", "10.0.1.200")
    link = Capture(net.mn, UPLINK, "udp dst port 68", whole=True)
    node.up()
    node.wait_address("10.0.1.")
    wait_until(lambda: refused(node), 10, "the impostor to be refused")
    equal((node.shim()["actual"], node.shim()["virtual"]), (ACTUAL_1, VIRTUAL), "its addresses")
    problems = control.status(node.socket("mnatc"))["problems"]
    check(any("10.0.1.200 was refused: it is not authenticated" in text for text in problems),
          f"its status says so: {problems}")
    lies = [m for m in dhcp_messages(link.stop()) if m.packet.source == "10.0.1.200"]
    check(lies, "the impostor has answered")
    equal(refused(node), {"missing": len(lies)}, "answers refused")
    equal(counted(gateway), {}, "refused by the server")
    liar.stop()
    # one that has a secret for the same number, but not the same
    keys = gateway.run_dir / "keys"
    keys.write_text(f"1 {OTHER.hex()}\n")
    gateway.daemons["mnat-dhcpd"].signal(1)
    gateway.daemons["mnat-dhcpd"].wait_text("serving by the configuration now in")
    node.ctl("renew")
    # once or twice: ISC's relay passes on what is sent by unicast through its router too
    wait_until(lambda: counted(gateway), 10, "a secret of before to be refused")
    equal(set(counted(gateway)), {"bad_mac"}, "causes")
    keys.chmod(0o640)
    gateway.daemons["mnat-dhcpd"].signal(1)
    gateway.daemons["mnat-dhcpd"].wait_text("holds secrets, and others may read")
    gateway.daemons["mnat-dhcpd"].wait_text("the configuration stays as it was")


@scenario("auth.rfc3118")
def rfc3118(run):
    """RFC 3118's delayed authentication by a derived key, through relays, over two moves."""
    secret = hmac.new(MASTER, b"\0node", hashlib.sha256).digest()
    net, gateway, node = running(run, number=3, secret=secret, protocol="rfc3118")
    link = Capture(net.mn, UPLINK, "udp port 67 or udp port 68", whole=True)
    node.up()
    node.wait_address("10.0.1.")
    node.move(net, "ap2", "10.0.2.")
    node.move(net, "ap1", "10.0.1.")
    said = dhcp_messages(link.stop())
    proofs = [(m.type, m.options.get(MD5, b"")) for m in said]
    check(all(proof[:3] == b"\1\1\0" and len(proof) == (11 if kind == "discover" else 31)
              for kind, proof in proofs), f"option 90 in each: {proofs}")
    equal((counted(gateway), refused(node)), ({}, {}), "nothing was refused")
    offers = [proof[3:11] for kind, proof in proofs if kind in ("offer", "ack", "nak")]
    equal(offers, sorted(set(offers)), "the server's replay detection rises")
    try:  # option 90 is taken: there is no nonce
        gateway.ctl("forcerenew", VIRTUAL)
    except LabError as error:
        check("does not take a FORCERENEW" in str(error), str(error))
    else:
        check(False, "a FORCERENEW is sent")


@scenario("auth.allow")
def allow(run):
    """By allow a stranger is served; a node that insists finds no server that has its key."""
    net, gateway, node = running(run, server="allow", node_policy="allow")
    node.up()
    node.wait_address("10.0.1.")
    client = Udhcpc(net.plain, "eth0")
    check(client.wait_bound().startswith("10.0.1."), "a stranger is served")
    equal((counted(gateway), refused(node)), ({}, {}), "nothing was refused")
    check(gateway.counters("mnat-dhcpd")["auth_proved"] >= 2, "the node has proved itself")
    # in the node's name without its secret: not by allow either
    with net.r1.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.sendto(struct.pack("!BBBBI", 1, 1, 6, 1, 7) + bytes(16)
                     + socket.inet_aton("10.0.1.1")
                     + bytes.fromhex("020000000bad").ljust(208, b"\0")
                     + b"\x63\x82\x53\x63\x35\x01\x01\x3d\x05\0node\xff", (GATEWAY_INSIDE, 67))
        wait_until(lambda: counted(gateway) == {"missing": 1}, 10, "a thief to be refused")


class GuardedGateway(DomainGateway):
    """At home the node's key is required; elsewhere another's of another number is known."""

    def __init__(self, net, site, *arguments, **options):
        super().__init__(net, site, *arguments, **options)
        if site is HOME:
            guard(self, "require", f"1001 {KEY.hex()} node\n")
        else:
            guard(self, "allow", f"2001 {OTHER.hex()}\n")


class GuardedProviders(Providers):
    GATEWAY = GuardedGateway

    def make_node(self):
        node = super().make_node()
        give_key(node, "allow", 1001, KEY)
        return node


class GuardedJourney(Journey):
    PROVIDERS = GuardedProviders


@scenario("auth.abroad")
def abroad(run):
    """A node that must prove itself at home is a guest in two other domains, and comes home."""
    journey = GuardedJourney(run)
    home = journey.providers.home
    journey.open(HOME)
    for site in (VISITED, THIRD, HOME):
        journey.go(site)
        journey.open(site)
        journey.all_go_on()
    journey.finish()
    for site, gateway in journey.providers.gateways.items():
        equal((site.name, counted(gateway)), (site.name, {}), "nothing was refused")
        if gateway is not home:
            equal(gateway.counters("mnat-dhcpd")["auth_proved"], 0, "nothing proved abroad")
    counters = home.counters("mnat-dhcpd")
    equal(counters["auth_proved"], counters["in_discover"] + counters["in_request"], "proved")
    check(counters["token_given"] >= 2, "tokens given, in answers that are proved with them")
    equal(refused(journey.node), {}, "answers refused by the node")


@scenario("auth.dhcpcd")
def dhcpcd(run):
    """Another's implementation of RFC 3118 as the client, with its secret and with another."""
    net, gateway, _ = running(run, server="require")
    keys = gateway.run_dir / "keys"
    keys.write_text(f"9 {b'a secret of 16 B'.hex()}\n")
    gateway.daemons["mnat-dhcpd"].signal(1)
    gateway.daemons["mnat-dhcpd"].wait_text("serving by the configuration now in")
    conf = 'authprotocol delayed hmac-md5 monotonic\nauthtoken 9 "" forever "{}"\n'
    client = Dhcpcd(net.plain, "eth0", conf.format("a secret of 16 B"))
    client.wait_for(lambda: address(net.plain, "eth0", "10.0.1."), "an address", 30)
    equal(counted(gateway), {}, "nothing was refused")
    check(gateway.counters("mnat-dhcpd")["auth_proved"] >= 1, "it has proved itself")
    client.stop()
    # it refuses our OFFER, and so is never heard to prove itself
    liar = Dhcpcd(net.plain, "eth0", conf.format("b secret of 16 B"))
    liar.wait_text("authentication failed", 30)
    equal(counted(gateway), {}, "refused by the server")
