#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The Debian package, and the unit in it under a systemd of its own.
#
#    this machine's root, read-only, below an overlay in memory
#      └─ namespaces: mounts, processes, network (a veth pair, PORT), cgroups; systemd is process 1
#           └─ dpkg -i, systemctl start, upgrade, dpkg -r, dpkg -P

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=ssport0
DROP_IN=/etc/systemd/system/synshield.service.d
EXPOSURE=35 # at most, of 100, as systemd-analyze reckons; 10 points are the user root and its network

FILES="/lib/systemd/system/synshield.service
$(cd "$ROOT" && printf '/usr/%s\n' include/synshield/*.h | grep -v /socket.h)
/usr/lib/sysusers.d/synshield.conf
/usr/sbin/synshield
/usr/share/bash-completion/completions/synshield
/usr/share/man/man5/synshield.conf.5.gz
/usr/share/man/man8/synshield.8.gz"

builds()
{
	check "make deb builds it" make -C "$ROOT" deb
	VERSION=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
	DEB=$(echo "$ROOT/build/synshield_${VERSION}"_*.deb)
	[[ -f $DEB ]] || bail "no package"
	check "lintian has nothing to say" lintian --fail-on error,warning "$DEB"
	# besides the documents
	is "$(dpkg-deb -c "$DEB" | awk '!/^d/ { print substr($6, 2) }' | grep -v /share/doc/ | sort)" \
		"$FILES" "it has these files"
	is "$(dpkg-deb -c "$DEB" | grep -c -E 'share/doc/synshield/(copyright|changelog.gz|operations.md.gz|examples/synshield.conf)$')" \
		4 "and documents, and an example of a configuration"
	is "$(sed -n '/^packages="gcc/,/"$/p' "$ROOT/tests/deps.sh" | tr -c 'a-z0-9-' '\n' | grep -E "^z?lib.*-dev$" |
		grep -v -e ^libc6-dev -e ^libclang-rt- | sort | while read -r dev; do
		grep -q "$dev" "$ROOT/debian/control" || echo "$dev"
	done)" "" "what the build needs is in Build-Depends"
}

unit_is_sound()
{
	local unit=$TMP/synshield.service output
	sed "s|@SBINDIR@|$(dirname "$SYNSHIELD")|" "$ROOT/contrib/systemd/synshield.service.in" > "$unit"
	check "systemd-analyze verify" systemd-analyze verify --man=no "$unit"
	output=$(systemd-analyze security --no-pager --offline=true --threshold=$EXPOSURE "$unit")
	is $? 0 "systemd-analyze security: ${output##*→ }"
}

# One more version, of the same files.
make_next()
{
	NEXT=$TMP/next.deb
	dpkg-deb -R "$DEB" "$TMP/next" && sed -i "s/^Version: .*/Version: $VERSION+1/" "$TMP/next/DEBIAN/control" &&
		dpkg-deb --root-owner-group -b "$TMP/next" "$NEXT" > /dev/null || bail "cannot make a next version"
}

