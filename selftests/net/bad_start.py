"""What keeps a program from starting: one clear sentence, exit status 1, nothing changed."""
import os
import re
import socket
import subprocess

from mnatlab.checks import check, equal
from mnatlab.mobilenat import BIN, Gateway, Node
from mnatlab.netns import veth
from mnatlab.scenario import scenario

GOOD = {
    "gateway": 'inside {{\n\tinterfaces = {{"in0"}}\n\tprefixes = {{"10.0.0.0/16"}}\n}}\n'
               'outside {{\n\tinterfaces = {{"out0"}}\n\taddresses = "135.180.32.4"\n}}\n'
               'pin = "{pins}/gateway"\nrun-dir = "{dir}/run"\n',
    "node": 'uplinks = {{"wl0"}}\npin = "{pins}/node"\nrun-dir = "{dir}/run"\n'
            'state = "{dir}/mnatc.json" network-managers = ""\n',
    "mmd": 'gateway "home" {{\n\tsocket = "{dir}/run/midcom.sock"\n}}\nrun-dir = "{dir}/run"\n',
    "dhcpd": 'interfaces = {{"in0"}}\nserver-id = "10.0.0.1"\nsubnet "10.0.1.0/24" {{\n'
             '\tpool = "10.0.1.4-10.0.1.9"\n}}\nrun-dir = "{dir}/run"\n'
             'database = "{dir}/dhcpd.sqlite"\nmanager-socket = ""\n',
}

READERS = {"gateway": (["mnat-load", "gateway", "load"], ["mnat-midcomd"]),
           "node": (["mnat-load", "node", "load"], ["mnatc"]),
           "mmd": (["mnat-mmd"],), "dhcpd": (["mnat-dhcpd"],)}

# (file, what of the good one becomes what, the error behind "FILE:")
WRONG = [
    ("gateway", '"10.0.0.0/16"', '"10.0.0.1/16"',
     '3: inside: prefixes = "10.0.0.1/16": expected a prefix with no host bits set, such as '
     '10.0.1.0/24'),
    ("gateway", "prefixes", "prefix",
     "3: inside: no such option 'prefix': expected one of interfaces, prefixes, virtual, "
     "plain-hosts"),
    ("gateway", '{"in0"}', "{}", "4: inside: interfaces: expected 1 to 32 interface names"),
    ("gateway", '"in0"', '"a-name-too-long-for-linux"',
     '2: inside: interfaces: "a-name-too-long-for-linux" is not an interface name'),
    ("gateway", '"135.180.32.4"', '"135.180.32"',
     '7: outside: addresses = "135.180.32": expected an address, a prefix, or a range, and behind '
     'it ports of its own if it has any, such as 135.180.32.1-135.180.32.4:8000-10000'),
    ("gateway", '"135.180.32.4"', '"10.0.7.1"',
     '8: outside: addresses: "10.0.7.1" overlaps an inside or virtual prefix'),
    ("gateway", "outside {", 'forward "a" {\n\tport = 22\n\thost = "10.0.1.9"\n}\noutside {',
     "8: port = 22: expected an address and port of outside { addresses, ports }, and a "
     "host-port below 65536"),
    ("gateway", "outside {", 'forward "a" {\n\tport = 2222\n\thost = "192.0.2.1"\n}\noutside {',
     '8: host = "192.0.2.1": is neither in inside { prefixes } nor in inside { virtual }, nor the '
     'identity of a host that shares its address'),
    ("gateway", "outside {", "limits {\n\tsessions = 0\n}\noutside {",
     "6: limits: sessions = 0: expected a number from 1 to 2147483647"),
    ("gateway", "outside {", "limits {\n\tsessions = many\n}\noutside {",
     "6: limits: invalid integer value for option 'sessions'"),
    ("gateway", "outside {", "outside",
     "6: missing opening brace for section 'outside'"),
    ("node", '{"wl0"}', "{}", "5: uplinks: expected 1 to 32 interface names"),
    ("node", "run-dir", 'virtual-mask = "255.0.255.0"\nrun-dir',
     '3: virtual-mask = "255.0.255.0": expected a mask such as 255.0.0.0'),
    ("node", "run-dir", 'dhcp {\n\tshim-option = "x"\n}\nrun-dir',
     '5: dhcp: shim-option = "x": expected "vivso", "seed" or "both"'),
    ("mmd", "\tsocket", "\t# socket",
     '3: gateway "home": expected socket = "...", the path of its midcom.sock, '
     'or address = "ADDRESS:PORT"'),
    ("mmd", 'gateway "home" {\n\tsocket = "{dir}/run/midcom.sock"\n}\n', "",
     '2: expected at least one gateway "NAME" { socket = ... }'),
    ("dhcpd", "server-id", "# server-id",
     '9: missing: server-id = "10.0.0.1": an address of this server that clients reach'),
    ("dhcpd", "10.0.1.9", "10.0.2.9",
     "5: pool 10.0.1.4-10.0.2.9: expected addresses inside the subnet, 10.0.1.0-10.0.1.255"),
    ("dhcpd", "manager-socket", "lease-time = 0\nmanager-socket",
     "8: lease-time = 0: expected a number from 1 to 2147483647"),
    ("dhcpd", "manager-socket", 'leasequery {\n\tlisten = "10.0.0.1"\n}\nmanager-socket',
     '10: leasequery: expected clients = {"10.0.0.1", ...} too, the addresses that may ask'),
    ("dhcpd", "manager-socket", 'leasequery {\n\tclients = "10.0.0.2"\n}\nmanager-socket',
     '10: leasequery: expected listen = "10.0.0.1" too, the address to be asked at'),
    ("dhcpd", "manager-socket", 'leasequery {\n\tlisten = "10.0.0.1:"\n}\nmanager-socket',
     '9: leasequery: listen = "10.0.0.1:": expected an address of this machine, "10.0.0.1" or '
     '"10.0.0.1:67"'),
    ("mmd", "run-dir", 'dhcp-server {\n\tleasequery = "dhcp.one"\n}\nrun-dir',
     '5: dhcp-server: leasequery = "dhcp.one": expected the DHCP server\'s address, "10.0.0.1" or '
     '"10.0.0.1:67"'),
]


