#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make picture: docs/top.svg from a real run: `synshield top` in tmux, a server under a flood in
# network namespaces of its own (tests/net/lib.sh draws them), clients that go on being served.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2153
. "$(dirname "${BASH_SOURCE[0]}")/../tests/net/lib.sh"

COLS=96 ROWS=24

term() { tmux -L "$RUN_ID" "$@"; }

# The interface gets the name that a reader expects.
topo_up
ip -n "$NS_SRV" addr flush dev "$SRV_IF" scope link
ip -n "$NS_SRV" link set "$SRV_IF" down
ip -n "$NS_SRV" link set "$SRV_IF" name eth0 up
SRV_IF=eth0
settle_offloads
{
	echo "addr add $SRV6/64 dev eth0 nodad"
	echo "neigh replace $GATE4 lladdr $GATE_MAC dev eth0"
	echo "route replace $FLOOD4 via $GATE4 dev eth0"
} | ip -n "$NS_SRV" -force -batch - 2> "$TMP/again"
start_server web --listen "$SRV4" 80 --listen "$SRV4" 443 --listen "$SRV6" 443
shield_up 22:mode=off
spawn tmux srv env -u TMUX LC_ALL=C.UTF-8 tmux -L "$RUN_ID" -f /dev/null -D
await 10 "tmux" term set-option -g default-terminal screen-256color
term new-session -d -s top -x $COLS -y $ROWS env LC_ALL=C.UTF-8 \
	"$SYNSHIELD" top --pin-dir "$PIN_DIR" --interval 500
spawn clients cli "$TOOLS/tcpc" get -n 4000 -c 8 --rate 100 --timeout 20 "$SRV4" 80
spawn more cli "$TOOLS/tcpc" get -n 1000 -c 8 --rate 30 --timeout 20 "$SRV4" 443
pause 9
start_flood first --port 80 --rate 400000 --seconds 8
pause 6
start_flood acks --port 80 --kind ack --rate 30000 --seconds 26
pause 11
start_flood second --port 80 --rate 900000 --seconds 14
start_flood flags --port 80 --kind xmas --rate 9000 --seconds 12
start_flood rsts --port 80 --kind rst --rate 4000 --seconds 12
pause 9
term capture-pane -e -p -t top | "$ROOT/docs/screen.py" $COLS $ROWS > "$TMP/top.svg" &&
	cp "$TMP/top.svg" "$ROOT/docs/top.svg"
