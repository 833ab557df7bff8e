#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the daemon gives up when it has started, and who may look (run --group).
#
# lib.sh draws the wire. The bpffs is one of the test's own, in a mount namespace of its own, that
# only root may enter, as systemd mounts it. Members and others are nobody, in a group or without it.

[[ ${PRIVATE_MOUNTS:-} ]] || PRIVATE_MOUNTS=1 exec unshare -m --propagation private "$0"

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

GROUP=games	   # Debian has it everywhere
HELD=0000000000003000 # CAP_NET_ADMIN, CAP_NET_RAW
ZERO=0000000000000000

mount -t bpf -o mode=0700 bpf /sys/fs/bpf || bail "cannot mount a bpffs"
# nobody must reach the binary, wherever the tree is
mount -t tmpfs -o mode=0755 tmpfs /mnt &&
	cp "$SYNSHIELD" "$ROOT/tests/tools/mapread.py" /mnt || bail "cannot copy the binary"
BIN=/mnt/synshield MAPREAD=/mnt/mapread.py

member() { in_srv setpriv --reuid 65534 --regid $GROUP --clear-groups -- "$@"; }
other() { in_srv setpriv --reuid 65534 --regid nogroup --clear-groups -- "$@"; }

# caps PID: Inh Prm Eff Bnd Amb NoNewPrivs
caps()
{
	awk '/^(Cap|NoNewPrivs)/ { printf "%s%s", n++ ? " " : "", $2 } END { print "" }' "/proc/$1/status"
}

# modes: of all pins, with the group
modes() { (cd "$PIN_DIR" && find . -mindepth 1 ! -type l -printf '%P %m %g\n' | sed "s/^$SRV_IF/IF/" | sort); }

# maps: as the pins are called
maps() { (cd "$PIN_DIR/$SRV_IF" && find . -type f -printf '%P\n' | grep -v -e ^prog_ -e ^link_ | sort); }

# map_id NAME
map_id() { bpftool -j map show pinned "$PIN_DIR/$SRV_IF/$1" | sed 's/{"id":\([0-9]*\).*/\1/'; }

# opens WHO ro|wo|rw: the maps whose pins open
opens()
{
	local -a names pins
	mapfile -t names < <(maps)
	pins=("${names[@]/#/$PIN_DIR/$SRV_IF/}")
	paste -d ' ' <(printf '%s\n' "${names[@]}") <("$1" $MAPREAD open "$2" "${pins[@]}") | sed -n 's/ ok$//p'
}

# keys_are_closed WHO NAME: by their pin, by their number, or by the process that has them mapped
keys_are_closed()
{
	local who=$1 pin=$PIN_DIR/$SRV_IF/keys
	is "$("$who" $MAPREAD open ro "$pin") $("$who" $MAPREAD open wo "$pin") $("$who" $MAPREAD open rw "$pin")" \
		"EACCES EACCES EACCES" "$2: keys do not open, to read, to write, or both"
	is "$("$who" $MAPREAD id "$(map_id keys)")" EPERM "$2: nor by the map's number"
	is "$("$who" bpftool map dump pinned "$pin" 2>&1 | grep -c '^Error: bpf obj get')" 1 "$2: nor does bpftool get them"
	is "$("$who" bpftool map dump id "$(map_id keys)" 2>&1 | grep -c 'not permitted')" 1 "$2: nor by their number"
	is "$("$who" cat "/proc/$SHIELD_PID/mem" 2>&1 | grep -c 'Permission denied')" 1 "$2: nor is the daemon's memory to be read"
}

# refused NAME PATTERN CMD...: it fails with exit code 1, and says so
refused()
{
	local name=$1 pattern=$2 output
	shift 2
	output=$("$@" 2>&1)
	is "$? $(grep -c -e "$pattern" <<< "$output")" "1 1" "$name"
	[[ $output =~ $pattern ]] || diag "$output"
}

said() { grep -c "$1" "$TMP/shield.err"; }

# It says that it protects before it gives anything up.
await_dropped() { await 5 "no_new_privs" grep -q 'NoNewPrivs:.1' "/proc/$SHIELD_PID/status"; }

gives_up_capabilities()
{
	shield_up epoch=4 max-syn-backlog=5000
	await_dropped
	is "$(caps "$SHIELD_PID")" "$ZERO $HELD $HELD $HELD $ZERO 1" \
		"the daemon keeps CAP_NET_ADMIN and CAP_NET_RAW, and gains no others"
}