class Machine:
    """A namespace with the interfaces of the good files."""

    def __init__(self, run):
        self.run = run
        self.mode = ""
        self.netns = run.add("box")
        run.pins.mkdir()
        veth(self.netns, "in0", self.netns, "wl0")
        veth(self.netns, "out0", self.netns, "out1")
        for name in GOOD:
            self.write(name, self.good(name))

    def good(self, name):
        return self.mode * (name == "gateway") + GOOD[name].format(dir=self.run.dir,
                                                                   pins=self.run.pins)

    def choose_tc(self):
        """So that mnat-load does not tell what "auto" has chosen."""
        self.mode = 'mode = "tc"\n'
        self.write("gateway", self.good("gateway"))

    def path(self, name):
        return self.run.dir / f"{name}.conf"

    def write(self, name, text):
        self.path(name).write_text(text)

    def call(self, argv, *arguments, prefix=()):
        """(exit status, what it said) of a program that is expected to end"""
        done = subprocess.run(
            self.netns.argv([*prefix, BIN / argv[0], *argv[1:], *arguments]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=10, errors="replace")
        return done.returncode, done.stdout

    def refused(self, argv, name, why, prefix=()):
        """Ends with 1 and that one line."""
        equal(self.call(argv, "-c", self.path(name), prefix=prefix), (1, f"{why}\n"),
              f"{' '.join(argv)}: exit status and message")

    def untouched(self):
        equal(list(self.run.pins.glob("*/*")), [], "pins")
        links = self.netns.sh("ip", "-br", "link")
        check("mnat0" not in links, f"no mnat0 is left: {links}")
        qdiscs = self.netns.sh("tc", "qdisc", "show")
        check("clsact" not in qdiscs, f"nothing is attached: {qdiscs}")


@scenario("bad.configuration")
def bad_configuration(run):
    """Every error names file, line and what was expected, in every program that reads it."""
    machine = Machine(run)
    for name, old, new, error in WRONG:
        good = GOOD[name].replace("{{", "{").replace("}}", "}")
        check(old in good, f"{old} is in the good {name}.conf")
        text = good.replace(old, new, 1).replace("{dir}", str(run.dir)).replace("{pins}",
                                                                               str(run.pins))
        machine.write(name, text)
        for argv in READERS[name]:
            machine.refused(argv, name, f"{machine.path(name)}:{error}")
            machine.refused([*argv, "-t"], name, f"{machine.path(name)}:{error}")
        machine.write(name, machine.good(name))
    machine.untouched()


@scenario("bad.file")
def bad_file(run):
    """A configuration that is missing, a directory, empty or noise."""
    machine = Machine(run)
    for name, readers in READERS.items():
        for argv in readers:
            machine.path(name).unlink()
            machine.refused(argv, name,
                            f"{machine.path(name)}: cannot be read: No such file or directory")
            machine.path(name).mkdir()
            machine.refused(argv, name, f"{machine.path(name)}: cannot be read: Is a directory")
            machine.path(name).rmdir()
            for content in (b"", b"\0", bytes(range(256)) * 16, b"{" * 5000, b'"' * 4999):
                machine.path(name).write_bytes(content)
                status, said = machine.call(argv, "-c", machine.path(name))
                equal(status, 1, f"{argv} on {content[:8]!r}: exit status; it said {said!r}")
                check(said.startswith(f"{machine.path(name)}:1: "),
                      f"{argv} on {content[:8]!r} names file and line: {said!r}")
            machine.write(name, machine.good(name))
            equal(machine.call([*argv, "-t"], "-c", machine.path(name)), (0, ""),
                  f"{argv} -t on a good file")
    machine.untouched()


@scenario("bad.usage")
def bad_usage(run):
    """Wrong options and words: exit status 2 and how it should be."""
    machine = Machine(run)
    for program in ("mnat-midcomd", "mnat-mmd", "mnat-dhcpd", "mnatc"):
        status, said = machine.call([program], "-x")
        equal(status, 2, f"{program} -x")
        check(f"Usage: {program}" in said, f"{program} -x shows its usage: {said}")
        equal(machine.call([program], "word"), (2, f'{program}: unexpected argument "word"\n'),
              f"{program} word")
    for words in ([], ["gateway"], ["gateway", "lod"], ["host", "load"], ["gateway", "load", "x"]):
        status, said = machine.call(["mnat-load"], *words)
        equal(status, 2, f"mnat-load {words}: {said}")
        check("Usage: mnat-load" in said, f"mnat-load {words} shows its usage: {said}")
    machine.untouched()


@scenario("bad.privilege")
def bad_privilege(run):
    """Not root: each program says so in one sentence."""
    machine = Machine(run)
    machine.choose_tc()
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    for role in ("gateway", "node"):
        for command in ("load", "unload"):
            machine.refused(["mnat-load", role, command], role,
                            "mnat-load: loading and unloading BPF programs needs root: use sudo",
                            prefix=nobody)
        machine.refused(["mnat-load", role, "show"], role,
                        "mnat-load: only root can see BPF programs: use sudo", prefix=nobody)
    machine.netns.sysctl({"net.ipv4.conf.in0.forwarding": 1, "net.ipv4.conf.out0.forwarding": 1})
    machine.refused(["mnat-load", "gateway", "load"], "gateway",
                    "mnat-load: not permitted to load BPF programs: CAP_BPF and CAP_NET_ADMIN are "
                    "needed, which a container may lack",
                    prefix=("setpriv", "--bounding-set=-bpf,-sys_admin"))
    for name, program in (("gateway", "mnat-midcomd"), ("node", "mnatc"), ("mmd", "mnat-mmd"),
                          ("dhcpd", "mnat-dhcpd")):
        machine.refused([program], name,
                        f"{program}: cannot make the run directory {run.dir}/run: "
                        "Permission denied; run as root, or choose another run-dir", prefix=nobody)
    (run.dir / "run").mkdir()
    os.chown(run.dir / "run", 65534, 65534)
    machine.refused(["mnat-dhcpd"], "dhcpd",
                    "mnat-dhcpd: not permitted to open UDP port 67 and packet sockets: run as "
                    "root, or with CAP_NET_BIND_SERVICE and CAP_NET_RAW", prefix=nobody)
    machine.untouched()


@scenario("bad.bpffs")
def bad_bpffs(run):
    """No BPF file system: mounted if that is allowed, one sentence if not."""
    machine = Machine(run)
    without = ("unshare", "--mount", "sh", "-c", 'umount /sys/fs/bpf && exec "$@"', "sh")
    for name, program in (("gateway", "mnat-midcomd"), ("node", "mnatc")):
        for prefix in ((), without):
            machine.refused([program], name,
                            f"{program}: {run.pins}/{name}/abi is not there: load the data path "
                            "first (mnat-load)", prefix=prefix)
    for role in ("gateway", "node"):
        machine.refused(["mnat-load", role, "load"], role,
                        "mnat-load: no BPF file system on /sys/fs/bpf and it cannot be mounted: "
                        "Operation not permitted",
                        prefix=(*without, "setpriv", "--bounding-set=-sys_admin"))
    machine.untouched()
    status, said = machine.call(["mnat-load", "node", "load"], "-c", machine.path("node"),
                                prefix=without)
    equal(status, 0, f"mnat-load mounts what is missing: {said}")
    equal(said.splitlines()[0], "mnat-load: mounted the BPF file system on /sys/fs/bpf",
          "it says so first")
    machine.write("node", machine.good("node").replace(f"{run.pins}/node", f"{run.dir}/pins"))
    machine.refused(["mnat-load", "node", "load"], "node",
                    f'mnat-load: pin = "{run.dir}/pins" is not on a BPF file system: choose a '
                    "path below /sys/fs/bpf")


@scenario("bad.interface")
def bad_interface(run):
    """An interface that is not there: said, and nothing is left half done."""
    machine = Machine(run)
    for role, real in (("gateway", "in0"), ("gateway", "out0"), ("node", "wl0")):
        machine.write(role, machine.good(role).replace(f'"{real}"', '"absent0"'))
        machine.refused(["mnat-load", role, "load"], role,
                        "mnat-load: there is no interface absent0: create it or correct the "
                        "configuration")
        machine.write(role, machine.good(role))
    machine.write("dhcpd", machine.good("dhcpd").replace('"in0"', '"absent0"'))
    machine.refused(["mnat-dhcpd"], "dhcpd",
                    "mnat-dhcpd: there is no interface absent0: correct interfaces = {...}, or "
                    "make it")
    machine.untouched()


@scenario("bad.port")
def bad_port(run):
    """UDP port 67 in use by another program, or no port for leasequery."""
    machine = Machine(run)
    with machine.netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 67))
        machine.refused(["mnat-dhcpd"], "dhcpd",
                        "mnat-dhcpd: UDP port 67 is in use by another program: stop that DHCP "
                        "server or relay (ss -lunp 'sport = 67' names it)")
    machine.write("dhcpd", machine.good("dhcpd") + 'leasequery {\n\tlisten = "10.9.9.9"\n'
                  '\tclients = "10.0.0.1"\n}\n')
    machine.refused(["mnat-dhcpd"], "dhcpd",
                    "mnat-dhcpd: leasequery: cannot listen on 10.9.9.9, TCP port 67: Cannot assign "
                    "requested address; listen = is to be an address of this machine and a port "
                    "that no other program has")
    equal([path.name for path in (run.dir / "run").iterdir()], [], "sockets left behind")
    check(not (run.dir / "dhcpd.sqlite").exists(), "no database is made")


