#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The configuration file: what it says is in the maps, whole; SIGHUP reads it anew, all or nothing
# over all interfaces, and says what changed; errors, and transfers under way, leave no trace; what
# 'config' prints is read back as the same.
#
# lib.sh draws the wire; 90 takes streams. A second interface is alone in the server's namespace:
#
#       srv: SRV_IF ==== the wire        srv: $OTHER_IF ---- $OTHER_PEER

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

OTHER_IF=${RUN_ID}x0
OTHER_PEER=${RUN_ID}x1
FILE=$TMP/synshield.conf

write() { cat > "$FILE"; }
map() { bpftool -j map dump pinned "$PIN_DIR/${2:-$SRV_IF}/$1"; }
setting() { map settings "${2:-}" | sed "s/.*\"$1\":\"\{0,1\}\([A-Z_0-9]*\).*/\1/"; }
policies() { map policy "${1:-}" | grep -o '"key":[0-9]*,"value":{[^}]*}' | sort; }
# all that a file is about, generation aside
contents() { map settings "${1:-}" | sed 's/.*formatted//; s/"generation":[0-9]*//'; policies "${1:-}"; map lists "${1:-}" | md5sum; }
prefixes() { shield "$1" list "${@:2}" | grep -v '^#' | tr '\n' ' '; }

# What the service manager hears, a message a line.
python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)' "$TMP/notify" > "$TMP/heard" &
PIDS+=($!)
ready() { grep -c '^READY=1' "$TMP/heard"; }

# daemon ARG...: started, and what it says from then on is in $TMP/shield.err
daemon()
{
	local before
	before=$(ready)
	spawn shield srv env "NOTIFY_SOCKET=$TMP/notify" "$SYNSHIELD" run --pin-dir "$PIN_DIR" "$@"
	SHIELD_PID=$PID
	await 90 "the daemon" eval "((before < \$(ready)))"
}

# reload: what is said of it is in $SAID, without the name in front
reload()
{
	local before lines
	before=$(ready) lines=$(wc -l < "$TMP/shield.err")
	kill -HUP "$SHIELD_PID"
	await 90 "the reload" eval "(($before < \$(ready)))"
	SAID=$(tail -n "+$((lines + 1))" "$TMP/shield.err" | sed "s/^synshield: //; s#$TMP/##g")
}

# refused NAME CODE PATTERN COMMAND...
refused()
{
	local name=$1 code=$2 pattern=$3 got
	shift 3
	"$@" > "$TMP/out" 2> "$TMP/err"
	got=$?
	if [[ $got == "$code" && ! -s $TMP/out ]] && grep -Eq -- "$pattern" "$TMP/err"; then
		ok "$name"
	else
		not_ok "$name" "exit code $got, wanted $code" "$(< "$TMP/out")" "$(< "$TMP/err")"
	fi
}

# -- check --
example=$ROOT/contrib/synshield.conf
is "$("$SYNSHIELD" check "$example" 2> "$TMP/err")" "$example: ok, 1 interface" "the example is right"
sed 's/^;\([a-z][a-z0-9-]* =\)/\1/' "$example" > "$TMP/all"
check "so it is with all that is commented out" eval "! diff -q '$example' '$TMP/all' && '$SYNSHIELD' check '$TMP/all'"
printf '[nosuch0]\n[nosuch0:80]\nmode = off\n' > "$TMP/plain"
chmod 755 "$TMP"
is "$(setpriv --reuid 65534 --clear-groups "$SYNSHIELD" check "$TMP/plain" 2> "$TMP/err"; cat "$TMP/err")" \
	"$TMP/plain: ok, 1 interface
synshield: $TMP/plain: warning: nosuch0: no such interface in this network namespace now" \
	"check needs no root; an interface that is not there is a warning"
printf 'xpd = native\n[a]\nmode = on\nquiet = 0\n[default]\n' > "$TMP/wrong"
refused "check says every error, and exits 1" 1 'wrong:5: .default.: did you mean \[defaults\]' "$SYNSHIELD" check "$TMP/wrong"
is "$(grep -c "$TMP/wrong:[1345]: " "$TMP/err")" 4 "each with its line"
refused "check takes one file" 2 "one file" "$SYNSHIELD" check "$TMP/wrong" "$TMP/plain"
refused "check of a file that is not there" 1 "none: cannot be read: No such file" "$SYNSHIELD" check "$TMP/none"

