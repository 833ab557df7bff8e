#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Two XDP programs on one interface, in libxdp's dispatcher: the shield and xdp-filter. Each sees the
# traffic, whoever came first, and either may go without harm to the other.
#
# lib.sh draws the wire. The filter drops what comes from the client's second address; port 80 answers.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../net/lib.sh"

BANNED=${CLI4%.*}.2

filter_up()
{
	in_srv xdp-filter load -m native -f ipv4 "$SRV_IF" > "$TMP/filter" 2>&1 &&
		in_srv xdp-filter ip -m src "$BANNED" >> "$TMP/filter" 2>&1 ||
		not_ok "xdp-filter is loaded" "$(cat "$TMP/filter")"
}
filter_down()
{
	in_srv xdp-filter unload "$SRV_IF" > "$TMP/filter" 2>&1 ||
		not_ok "xdp-filter is unloaded" "$(cat "$TMP/filter")"
}

# hits: packets that the filter dropped for being from the banned address
hits() { in_srv xdp-filter status | awk -v a="$BANNED" '$1 == a { print $NF }'; }

get() { in_cli "$TOOLS/tcpc" get -n 5 --timeout "$2" --src "$1" "$SRV4" 80 | field ok; }

# filtered NAME yes|no: whether the filter works
filtered()
{
	local before=0
	if [[ $2 == yes ]]; then
		before=$(hits)
		is "$(get "$BANNED" 1)" 0 "$1: the filter drops"
		holds "$1: and counts" "$(hits) > $before"
	else
		is "$(get "$BANNED" 10)" 5 "$1: nothing is filtered"
	fi
}

# shielded NAME yes|no: whether the shield answers; real clients are served either way
shielded()
{
	local before=0
	[[ $2 == yes ]] && before=$(answered)
	is "$(get "$CLI4" 10)" 5 "$1: clients are served"
	[[ $2 == yes ]] && is $(($(answered) - before)) 5 "$1: by cookies"
	[[ $(shield status "$SRV_IF" --interval 10 2> /dev/null | grep -c ': protected') == \
		$([[ $2 == yes ]] && echo 1 || echo 0) ]] && ok "$1: status knows" || not_ok "$1: status knows"
}
answered() { echo $(($(counted reply cookie) + $(counted reply kernel_cookie))); }

# Loaded first is not what decides who is asked first: xdp-filter's priority is 10, the shield's 50.
topo_up
sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2
start_server server --listen :: 80 line

together()
{
	shield_up mode=always
	filter_up
	check "status names the dispatcher" eval "shield status $SRV_IF --interval 10 | grep -q dispatcher"
	shielded "filter after shield" yes
	filtered "filter after shield" yes
	filter_down
	shielded "the filter is gone" yes
	filtered "the filter is gone" no
	filter_up
	check "the shield is detached" shield_down
	filtered "the shield is gone" yes
	shielded "the shield is gone" no

	shield_up mode=always
	shielded "shield after filter" yes
	filtered "shield after filter" yes

	kill -KILL "$SHIELD_PID"
	wait "$SHIELD_PID" 2> /dev/null
	shielded "the daemon was killed" yes
	shield_again
	shielded "another has taken over" yes
	filtered "another has taken over" yes
	is "$(in_srv xdp-loader status "$SRV_IF" | grep -c synshield_xdp)" 1 "and the old program is not left"
	check "detach" shield_down
	filter_down
	is "$(in_srv ip -o link show dev "$SRV_IF" | grep -c xdp)" 0 "at last the interface is empty"
}

# refused NAME PATTERN: the shield is, and says why
refused()
{
	spawn refused srv "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR"
	wait "$PID"
	is $? 1 "$1: the shield is refused"
	check "$1: and says why" grep -q "$2" "$TMP/refused.err"
}

# This kernel lets nothing that changes packets into the slots of Debian 12's libxdp.
one_alone()
{
	shield_up mode=always
	check "the shield says that it attaches alone" grep -q "dispatcher does not take the program" "$TMP/shield.err"
	shielded "alone" yes
	check "the filter is refused beside it" eval "! in_srv xdp-filter load -m native -f ipv4 $SRV_IF"
	shielded "after the filter was refused" yes
	check "detach" shield_down
	filter_up
	refused "a filter in a dispatcher" "cannot join libxdp's dispatcher"
	filtered "after the shield was refused" yes
	filter_down
}

if "$SYNSHIELD" doctor --json | tr -d '\n' | grep -q '"level": "ok",[^}]*"dispatcher"'; then
	together
else
	one_alone
fi

## One who does not share

spawn other srv "$TOOLS/sink" "$SRV_IF" --mode absorb --prefix "$FLOOD4"
await_ready other
refused "a program that leaves no room" "program 'sink.*is attached already"

done_testing