@scenario("bad.maps")
def bad_maps(run):
    """Loaded maps that do not fit: of other sizes, of the other role. They stay as they are."""
    machine = Machine(run)
    machine.choose_tc()
    for role in ("gateway", "node"):
        status, said = machine.call(["mnat-load", role, "load"], "-c", machine.path(role))
        equal(status, 0, said)
    for device in ("in0", "out0"):
        equal(machine.netns.sh("cat", f"/proc/sys/net/ipv4/conf/{device}/forwarding").strip(), "1",
              f"forwarding on {device}")

    def shown(role):
        return machine.call(["mnat-load", role, "show", "-j"], "-c", machine.path(role))[1]
    before = shown("gateway"), shown("node")
    for limit, has, wants in (("sessions = 70000", 16385, 17501), ("hosts = 9", 69633, 65546)):
        machine.write("gateway", machine.good("gateway") + f"limits {{\n\t{limit}\n}}\n")
        # which of the maps of that size is looked at first does not matter
        status, said = machine.call(["mnat-load", "gateway", "load"], "-c", machine.path("gateway"))
        equal((status, re.sub("map [a-z_]+ has", "map X has", said)),
              (1, f"mnat-load: map X has {has} entries, the configuration now asks for {wants}: a "
               "loaded map keeps its size. Restore the limits or prefixes, or end all sessions "
               "with 'mnat-load ... unload' and load again\n"), "exit status and message")
    machine.write("gateway", machine.good("gateway"))
    machine.write("node", machine.good("node").replace("/node", "/gateway"))
    machine.refused(["mnat-load", "node", "load"], "node",
                    f"mnat-load: {run.pins}/gateway holds the maps of a gateway: give the other "
                    "role a pin directory of its own")
    machine.refused(["mnatc"], "node",
                    f"mnatc: {run.pins}/gateway holds a gateway's maps, expected a node's; check "
                    "pin in the configuration")
    machine.write("node", machine.good("node").replace('"wl0"', '"in0"'))
    status, said = machine.call(["mnat-load", "node", "load"], "-c", machine.path("node"))
    equal(status, 1, f"node programs on the gateway's interface: {said}")
    check(said.startswith("mnat-load: in0 carries another program at our place "), said)
    machine.write("node", machine.good("node"))
    equal((shown("gateway"), shown("node")), before, "what is loaded where")


