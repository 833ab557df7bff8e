#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What this kernel has, by what the kernel itself says, and what the shield makes of it: the programs
# pass its verifier, are attached by what it has, and answer with the cookies that it can accept.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../net/lib.sh"

RELEASE=$(uname -r)
SERIES=$(cut -d . -f 1,2 <<< "${RELEASE%%[-+]*}")
PORT=80

# symbol NAME: whether the kernel has it; its list of symbols is no work of ours
symbol() { grep -q -E " $1(\s|\$)" /proc/kallsyms; }

# Since 6.13, and in later patches of 6.12, a function that changes packets replaces no other: the slots
# of Debian 12's libxdp do not.
DISPATCHER=1
[[ $SERIES == 6.1 ]] || DISPATCHER=0
REQSK=0 TCX=0
symbol bpf_sk_assign_tcp_reqsk && REQSK=1
symbol tcx_link_attach && TCX=1
diag "Linux $RELEASE: own cookies $REQSK, tcx $TCX"

## The verifier

check "the verifier takes the programs, within the ceilings of $SERIES" \
	"$ROOT/build/tests/verifier-stats" "$ROOT/tests/vm/$SERIES.ceiling"
"$ROOT/build/tests/verifier-stats" "$ROOT/tests/vm/$SERIES.ceiling" | sed 's/^/# /'

## Attached by

topo_up
start_server server --listen :: $PORT line

# attached_by KIND OPTION...: status says so, and so does what the kernel lists
attached_by()
{
	local kind=$1 status filters
	shift
	shield_up mode=always "$@"
	status=$(shield status "$SRV_IF" --interval 10)
	filters=$(in_srv tc filter show dev "$SRV_IF" ingress 2> /dev/null | grep -c synshield_in)
	is "$(grep -o 'TC [a-z]*' <<< "$status")" "TC $kind" "TC by $kind${*:+ ($*)}"
	is "$((filters > 0))" "$([[ $kind == clsact ]] && echo 1 || echo 0)" "TC by $kind: filters, as tc lists them"
	is "$(grep -o 'XDP [a-z]*' <<< "$status")" "XDP native" "XDP native"
	is "$(grep -c "in libxdp's dispatcher" <<< "$status")" $DISPATCHER "XDP in libxdp's dispatcher: $DISPATCHER"
}

# served N: so many connections of each family are
served()
{
	local addr said
	for addr in "$SRV4" "$SRV6"; do
		said=$(in_cli "$TOOLS/tcpc" get -n "$1" -c 4 --timeout 30 "$addr" $PORT)
		is "$(field ok <<< "$said")" "$1" "$1 connections to $addr are served"
	done
}

AUTO=clsact
((TCX)) && AUTO=tcx

## Cookies

if ((REQSK)); then
	attached_by "$AUTO"
	served 20
	is "$(counted reply cookie) $(counted pass accepted)" "40 40" "each by a cookie of the shield's"
else
	attached_by "$AUTO"
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 1
	served 20
	is "$(counted pass cookie_not_due)" 40 "tcp_syncookies=1: left to the kernel while the listener has room"
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2
	served 20
	is "$(counted reply kernel_cookie) $(counted pass kernel_cookie_ok)" "40 40" "tcp_syncookies=2: each by a cookie of the kernel's, made in XDP"
	is "$(snmp "$NS_SRV" TcpExtSyncookiesRecv)" 40 "the kernel took each"
	is "$(snmp "$NS_SRV" TcpExtSyncookiesSent)" 0 "and sent none itself"
	shield status "$SRV_IF" --interval 10 > "$TMP/status"
	check "status warns of it" grep -q 'no bpf_sk_assign_tcp_reqsk' "$TMP/status"
fi
is "$(snmp "$NS_SRV" TcpExtSyncookiesFailed)" 0 "no cookie failed"
sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 0
pause 4 # until the daemon knows, and the listener is read anew
before=$(counted pass cookie_not_due)
served 10
is $(($(counted pass cookie_not_due) - before)) 20 "tcp_syncookies=0: the kernel accepts no cookie, so all is left to it"
sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2

## Taken over, taken away

stop "$SHIELD_PID"
shield_again
served 5
check "detach" shield_down
is "$(in_srv ip -o link show dev "$SRV_IF" | grep -c xdp)" 0 "detach leaves no XDP program"
is "$(in_srv tc qdisc show dev "$SRV_IF" | grep -c clsact)" 0 "nor a clsact qdisc"
served 5

if ((TCX)); then
	attached_by clsact --tc clsact
	check "detach" shield_down
else
	spawn refused srv "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR" --tc tcx
	wait "$PID"
	is $? 1 "--tc tcx is refused"
	check "and says what to do" grep -q 'falls back to clsact' "$TMP/refused.err"
	is "$(ls "$PIN_DIR/$SRV_IF" 2> /dev/null)" "" "and leaves nothing behind"
fi

## Doctor says what is true here

in_srv "$SYNSHIELD" doctor --json > "$TMP/doctor"
# level SUBJECT: what doctor says of it
level()
{
	python3 -c 'import json, sys
print([f["level"] for f in json.load(open(sys.argv[1])) if f["subject"] == sys.argv[2]][0])' \
		"$TMP/doctor" "$1"
}
is "$(level BTF)" "$([[ -e /sys/kernel/btf/vmlinux ]] && echo ok)" "doctor: BTF"
is "$(level own-cookies)" "$( ((REQSK)) && echo ok || echo warning)" "doctor: own cookies"
is "$(level tcx)" "$( ((TCX)) && echo ok || echo note)" "doctor: tcx"
is "$(level dispatcher)" "$( ((DISPATCHER)) && echo ok || echo note)" "doctor: dispatcher, as it was found above"
is "$(level version)" ok "doctor: Linux $RELEASE"
for subject in socket-lookup kernel-cookies metadata ring-buffer; do
	is "$(level $subject)" ok "doctor: $subject"
done
is "$(level conntrack)" "$(symbol bpf_xdp_ct_lookup && echo ok || echo note)" \
	"doctor: conntrack, whose module is loaded"
modprobe -r nf_conntrack || bail "cannot unload nf_conntrack"
in_srv "$SYNSHIELD" doctor --json > "$TMP/doctor"
is "$(level conntrack)" note "doctor: conntrack, whose module is not loaded"
shield_up
served 2
check "the shield does without it" shield_down
modprobe nf_conntrack

done_testing
