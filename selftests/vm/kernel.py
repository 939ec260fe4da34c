"""Debian 12's own kernel, unpacked under the build directory; nothing is installed."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "linux-image-cloud-amd64"
SERIES = "6.1"
# what reaches a virtio disk; the file systems are in the kernel itself
DISK_MODULES = ("virtio_pci", "virtio_blk")


class VmError(Exception):
    """The virtual machine cannot be made or run; the text says why and what to do."""


def sh(argv, **options):
    """Run a command to its end; its output, or VmError with what it said."""
    try:
        done = subprocess.run([str(a) for a in argv], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options)
    except FileNotFoundError:
        raise VmError(f"{argv[0]} is not installed; run make vm, which installs what it needs")
    if done.returncode:
        raise VmError(f"{' '.join(map(str, argv))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Kernel:
    """image and modules of one kernel, below root"""

    def __init__(self, root):
        self.root = root
        self.version = next((root / "lib/modules").iterdir()).name
        self.image = root / "boot" / f"vmlinuz-{self.version}"
        self.modules = root / "lib/modules" / self.version

    def disk_modules(self):
        """Paths below modules, in the order they must be loaded."""
        needs = {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            path, _, others = line.partition(":")
            needs[path] = others.split()
        order = []
        for name in DISK_MODULES:
            path = next(p for p in needs if Path(p).stem == name)
            # modules.dep lists the nearest first
            order += [p for p in [*reversed(needs[path]), path] if p not in order]
        return order


def prepare(where, deb=None):
    """The kernel unpacked below where, fetched first if it is not there."""
    root = where / "kernel"
    if deb or not root.exists():
        unpack(Path(deb) if deb else fetch(where), root)
    return Kernel(root)


def unpack(deb, root):
    fresh = root.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    sh(["dpkg", "-x", deb, fresh])
    kernel = Kernel(fresh)
    sh(["depmod", "-b", fresh, kernel.version])
    shutil.rmtree(root, ignore_errors=True)
    fresh.rename(root)


def fetch(where):
    """apt-get download; the package file's path."""
    hint = f"fetch a linux-image-{SERIES}.*-cloud-amd64 package and say --kernel FILE.deb"
    found = re.search(rf"Depends: (linux-image-{re.escape(SERIES)}\.\S+)",
                      sh(["apt-cache", "depends", PACKAGE]))
    if not found:
        raise VmError(f"apt knows no {PACKAGE} of Linux {SERIES} (Debian 12); apt-get update may "
                      f"help, or {hint}")
    print(f"  GET     {found[1]}", file=sys.stderr, flush=True)
    try:
        sh(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", found[1]], cwd=where)
    except VmError as error:
        raise VmError(f"{error}\nthe kernel package cannot be fetched; when the network is back "
                      f"run it again, or {hint}")
    return max(where.glob(f"{found[1]}_*.deb"), key=lambda path: path.stat().st_mtime)
