# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Virtual machines with another kernel: Debian's packages, unpacked, emulated by qemu. The guest sees
# the host's files and writes into memory; it has no network but what a test makes inside it.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VM=$ROOT/build/vm
# what the initramfs has to load; the rest comes from the host's files
VM_MODULES=(virtio_pci 9pnet_virtio 9p overlay)

# vm_package KERNEL: the name of the package with the newest image of this series; nothing if the
# archive has none.
vm_package()
{
	local meta
	for meta in "linux-image-$1-amd64" linux-image-amd64; do
		apt-cache depends "$meta" 2> /dev/null |
			awk -v series="linux-image-$1[.+]" '$1 == "Depends:" && $2 ~ series { print $2; exit }'
	done | head -n 1
}

# vm_fetch KERNEL: its files to $VM/KERNEL, where they stay.
vm_fetch()
{
	local package dir=$VM/$1 new=$VM/$1.new
	[[ -e $dir/boot ]] && return
	package=$(vm_package "$1")
	[[ $package ]] || {
		echo "the archive has no kernel $1 (apt-get update?)"
		return 1
	}
	rm -rf "$new"
	mkdir -p "$new"
	(cd "$new" && apt-get download "$package") > "$VM/$1.log" 2>&1 || {
		echo "cannot download $package: $(tail -n 1 "$VM/$1.log")"
		return 1
	}
	dpkg -x "$new"/*.deb "$new" && depmod -b "$new" "$(ls "$new/lib/modules")" || {
		echo "cannot unpack $package"
		return 1
	}
	rm -rf "$new"/*.deb "$new"/boot/System.map*
	mv "$new" "$dir"
}

# vm_initramfs KERNEL DIR: made anew each time in this directory, it takes a moment.
vm_initramfs()
{
	local dir=$VM/$1 tree=$2/tree release module file
	release=$(ls "$dir/lib/modules")
	mkdir -p "$tree"/{bin,dev,proc,modules}
	cp /bin/busybox "$tree/bin/busybox"
	cp "$ROOT/tests/vm/init" "$tree/init"
	for module in "${VM_MODULES[@]}"; do
		modprobe -d "$dir" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		module=$(basename "$file" .xz)
		if [[ $file == *.xz ]]; then xz -dc "$file"; else cat "$file"; fi > "$tree/modules/$module"
		echo "$module"
	done > "$tree/modules/order"
	(cd "$tree" && find . | cpio -o -H newc --quiet) > "$2/initramfs.cpio"
}

# vm_why_not KERNEL: prints why it cannot be started; nothing if it can. Downloads what is missing.
vm_why_not()
{
	local program
	for program in qemu-system-x86_64 busybox cpio dpkg-deb apt-get modprobe xz; do
		command -v "$program" > /dev/null || {
			echo "there is no $program (tests/deps.sh vm)"
			return
		}
	done
	vm_fetch "$1"
}

# vm_run KERNEL SECONDS COMMAND: what it prints in the guest, and its status; 124 when the time is up,
# 125 when the guest died. With VM_BASE, a directory, that is the guest's root, and its systemd process 1.
vm_run()
{
	local dir=$VM/$1 work status start=$ROOT/tests/vm/guest.sh
	[[ ${VM_BASE:-} ]] && start=/lib/systemd/systemd
	work=$(mktemp -d "$VM/run.XXXXXX") || return
	vm_initramfs "$1" "$work" || return
	timeout -k 5 "$2" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "${VM_CPUS:-1}" \
		-m 2G -nodefaults -no-user-config -display none -no-reboot \
		-kernel "$dir"/boot/vmlinuz-* -initrd "$work/initramfs.cpio" \
		-append "console=ttyS0 quiet panic=-1 SOURCE=$ROOT KERNEL=$1 BASE=${VM_BASE:-} START=$start RUN=\"$3\"" \
		-serial "file:$work/console" -serial stdio -device virtio-rng-pci \
		-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
		< /dev/null 2>&1 | tee "$work/out"
	status=${PIPESTATUS[0]}
	((status)) || status=$(sed -n 's/^vm: ended with //p' "$work/out")
	mv "$work/console" "$VM/$1.console"
	rm -rf "$work"
	return "${status:-125}"
}
