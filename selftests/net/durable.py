"""An acknowledged lease is never lost, whenever the server dies."""
import os
import random
import select
import signal
import socket
import struct
import threading
import time

from mnatlab import LabError
from mnatlab.checks import check, equal
from mnatlab.mobilenat import Box
from mnatlab.netns import veth
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario

KILLS = int(os.environ.get("MNAT_KILLS") or 10)
RELAY, SERVER = "10.64.0.1", "192.0.2.1"
WINDOW = 64  # exchanges at once
FRESH = 3000  # clients that are new before each kill; then others come again for what they have
RETRY = 0.2  # seconds until a client asks again
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6

CONF = """
interfaces = {{"srv0"}}
server-id = "192.0.2.1"
lease-time = 36000
reserve-first = 1
virtual {{
	pool = "10.128.0.1-10.255.255.254"
}}
subnet "10.64.0.0/10" {{
	pool = "10.64.1.0-10.127.255.254"
	router = "10.64.0.1"
}}
run-dir = "{run_dir}"
database = "{run_dir}/dhcpd.sqlite"
manager-socket = ""
"""


class Client:
    def __init__(self, n):
        self.mac = struct.pack("!Q", 0x020000000000 + n)[2:]
        self.xid = n
        self.offered = None  # (address, virtual), bytes

    def message(self):
        kind = REQUEST if self.offered else DISCOVER
        shim = self.offered[1] if self.offered else bytes(4)
        options = bytes((53, 1, kind, 224, 4)) + shim
        if self.offered:
            options += b"\x32\x04" + self.offered[0] + b"\x36\x04" + socket.inet_aton(SERVER)
        return (struct.pack("!BBBBIHH12x4s", 1, 1, 6, 1, self.xid, 0, 0, socket.inet_aton(RELAY))
                + self.mac.ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63" + options + b"\xff")


def option(message, code):
    at = 240
    while at < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        if message[at] == code:
            return message[at + 2:at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return b""


class Clients(threading.Thread):
    """A relay with clients that each want a lease; others come as these have theirs."""

    def __init__(self, netns):
        super().__init__(daemon=True)
        self.sock = netns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((RELAY, 67))
        self.pending, self.next = {}, 0
        self.known, self.limit = 0, FRESH
        self.acked = {}  # mac -> (address, virtual)
        self.acks = 0
        self.naks = 0
        self.idle = 0  # times that nothing more had come
        self.failure = None
        self.ending = False
        self.start()

    def send(self, client):
        client.due = time.monotonic() + RETRY
        try:
            self.sock.sendto(client.message(), (SERVER, 67))
        except OSError:
            pass  # nobody listens: port unreachable

    def take(self, message):
        client = self.pending.get(struct.unpack("!I", message[4:8])[0])
        kind = option(message, 53)[:1]
        if not client or not kind:
            return
        if kind[0] == OFFER and not client.offered:
            client.offered = message[16:20], option(message, 224)
        elif kind[0] == ACK:
            self.acks += 1
            self.acked[client.mac.hex(":")] = (socket.inet_ntoa(message[16:20]),
                                               socket.inet_ntoa(option(message, 224)))
            del self.pending[client.xid]
            return
        elif kind[0] == NAK:
            self.naks += 1
            client.offered = None
        self.send(client)

    def run(self):
        try:
            while not self.ending:
                self.step()
        except Exception as error:  # for whoever waits for us
            self.failure = error

    def step(self):
        while len(self.pending) < WINDOW:
            if self.known < self.limit:
                self.known += 1
                number = self.known
            else:
                self.next = number = self.next % self.known + 1
            if number not in self.pending:
                self.pending[number] = Client(number)
                self.send(self.pending[number])
        now = time.monotonic()
        for client in [c for c in self.pending.values() if c.due < now]:
            client.offered = None if client.offered and client.xid % 2 else client.offered
            self.send(client)
        if not select.select([self.sock], [], [], RETRY / 4)[0]:
            self.idle += 1
            return
        try:
            self.take(self.sock.recv(2048))
        except ConnectionRefusedError:
            pass

    def drain(self):
        """Take what has been sent to them; the last ACKs are those that matter."""
        before = self.idle
        wait_until(lambda: self.idle > before or self.failure, 10, "the last answers")

    def end(self):
        self.ending = True
        self.join()
        if self.failure:
            raise LabError(f"clients: {self.failure!r}")


def check_leases(box, acked, when):
    """Each acknowledged lease is its client's; no address is two clients'."""
    rows = {row["mac"]: row for row in box.dump("mnat-dhcpd", "leases")}
    lost = [(mac, *lease) for mac, lease in acked.items()
            if (rows.get(mac, {}).get("actual"), rows.get(mac, {}).get("virtual")) != lease
            or rows[mac]["state"] != "bound"]
    equal(lost, [], f"acknowledged leases that are lost {when}")
    for column in (0, 1):
        addresses = [lease[column] for lease in acked.values()]
        equal(len(set(addresses)), len(addresses), f"addresses given, and different ones, {when}")


def start(box, conf):
    return box.start("mnat-dhcpd", "-c", conf)


def die(program, dice, hanging):
    """Both processes at once, or they would still write what they have. hanging: of a disk that
    stood still before, on which a server that does not wait would lose what it has said."""
    keeper, = program.children()
    if hanging:
        os.kill(keeper, signal.SIGSTOP)
        time.sleep(dice.uniform(0.01, 0.05))
    os.kill(keeper, signal.SIGKILL)
    program.kill9()


@scenario("dhcp.durable")
def durable(run):
    """SIGKILL at random points under load: no acknowledged lease lost, no address given twice."""
    seed = int(os.environ.get("MNAT_SEED") or time.time())
    dice = random.Random(seed)
    server_ns, client_ns = run.add("server"), run.add("clients")
    veth(server_ns, "srv0", client_ns, "relay0")
    server_ns.ip(f"addr add {SERVER}/24 dev srv0", "route add 10.64.0.0/10 dev srv0")
    client_ns.ip(f"addr add {RELAY}/10 dev relay0", "route add 192.0.2.0/24 dev relay0")
    box = Box(server_ns, "server")
    conf = box.configure("dhcpd", CONF)
    clients = None
    for n in range(KILLS):
        program = start(box, conf)
        clients = clients or Clients(client_ns)
        clients.limit = clients.known + FRESH
        before = clients.acks
        wait_until(lambda: clients.acks > before + 20 or clients.failure, 10, "leases")
        time.sleep(dice.uniform(0, 0.2))  # the point at which it dies
        die(program, dice, hanging=n % 2)
        clients.drain()
        known = dict(clients.acked)
        start(box, conf)
        check_leases(box, known, f"after kill {n + 1} of {KILLS}, seed {seed}")
        program.kill9()  # and once more, a moment after its start
    start(box, conf)
    before = clients.acks
    wait_until(lambda: clients.acks > before + 20 or clients.failure, 10, "leases")
    clients.end()
    check_leases(box, clients.acked, f"in the end, seed {seed}")
    check(clients.acks > 20 * KILLS, f"too few leases: {clients.acks}")
    mac, (actual, virtual) = sorted(clients.acked.items())[0]
    trail = box.ctl("history", actual, "-d", box.run_dir / "dhcpd.sqlite")
    equal([(row["mac"], row["virtual"], row["ended"]) for row in trail], [(mac, virtual, None)],
          f"who held {actual}")
    equal(len(box.ctl("history", virtual, "2001-01-01", "-d", box.run_dir / "dhcpd.sqlite")), 0,
          "holders long ago")
    server = box.daemons["mnat-dhcpd"]
    os.kill(server.children()[0], signal.SIGKILL)
    equal(server.wait_exit(), 1, "exit status of a server whose keeper has died")
    start(box, conf)
    check_leases(box, clients.acked, f"after the keeper's death, seed {seed}")
    equal(server.stop(), 0, "exit status")