# In new namespaces, as process 1.
boot()
{
	local root=$TMP/root/merged device
	mount -t tmpfs tmpfs "$TMP/root" && mkdir "$TMP/root/"{upper,work,merged} &&
		mount -t overlay -o "lowerdir=/,upperdir=$TMP/root/upper,workdir=$TMP/root/work" overlay "$root" &&
		mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys" &&
		mount -t tmpfs tmpfs "$root/run" && mount -t tmpfs -o mode=0755 tmpfs "$root/dev" &&
		mount -t tmpfs tmpfs "$root/tmp" && mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" &&
		mount -t bpf -o mode=0700 bpf "$root/sys/fs/bpf" || exit 1
	for device in null zero full random urandom tty; do
		: > "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"
	done
	: > "$root/dev/console"
	ln -s pts/ptmx "$root/dev/ptmx"
	ip link add $PORT type veth peer name ${PORT}p
	ip link set lo up
	ip link set $PORT up
	ip link set ${PORT}p up
	rm -rf "$root"/etc/systemd/system/*.wants "$root/usr/sbin/policy-rc.d" "$root/etc/synshield.conf"
	printf '[Unit]\nDescription=nothing else\n' > "$root/etc/systemd/system/only.target"
	cp "$DEB" "$root/first.deb" && cp "$NEXT" "$root/next.deb" && mkdir "$root/old" && cd "$root" &&
		mount --make-rprivate / && pivot_root . old && umount -l /old || exit 1
	exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
		--unit=only.target --log-target=null --show-status=0
}

at() { nsenter -t "$INIT" -a -- "$@" 2>&1; }
state() { at systemctl show -P "$1" synshield; }
main_pid() { at systemctl show -P MainPID synshield; }
status() { at synshield status -i 10 | sed -n 1,3p; }
protected() { status | grep -c "^$PORT: protected"; }

boots()
{
	mkdir "$TMP/root"
	export -f boot
	DEB=$DEB NEXT=$NEXT TMP=$TMP PORT=$PORT unshare -mnpuiC -f --kill-child --propagation private \
		bash -c boot > "$TMP/boot.log" 2>&1 &
	PIDS+=($!)
	BOOT=$!
	await 10 "namespaces" eval "INIT=\$(pgrep -P $BOOT)"
	await 30 "systemd: $(cat "$TMP/boot.log")" at systemctl is-active only.target
}

installs()
{
	check "dpkg -i" at dpkg -i /first.deb
	is "$(at systemctl is-enabled synshield) $(state ActiveState)" "enabled inactive" \
		"enabled, and not started without a configuration"
	is "$(at getent group synshield | cut -d : -f 1)" synshield "there is a group synshield"
}

configure()
{
	at bash -c "printf '%s\n' 'group = synshield' '[$PORT]' 'max-syn-backlog = 5000' > /etc/synshield.conf
		mkdir -p $DROP_IN; printf '%s\n' '[Service]' 'WatchdogSec=5' > $DROP_IN/test.conf"
	at systemctl daemon-reload
}

serves()
{
	configure
	check "systemctl start" at systemctl start synshield
	is "$(state StatusText)" "$PORT protected" "systemd knows what it does"
	is "$(protected)" 1 "and so does synshield"
	is "$(at cat "/proc/$(main_pid)/status" | awk '/^Cap(Prm|Eff)|^NoNew/ { printf "%s ", $2 }')" \
		"0000000000003000 0000000000003000 1 " "with its own capabilities only"
	is "$(at sysctl -n net.ipv4.tcp_max_syn_backlog)" 5000 "the sysctl can be written"
	is "$(at setpriv --reuid 65534 --regid synshield --clear-groups synshield stats | head -1)" $PORT \
		"the group may look"
	at bash -c 'echo mode = observe >> /etc/synshield.conf'
	check "systemctl reload" at systemctl reload synshield
	await 10 "the change" eval "at synshield config $PORT | grep -q '^mode  *= observe'"
	ok "the file is read anew"
	check "systemctl stop" at systemctl stop synshield
	is "$(protected) $(at sysctl -n net.ipv4.tcp_max_syn_backlog | grep -c 5000)" "1 0" \
		"the stopped service stays attached, and has restored the sysctl"
}

is_watched()
{
	local pid
	at systemctl start synshield > /dev/null
	pid=$(main_pid)
	at kill -STOP "$pid"
	await 40 "the watchdog" eval '[[ $(main_pid) != '"$pid"' && $(state ActiveState) == active ]]'
	is "$(protected)" 1 "a frozen daemon is replaced"
}

upgrades()
{
	local pid
	pid=$(main_pid)
	check "dpkg -i of the next version" at dpkg -i /next.deb
	[[ $(main_pid) == "$pid" || $(state ActiveState) != active ]]
	is "$? $(protected)" "1 1" "the upgrade starts the daemon anew, and the shield goes on"
	is "$(at journalctl -o cat -u synshield | grep -c detached)" 0 "never detached"
}

# What the next start cannot mend is not tried every two seconds.
gives_up()
{
	at bash -c 'cp /etc/synshield.conf /etc/good.conf; echo mode = nonsense >> /etc/synshield.conf'
	check "a file with an error ends the start" eval '! at systemctl restart synshield'
	is "$(state ActiveState) $(state NRestarts) $(protected)" "failed 0 1" \
		"which is not tried again, and the shield goes on"
	at mv /etc/good.conf /etc/synshield.conf
	check "with a good one it starts" at systemctl restart synshield
}

is_removed()
{
	check "dpkg -r" at dpkg -r synshield
	is "$(at ls -A /sys/fs/bpf/synshield)" ":lock" "nothing is pinned any more"
	is "$(at ip link show $PORT | grep -c xdp) $(at bash -c 'pgrep -c synshield')" "0 0" "nothing is attached, nothing runs"
	at rm -r $DROP_IN /etc/synshield.conf
	check "dpkg -P" at dpkg -P synshield
	# shellcheck disable=SC2086 # a list
	is "$(at bash -c 'ls -d "$@" 2> /dev/null' ls $FILES /usr/share/doc/synshield \
		/etc/systemd/system/multi-user.target.wants/synshield.service \
		/var/lib/systemd/deb-systemd-helper-enabled/synshield.service.dsh-also)" "" "no file is left"
}

builds
unit_is_sound
make_next
boots
installs
serves
is_watched
upgrades
gives_up
is_removed
done_testing