# -- run --
topo_up
start_server take --listen :: 90 sink
ip -n "$NS_SRV" link add "$OTHER_IF" type veth peer name "$OTHER_PEER"
ip -n "$NS_SRV" link set "$OTHER_PEER" up
ip -n "$NS_SRV" link set "$OTHER_IF" up
run() { in_srv "$SYNSHIELD" run --pin-dir "$PIN_DIR" "$@"; }
refused "run refuses a file with an error, whole" 2 'wrong:3: mode is off' run --config "$TMP/wrong"
refused "run refuses a file that names no such interface" 1 'nosuch0: no such interface' run --config "$TMP/plain"
refused "run takes the file's interfaces only" 2 'has no section \[lo\]' run lo --config "$TMP/plain"
is "$(ls -I :lock "$PIN_DIR" 2> /dev/null)" '' "and nothing is attached"
write <<-END
	tc = clsact
	conns = 70000
	solo = on
	[defaults]
	quiet = 77
	half-open = 99
	deny = 192.0.2.0/24
	[defaults:22]
	mode = off
	[$SRV_IF]
	mode = always
	half-open = 55
	allow = 192.0.2.7, 2001:db8::7
	[$SRV_IF:https]
	mode = observe
	source-conns = off
	[$OTHER_IF]
END
daemon --config "$FILE" --conns 20000 epoch=30 22:syn-rate=900
check "switches before the first section hold" eval "[[ \$(grep -c 'alone; TC clsact' '$TMP/shield.err') == 2 ]]"
is "$(shield status "$SRV_IF" --interval 10 --json | sed -n 's/.*"capacity": \([0-9]*\).*/\1/p')" 32768 \
	"the command line's go over them"
is "$(setting mode) $(setting half_open) $(setting quiet) $(setting epoch) $(setting syn_rate)" \
	"SYNSHIELD_MODE_ALWAYS 55 77 30 5000" "an interface's settings, the defaults, words, and the rest"
is "$(setting mode "$OTHER_IF") $(setting half_open "$OTHER_IF") $(setting epoch "$OTHER_IF")" \
	"SYNSHIELD_MODE_AUTO 99 30" "those of an empty section"
is "$(policies | sed 's/,"half_open.*"source_conns"/ source_conns/; s/,"source_rate.*//' | tr -d '"{}' | tr '\n' ' ')" \
	"key:22,value:mode:SYNSHIELD_MODE_OFF,syn_rate:900 source_conns:0 \
key:443,value:mode:SYNSHIELD_MODE_OBSERVE,syn_rate:0 source_conns:4294967295 " "the ports', from all three"
is "$(prefixes allow -i "$SRV_IF")$(prefixes deny -i "$SRV_IF")$(prefixes deny -i "$OTHER_IF")" \
	"192.0.2.7/32 2001:db8::7/128 192.0.2.0/24 192.0.2.0/24 " "the lists"

# -- SIGHUP --
before=$(map settings)$(map policy)$(map lists)
reload
is "$SAID" "synshield.conf: read anew, nothing has changed" "SIGHUP: the same file changes nothing"
is "$(map settings)$(map policy)$(map lists)" "$before" "not even the generation"
check "the service manager hears of it" grep -Eq '^RELOADING=1 MONOTONIC_USEC=[0-9]+$' "$TMP/heard"
shield set "$SRV_IF" quiet=5 8080:mode=off
reload
is "$SAID" "$SRV_IF: quiet 5 -> 77 s
$SRV_IF: port 8080: mode off -> inherit" "what 'set' has changed becomes what the file says"
write <<-END
	tc = auto
	conns = 70000
	[defaults]
	quiet = 77
	deny = 198.51.100.0/24, 203.0.113.0/24
	[$SRV_IF]
	syn-rate = 2000
	source-conns = 9
	allow = 192.0.2.7, 2001:db8::7
	[$SRV_IF:443]
	mode = always
	source-conns = inherit
	[nosuch0]
