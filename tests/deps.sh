#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Installs what the build, the demo and the tests need on Debian 12, if it is
# missing.  Services that come with it (nginx, sshd) are not started.
set -eu

packages="gcc make pkg-config clang libclang-rt-14-dev llvm bpftool libbpf-dev libxdp-dev libelf-dev zlib1g-dev
	libmnl-dev libncurses-dev libinih-dev libmicrohttpd-dev libc6-dev iproute2 nftables ethtool iputils-ping procps util-linux kmod nginx-light curl
	man-db mandoc bsdextrautils netbase tcpdump tshark nmap iperf3 openssh-client openssh-server python3 perl tmux ncurses-base
	prometheus python3-prometheus-client valgrind"
packages="$packages systemd dpkg-dev debhelper lintian" # for the package's test
[ "${1:-}" = lint ] && packages="$packages clang-format cppcheck shellcheck git"
[ "${1:-}" = vm ] && packages="qemu-system-x86 seabios busybox-static cpio kmod xz-utils xdp-tools debootstrap"

missing=
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
		missing="$missing $package"
done
[ "$missing" ] || exit 0
echo "installing:$missing"
[ "$(id -u)" = 0 ] || {
	echo "deps: run as root, or install these yourself:$missing" >&2
	exit 1
}

policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT INT TERM
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list
apt-get install -q -y --no-install-recommends $missing
