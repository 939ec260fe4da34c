"""The programs under test, with configuration files of the run."""
import json
import subprocess

from . import BUILD, LabError, control, xdp
from .netns import sh
from .proc import Program, wait_until
from .topology import EXTERNAL, GATEWAY_INSIDE

BIN = BUILD / "bin"

GATEWAY_CONF = """
inside {{
	interfaces = {{{inside}}}
	prefixes = {{"10.0.0.0/16"}}
	plain-hosts = "nat"
}}
outside {{
	interfaces = {{"out0"}}
	addresses = {{{external}}}
	ports = "{ports}"
	filtering = "{filtering}"
	{outside}
}}
limits {{
	hosts = {hosts}
	sessions = {sessions}
	grace = 10
	sweep = {sweep}
	{limits}
}}
log {{
	file = "{run_dir}/ports.db"
}}
{more}
pin = "{pin}"
run-dir = "{run_dir}"
"""

# of the files above and below, where nothing else is wanted
GATEWAY_SETTINGS = {"sweep": 30, "outside": "", "limits": "", "more": "",
                    "filtering": "endpoint-independent"}
MMD_SETTINGS = {"gateway": "", "more": ""}

MMD_CONF = """
gateway "home" {{
	socket = "{run_dir}/midcom.sock"
	{gateway}
}}
run-dir = "{run_dir}"
{more}
"""

# with tickets, by which a node may also rebind without DHCP
NUMBERED = """
domain = 1
secret = "{run_dir}/mmd.secret"
state = "{run_dir}/mmd.sqlite"
"""

DHCPD_CONF = """
interfaces = {{{inside}}}
server-id = "{server}"
lease-time = {lease_time}
reserve-first = 1
virtual {{
	pool = "10.128.0.1-10.255.255.254"
	lease-time = 86400
	manager = "{server}"
	{domain}
	enterprise = 32473
	seed-option = 224
}}
subnet "10.0.1.0/24" {{
	pool = "10.0.1.4-10.0.1.254"
	router = "10.0.1.1"
}}
subnet "10.0.2.0/24" {{
	pool = "10.0.2.6-10.0.2.254"
	router = "10.0.2.1"
}}
run-dir = "{run_dir}"
database = "{run_dir}/dhcpd.sqlite"
manager-socket = "{manager}"
"""

NODE_CONF = """
uplinks = {{"{uplink}"}}
{settings}
device = "mnat0"
virtual-gateway = "10.0.0.1"
virtual-mask = "255.0.0.0"
default-route = true
dhcp {{
	shim-option = "{form}"
	enterprise = 32473
	seed-option = 224
}}
pin = "{pin}"
run-dir = "{run_dir}"
state = "{run_dir}/mnatc.json"
network-managers = "{run_dir}"
"""


class Box:
    """A machine that runs MobileNAT programs."""

    clock = None  # a wall clock of its own (clock.py)

    def __init__(self, netns, role):
        self.netns = netns
        self.role = role
        self.run_dir = netns.run_.dir / netns.name
        self.run_dir.mkdir()
        self.pins = netns.run_.pins / role
        self.daemons = {}
        self.prepared = False  # for XDP

    def configure(self, program, template, **values):
        path = self.run_dir / f"{program}.conf"
        path.write_text(template.format(pin=self.pins, run_dir=self.run_dir, **values).lstrip())
        return path

    def load(self, *arguments):
        """mnat-load for this box's role; its output."""
        self.netns.run_.pins.mkdir(exist_ok=True)
        return self.netns.sh(BIN / "mnat-load", self.role, *(arguments or ["load"]), "-c",
                             self.run_dir / f"{self.role}.conf")

    def socket(self, daemon):
        return self.run_dir / f"{daemon.removeprefix('mnat-')}.sock"

    def start(self, daemon, *arguments):
        """Start a daemon, or start it again after its death, and wait until it answers."""
        if daemon in self.daemons:
            program = self.daemons[daemon]
            program.start()
        else:
            program = Program(self.netns, daemon, [*(self.clock.wrap() if self.clock else ()),
                                                   BIN / daemon, *arguments])
            self.daemons[daemon] = program
        program.wait_for(lambda: self.answers(daemon, program.pid),
                         f"an answer at {self.socket(daemon)}")
        return program

    def answers(self, daemon, pid):
        try:
            with control.Control(self.socket(daemon)) as connection:
                return connection.greeting.get("pid") == pid
        except OSError:
            return False

    def dump(self, daemon, what):
        return control.dump(self.socket(daemon), what)

    def counters(self, daemon):
        """name -> packets"""
        return {row["name"]: row["packets"] for row in self.dump(daemon, "counters")}

    def ctl(self, *arguments):
        """mnatctl's JSON output."""
        out = sh([BIN / "mnatctl", "-r", self.run_dir, *arguments, "-j"])
        return json.loads(out)

    def map_ids(self):
        """pin name -> map id, of every pinned map"""
        ids = {}
        for pin in sorted(self.pins.iterdir()):
            if pin.is_file():
                done = subprocess.run(["bpftool", "-j", "map", "show", "pinned", str(pin)],
                                      capture_output=True, text=True)
                if done.returncode == 0:
                    ids[pin.name] = json.loads(done.stdout)["id"]
        return ids