# Also where nothing is in the way but the modes of the pins themselves.
is_closed_to_others()
{
	keys_are_closed other "without a group"
	chmod o+x /sys/fs/bpf "$PIN_DIR/$SRV_IF"
	keys_are_closed other "without a group, directories open"
	is "$(opens other ro) $(opens other rw)" " " "nor does any other map open"
	chmod o-x /sys/fs/bpf "$PIN_DIR/$SRV_IF"
}

# What is said of a sysctl that would let members write: a file lies over it, it stays as it is.
warns_of_unprivileged_bpf()
{
	local sysctl=/proc/sys/kernel/unprivileged_bpf_disabled
	echo 0 > "$TMP/zero"
	mount --bind "$TMP/zero" $sysctl || bail "cannot cover $sysctl"
	shield_again --group $GROUP
	umount $sysctl
	is "$(said "warning: --group $GROUP: members can also write, as kernel.unprivileged_bpf_disabled is 0: set it to 2")" 1 \
		"with kernel.unprivileged_bpf_disabled=0 the daemon warns"
	stop "$SHIELD_PID"
	shield_again --group $GROUP
	is "$(said 'members can also write')" "$(($(sysctl -n kernel.unprivileged_bpf_disabled) == 0))" "and else it does not"
}

epoch_is_past() { (($(shield status -i 10 --json | tr -d ' \n' | field epoch) > $1)); }
listens() { shield status -i 10 --json | tr -d ' \n' | grep -q "\"port\":$1,"; }
takes() { bpftool map dump pinned "$PIN_DIR/$SRV_IF/locals" | tr -d ' \n' | grep -q "$1"; }

# The duties that ask the kernel for something; keepalive, defences and host test what they do.
does_its_duties()
{
	await 15 "a new key" epoch_is_past 1
	ok "the key is turned"
	start_server web --listen :: 8080
	await 5 "the listener" listens 8080
	ok "listeners are learned"
	ip -n "$NS_SRV" addr add 10.88.1.2/24 dev "$SRV_IF"
	await 5 "the address" takes '10,88,1,2'
	ok "addresses are learned"
	is "$(in_srv sysctl -n net.ipv4.tcp_max_syn_backlog)" 5000 "the sysctl is raised"
	shield set "$SRV_IF" max-syn-backlog=off keepalive=10 half-open-timeout=5 keepalive-close=on
	await 5 "the sysctl" eval "[[ \$(in_srv sysctl -n net.ipv4.tcp_max_syn_backlog) != 5000 ]]"
	ok "the sysctl is restored"
	is "$(said warning)" 0 "nothing is beyond it"
	shield detach "$SRV_IF" > /dev/null
	await 5 "the daemon's end" eval "! running $SHIELD_PID"
	is "$(said ': detached')" 1 "that it was detached is seen"
}

starts_with_few()
{
	spawn shield srv setpriv --bounding-set=-all,+bpf,+net_admin,+perfmon "$SYNSHIELD" run "$SRV_IF" \
		--pin-dir "$PIN_DIR"
	SHIELD_PID=$PID
	await_shield
	ok "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are enough to start"
	await_dropped
	is "$(caps "$SHIELD_PID" | cut -d ' ' -f 3)" 0000000000001000 "what was not given is not held"
	shield_down > /dev/null
	refused "what is missing is named" 'needs CAP_BPF, CAP_PERFMON:' in_srv setpriv \
		--bounding-set=-all,+net_admin "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR"
}

# Read commands, as a member runs them: what they say must be what root is told.
COMMANDS=("config $SRV_IF" metrics "top -n 1 -i 100" "top -n 1 -i 100 --json" "status -i 10" "status -i 10 --json --states" stats "stats --json" conns "conns --json"
	"allow list" "deny list --json")

# steady: without what changes from one look to the next, and what members are not told
steady() { sed -E '/^synshield_cookie_key_timestamp_seconds[{]/d; s/"epoch": [a-z0-9]+|[0-9.]+//g'; }

members_read()
{
	local command words
	for command in "${COMMANDS[@]}"; do
		read -ra words <<< "$command"
		is "$(member $BIN "${words[@]}" --pin-dir "$PIN_DIR" 2>&1 | steady)" \
			"$(in_srv $BIN "${words[@]}" --pin-dir "$PIN_DIR" | steady)" \
			"a member is told what root is told: $command"
	done
}

