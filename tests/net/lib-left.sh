# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2153
# What a shield has in the kernel, and what it has left there; sourced after lib.sh.

map_id() { bpftool -j map show pinned "$PIN_DIR/$SRV_IF/settings" 2> /dev/null | sed -n 's/.*"id":\([0-9]*\).*/\1/p'; }

# programs MAP: how many the kernel has that use this map
programs() { bpftool -j prog show | tr '}' '\n' | grep -Ec "\"map_ids\":\[([0-9,]*,)?$1[],]"; }

ifindex() { ip -n "$NS_SRV" -o link show dev "$SRV_IF" | cut -d : -f 1; }

# of MAP nothing is left
clean()
{
	[[ ! -e $PIN_DIR/$SRV_IF ]] || { echo "pins are left: $(ls "$PIN_DIR/$SRV_IF")"; return 1; }
	[[ ! $1 || $(programs "$1") == 0 ]] || { echo "programs are left: $(bpftool prog show | grep -B 1 "map_ids.*\b$1\b")"; return 1; }
	[[ ! $(in_srv tc qdisc show dev "$SRV_IF" clsact) ]] || { echo "a qdisc is left"; return 1; }
	[[ ! $(compgen -G "/sys/fs/bpf/xdp/dispatch-$(ifindex)-*") ]] || { echo "a dispatcher is pinned"; return 1; }
	[[ $(ip -n "$NS_SRV" link show "$SRV_IF") != *xdp* ]] || { echo "an XDP program is left"; return 1; }
}

# The kernel frees programs a moment after the last who has them.
soon_clean()
{
	local -i i
	for ((i = 0; i < 50; i++)); do
		clean "$1" > "$TMP/left" && return
		sleep 0.02
	done
	cat "$TMP/left"
	return 1
}