END
other=$(contents "$OTHER_IF")
reload
is "$SAID" "synshield.conf: solo on -> default holds from the next start on: restart
synshield.conf: tc clsact -> auto holds from the next start on: restart
synshield.conf: has no section [$OTHER_IF] any more: it goes on as it is; 'synshield detach $OTHER_IF' removes it
synshield.conf: [nosuch0] is not run: restart attaches to it
$SRV_IF: mode always -> auto
$SRV_IF: syn-rate 5000 -> 2000 SYN/s
$SRV_IF: half-open 55 -> 256 requests
$SRV_IF: source-conns off -> 9 connections
$SRV_IF: port 22: mode off -> inherit
$SRV_IF: port 443: mode observe -> always
$SRV_IF: port 443: source-conns off -> inherit
$SRV_IF: 2 denied prefixes added, 1 removed" "what changed is said, and what cannot change now"
is "$(setting syn_rate) $(setting listed) $(setting epoch) $(policies | wc -l)" "2000 4 30 2" "and is in the maps"
is "$(contents "$OTHER_IF")" "$other" "the interface that the file has no more is as before"

# an error: nothing changes
before=$(map settings)$(map policy)$(map lists)
sed 's/syn-rate = 2000/syn-rate = 3000\nquiet = 0/; s/mode = always/mode = on/' "$FILE" > "$TMP/new"
cp "$FILE" "$TMP/good"
cp "$TMP/new" "$FILE"
reload
is "$SAID" "synshield.conf:8: quiet is a whole number from 1 to 3600 (s), not '0'
synshield.conf:12: mode is off, observe, auto or always, or inherit to follow the interface, not 'on'
synshield.conf: all stays as it was" "an error: every one is said"
is "$(map settings)$(map policy)$(map lists)" "$before" "and nothing is changed"
rm "$FILE"
reload
is "$SAID" "synshield.conf: cannot be read: No such file or directory
synshield.conf: all stays as it was" "a file that has gone"
cp "$TMP/good" "$FILE"

# -- lists --
shield deny add 100.64.0.0/10 > "$TMP/out" 2>&1
sed -i '/^allow\|^deny/d' "$FILE"
reload
is "$(prefixes deny -i "$SRV_IF")" "100.64.0.0/10 198.51.100.0/24 203.0.113.0/24 " \
	"a file without prefixes leaves the lists alone"
echo 203.0.113.9 > "$TMP/feed"
sed -i "s/^\[$SRV_IF\]/&\ndeny-file = feed/" "$FILE"
reload
is "$(prefixes allow -i "$SRV_IF")$(prefixes deny -i "$SRV_IF") $SAID" \
	"203.0.113.9/32  $(sed -n '/restart\|no section/p' <<< "$SAID")
$SRV_IF: 2 allowed prefixes removed
$SRV_IF: 1 denied prefix added, 3 removed" "one that names prefixes names all of both"
sed -i 's/^deny-file.*/deny =/' "$FILE"
reload
is "$(prefixes allow -i "$SRV_IF")$(prefixes deny -i "$SRV_IF")$(setting listed)" 0 "'deny =' empties them"

# -- traffic --
write <<-END
	[$SRV_IF]
	mode = always
	[$OTHER_IF]
END
sed 's/always/auto\nsyn-rate = 90/; s/^\[.*x0\]/[defaults:90]\nmode = observe\n&\nquiet = 3/' "$FILE" > "$TMP/b"
cp "$FILE" "$TMP/a"
spawn up cli "$TOOLS/tcpc" transfer --send 1500000 --byte-rate 300000 --timeout 90 "$SRV4" 90
up=$PID changes=0
for ((i = 0; i < 20; i++)); do
	((i % 2)) && cp "$TMP/a" "$FILE" || cp "$TMP/b" "$FILE"
	reload
	grep -q "$SRV_IF: mode a" <<< "$SAID" && ((changes++))
	((i == 9)) && half=$(running "$up" && echo running)
	pause 0.2
done
is "$changes $half" "19 running" "20 reloads in the middle of a transfer, 19 with another mode"
if wait "$up" && grep -q '^ok ' "$TMP/up.out"; then
	ok "which arrives whole"
else
	not_ok "which arrives whole" "$(cat "$TMP/up.err")"
fi