members_write_nothing()
{
	local before pin
	local -i opened=0
	before=$(bpftool map dump pinned "$PIN_DIR/$SRV_IF/settings")
	refused "a member cannot set" 'be root' member $BIN set "$SRV_IF" mode=off --pin-dir "$PIN_DIR"
	refused "nor allow" 'be root' member $BIN allow add 192.0.2.1 --pin-dir "$PIN_DIR"
	refused "nor trace" 'be root' member $BIN trace "$SRV_IF" -s 1 --pin-dir "$PIN_DIR"
	refused "nor capture" 'be root' member $BIN capture "$SRV_IF" -w /dev/null -s 1 --pin-dir "$PIN_DIR"
	refused "nor detach" 'be root' member $BIN detach "$SRV_IF" --pin-dir "$PIN_DIR"
	for pin in "$PIN_DIR/$SRV_IF"/*; do
		[[ -d $pin || -L $pin ]] && continue
		# bpftool opens to write
		member bpftool map show pinned "$pin" > /dev/null 2>&1 && opened+=1
		member bpftool prog show pinned "$pin" > /dev/null 2>&1 && opened+=1
		member bpftool link show pinned "$pin" > /dev/null 2>&1 && opened+=1
	done
	is $opened 0 "nor open any pin to write"
	is "$(bpftool map dump pinned "$PIN_DIR/$SRV_IF/settings")" "$before" "and has changed nothing"
}

# What the documents say that members see, and what they do not.
members_see()
{
	local conn
	keys_are_closed member "a member"
	is "$(opens member ro | xargs)" "$(maps | grep -v -e '^keys$' -e '^captures$' | xargs)" \
		"a member opens all maps but keys and captures to read"
	is "$(opens member wo)$(opens member rw)" "" "and none to write"
	is "$(in_cli "$TOOLS/tcpc" get "$SRV4" 8080 | field ok)" 1 "a connection is made, and ends"
	conn=$($MAPREAD first "$PIN_DIR/$SRV_IF/conns")
	is "$((16#${conn:70:2}${conn:68:2}))" 8080 "it is in the map"
	is "$(member $MAPREAD first "$PIN_DIR/$SRV_IF/conns")" "$conn" \
		"a member reads all of it: addresses, ports, the next sequence numbers"
	is "$(member $MAPREAD first "$PIN_DIR/$SRV_IF/host")" "$($MAPREAD first "$PIN_DIR/$SRV_IF/host")" \
		"and of host: the tables' seed"
}

# What a member can open it can lock, too: nobody must be held up by that.
members_hold_nothing_up()
{
	local dir
	while read -r dir; do
		spawn "hold${dir//\//_}" srv setpriv --reuid 65534 --regid $GROUP --clear-groups -- \
			flock -n "$dir" sleep 30
	done < <(find "$PIN_DIR" -type d)
	sleep 0.3
	check "a member's locks hold up no change" timeout 5 nsenter --net="/run/netns/$NS_SRV" -- \
		"$SYNSHIELD" set "$SRV_IF" mode=observe --pin-dir "$PIN_DIR"
	stop "$SHIELD_PID"
	shield_again
	ok "nor a daemon's start"
}

admits_a_group()
{
	local -a maps=(settings policy host locals lists listed listeners conns bloom tracking sources
		replies doubts closing daemon events traces trace captured capture stats)
	shield_up --group $GROUP
	is "$(said "the group $GROUP may pass through /sys/fs/bpf")" 1 "the way through the bpffs is opened, and that is said"
	is "$(stat -c '%a %U %G' /sys/fs/bpf)" "1710 root $GROUP" "to the group only, and only to pass through"
	is "$(modes | awk '$2 != 600')" "$({
		echo ":lock 700 root"
		echo "IF 750 $GROUP"
		echo "IF/running 700 root"
		printf 'IF/%s 640 '$GROUP'\n' "${maps[@]}"
	} | sort)" "the group may read each map but two, and no program or link"
	is "$(modes | grep -e keys -e captures)" "IF/captures 600 root
IF/keys 600 root" "the keys and captured packets are root's"
	members_read
	members_see
	members_write_nothing
	refused "who is in no group is told what to do" "member of the group of 'run --group'" \
		other $BIN status --pin-dir "$PIN_DIR"
	members_hold_nothing_up
	is "$(modes | awk '$3 == "'$GROUP'"')" "" "without --group a new daemon takes it back"
	refused "and who was a member is told so" "member of the group" member $BIN status --pin-dir "$PIN_DIR"
	stop "$SHIELD_PID"
	warns_of_unprivileged_bpf
	refused "an unknown group is refused" "no such group; 'addgroup --system nobodys' makes it" \
		in_srv "$SYNSHIELD" run "$SRV_IF" --group nobodys --pin-dir "$PIN_DIR"
}

topo_up
gives_up_capabilities
is_closed_to_others
does_its_duties
starts_with_few
admits_a_group
done_testing
