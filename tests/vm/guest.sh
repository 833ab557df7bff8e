#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Process 1 of a virtual machine, after init, or a service of systemd's there: runs $RUN in the source
# tree, with what it says on the second serial port, and its status as the last line there.
exec < /dev/null > /dev/ttyS1 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
stty -F /dev/ttyS1 -opost

mount_all()
{
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t bpf bpf /sys/fs/bpf
	mount -t cgroup2 cgroup /sys/fs/cgroup
	mount --bind "$SOURCE" /mnt # it may be below what is covered now
	mount -t tmpfs tmp /tmp
	mount -t tmpfs run /run
	mkdir -p "$SOURCE"
	mount --move /mnt "$SOURCE"
	mkdir -p /dev/pts /dev/shm /run/lock
	mount -t devpts -o ptmxmode=666 pts /dev/pts
	mount -t tmpfs shm /dev/shm
	ln -sfn pts/ptmx /dev/ptmx
	ln -sfn /proc/self/fd /dev/fd
}

(($$ == 1)) && mount_all
# what a kernel without modules has built in, and the tests count on
modprobe -a nf_conntrack tun
ip link set lo up

cd "$SOURCE" || exit
# A session of its own: nothing that the tests signal may reach process 1.
setsid -w bash -c "$RUN"
echo "vm: ended with $?"
echo o > /proc/sysrq-trigger
sleep 60