@scenario("bad.twins")
def bad_twins(run):
    """A second daemon with a run-dir of its own still may not share maps, leases or port."""
    machine = Machine(run)
    for role in ("gateway", "node"):
        equal(machine.call(["mnat-load", role, "load"], "-c", machine.path(role))[0], 0, role)
    first = Gateway.__new__(Gateway), Node.__new__(Node)
    for box, role in zip(first, ("gateway", "node")):
        box.netns, box.daemons, box.run_dir = machine.netns, {}, run.dir / "run"
    first[0].start("mnat-midcomd", "-c", machine.path("gateway"))
    first[0].start("mnat-dhcpd", "-c", machine.path("dhcpd"))
    first[1].start("mnatc", "-c", machine.path("node"))
    for name, program in (("gateway", "mnat-midcomd"), ("node", "mnatc")):
        machine.write(name, machine.good(name).replace(f"{run.dir}/run", f"{run.dir}/run2"))
        machine.refused([program], name,
                        f"{program}: another process drives the maps of {run.pins}/{name} "
                        "already; stop it first, or give this one another pin")
    machine.write("dhcpd", machine.good("dhcpd").replace(f"{run.dir}/run", f"{run.dir}/run2"))
    machine.refused(["mnat-dhcpd"], "dhcpd",
                    "mnat-dhcpd: UDP port 67 is in use by another program: stop that DHCP "
                    "server or relay (ss -lunp 'sport = 67' names it)")
    machine.refused(["mnat-dhcpd"], "dhcpd",
                    f"mnat-dhcpd: {run.dir}/dhcpd.sqlite: another mnat-dhcpd keeps its leases "
                    "there; give each its own database",
                    prefix=("unshare", "--net", "sh", "-c",
                            'ip link add in0 type veth peer name out0 && exec "$@"', "sh"))
    for program in ("mnat-midcomd", "mnat-dhcpd", "mnatc"):
        box = first[program == "mnatc"]
        check(box.answers(program, box.daemons[program].pid), f"the first {program} still answers")
