"""The virtual machine's root file system: the installed Debian packages that tests use."""
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from kernel import VmError, sh

# Beside these the essential packages, and the libraries of our own programs
PACKAGES = """python3 iproute2 ethtool tcpdump isc-dhcp-relay isc-dhcp-client udhcpc nginx-light
    openssh-server openssh-client curl iperf3 nftables procps util-linux mount bpftool
    kmod""".split()
UNUSED = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/i18n/")
EMPTY = "proc sys dev run tmp root mobilenat var/log var/lib/nginx".split()
SPARE_MB = 256


def installed():
    """name -> (is essential, names that will do for each dependency)"""
    form = ("${db:Status-Status}\t${Package}\t${Essential}\t${Provides}\t"
            "${Pre-Depends}, ${Depends}\n")
    packages, providers = {}, {}
    for line in sh(["dpkg-query", "-W", "-f", form]).splitlines():
        status, name, essential, provides, depends = line.split("\t")
        if status != "installed":
            continue
        groups = [[re.split(r"[ (:]", word.strip())[0] for word in group.split("|")]
                  for group in depends.split(",") if group.strip()]
        packages[name] = (essential == "yes", groups)
        for word in provides.split(","):
            providers.setdefault(word.split("(")[0].strip(), name)
    return packages, providers


def closure():
    """The packages to take, with all they depend on."""
    packages, providers = installed()
    missing = [name for name in PACKAGES if name not in packages]
    if missing:
        raise VmError(f"not installed: {' '.join(missing)}; run make vm, which installs them")
    todo = PACKAGES + [name for name, (essential, _) in packages.items() if essential]
    taken = set()
    while todo:
        name = todo.pop()
        if name in taken:
            continue
        taken.add(name)
        for group in packages[name][1]:
            names = (n if n in packages else providers.get(n) for n in group)
            todo += [n for n in names if n][:1]
    return sorted(taken)


def libraries(build):
    """Shared objects of our programs and tests."""
    found = set()
    for path in [*(build / "bin").iterdir(), *(build / "test").iterdir()]:
        if os.access(path, os.X_OK):
            out = subprocess.run(["ldd", str(path)], capture_output=True, text=True).stdout
            found |= set(re.findall(r"=> (/\S+)", out))
    return found


def real(path):
    """The path by its real directory, as /lib and others are links into /usr."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def alternatives():
    """Names like awk: links into /etc/alternatives, owned by no package."""
    for folder in ("/usr/bin", "/usr/sbin"):
        for entry in os.scandir(folder):
            if entry.is_symlink() and os.readlink(entry.path).startswith("/etc/alternatives/"):
                yield entry.path
                yield os.readlink(entry.path)


def files(packages, build):
    """Every path of the image that comes from this machine, sorted."""
    listed = sh(["dpkg-query", "-L", *packages]).splitlines()
    wanted = {real(path) for path in [*listed, *libraries(build), *alternatives()]
              if path.startswith("/") and path != "/." and not path.startswith(UNUSED)}
    for path in list(wanted):
        if path.endswith(".py"):  # compiling them takes long in there
            wanted.add(importlib.util.cache_from_source(path))
        elif os.path.islink(path):
            wanted.add(os.path.realpath(path))
    wanted |= {"/bin", "/sbin", "/lib", "/lib64"}
    return sorted(path for path in wanted if os.path.lexists(path))


def fill(tree, paths, kernel):
    tree.mkdir()
    archive = subprocess.Popen(["tar", "-c", "-C", "/", "--no-recursion", "--null", "-T", "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    extract = subprocess.Popen(["tar", "-x", "-C", str(tree)], stdin=archive.stdout)
    archive.stdin.write(b"\0".join(path.lstrip("/").encode() for path in paths))
    archive.stdin.close()
    if archive.wait() or extract.wait():
        raise VmError("copying the packages' files failed")
    for name in EMPTY:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    for name in ("shadow", "resolv.conf"):
        (tree / "etc" / name).touch()
    (tree / "etc/hosts").write_text("127.0.0.1 localhost mobilenat-vm\n")
    shutil.copytree(kernel.modules, tree / "usr/lib/modules" / kernel.version, symlinks=True)
    sh(["ldconfig", "-r", tree])


def root_disk(where, build, kernel):
    """Path of an ext4 image, made again when its packages, or this file, have changed."""
    packages = closure()
    paths = files(packages, build)
    state = [kernel.version, Path(__file__).read_text(), *paths,
             sh(["dpkg-query", "-W", *packages])]
    digest = hashlib.sha256("\n".join(state).encode()).hexdigest()
    disk, stamp, tree = where / "root.ext4", where / "root.stamp", where / "root.tree"
    if disk.exists() and stamp.exists() and stamp.read_text() == digest:
        return disk
    print("  IMAGE   the root file system", flush=True)
    shutil.rmtree(tree, ignore_errors=True)
    fresh = disk.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    try:
        fill(tree, paths, kernel)
        used = int(sh(["du", "-sm", tree]).split()[0])
        sh(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tree, fresh,
            f"{used + used // 5 + SPARE_MB}M"])
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    fresh.rename(disk)
    stamp.write_text(digest)
    return disk


def initramfs(where, kernel, init):
    """Path of the first file system: busybox, the disks' modules and our init."""
    tree = where / "initramfs.tree"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "bin").mkdir(parents=True)
    (tree / "modules").mkdir()
    shutil.copy("/bin/busybox", tree / "bin")
    shutil.copy(init, tree / "init")
    modules = kernel.disk_modules()
    for path in modules:
        shutil.copy(kernel.modules / path, tree / "modules")
    (tree / "modules/order").write_text("".join(f"{Path(path).name}\n" for path in modules))
    names = "\n".join(str(path.relative_to(tree)) for path in tree.rglob("*"))
    archive = where / "initramfs.cpio"
    sh(["cpio", "--quiet", "-o", "-H", "newc", "-O", archive], cwd=tree, input=names)
    shutil.rmtree(tree)
    return archive