class Gateway(Box):
    """The box with the gateway programs and the three servers."""

    DAEMONS = ("mnat-midcomd", "mnat-mmd", "mnat-dhcpd")

    def __init__(self, net, ports="7088-16000", hosts=64, sessions=16384, lease_time=3600,
                 mobile=True, sweep=30, outside="", limits="", more="",
                 external=None, filtering="endpoint-independent", numbered=False):
        """outside, limits: more lines of those sections; more: sections; external: addresses"""
        super().__init__(net.gw, "gateway")
        inside = ", ".join(f'"{name}"' for name in net.inside)
        self.configure("gateway", GATEWAY_CONF, inside=inside,
                       external=external or f'"{EXTERNAL}"', ports=ports, hosts=hosts,
                       sessions=sessions, sweep=sweep, outside=outside, limits=limits,
                       more=more, filtering=filtering)
        self.configure("mmd", MMD_CONF,
                       gateway=f'tunnel-address = "{EXTERNAL}"' if numbered else "",
                       more=NUMBERED.format(run_dir=self.run_dir) if numbered else "")
        access = ", ".join(f'"{name}"' for name in net.access)
        self.configure("dhcpd", DHCPD_CONF, inside=access, server=GATEWAY_INSIDE,
                       lease_time=lease_time, domain="domain = 1" if numbered else "",
                       manager=self.run_dir / "mmd.sock" if mobile else "")

    CONF_OF = {"mnat-midcomd": "gateway", "mnat-mmd": "mmd", "mnat-dhcpd": "dhcpd"}

    def conf(self, daemon):
        return self.run_dir / f"{self.CONF_OF[daemon]}.conf"

    def start_daemon(self, daemon):
        return self.start(daemon, "-c", self.conf(daemon))

    def load(self, *arguments):
        if arguments or self.netns.run_.mode == "tc":
            return super().load(*arguments)
        if not self.prepared:
            xdp.prepare(self.netns.run_, self.netns)
            self.prepared = True
        return super().load("load", "--mode", "xdp")

    def up(self):
        self.load()
        for daemon in self.DAEMONS:
            self.start_daemon(daemon)
        self.wait_connected()
        return self

    def wait_connected(self):
        """Until the manager has every gateway."""
        def look():
            rows = self.dump("mnat-mmd", "gateways")
            return rows and all(row["connected"] for row in rows)
        wait_until(look, 10, "mnat-mmd to be connected to its gateway")

    def host(self, virtual):
        """The manager's row of a mobile node, or None."""
        return next((row for row in self.dump("mnat-mmd", "hosts")
                     if row["virtual"] == virtual), None)

    def sessions(self, **fields):
        return [row for row in self.dump("mnat-midcomd", "sessions")
                if all(row[key] == value for key, value in fields.items())]


class Node(Box):
    """The mobile node."""

    # the machine's own resolv.conf is not the lab's
    def __init__(self, net, uplink, form="vivso", netns=None, settings='dns = "none"'):
        super().__init__(netns or net.mn, "node")
        if netns:
            self.pins = net.run.pins / netns.name
        self.configure("node", NODE_CONF, uplink=uplink, form=form, settings=settings)

    def conf(self, daemon="mnatc"):
        return self.run_dir / "node.conf"

    def start_daemon(self, daemon="mnatc"):
        return self.start(daemon, "-c", self.conf())

    def up(self):
        self.load()
        self.start_daemon()
        return self

    def shim(self):
        rows = self.dump("mnatc", "shim")
        return rows[0] if rows else {}

    def moves(self):
        return self.dump("mnatc", "moves")

    def wait_address(self, prefix, timeout=15):
        """Until the shim translates to an actual address that begins so, and can send."""
        program = self.daemons["mnatc"]

        def look():
            shim = self.shim()
            return (str(shim.get("actual") or "").startswith(prefix)
                    and shim.get("gateway_mac") and shim)
        return program.wait_for(look, f"an actual address {prefix}", timeout)

    def wait_ticket(self):
        """Until its sessions can follow it to other domains: soon after the lease."""
        self.daemons["mnatc"].wait_for(
            lambda: (control.status(self.socket("mnatc")) or {}).get("ticket"), "a ticket")

    def move(self, net, access_point, prefix, timeout=15):
        """Move, wait until the node is at home there; the move's row with began_us."""
        before = {row["n"] for row in self.moves()}
        began = net.move(access_point, self.netns.name)
        self.wait_address(prefix, timeout)
        wait_until(lambda: {row["n"] for row in self.moves()} - before, 5, "a move's record")
        row = self.moves()[-1]
        row["began_us"] = int(began * 1e6)
        return row


def require(*programs):
    """LabError if the build lacks a program."""
    missing = [name for name in programs if not (BIN / name).exists()]
    if missing:
        raise LabError(f"not built: {', '.join(missing)}; run make")