# -- there and back --
cat > "$TMP/random.py" <<-'END'
	# random.py FILE SEED IFACE: every setting of an interface, and of two ports, at random; the map's
	# values as they have to be go to standard output.
	import random, re, subprocess, sys
	words = {"mode": ["off", "observe", "auto", "always"], "counts": ["auto", "always"],
	         "reset": ["reply", "drop", "pass"], "keepalive-close": ["off", "on"]}
	per_port = ["mode", "syn-rate", "half-open", "reset", "source-conns", "source-rate"]
	file, seed, iface, synshield = sys.argv[1:]
	random.seed(int(seed))
	names = re.findall(r"^; .*\((?:(\d+) to (\d+)(, or off)?; )?default.*\n([a-z0-9-]+) +=", subprocess.run(
	    [synshield, "config", "--all", iface], capture_output=True, text=True, check=True).stdout, re.M)
	def pick(row, port):
	    least, most, off, name = row
	    if name in words:
	        word = random.choice(words[name])
	        return word, ["off", "on"].index(word) if name == "keepalive-close" else \
	            f"SYNSHIELD_{'RESET' if name == 'reset' else 'MODE'}_{word.upper()}"
	    if off and random.random() < .2:
	        return "off", 0xffffffff if port else 0
	    value = random.randint(int(least), int(most))
	    return value, value
	with open(file, "w") as out:
	    for port in "", ":80", ":443":
	        print(f"[{iface}{port}]", file=out)
	        for row in names:
	            if not port or row[3] in per_port:
	                word, value = pick(row, port)
	                print(f"{row[3]} = {word}", file=out)
	                print(port, row[3].replace("-", "_"), value)
	    print(f"[{iface}x]", file=out) # another, which the next reload leaves alone
END
cat > "$TMP/inside.py" <<-'END'
	# inside.py PINS: the same of what the maps hold
	import json, subprocess, sys
	def rows(name):
	    return json.loads(subprocess.run(["bpftool", "-j", "map", "dump", "pinned", f"{sys.argv[1]}/{name}"],
	                                     capture_output=True, check=True).stdout)
	def show(port, value):
	    for name in value:
	        if name not in ("abi", "generation", "listed"):
	            print(port, name, value[name])
	show("", rows("settings")[0]["formatted"]["value"])
	for row in rows("policy"):
	    show(f":{row['formatted']['key']}", row["formatted"]["value"])
END
inside() { python3 "$TMP/inside.py" "$PIN_DIR/$SRV_IF" | sort; }
stop "$SHIELD_PID" # whose words would go over the file's
daemon --config "$FILE"
same=0 back=0
for ((seed = 0; seed < 5; seed++)); do
	in_srv env "SYNSHIELD_PIN_DIR=$PIN_DIR" python3 "$TMP/random.py" "$FILE" $seed "$SRV_IF" "$SYNSHIELD" | sort > "$TMP/wanted"
	reload
	inside > "$TMP/got"
	cmp -s "$TMP/wanted" "$TMP/got" && ((same++))
	option=
	((seed % 2)) && option=--all
	shield config "$SRV_IF" $option > "$TMP/printed"
	"$SYNSHIELD" check "$TMP/printed" > /dev/null 2>> "$TMP/checked" || diag "$(cat "$TMP/checked")"
	echo "[$SRV_IF]" > "$FILE"
	reload
	cmp -s "$TMP/got" <(inside) && diag "nothing was reset"
	cp "$TMP/printed" "$FILE"
	reload
	cmp -s "$TMP/got" <(inside) && ((back++))
done
is "$(wc -l < "$TMP/wanted") $same" "37 5" \
	"every setting, at random: the maps hold what the file says" "$(diff "$TMP/wanted" "$TMP/got")"
is "$back" 5 "what config prints, with --all or without, is read back as the same"
printf '[%s]\n' "$SRV_IF" > "$FILE"
reload
is "$(shield config "$SRV_IF" | grep -v '^;' | tr -d '\n')" "[$SRV_IF]" "what is as by default is not printed"
shield deny add 192.0.2.0/24 2001:db8::/32 > "$TMP/out" 2>&1
is "$(shield config "$SRV_IF" | grep -c '^deny  *= ')" 2 "prefixes are"
python3 -c 'for n in range(1000): print(f"10.{n // 256}.{n % 256}.0/24")' | shield allow add -i "$SRV_IF" -f - > "$TMP/out" 2>&1
shield config "$SRV_IF" > "$TMP/printed"
check "more than 1000 are left out, and it says how to have them" eval \
	"grep -q '1000 allowed and 2 denied prefixes' '$TMP/printed' && ! grep -q '^deny' '$TMP/printed' && '$SYNSHIELD' check '$TMP/printed'"
