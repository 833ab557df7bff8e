#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Sources that the operator allows or denies: what they get, and what the others get; changes that
# hold at once and all or nothing; lists of 100 000; running connections that are cut off and go on
# again; a daemon that is killed.
#
# lib.sh draws the wire. On the server: 80 reads a line, answers, closes first; 90 takes streams, 91
# sends them. Two interfaces, with the second one alone in the server's namespace:
#
#       srv: SRV_IF ==== the wire        srv: $OTHER_IF ---- $OTHER_PEER

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

OTHER_IF=${RUN_ID}x0
OTHER_PEER=${RUN_ID}x1
NET4=${CLI4%.*} NET6=${CLI6%:*}
BYTE_RATE=100000

## What is in the maps

setting() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/settings" | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }
in_map() { bpftool -j map dump pinned "$PIN_DIR/${1:-$SRV_IF}/lists" | grep -o '"prefixlen"' | wc -l; }
# what a refused change leaves as it was
contents() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/lists" | md5sum; setting generation; setting listed; }
prefixes() { shield "$1" list "${@:2}" | grep -v '^#'; }

# The daemon has put the sockets that exist into the table, and will not again before the next change.
learned()
{
	local known
	known=$(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" | sed 's/.*"learned":\([0-9]*\).*/\1/')
	((known == $(setting generation)))
}
settled() { await 20 "the daemon to learn the sockets" learned; }

# change WORD...: a change that has to work; what it says is in $SAID
change()
{
	SAID=$(shield "$@" 2>&1) || not_ok "$*" "$SAID"
}

# refused NAME CODE PATTERN WORD...: so it ends, says that on stderr, and nothing is changed
refused()
{
	local name=$1 code=$2 pattern=$3 before got
	shift 3
	before=$(contents)
	shield "$@" > "$TMP/out" 2> "$TMP/err"
	got=$?
	if [[ $got == "$code" && ! -s $TMP/out && $(contents) == "$before" ]] &&
		grep -Eq -- "$pattern" "$TMP/err"; then
		ok "$name"
	else
		not_ok "$name" "exit code $got, wanted $code" "$(< "$TMP/out")" "$(< "$TMP/err")" \
			"before: $before" "after: $(contents)"
	fi
}

## What sources get

# connect SRC [N]: how many of N connections are served; those that are not take 0.5 s
connect()
{
	local server=$SRV4
	[[ $1 == *:* ]] && server=$SRV6
	in_cli "$TOOLS/tcpc" get -n "${2:-1}" --timeout 0.5 --src "$1" "$server" 80 | field ok
}

# outcome SRC: whether one connection is served, and why
outcome()
{
	local before after served why=
	before=$(counts)
	served=$(connect "$1")
	after=$(counts)
	for reason in pass.allowed drop.denied reply.cookie pass.calm; do
		(($(field $reason <<< "$after") > $(field $reason <<< "$before"))) && why+=" ${reason#*.}"
	done
	echo "$served$why"
}

sent() { snmp "$NS_CLI" TcpOutSegs TcpRetransSegs; }

topo_up
start_server web --listen :: 80
start_server take --listen :: 90 sink
start_server give --listen :: 91 source --bytes 600000
shield_up mode=always
settled

# -- allow --
generation=$(setting generation)
change allow add "$NET4.2" "$NET6:2"
is "$SAID" "$SRV_IF: allow list: 2 added, 0 removed, 0 as before; 2 in all" "allow add says what it did"
is "$(setting listed) $(setting generation) $(in_map)" "2 $generation 2" \
	"the settings tell how many there are; what was learned still holds"
for src in "$NET4.2" "$NET6:2"; do
	segments=$(sent) opens=$(snmp "$NS_SRV" TcpPassiveOpens)
	allowed=$(counted pass allowed) cookies=$(counted reply cookie)
	is "$(connect "$src" 20)" 20 "$src is allowed: served in mode always"
	is "$(($(counted pass allowed) - allowed)) $(($(counted reply cookie) - cookies))" \
		"$(($(sent) - segments)) 0" "$src: every segment passes as allowed, no cookie"
	is "$(($(snmp "$NS_SRV" TcpPassiveOpens) - opens))" 20 "$src: the handshakes are the kernel's own"
done
is "$(outcome "$NET4.1") $(outcome "$NET6:1")" "1 cookie 1 cookie" "others get cookies as before"
change allow add "$NET4.2" "::ffff:$NET4.2/128" "$NET4.2/32"
is "$SAID" "$SRV_IF: allow list: 0 added, 0 removed, 1 as before; 2 in all" \
	"what is on the list already stays, however it is written"
is "$(setting generation)" "$generation" "and nothing is new then"

# -- deny, exact addresses --
change deny add "$NET4.3" "$NET6:3"
for src in "$NET4.3" "$NET6:3"; do
	segments=$(sent) denied=$(counted drop denied) arrived=$(snmp "$NS_CLI" TcpInSegs)
	is "$(connect "$src" 2)" 0 "$src is denied: not served"
	is "$(($(counted drop denied) - denied))" "$(($(sent) - segments))" \
		"$src: every segment is dropped as denied"
	is "$(($(snmp "$NS_CLI" TcpInSegs) - arrived))" 0 "$src: nothing comes back"
done
is "$(outcome "$NET4.1") $(outcome "$NET6:1")" "1 cookie 1 cookie" "others are served"
is "$(outcome "$NET4.2") $(outcome "$NET6:2")" "1 allowed 1 allowed" "those allowed, too"
change deny del "$NET4.3" "$NET6:3"
is "$(outcome "$NET4.3") $(outcome "$NET6:3")" "1 cookie 1 cookie" "taken off the list: served again"
generation=$(setting generation)
change allow del "$NET4.2" "$NET6:2"
holds "what was learned holds no more when a prefix has gone" "$(setting generation) > generation"
is "$(setting listed) $(in_map) $(outcome "$NET4.2")" "0 0 1 cookie" "both lists are empty again"

# -- the longest prefix --
change deny add "$NET4.0/24" "$NET4.9" "$NET6:0/112" "$NET6:9"
change allow add "$NET4.8/29" "$NET6:8/125"
for host in "1 0 denied" "8 1 allowed" "9 0 denied" "f 1 allowed" "10 0 denied"; do
	n=${host%% *}
	is "$(outcome "$NET4.$((16#$n))")" "${host#* }" "$NET4.$((16#$n)): the longest of /24, /29, /32 decides"
	is "$(outcome "$NET6:$n")" "${host#* }" "$NET6:$n: the longest of /112, /125, /128 decides"
done
is "$(prefixes deny | tr '\n' ' ')" "$NET4.0/24 $NET4.9/32 $NET6:0/112 $NET6:9/128 " \
	"deny list: IPv4 first, by address"
check "list --json is JSON" eval "shield allow list --json | python3 -c 'import json, sys
l = json.load(sys.stdin)
assert l == [{\"interface\": \"$SRV_IF\", \"list\": \"allow\", \"prefixes\": [\"$NET4.8/29\", \"$NET6:8/125\"]}], l'"
prefixes deny | change deny del -f -
prefixes allow | change allow del -f -
is "$(setting listed) $(in_map)" "0 0" "what list prints, del -f - takes off"
change deny add ::/0
is "$(outcome "$NET6:1") $(outcome "$NET4.1")" "0 denied 1 cookie" "::/0 is all of IPv6, and no IPv4"
is "$(setting listed) $(in_map) $(prefixes deny)" "1 2 ::/0" "its guard is in the map, but not counted or shown"
change allow add 0.0.0.0/0
is "$(outcome "$NET6:1") $(outcome "$NET4.1")" "0 denied 1 allowed" "0.0.0.0/0 is all of IPv4"
change allow del 0.0.0.0/0
is "$(outcome "$NET6:1") $(outcome "$NET4.1")" "0 denied 1 cookie" "and goes again without ::/0"
change deny del ::/0
is "$(in_map)" 0 "the guard goes with ::/0"

# -- mode observe and off --
change deny add "$NET4.3"
shield set "$SRV_IF" mode=observe
before=$(counted would_drop denied)
is "$(connect "$NET4.3") $(($(counted would_drop denied) > before))" "1 1" "mode observe only counts the denied"
shield set "$SRV_IF" mode=off
is "$(connect "$NET4.3")" 1 "mode off passes them"
shield set "$SRV_IF" mode=always
change deny del "$NET4.3"

# -- running connections --
tracked() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/conns" | grep -c "\"remote\":\[$1\]"; }
hold() # NAME SRC ARG...: a transfer that is well under way
{
	local name=$1 src=$2
	shift 2
	spawn "$name" cli "$TOOLS/tcpc" transfer --src "$src" --byte-rate $BYTE_RATE --timeout 90 "$@"
	HELD[$name]=$PID
	await 5 "the transfer $name" eval "((\$(server_saw $src) > 20000))"
}
server_saw()
{
	in_srv ss -Htin state established "( dst [$1] )" |
		grep -Eo 'bytes_(received|acked):[0-9]+' | cut -d: -f2 | sort -n | tail -n 1
}
whole() # NAME TEST
{
	if wait "${HELD[$1]}" && grep -q '^ok ' "$TMP/$1.out"; then ok "$2"; else not_ok "$2" "$(cat "$TMP/$1.err")"; fi
}
declare -A HELD

hold up4 "$NET4.4" --send 600000 "$SRV4" 90
hold down6 "$NET6:4" --recv 600000 "$SRV6" 91
hold other "$NET4.5" --send 600000 "$SRV4" 90
SAID=$(shield deny add "$NET4.4" "$NET6:4")
up=$(server_saw "$NET4.4") down=$(server_saw "$NET6:4") other=$(server_saw "$NET4.5")
is "$SAID" "$SRV_IF: deny list: 2 added, 0 removed, 0 as before; 2 in all; 2 connections cut off" \
	"deny says how many connections it cut off"
denied=$(counted drop denied)
await 20 "repeated segments to be dropped" eval '(($(counted drop denied) >= denied + 4))'
check "another's goes on" await 10 "more of it" eval "((\$(server_saw $NET4.5) > other))"
settled
is "$(server_saw "$NET4.4") $(server_saw "$NET6:4")" "$up $down" "running transfers of denied sources stand still"
mapped=0,0,0,0,0,0,0,0,0,0,255,255,${NET4//./,},4
is "$(tracked "$mapped")" 0 "the daemon does not take them back into the table"
hold meanwhile "$NET4.6" --send 300000 "$SRV4" 90
change deny del "$NET4.4" "$NET6:4"
whole up4 "taken off the list: the upload goes on, and arrives whole"
whole down6 "the download, too"
whole other "one that was never denied is whole"
whole meanwhile "one made meanwhile is whole"

# an exception that goes
change allow add "$NET4.4"
change deny add "$NET4.0/24"
hold excepted "$NET4.4" --send 300000 "$SRV4" 90
SAID=$(shield allow del "$NET4.4")
is "$SAID" "$SRV_IF: allow list: 0 added, 1 removed, 0 as before; 0 in all" \
	"an allowed source's connections were never in the table: none to cut off"
up=$(server_saw "$NET4.4") denied=$(counted drop denied)
await 20 "repeated segments to be dropped" eval '(($(counted drop denied) >= denied + 3))'
is "$(server_saw "$NET4.4")" "$up" "but they are denied once their exception goes"
change deny del "$NET4.0/24"
whole excepted "and go on when nothing denies them"

# what the host itself opens
spawn back cli "$TOOLS/tcps" --listen :: 70
await_ready back
change deny add "$NET4.1"
is "$(in_srv "$TOOLS/tcpc" get -n 5 --timeout 1 "$CLI4" 70 | field ok)" 5 "the host may open connections to a denied address"
change deny del "$NET4.1"

# -- wrong input: all or nothing --
change deny add 192.0.2.0/24 2001:db8::/32
change allow add 198.51.100.0/24
printf '%s\n' '203.0.113.0/24' '# fine' '203.0.113.1/24' 'nonsense' '2001:db8::/129' > "$TMP/wrong"
refused "a wrong word" 2 "'203.0.113.1/24': has bits set beyond its length: write 203.0.113.0/24" \
	deny add 203.0.113.0/24 203.0.113.1/24
refused "a wrong line" 1 "wrong:3: '203.0.113.1/24': .* write 203.0.113.0/24" deny add -f "$TMP/wrong"
is "$(grep -c "$TMP/wrong:[345]: " "$TMP/err") $(wc -l < "$TMP/err")" "3 3" "every wrong line is said"
refused "a wrong line in replace" 1 "wrong:4: 'nonsense'" deny replace -f "$TMP/wrong"
refused "a file that is not there" 1 "cannot open $TMP/none: No such file" deny add -f "$TMP/none"
refused "an empty feed" 1 "no prefix in it, nothing was changed" deny replace -f /dev/null
refused "a prefix that the other list has" 1 \
	"198.51.100.0/24 is on the allow list: 'synshield allow del 198.51.100.0/24'" \
	deny add 203.0.113.0/24 198.51.100.0/24
printf '203.0.113.0/24\r\n198.51.100.0/24\r\n' > "$TMP/opposite"
refused "so in a file, with its line" 1 "opposite:2: $SRV_IF: 198.51.100.0/24 is on the allow list" \
	deny replace -f "$TMP/opposite"
refused "del of what is not there" 1 "203.0.113.0/24 is not on the deny list" \
	deny del 192.0.2.0/24 203.0.113.0/24
refused "del of what is inside a prefix" 1 "192.0.2.1/32 is not on the deny list" deny del 192.0.2.1
refused "no verb" 2 "add, del, replace or list" deny
refused "another verb" 2 "not 'remove'" deny remove 192.0.2.0/24
refused "add without prefixes" 2 "which prefixes" deny add
refused "replace without a file" 2 "from --file" deny replace 192.0.2.0/24
refused "list with a prefix" 2 "takes no prefixes" deny list 192.0.2.0/24
refused "an interface for a prefix" 2 "--iface $SRV_IF" deny add "$SRV_IF" 203.0.113.0/24
refused "no such interface" 1 "nosuch0: no such interface" deny add -i nosuch0 203.0.113.0/24
refused "an interface that is not shielded" 3 "lo: not running" deny add -i lo 203.0.113.0/24
change allow del 198.51.100.0/24

# -- 100 000 prefixes --
python3 - "$TMP" "$NET4.3" "$NET6:3" <<-'END'
	import ipaddress, random, sys
	random.seed(6)
	beside = [ipaddress.ip_network(b) for b in ("10.0.0.0/8", "fd00::/8", "48.0.0.0/8")]
	rows = {ipaddress.ip_network(a) for a in sys.argv[2:]}
	while len(rows) < 100000:
	    if random.random() < .7:
	        n, bits = ipaddress.IPv4Address(random.getrandbits(32)), random.choice((20, 24, 24, 32, 32, 32))
	    else:
	        n, bits = ipaddress.IPv6Address(2 << 124 | random.getrandbits(124)), random.choice((32, 48, 64, 128))
	    n = ipaddress.ip_network((n, bits), strict=False)
	    if not any(n.version == b.version and n.overlaps(b) for b in beside):
	        rows.add(n)
	rows = sorted(rows, key=lambda n: (n.version, n))
	for name, part in ("sorted", rows), ("thousand", random.sample(rows, 1000)), \
	    ("feed", random.sample(rows, len(rows))):
	    open(f"{sys.argv[1]}/{name}", "w").writelines(f"{n}\n" for n in part)
	for n in range(1000000):
	    rows.append(ipaddress.IPv4Address(0x30000000 + 3 * n))
	open(f"{sys.argv[1]}/million", "w").writelines(f"{n}\n" for n in rows[100000:])
END
began=${EPOCHREALTIME/[.,]/}
SAID=$(shield deny replace -f "$TMP/feed")
diag "100 000 prefixes were read and written in $(((${EPOCHREALTIME/[.,]/} - began) / 1000)) ms"
is "$SAID" "$SRV_IF: deny list: 100000 added, 2 removed, 0 as before; 100000 in all; 0 connections cut off" \
	"a feed of 100 000 prefixes replaces the list"
is "$(setting listed) $(in_map)" "100000 100000" "all are in the map"
check "and listed in order" eval "prefixes deny | cmp - '$TMP/sorted'"
is "$(outcome "$NET4.3") $(outcome "$NET6:3")" "0 denied 0 denied" "two of them get nothing"
is "$(outcome "$NET4.1") $(outcome "$NET6:1")" "1 cookie 1 cookie" "others are served"
began=${EPOCHREALTIME/[.,]/}
SAID=$(shield allow add -f "$TMP/million" 2>&1)
is "$?:$SAID" "1:synshield: $SRV_IF: no room: both lists together take 1048576 prefixes, what is replaced \
included until it is gone; nothing was changed" "more than there is room for is refused"
diag "948 576 prefixes were written and taken back in $(((${EPOCHREALTIME/[.,]/} - began) / 1000)) ms"
check "half-way in the kernel, and taken back" eval "prefixes deny | cmp - '$TMP/sorted'"
is "$(setting listed) $(in_map)" "100000 100000" "to the last prefix"

# -- the daemon dies --
kill -KILL "$SHIELD_PID"
wait "$SHIELD_PID" 2> /dev/null
is "$(outcome "$NET4.3") $(outcome "$NET4.1")" "0 denied 1 cookie" "kill -9: the lists hold"
SAID=$(shield allow add "$NET4.2" 2>&1)
is "$SAID $(outcome "$NET4.2")" "$SRV_IF: allow list: 1 added, 0 removed, 0 as before; 1 in all 1 allowed" \
	"without a daemon they can be changed"
shield_again
check "taken over: the list is the same" eval "prefixes deny | cmp - '$TMP/sorted'"
is "$(setting listed) $(outcome "$NET4.3") $(outcome "$NET4.2") $(outcome "$NET4.1")" \
	"100001 0 denied 1 allowed 1 cookie" "and holds"

# -- two interfaces --
ip -n "$NS_SRV" link add "$OTHER_IF" type veth peer name "$OTHER_PEER"
ip -n "$NS_SRV" link set "$OTHER_PEER" up
ip -n "$NS_SRV" link set "$OTHER_IF" up
spawn second srv "$SYNSHIELD" run "$OTHER_IF" --pin-dir "$PIN_DIR"
await_said "$PID" second.err ': protected' second
shield allow del "$NET4.2" > "$TMP/out" 2>&1
is "$(< "$TMP/out")" "$SRV_IF: allow list: 0 added, 1 removed, 0 as before; 0 in all
$OTHER_IF: allow list: 0 added, 0 removed, 0 as before; 0 in all" "del is content if one interface had it"
shield deny replace -f "$TMP/thousand" > "$TMP/out" 2>&1
is "$(in_map) $(in_map "$OTHER_IF")" "1000 1000" "without --iface all interfaces are changed"
shield allow add -i "$OTHER_IF" 192.0.2.0/24 > "$TMP/out" 2>&1
is "$(in_map) $(in_map "$OTHER_IF") $(prefixes allow --iface "$OTHER_IF")" "1000 1001 192.0.2.0/24" \
	"with --iface one is"
other=$(in_map "$OTHER_IF")
refused "refused for one, and none is changed" 1 "$OTHER_IF: 192.0.2.0/24 is on the allow list" \
	deny add 198.51.100.0/24 192.0.2.0/24
is "$(in_map "$OTHER_IF")" "$other" "the other neither"
refused "del of what is on no interface" 1 "203.0.113.0/24 is on no interface's deny list" deny del 203.0.113.0/24
shield detach "$OTHER_IF" > "$TMP/out"

# -- what the lists cost: ns for a SYN that gets a cookie --
cost() { in_srv "$TOOLS/cost" "$SRV_IF" "$PIN_DIR/$SRV_IF/prog_xdp" "$SRV4" 80 128.0.0.0/2 | field ns; }
await 10 "the second interface to be gone" eval "! ip -n $NS_SRV link del $OTHER_IF"
shield set "$SRV_IF" reply-rate=1000000
echo 203.0.113.0/24 > "$TMP/one"
prefixes deny | change deny del -f -
settled
costs="no prefix: $(cost)"
for list in one thousand feed; do
	change deny replace -f "$TMP/$list"
	settled
	costs+=", $(in_map): $(cost)"
done
diag "ns per SYN with $costs"
shield_down > /dev/null
is "$(ls -I :lock "$PIN_DIR" 2> /dev/null)" '' "detach removes the lists"
done_testing
