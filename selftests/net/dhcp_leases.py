"""Leases that go from one DHCP server to another."""
import json
import subprocess

from mnatlab import control
from mnatlab.checks import check, equal
from mnatlab.mobilenat import BIN, Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology import ACTUAL_1, ACTUAL_2, UPLINK, VIRTUAL, Internet


def mnatctl(box, *arguments):
    """(exit status, output, errors)"""
    done = subprocess.run([BIN / "mnatctl", "-r", box.run_dir, *arguments], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def leases(gateway):
    """address -> its record, but for what goes on with time"""
    status, out, errors = mnatctl(gateway, "export", "leases")
    equal((status, errors), (0, ""), "export")
    rows = [json.loads(line) for line in out.splitlines()]
    equal(rows[0], {"mobilenat": "leases", "version": 1}, "first line")
    equal(rows[-1], {"end": len(rows) - 2}, "last line")
    return {row["address"]: {key: row[key] for key in ("kind", "state", "virtual", "mac", "client")}
            for row in rows[1:-1]}


def expect_refused(gateway, path, text, said):
    """An import of this text says exactly this, and changes nothing."""
    before = leases(gateway)
    path.write_text(text)
    status, _, errors = mnatctl(gateway, "import", "leases", path)
    equal(status, 1, "exit status of an import that is refused")
    equal(errors.splitlines(), [f"mnatctl: {path}{line}" if line[0] == ":" else f"mnatctl: {line}"
                                for line in said], "what it says")
    equal(leases(gateway), before, "leases after it")


def pieces(gateway, lease):
    """Two imports at a time, nonsense, and one without the rest: nothing is taken over."""
    with control.Control(gateway.socket("mnat-dhcpd")) as asks:
        def send(number, leases, **more):
            return asks.call("import", what="leases", **{"from": number}, leases=leases, **more)
        items = [{"line": 2, "lease": lease}, {"line": 3, "lease": {"kind": "actual"}}]
        rows, last = send(0, items)
        equal((last["code"], rows), (0, [{"line": 3, "error": '"address" is missing, or not what '
                                          'it is to be'}]), "a first piece")
        equal(send(0, [])[1]["code"], 0, "another's first piece")
        equal(send(2, [], commit=True)[1]["code"], 200, "the first one's last piece")
        equal(send(0, [None, 7, []], commit=True)[1]["code"], 200, "nonsense")
        equal(asks.call("import", what="hosts")[1]["code"], 102, "what there is not")
    with control.Control(str(gateway.socket("mnat-dhcpd")).replace("dhcpd.", "dhcpd-ro.")) as asks:
        for command in ("export", "import"):
            equal(asks.call(command, what="leases")[1]["code"], 103, f"{command}, unprivileged")


@scenario("dhcp.import")
def import_(run):
    """Leases exported by one server and imported by a new one: the node keeps A and V."""
    net = Internet(run)
    gateway = Gateway(net).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address(ACTUAL_1)
    node.move(net, "ap2", ACTUAL_2)
    path = gateway.run_dir / "leases.json"
    equal(mnatctl(gateway, "export", "leases", path), (0, "", ""), "export to a file")
    equal(path.stat().st_mode & 0o777, 0o600, "mode of the file")
    known = leases(gateway)
    equal({address: (row["kind"], row["state"], row["virtual"]) for address, row in known.items()},
          {ACTUAL_1: ("actual", "released", None), ACTUAL_2: ("actual", "bound", VIRTUAL),
           VIRTUAL: ("virtual", "bound", None)}, "what is exported")
    generation = gateway.host(VIRTUAL)["generation"]

    gateway.daemons["mnat-dhcpd"].stop()
    text = path.read_text()
    equal(mnatctl(gateway, "export", "leases", path)[0], 1, "an export without a server")
    equal((path.read_text(), list(gateway.run_dir.glob("*.new"))), (text, []),
          "what was exported before")
    for old in gateway.run_dir.glob("dhcpd.sqlite*"):
        old.unlink()
    gateway.start_daemon("mnat-dhcpd")
    equal(leases(gateway), {}, "leases of the new server")
    lines = text.splitlines(keepends=True)
    wrong = gateway.run_dir / "wrong.json"
    expect_refused(gateway, wrong, "".join(lines[:-1]),
                   [": cut short: it has no last line {\"end\":N}; export it again"])
    expect_refused(gateway, wrong, text.replace(ACTUAL_1, "10.0.9.9").replace('"end":3', '"end":4')
                   .replace('{"end"', lines[2] + '{"end"'),
                   [":5: its address is that of line 3 too",
                    f":{2 + list(known).index(ACTUAL_1)}: it is in no subnet here",
                    "mnat-dhcpd: nothing is imported: 2 of 4 leases are refused; --partial "
                    "imports the others"])
    pieces(gateway, json.loads(lines[1]))
    equal(leases(gateway), {}, "leases after imports that came to nothing")
    equal(gateway.ctl("import", "leases", path),
          {"imported": 3, "same": 0, "proofs": 0, "refused": 0, "code": 0}, "import")
    server = gateway.daemons["mnat-dhcpd"]
    server.kill9()  # what was acknowledged is on disk
    gateway.start_daemon("mnat-dhcpd")
    equal(leases(gateway), known, "leases after the import")
    equal(gateway.ctl("import", "leases", path),
          {"imported": 1, "same": 2, "proofs": 0, "refused": 0, "code": 0}, "the same again")
    equal(gateway.ctl("import", "leases", wrong, "--partial"),
          {"imported": 0, "same": 2, "proofs": 0, "refused": 2, "code": 0}, "what is not refused")
    wait_until(lambda: gateway.host(VIRTUAL)["generation"] > generation, 5, "the manager's news")
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_2, "where the manager has the node")

    before = gateway.counters("mnat-dhcpd")
    node.ctl("renew")
    wait_until(lambda: gateway.counters("mnat-dhcpd")["out_ack"] > before["out_ack"], 5, "an ACK")
    after = gateway.counters("mnat-dhcpd")
    equal((after["out_nak"], after["in_discover"]), (0, 0), "NAKs and DISCOVERs")
    shim = node.shim()
    equal((shim["actual"], shim["virtual"]), (ACTUAL_2, VIRTUAL), "what the node has")
    check(node.move(net, "ap1", ACTUAL_1), "its earlier address is kept for it")