shield allow replace -i "$SRV_IF" -f "$TMP/feed" > "$TMP/out" 2>&1

# -- two interfaces: the second one cannot be changed --
write <<-END
	[$SRV_IF]
	quiet = 11
	[$OTHER_IF]
END
reload
bpftool map freeze pinned "$PIN_DIR/$OTHER_IF/policy"
before=$(contents) other=$(contents "$OTHER_IF")
write <<-END
	[defaults]
	deny = 100.64.0.0/10
	[$SRV_IF]
	quiet = 12
	[$SRV_IF:80]
	mode = off
	[$OTHER_IF]
	quiet = 12
	[$OTHER_IF:80]
	mode = off
END
reload
is "$SAID" "$OTHER_IF: cannot write the map policy, nothing was changed: Operation not permitted
synshield.conf: all stays as it was" "the second interface fails"
is "$(contents)$(contents "$OTHER_IF")" "$before$other" "the first one is undone, ports and lists too"
sed -i "/^\[$OTHER_IF:80\]/,\$d" "$FILE"
reload
is "$(setting quiet) $(setting quiet "$OTHER_IF") $(prefixes deny -i "$OTHER_IF")" "12 12 100.64.0.0/10 " \
	"the next file is taken"
stop "$SHIELD_PID"
before=$(contents) other=$(contents "$OTHER_IF")
printf '[%s]\nquiet = 13\n[%s:80]\nmode = off\n' "$SRV_IF" "$OTHER_IF" > "$FILE"
refused "taking over: the second one fails" 1 "$OTHER_IF: cannot write the map policy" run --config "$FILE"
is "$(contents)$(contents "$OTHER_IF")" "$before$other" "and both are as before"
check "and go on" eval "[[ \$(shield status --interval 10 | grep -c ': protected') == 2 ]]"

# -- taking over, and other ways to start --
printf '[%s]\nquiet = 14\n[%s]\n' "$SRV_IF" "$OTHER_IF" > "$FILE"
daemon "$SRV_IF" --config "$FILE"
is "$(setting quiet) $(setting quiet "$OTHER_IF")" "14 12" "with IFACE, only that one of the file's"
check "what a take-over changes is said" grep -q "$SRV_IF: quiet 12 -> 14 s" "$TMP/shield.err"
reload
is "$SAID" "synshield.conf: read anew, nothing has changed" "the others are not missed"
stop "$SHIELD_PID"
daemon "$SRV_IF" syn-rate=777
is "$(setting quiet) $(setting syn_rate)" "14 777" "without a file, run changes what it names and nothing else"
lines=$(wc -l < "$TMP/shield.err")
kill -HUP "$SHIELD_PID"
await 5 "an answer to SIGHUP" eval "((\$(wc -l < '$TMP/shield.err') > $lines))"
is "$(tail -n 1 "$TMP/shield.err")" "synshield: SIGHUP: there is no file to read anew: 'run --config FILE' has one" \
	"SIGHUP without a file ends nothing"
stop "$SHIELD_PID"
cp -a /etc "$TMP/etc"
cp "$FILE" "$TMP/etc/synshield.conf"
before=$(ready)
spawn shield srv unshare -m sh -c "mount --bind '$TMP/etc' /etc && exec env NOTIFY_SOCKET='$TMP/notify' '$SYNSHIELD' run --pin-dir '$PIN_DIR'"
SHIELD_PID=$PID
await 90 "the daemon" eval "(($before < \$(ready)))"
is "$(setting quiet) $(setting syn_rate) $(setting quiet "$OTHER_IF")" "14 5000 10" \
	"run alone takes /etc/synshield.conf"
stop "$SHIELD_PID"
shield detach "$SRV_IF" "$OTHER_IF" > /dev/null
is "$(ls -I :lock "$PIN_DIR" 2> /dev/null)" '' "detach removes all"
done_testing
