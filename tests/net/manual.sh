#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is written about synshield says what it does: manual, completion, README, docs. What the
# command line takes is read from its own --help. Nothing is attached; the pins are directories.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BUILT=$ROOT/build/man
BASH_FILE=$BUILT/synshield.bash
export LC_ALL=C
cd "$ROOT" || exit 1

## What the command line takes

commands() { "$SYNSHIELD" --help | sed -n '/^commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'; }
switches() { sed -n 's/^  .. --\([a-z0-9-]*\).*/--\1/p'; }
letters() { sed -n 's/^  \(-[a-zA-Z]\) --.*/\1/p'; }
settings() { "$SYNSHIELD" set --help | sed -n '/^settings,/,$s/^  \([a-z][a-z0-9-]*\) .*/\1/p'; }

for command in $(commands); do
	[[ $command == help ]] && continue
	"$SYNSHIELD" "$command" --help > "$TMP/help.$command"
done

# "run --xdp" of each command, and "run -v": as asked for and sorted, one a line
help_switches()
{
	local file command
	for file in "$TMP"/help.*; do
		command=${file##*.}
		{ switches < "$file"; letters < "$file"; } | sed "s/^/$command /"
	done | sort
}

## The manual

# A page as text, one line for each paragraph.
page() { MANWIDTH=4000 man -E ascii -l "$1" 2> /dev/null | col -bx; }

# Switches of the manual's parts named like commands, as help_switches prints them.
manual_switches()
{
	page "$BUILT/synshield.8" | awk '
		/^[A-Z]/ { part = $0; command = "" }
		/^   [a-z]/ && part == "COMMANDS" { command = $1; known[command] = 1 }
		/^     -/ {
			n = split($0, word, /,? +/)
			for (i = 2; i <= n && word[i] ~ /^-/; i++) {
				sub(/\[.*/, "", word[i])
				if (part == "OPTIONS")
					common[word[i]] = 1
				else if (command)
					print command, word[i]
			}
		}
		END { for (c in known) for (s in common) print c, s }' | sort
}

manual_settings()
{
	page "$1" | sed -n '/^SETTINGS/,/^[A-RT-Z]/s/^     \([a-z][a-z0-9-]*\)=.*/\1/p'
}

pages_are_clean()
{
	local file output
	for file in "$BUILT"/*.[58]; do
		output=$(man --warnings -E UTF-8 -l "$file" 2>&1 > /dev/null)
		# other pages need not be installed where this one is checked
		output+=$(mandoc -T lint "$file" 2>&1 | grep -v -e 'outdated mandoc.db' -e 'referenced manual not found')
		[[ $output ]] && echo "$output" && return 1
	done
	return 0
}

check "the pages have no warning of groff's or mandoc's" pages_are_clean
is "$(page "$BUILT/synshield.8" | sed -n '/^COMMANDS/,/^OPTIONS/s/^   \([a-z-]*\)$/\1/p')" \
	"$(commands | grep -v '^help$')" "synshield(8) has every command, in the order of --help"
is "$(manual_switches)" "$(help_switches)" "it has the switches of each command, and no other"
is "$(manual_settings "$BUILT/synshield.8")" "$(settings)" "it has every setting, and no other"

is "$(manual_settings "$BUILT/synshield.conf.5")" "$(settings)" "so has synshield.conf(5)"
is "$(page "$BUILT/synshield.conf.5" | sed -n '/Before any section/,/Sections/s/^     \([a-z-]*\) = .*/--\1/p')" \
	"$(switches < "$TMP/help.run" | grep -vx -e --config -e --pin-dir -e --help)" \
	"and the switches of run that a file may have"

## The example of synshield.conf(5)

example() { page "$BUILT/synshield.conf.5" | sed -n '/^EXAMPLES/,/^SEE/s/^           //p'; }
touch "$TMP/feed.txt"
example > "$TMP/example.conf"
holds "it has some lines" "$(wc -l < "$TMP/example.conf") > 8"
check "check finds no error in it" "$SYNSHIELD" check "$TMP/example.conf"

## Completion

# complete_line WORDS: what bash is offered for the last word, sorted, as one line
cat > "$TMP/offer" << 'END'
source "$1"
[[ $(complete -p synshield) == "complete -F _synshield synshield" ]] || exit 1
COMP_LINE="synshield $2" COMP_POINT=${#COMP_LINE}
_synshield
printf '%s\n' "${COMPREPLY[@]}" | sort | paste -s -d ' '
END
complete_line() { bash "$TMP/offer" "$BASH_FILE" "$1"; }

completed_switches()
{
	local command
	for command in $(commands); do
		[[ $command == help ]] && continue
		complete_line "$command -" | tr ' ' '\n' | sed "s/^/$command /"
	done | sort
}

is "$(complete_line '')" "$({ commands; printf '%s\n' --help --version; } | sort | paste -s -d ' ')" \
	"completion has every command"
is "$(completed_switches)" "$(help_switches)" "it has the switches of each command, and no other"
is "$(complete_line 'set lo' | tr ' ' '\n' | grep -v '^lo$')" "" \
	"an interface that does not run is not offered to set"
mkdir -p "$TMP/pins/lo" "$TMP/pins/eth9:100"
is "$(complete_line "set --pin-dir $TMP/pins " | tr ' ' '\n' | sed -n 's/=$//p' | sort)" \
	"$(settings | sort)" "it has every setting"
is "$(complete_line "status --pin-dir $TMP/pins ")" "eth9.100 lo" \
	"status is offered the interfaces that run, with their dots"
is "$(SYNSHIELD_PIN_DIR=$TMP/pins complete_line 'detach e')" "eth9.100" \
	"also those below SYNSHIELD_PIN_DIR"
is "$(complete_line 'run lo')" "$(cd /sys/class/net && printf '%s\n' lo*)" \
	"run is offered every interface"
is "$(complete_line 'set lo mode=')" "always auto observe off" "the modes, behind mode="
is "$(complete_line 'set lo 443:mode=')" "always auto inherit observe off" "those of a port, with inherit"
is "$(complete_line 'set lo 443:source-c')" "source-conns=" "the settings of a port"
is "$(complete_line 'set lo 443:qui')" "" "but not those of the interface only"
is "$(unshare -n bash -c 'ip link set lo up
	coproc { python3 -c "import socket, sys
with socket.create_server((\"127.0.0.1\", 4711)):
    print(flush=True)
    sys.stdin.read()"; }
	read -r -u "${COPROC[0]}"
	bash "$0" "$1" "set lo 4"
	kill "$COPROC_PID"' "$TMP/offer" "$BASH_FILE")" "4711:" "the ports that listen"
is "$(complete_line 'run --xdp ')" "$(complete_line 'run --xdp=')" "values behind a blank and behind ="
is "$(complete_line 'run --xdp n')" "native" "one of the values"
is "$(complete_line 'allow ')" "add del list replace" "the verbs of allow"
is "$(complete_line 'allow add ')" "" "and no second verb"
is "$(complete_line 'conns CLOS')" "CLOSED CLOSE_WAIT CLOSING" "the states, for conns"
is "$(complete_line 'help sta')" "stats status" "help is offered the commands"
: > "$TMP/a b.pcap"
: > "$TMP/list.txt"
is "$(complete_line "replay $TMP/a")" "$TMP/a b.pcap" "files, for replay"
is "$(complete_line "deny replace -f $TMP/li")" "$TMP/list.txt" "and for -f"
is "$(complete_line 'conns --watch 1 --no')" "--no-header" "a switch with an optional value takes no word"

echo "source $BASH_FILE" > "$TMP/rc"
is "$(python3 "$ROOT/tests/tools/tab.py" "$TMP/rc" 'detac' 'run lo 443:mo' 'run lo mode=al' \
	'run lo 443:mode=inh' 'run --xdp=gen' 'run --conns 9 --tc tc' "replay $TMP/a")" \
	"detach
run lo 443:mode=
run lo mode=always
run lo 443:mode=inherit
run --xdp=generic
run --conns 9 --tc tcx
replay $TMP/a b.pcap" "TAB in a real bash"

## README and docs

DOCS=(README.md docs/*.md)

reasons() { sed -n 's/^\tX(\([a-z_]*\),.*/\1/p' include/synshield/reasons.h | sort -u; }

# The first columns of the tables that are headed "reason".
documented_reasons()
{
	awk -F '|' '
		!/^\|/ { table = 0 }
		table { print $2 }
		/^\| reason/ { table = 1 }' docs/packets.md | grep -o '`[a-z_]*`' | tr -d '`' | sort -u
}

is "$(documented_reasons)" "$(reasons)" "docs/packets.md has every reason of reasons.h, and no other"

# "FILE: COMMAND [SWITCH]" for each `synshield COMMAND --SWITCH` that is written there
written_commands()
{
	grep -H -o -E '(^|[ `])synshield [a-z][a-z]*[^`|#]*' "${DOCS[@]}"
}

# Words that are no command are prose ("synshield is ..."), but not where code is meant.
commands_exist()
{
	local file text command word bad=0
	local -i read=0

	while IFS=: read -r file text; do
		read -r _ command text <<< "${text//\`/}"
		[[ -e $TMP/help.$command || $command == help ]] || continue
		((read++))
		for word in $text; do
			[[ $word == --[a-z]* ]] || continue
			word=${word%%[=,.;:)]*}
			switches < "$TMP/help.$command" | grep -qx -e "$word" && continue
			echo "$file: synshield $command has no $word"
			bad=1
		done
	done < <(written_commands)
	((read > 20)) || echo "only $read commands found"
	((read > 20 && !bad))
}

code_commands_exist()
{
	local file command bad=0

	while IFS=: read -r file command; do
		[[ -e $TMP/help.$command || $command == help || $command == COMMAND ]] && continue
		echo "$file: there is no command $command"
		bad=1
	done < <(
		for file in "${DOCS[@]}"; do
			{ sed -n '/^```/,/^```/p' "$file"; grep -o '`[^`]*`' "$file" | tr -d '`'; } |
				sed -n -E 's/^(\$ |# )?(sudo )?synshield ([A-Za-z]+).*/\3/p' | sed "s|^|$file:|"
		done
	)
	((!bad))
}

commands_are_shown()
{
	local command missing=
	for command in $(commands); do
		grep -q "synshield $command" "${DOCS[@]}" || [[ $command == help ]] || missing+=" $command"
	done
	[[ ! $missing ]] || echo "neither README nor docs show:$missing"
	[[ ! $missing ]]
}

check "README and docs use only switches that exist" commands_exist
check "they use only commands that exist" code_commands_exist
check "they show every command" commands_are_shown

# As GitHub makes them of headings.
anchors()
{
	sed '/^```/,/^```/d' "$1" | sed -n 's/^#\{1,6\} //p' | tr '[:upper:]' '[:lower:]' |
		sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

links_resolve()
{
	local file link path anchor bad=0
	local -i read=0

	while IFS=: read -r file link; do
		[[ $link == *://* ]] && continue
		((read++))
		path=${link%%#*}
		path=${path:+$(dirname "$file")/$path}
		path=${path:-$file}
		anchor=${link#"${link%%#*}"}
		if [[ ! -e $path ]] ||
			{ [[ $anchor ]] && ! anchors "$path" | grep -qx -e "${anchor#\#}"; }; then
			echo "$file: nothing behind $link"
			bad=1
		fi
	done < <(grep -H -o -E '\]\([^) ]+\)|(href|src|srcset)="[^"]+"' "${DOCS[@]}" |
		sed -E 's/:(\]\(|[a-z]+=")/:/; s/[)"]$//')
	((read > 5)) || echo "only $read links found"
	((read > 5 && !bad))
}

check "links within README and docs lead somewhere" links_resolve

done_testing
