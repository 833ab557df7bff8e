#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# synshield.service under systemd, in its sandbox: what an administrator does with it.
#
#        peer                       this machine
#    +----------+                +--------------+
#    |   cli0   |================| srv0   :80   |
#    +----------+                +--------------+

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../net/lib.sh"

SYNSHIELD=/usr/sbin/synshield

property() { systemctl show -P "$1" synshield; }
said() { journalctl -u synshield -o cat --no-pager; }
running_as() { [[ $(property ActiveState) == "$1" ]]; }
capabilities() { sed -n 's/^CapEff:\t*//p' "/proc/$(property MainPID)/status"; }
get()
{
	local said
	said=$(ip netns exec peer "$TOOLS/tcpc" get -n 5 --timeout 20 10.9.0.1 80)
	is "$(field ok <<< "$said")" 5 "$1"
}

mkdir -p /run/netns
ip netns add peer
ip link add srv0 type veth peer name cli0 netns peer
ip addr add 10.9.0.1/24 dev srv0
ip link set srv0 up
ip -n peer addr add 10.9.0.2/24 dev cli0
ip -n peer link set cli0 up
ip netns exec peer ip link set lo up
ip netns exec peer "$TOOLS/sink" cli0 --frags --mode absorb --prefix 198.18.0.0/15 > "$TMP/sink.out" &
PIDS+=($!)
"$TOOLS/tcps" --listen 10.9.0.1 80 line > /dev/null &
PIDS+=($!)

printf 'metrics = 9100\n[srv0]\nmode = always\n' > /etc/synshield.conf
is "$(systemd-analyze verify /lib/systemd/system/synshield.service 2>&1 | grep -v "'man ")" "" \
	"systemd finds no fault with the unit"
check "start: systemd waits until it protects" systemctl start synshield
running_as active || diag "$(said)" "$(systemctl status synshield)"
is "$(property ActiveState) $(property SubState)" "active running" "it runs"
diag "$(said)" "$(property StatusText)" "$(systemd-analyze security synshield 2> /dev/null | tail -n 1)"
get "clients are served"
holds "by cookies" "$("$SYNSHIELD" stats srv0 | awk '$2 == "cookie" { n += $3 } END { print n + 0 }') >= 5"
is "$(capabilities)" 0000000000003000 "it has CAP_NET_ADMIN and CAP_NET_RAW left"

first=$(property MainPID)
printf 'metrics = 9100\n[srv0]\nmode = observe\n' > /etc/synshield.conf
check "reload" systemctl reload synshield
pause 2
diag "$("$SYNSHIELD" config)" "$(said | tail -n 3)"
await 10 "the new configuration" eval "$SYNSHIELD config | grep -q -w observe"
ok "reload: the configuration is read anew"
is "$(property MainPID)" "$first" "reload: by the same daemon"
printf '[srv0]\nmode = nonsense\n' > /etc/synshield.conf
systemctl reload synshield
pause 1
is "$("$SYNSHIELD" config | grep -c -w observe)" 1 "reload of a wrong file: what runs goes on"
check "and the journal says where" eval "said | grep -q 'synshield.conf:2'"
printf '[srv0]\nmode = always\n' > /etc/synshield.conf
systemctl reload synshield

kill -KILL "$first"
await 20 "another daemon" eval '[[ $(property MainPID) != 0 && $(property MainPID) != '"$first"' && $(property ActiveState) == active ]]'
check "killed: systemd starts it anew, and it takes over" eval "said | grep -q 'taken over'"
get "clients are served after that"

pid=$(property MainPID)
pause 40
is "$(property MainPID) $(property NRestarts)" "$pid 1" "the watchdog of 30 s is content after 40 s"
kill -STOP "$pid"
await 90 "the watchdog to end a daemon that hangs" eval '[[ $(property NRestarts) == 2 && $(property ActiveState) == active ]]'
ok "a daemon that hangs is ended and started anew by the watchdog"

check "stop" systemctl stop synshield
is "$(property ActiveState)" inactive "it has stopped"
get "stopped: clients are served by what stays attached"
check "start again" systemctl start synshield
check "stop again" systemctl stop synshield
check "detach" "$SYNSHIELD" detach srv0
is "$(ip -o link show dev srv0 | grep -c xdp)" 0 "detached"
get "detached: clients are the kernel's"

done_testing
