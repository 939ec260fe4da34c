#!/bin/sh
# Install what Debian packages are missing. Usage: deps.sh build|test|vm ...
# Nothing is started: packaged services stay off while this runs.
set -eu

build="gcc make clang llvm libbpf-dev libelf-dev zlib1g-dev bpftool libuv1-dev libjansson-dev
	libmnl-dev libconfuse-dev libsmartcols-dev libsqlite3-dev libssl-dev libsystemd-dev
	uthash-dev linux-libc-dev libc6-dev libseccomp-dev"
test="libcriterion-dev clang-19 llvm-19 libclang-rt-19-dev python3 iproute2 ethtool tcpdump
	isc-dhcp-relay isc-dhcp-client udhcpc dhcpcd-base tshark busybox-static openssl nginx-light
	openssh-server openssh-client curl iperf3 nftables procps util-linux kea-dhcp4-server
	kea-admin coturn"
# to emulate a machine with another kernel; the packages of its root file system are those above
vm="qemu-system-x86 busybox-static e2fsprogs cpio kmod mount"

want=
for set in "$@"; do
	case $set in
	build) want="$want $build" ;;
	test) want="$want $test" ;;
	vm) want="$want $vm" ;;
	*) echo "deps.sh: unknown set '$set', expected build, test or vm" >&2; exit 2 ;;
	esac
done

missing=
for p in $want; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "Debian packages are missing:$missing" >&2
	echo "Install them with: sudo make deps" >&2
	exit 1
fi

echo "  DEPS   $missing"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get -q update && apt-get -qy install --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
	tail -20 "$log" >&2
	echo "deps: apt-get failed, its whole output is in $log" >&2
	exit 1
fi
rm -f "$log"
