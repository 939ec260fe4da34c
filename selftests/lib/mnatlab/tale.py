"""What the demonstration's acts have in common: a download, an ssh session and a UDP flow
that go on while their machine moves, and the account of it."""
import hashlib
import threading

from .flows import Download, UdpFlow, connections
from .proc import wait_until
from .services import Nginx, Sshd
from .terminal import Terminal
from .ui import bar

RATE = 20_000_000

MEANING = {
    "link-down": "link lost", "link-up": "link there again",
    "request": "DHCP REQUEST: may I keep my address?", "nak": "DHCP NAK: not in this network",
    "discover": "DHCP DISCOVER: then a new one, but the same virtual one",
    "offer": "DHCP OFFER", "accept": "DHCP REQUEST: I take it",
    "rule": "the gateway sends to the new address", "ack": "DHCP ACK",
    "gateway-arp": "ARP request for the router",
    "gateway-mac": "ARP reply of the router", "shim-set": "the node translates to the new address",
    "first-out": "first packet out", "first-in": "first packet in",
}


def brief(ms):
    return f"{ms:.0f}" if ms else "under 5"


class Verdicts:
    """What was promised and whether it held."""

    def __init__(self):
        self.results = []  # (held?, sentence)

    def claim(self, held, sentence):
        self.results.append((bool(held), sentence))

    def conclude(self, say):
        """The exit status."""
        say.act("So")
        say.line()
        for held, sentence in self.results:
            say.verdict(held, sentence)
        good = all(held for held, _ in self.results)
        say.line()
        say.line("The sessions survived the moves." if good else
                 "Not everything held: see the lines marked NO.", "good" if good else "bad")
        return 0 if good else 1


class Tale:
    """An act. Whoever inherits has net and node, and gateway: the box the node is behind."""

    SERVER = ""
    SIZE = 0

    def __init__(self, run, say, verdicts):
        self.run = run
        self.say = say
        self.claim = verdicts.claim

    def start_server(self):
        """Returns a function that waits until the film is there."""
        self.web = Nginx(self.net.cn, RATE, self.SIZE)
        film = threading.Thread(target=self.web.publish, args=("film", self.SIZE))
        film.start()
        self.sshd = Sshd(self.net.cn)
        return film.join

    def start_traffic(self):
        say, net = self.say, self.net
        say.act(f"A download of {self.SIZE // 10**6} MB, an ssh session, 1,000 UDP packets a "
                "second each way")
        self.download = Download(net.mn, f"http://{self.SERVER}/film")
        self.udp = UdpFlow(net.mn, net.cn, options=("-c",), address=self.SERVER)
        self.ssh = Terminal(net.mn, "ssh", self.sshd.client_argv(self.SERVER))
        self.ssh_view, _ = self.ssh.ask("echo $SSH_CONNECTION")
        self.shell, _ = self.ssh.ask("echo $$")
        say.note(f"ssh> echo $SSH_CONNECTION\n     {self.ssh_view}")
        self.view = self.server_view()
        self.watch_until(0.1)
        self.tell_view()

    def server_view(self):
        return connections(self.net.cn, 80) + connections(self.net.cn, 22)

    def tell_view(self):
        web, ssh = (self.server_view() + ["?", "?"])[:2]
        self.say.note(f"the server sees: download from {web}, ssh from {ssh}")

    def watch_until(self, share):
        """Follow the download up to a share of the whole."""
        def reached():
            done = self.download.bytes
            self.say.status(f"[{bar(done, self.SIZE)}] {done / 1e6:5.0f} of "
                            f"{self.SIZE / 1e6:.0f} MB")
            return done >= share * self.SIZE or not self.download.running()
        wait_until(reached, 60, "the download to go on")

    def move(self, name, access_point, prefix):
        """The link is cut and comes up elsewhere; what became of the sessions."""
        say = self.say
        before = self.download.bytes
        began = self.net.move(access_point)
        answer, ms = self.ssh.ask(f"echo typed during {name}")
        self.node.wait_address(prefix)
        wait_until(lambda: self.download.bytes > before + RATE, 30, "the download to go on")
        self.tell_time_line()
        say.line()
        say.note(f"the download was silent for {self.download.stall(began):.0f} ms, the UDP flow "
                 "for {} ms out and {} ms in".format(*map(brief, self.udp.outage(began * 1e6))))
        say.note(f"ssh> echo typed during {name}      (answered after {ms:.0f} ms)\n"
                 f"     {answer}")
        self.tell_view()
        self.claim(self.server_view() == self.view,
                   f"{name}: the server's connections are the ones it had, {self.view[0]} "
                   f"and {self.view[1]}")
        self.claim(answer == f"typed during {name}",
                   f"{name}: what was typed during the move was answered")

    def tell_time_line(self):
        """The node's events and the gateway's, on one clock."""
        move = self.node.ctl("handover")[-1]
        events = [(event["at_us"], "node", event["what"]) for event in move["events"]]
        virtual = self.node.shim()["virtual"]
        host = next((row for row in self.gateway.ctl("dump", "hosts", "-f", "mmd")
                     if row["virtual"] == virtual), None) if self.gateway else None
        events = sorted(events + ([(host["bound_at_us"], "gateway", "rule")] if host else []))
        offered = False
        self.say.note(f"{move['from']} -> {move['to']}")
        for at, side, what in events:
            what = "accept" if offered and what == "request" else what
            offered |= what == "offer"
            self.say.note(f"{(at - events[0][0]) / 1000:8.1f} ms  {side:8} "
                          f"{MEANING.get(what, what)}")

    def finish_traffic(self):
        say = self.say
        say.act("The rest of the download")
        self.watch_until(1)
        status = self.download.wait(30)
        with open(self.web.www / "film", "rb") as file:
            wanted = hashlib.file_digest(file, "sha256").hexdigest()
        got = self.download.sha.hexdigest()
        say.note(f"at the server {wanted}\nas received   {got}")
        shell, _ = self.ssh.ask("echo $$")
        self.ssh.type("exit")
        udp = self.udp.stop()
        self.claim(status == 0 and got == wanted,
                   f"the download of {self.download.bytes / 1e6:.0f} MB arrived whole")
        self.claim(shell == self.shell, f"the ssh session is still the same shell, pid {shell}")
        self.claim(udp["server"]["peer_changes"] == 0,
                   f"UDP: one peer, {udp['server']['peer']}; lost {udp['server']['lost']} of "
                   f"{udp['node']['sent']} out, {udp['node']['lost']} of "
                   f"{udp['server']['sent']} in")

    def shut_down(self, boxes):
        for box in boxes:
            for daemon, program in box.daemons.items():
                status = program.stop()
                if status:
                    self.claim(False, f"{daemon} ended with {status} when told to stop")

    def tell_failure(self, error):
        self.say.line()
        self.say.line(f"The demonstration could not go on: {error}", "bad")
        for program in self.run.programs:
            last = program.log_path.read_text(errors="replace").splitlines()[-3:]
            if program.popen and program.popen.returncode not in (None, 0, -9):
                self.say.note(f"{program.name} on {program.netns.name} ended with "
                              f"{program.popen.returncode}: {' / '.join(last)}")
