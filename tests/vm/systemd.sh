#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The service under a real systemd: a small Debian 12 of its own (debootstrap, into build/vm), booted
# on its kernel 6.12 or the one named, with what 'make install' installs.

# shellcheck source=tests/vm/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KERNEL=${1:-6.12}
VM_BASE=$VM/systemd
PACKAGES=systemd,systemd-sysv,iproute2,kmod,procps,libxdp1,libbpf1,libmnl0,libinih1,libmicrohttpd12,libncurses6

why=$(vm_why_not "$KERNEL")
[[ $why ]] || command -v debootstrap > /dev/null || why="there is no debootstrap (tests/deps.sh vm)"
if [[ ! $why && ! -d $VM_BASE ]]; then
	rm -rf "$VM_BASE.new"
	if debootstrap --variant=minbase --include=$PACKAGES bookworm "$VM_BASE.new" \
		> "$VM/debootstrap.log" 2>&1; then
		mv "$VM_BASE.new" "$VM_BASE"
	else
		why="cannot make a Debian: $(tail -n 1 "$VM/debootstrap.log")"
	fi
fi
[[ $why ]] && {
	echo "not run: $why"
	exit 1
}

make -s -C "$ROOT" install DESTDIR="$VM_BASE" PREFIX=/usr UNITDIR=/lib/systemd/system > "$VM/install.log" || exit
cat > "$VM_BASE/etc/systemd/system/guest.service" <<-END
	[Unit]
	After=systemd-user-sessions.service
	[Service]
	Type=oneshot
	Environment=SOURCE=$ROOT KERNEL=$KERNEL "RUN=tests/vm/tests/service.sh"
	ExecStart=$ROOT/tests/vm/guest.sh
	[Install]
	WantedBy=multi-user.target
END
ln -sf ../guest.service "$VM_BASE/etc/systemd/system/multi-user.target.wants/"
export VM_BASE
vm_run "$KERNEL" 400 systemd
