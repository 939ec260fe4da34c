"""What veth devices need before a gateway among them can work in XDP."""
import json

from . import BUILD
from .netns import sh

# larger than what veth takes of a peer that carries XDP: native is refused, generic remains
MTU_NO_NATIVE = 9000
OBJECT = BUILD / "test" / "xdp.bpf.o"
GATEWAY_DEVICES = ("in0", "in1", "in2", "out0")


def visible_end(namespace, device):
    """Where to capture what passes a device: XDP on a gateway's own is before any capture."""
    if namespace.run_.mode == "tc" or device not in GATEWAY_DEVICES:
        return namespace, device
    return namespace.run_.cables[namespace, device]


def attach_pass(namespace, device):
    """A program that is not MobileNAT's and does nothing."""
    pins = namespace.run_.pins / "lab"
    if not pins.exists():
        namespace.run_.pins.mkdir(exist_ok=True)
        sh(["bpftool", "prog", "loadall", OBJECT, pins])
    namespace.sh("bpftool", "net", "attach", "xdpdrv", "pinned", pins / "pass", "dev", device)


def prepare(run, gateway):
    """Complete checksums where packets are born; a receiver for frames XDP sends."""
    for (namespace, device), (far, far_device) in run.cables.items():
        namespace.sh("ethtool", "-K", device, "tx", "off")
        if namespace is not gateway:
            continue
        if run.mode == "generic":
            far.ip(f"link set {far_device} mtu {MTU_NO_NATIVE}")
        else:
            attach_pass(far, far_device)
            far.sh("ethtool", "-K", far_device, "gro", "off")


def modes(box):
    """interface -> mode, of what is attached there"""
    rows = json.loads(box.load("show", "-j"))["programs"]
    found = {row["interface"]: "tc" for row in rows}
    found.update({row["interface"]: row["mode"] for row in rows if row["hook"] == "xdp"})
    return found
