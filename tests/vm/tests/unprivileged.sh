#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# With kernel.unprivileged_bpf_disabled=0, which only a machine of one's own should have: the keys stay
# closed to all; a member of the reading group can write to what it may read, as the daemon warns.
# Members and others are nobody, in a group or without it.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../net/lib.sh"

GROUP=games
SYSCTL=kernel.unprivileged_bpf_disabled
MAPREAD=$TMP/mapread.py
chmod o+x "$TMP" && cp "$ROOT/tests/tools/mapread.py" "$TMP" || bail "cannot copy mapread.py"

member() { setpriv --reuid 65534 --regid $GROUP --clear-groups -- "$MAPREAD" "$@"; }
other() { setpriv --reuid 65534 --regid nogroup --clear-groups -- "$MAPREAD" "$@"; }
pin() { echo "$PIN_DIR/$SRV_IF/$1"; }
map_id() { bpftool -j map show pinned "$(pin "$1")" | sed 's/{"id":\([0-9]*\).*/\1/'; }

plan 12
topo_up --clients 1
sysctl -qw $SYSCTL=0 || bail "cannot set $SYSCTL"
shield_up --group $GROUP
is "$(grep -c "warning: --group $GROUP: members can also write" "$TMP/shield.err")" 1 "the daemon warns"
for who in member other; do
	is "$($who open ro "$(pin keys)") $($who open rw "$(pin keys)")" "EACCES EACCES" "$who: keys do not open"
	is "$($who id "$(map_id keys)")" EPERM "$who: nor by the map's number"
	is "$($who program "$(pin keys)" 0102030405060708)" EACCES "$who: and no program gets them"
done
is "$(other program "$(pin daemon)" 0102030405060708)" EACCES "nor does another's program get any other map"
is "$(member open rw "$(pin daemon)")" EACCES "a member opens the others to read only"
is "$(member program "$(pin daemon)" 0102030405060708)" ok "but its program"
is "$("$MAPREAD" first "$(pin daemon)" | cut -c 10-25)" 0102030405060708 "has written there"
sysctl -qw $SYSCTL=2
is "$(member program "$(pin daemon)" 1112131415161718)" EPERM "with $SYSCTL=2 it loads none"
shield_down > /dev/null
done_testing
