"""mnatctl monitor: what happens on the gateway, as it happens."""
import json
import signal

from mnatlab.checks import check, equal
from mnatlab.control import Control
from mnatlab.mobilenat import BIN, Gateway, Node
from mnatlab.proc import Program
from mnatlab.scenario import scenario
from mnatlab.topology import ACTUAL_1, EXTERNAL, UPLINK, VIRTUAL, Internet
from ports import SHORT, Server, Talker, add_hosts, expire

MOVES = 6000


class Monitor(Program):
    """mnatctl monitor, and the events it has told."""

    def __init__(self, gateway, name, *arguments):
        super().__init__(gateway.netns, name, [BIN / "mnatctl", "-r", gateway.run_dir, "monitor",
                                               "-j", *arguments])
        self.wait_for(lambda: self.of("began"), "the first event")

    def events(self):
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def of(self, *kinds):
        return [event for event in self.events() if event["event"] in kinds]

    def sum(self, kind, field, **fields):
        return sum(event[field] for event in self.of(kind)
                   if all(event[key] == value for key, value in fields.items()))


def story(monitor):
    """Its hosts' and blocks' events, without times and ports."""
    rows = []
    for event in monitor.of("arrived", "moved", "left", "block-taken", "block-freed"):
        row = {key: value for key, value in event.items() if key not in ("at_ms", "first", "last")}
        if event["event"].startswith("block"):
            equal((event["last"] - event["first"], event["first"] % 8), (7, 0), "a block")
        rows.append(row)
    return rows


def arrived(actual):
    return {"event": "arrived", "virtual": VIRTUAL, "actual": actual, "elsewhere": None}


def block(kind, virtual, actual):
    return {"event": f"block-{kind}", "virtual": virtual, "actual": actual, "address": EXTERNAL}


@scenario("monitor.history")
def history(run):
    """A small history, told event by event: of all hosts, and of one."""
    net = Internet(run)
    gateway = Gateway(net, ports="8000-8079", outside="port-block = 8\n\thold-down = 0",
                      more=SHORT).up()
    net.start_relays()
    everything, one = Monitor(gateway, "everything"), Monitor(gateway, "one", VIRTUAL)
    place = Monitor(gateway, "place", ACTUAL_1)
    equal(everything.of("began")[0]["hosts"], 0, "hosts at first")
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    server = Server(net)
    check(Talker(net.mn, server).say(), "a session")
    node.move(net, "ap2", "10.0.2.")
    second = node.shim()["actual"]
    expire(gateway)
    hosts = add_hosts(net, 101, 11)
    another = Monitor(gateway, "another", hosts[0])
    net.plain.ip("route add default via 10.0.1.1")
    talkers = [Talker(net.plain, server, host) for host in hosts]
    check(all(talker.say() for talker in talkers[:8]), "eight plain hosts")
    equal(talkers[8].say()[0], EXTERNAL, "the ninth of ten blocks")
    everything.wait_for(lambda: everything.of("pressure"), "pressure")
    check(talkers[9].say(), "the last block")
    equal(talkers[10].say(), None, "one more host")
    expire(gateway)
    everything.wait_for(lambda: everything.of("relieved"), "relief")
    node.ctl("release")
    everything.wait_for(lambda: everything.of("left"), "the host's leaving")
    own = [arrived(ACTUAL_1), block("taken", VIRTUAL, ACTUAL_1),
           {"event": "moved", "virtual": VIRTUAL, "actual": second, "elsewhere": None,
            "from": ACTUAL_1},
           block("freed", VIRTUAL, second)]
    left = [{"event": "left", "virtual": VIRTUAL, "from": second}]
    plain = [block("taken", None, host) for host in hosts[:10]]
    everything.wait_for(lambda: everything.sum("sessions", "ended") == 11, "11 sessions' end")
    equal(everything.sum("sessions", "new"), 11, "sessions begun")
    equal(everything.of("sessions")[-1]["open"], 0, "sessions open at last")
    told = story(everything)
    equal(told[:len(own) + len(plain)], own + plain, "what was told of all hosts")
    freed = sorted(told[len(own) + len(plain):-1], key=lambda row: hosts.index(row["actual"]))
    equal(freed, [block("freed", None, host) for host in hosts[:10]], "the plain hosts' blocks")
    equal(told[-1:], left, "the last event")
    equal(story(one), own + left, "what was told of one host")
    equal(story(place), own[:3], "what was told of an actual address")
    equal(story(another), [block("taken", None, hosts[0]), block("freed", None, hosts[0])],
          "what was told of a plain host")
    equal(one.of("sessions", "refused", "pressure", "relieved"), [], "what is not the host's")
    equal(everything.sum("refused", "packets", reason="ports_exhausted"), 1, "refusals")
    pressure, = [event for event in everything.of("pressure") if event["table"] == "blocks"]
    equal((pressure["used"], pressure["max"]), (9, 10), "the table that was nearly full")
    equal(everything.of("lost"), [], "lost events")
    one.signal(signal.SIGINT)
    equal(one.wait_exit(), 0, "exit status at Ctrl-C")
    gateway.daemons["mnat-midcomd"].stop()
    equal(everything.wait_exit(), 1, "exit status when the daemon ends")
    check("mnat-midcomd: the daemon was told to end" in everything.log(), "it says so")


@scenario("monitor.slow")
def slow(run):
    """Who does not read is told how much that has cost; the gateway and others go on."""
    net = Internet(run)
    gateway = Gateway(net).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    watchers = [Control(gateway.socket("mnat-midcomd")) for _ in range(17)]
    for watcher in watchers:
        watcher.file.write(b'{"cmd":"monitor"}\n')
        watcher.file.flush()
    refusal = json.loads(watchers[16].file.readline())
    equal((refusal["code"], refusal["error"].split()[0]), (200, "16"), "one more than may watch")
    for watcher in watchers[1:]:
        watcher.close()
    with Control(gateway.socket("mnat-midcomd")) as control:
        for i in range(MOVES):
            old, new = (ACTUAL_1, "10.0.1.200") if i % 2 == 0 else ("10.0.1.200", ACTUAL_1)
            equal(control.call("replace", old=old, new=new)[1], {"code": 0}, "a move")
    moved = lost = 0
    while not lost:
        row = json.loads(watchers[0].file.readline())["row"]
        moved += row["event"] == "moved"
        lost = row["events"] if row["event"] == "lost" else 0
    equal(row["by"], "reader", "why events were lost")
    check(moved > 0, "some moves were told")
    check(MOVES <= moved + lost <= MOVES + 30, f"{moved} moves told, {lost} events lost")
