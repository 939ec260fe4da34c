"""What the kernel's verifier goes through to accept each program."""
import json
import os
from pathlib import Path

from mnatlab import BUILD
from mnatlab.checks import check
from mnatlab.mobilenat import Gateway, Node
from mnatlab.scenario import Skip, scenario
from mnatlab.topology import UPLINK, Internet

RECORD = Path(__file__).with_name("verified.json")
GROWTH = 1.1


def conditions():
    """"Linux 6.18, clang 14": the verifier and the compiler make the number."""
    release = ".".join(os.uname().release.split(".")[:2])
    return f"Linux {release}, clang {(BUILD / 'bpf' / 'clang').read_text().strip()}"


def verified(box):
    return {row["program"]: row["verified_insns"]
            for row in json.loads(box.load("show", "-j"))["programs"]}


@scenario("verify.budget")
def budget(run):
    """No program grew by more than 10 % over the record (RECORD=1 writes a new one)."""
    run.mode = "native"
    net = Internet(run)
    gateway, node = Gateway(net), Node(net, UPLINK)
    gateway.load()
    node.load()
    now = {**verified(gateway), **verified(node)}
    record = json.loads(RECORD.read_text())
    if os.environ.get("RECORD"):
        record[conditions()] = now
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    if conditions() not in record:
        raise Skip(f"no record for {conditions()}; now {now}")
    for program, before in record[conditions()].items():
        check(now[program] <= GROWTH * before,
              f"{program}: {now[program]} verified instructions, recorded are {before}")
    check(set(now) == set(record[conditions()]), f"a record of each program: {sorted(now)}")
