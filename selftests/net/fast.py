"""The scenarios that matter for the datapath once more, with the gateway in XDP."""
import re
import subprocess

from mnatlab import xdp
from mnatlab.checks import check, equal, flow_whole
from mnatlab.flows import UdpFlow
from mnatlab.mobilenat import BIN, Gateway
from mnatlab.proc import wait_until
from mnatlab.scenario import SCENARIOS, scenario
from mnatlab.topology import Internet

import inter_chain  # noqa: F401  the scenarios that are repeated
import inter_figures  # noqa: F401
import move
import plain  # noqa: F401
import restart  # noqa: F401
import session  # noqa: F401
import share  # noqa: F401

REPEATED = {
    "native": ("move.bytes", "plain.host", "topology.l2", "restart.kill9.midcomd", "upgrade.swap",
               "session.fig6", "move.fig8", "inter.chain", "inter.fig10.reverse",
               "inter.fig10.direct", "inter.fig10.translate.reverse",
               "inter.fig10.translate.source", "share.tunnel"),
    "generic": ("plain.host", "upgrade.swap", "session.fig6", "move.fig8",
                "inter.fig10.reverse"),
}


def repeat(mode, name):
    original = SCENARIOS[name]

    @scenario(f"xdp.{mode}.{name}")
    def again(run):
        run.mode = mode
        original(run)
    again.__doc__ = original.__doc__


for kind, names in REPEATED.items():
    for each in names:
        repeat(kind, each)


def load(box, *arguments):
    """(exit status, what mnat-load said)"""
    box.netns.run_.pins.mkdir(exist_ok=True)
    done = subprocess.run(
        box.netns.argv([BIN / "mnat-load", "gateway", *arguments, "-c",
                        box.run_dir / "gateway.conf"]), capture_output=True, text=True)
    return done.returncode, done.stderr


def redirected(gateway, device):
    """Frames that XDP has sent on from a veth device."""
    out = gateway.netns.sh("ethtool", "-S", device)
    return sum(int(n) for n in re.findall(r"rx_queue_\d+_xdp_redirect: (\d+)", out))


@scenario("xdp.modes")
def modes(run):
    """auto, tc and xdp: what each interface gets, what is said, foreign programs respected."""
    net = Internet(run)
    gateway = Gateway(net)
    status, said = load(gateway, "load")
    equal(status, 0, said)
    check("in0: mode tc" in said and "out0: mode tc" in said, f"auto tells of veth: {said}")
    equal(xdp.modes(gateway), {"in0": "tc", "out0": "tc"}, "auto on veth")
    ids = gateway.map_ids()

    for _ in range(2):
        status, said = load(gateway, "load", "--mode", "xdp")
        equal(status, 0, said)
        check("ethtool -K" in said, f"the hint for veth: {said}")
        equal(xdp.modes(gateway), {"in0": "native", "out0": "native"}, "xdp")
    for daemon in gateway.DAEMONS:
        gateway.start_daemon(daemon)
    equal(gateway.ctl("status")["daemons"]["midcomd"]["modes"],
          {"in0": "native", "out0": "native"}, "mnatctl status")

    equal(load(gateway, "load", "--mode", "tc")[0], 0, "back to tc")
    equal(xdp.modes(gateway), {"in0": "tc", "out0": "tc"}, "tc")
    equal({name: gateway.map_ids()[name] for name in ids}, ids, "map ids")

    xdp.attach_pass(net.gw, "out0")
    status, said = load(gateway, "load", "--mode", "xdp")
    equal(status, 1, "another's program is not replaced")
    check("out0 carries another's XDP program" in said, f"the error says whose place: {said}")
    equal(xdp.modes(gateway), {"in0": "tc", "out0": "tc"}, "nothing has changed")
    status, said = load(gateway, "load")
    equal(status, 0, said)
    check("out0: mode tc, it carries another's" in said, f"auto goes around it: {said}")
    net.gw.ip("link set dev out0 xdpdrv off")

    far, device = run.cables[net.gw, "out0"]
    far.ip(f"link set {device} mtu {xdp.MTU_NO_NATIVE}")
    status, said = load(gateway, "load", "--mode", "xdp")
    equal(status, 0, said)
    check("out0: its driver refuses native XDP" in said, f"the fallback is said: {said}")
    equal(xdp.modes(gateway), {"in0": "native", "out0": "generic"}, "a mixture")
    equal(load(gateway, "unload")[0], 0, "unload")
    check("xdp" not in net.gw.sh("ip", "link"), "no XDP program is left")
    check(not gateway.pins.exists(), "no pin is left")


@scenario("xdp.carries")
def carries(run):
    """XDP itself sends the packets, both ways, and each is counted once."""
    run.mode = "native"
    net, gateway, _ = move.running_node(run)
    before = {device: redirected(gateway, device) for device in ("in0", "out0")}
    counted = gateway.counters("mnat-midcomd")
    flow = UdpFlow(net.mn, net.cn)
    wait_until(lambda: redirected(gateway, "out0") > before["out0"] + 500, 10, "500 answers")
    flow_whole(flow.stop())
    after = gateway.counters("mnat-midcomd")
    for device, name in (("in0", "out_translated"), ("out0", "in_translated")):
        sent = redirected(gateway, device) - before[device]
        moved = after[name] - counted.get(name, 0)
        check(0 <= moved - sent <= 2, f"{name} {moved}, sent on by XDP from {device} {sent}")
