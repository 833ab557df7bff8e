#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Runs the TAP tests and adds them up.  run.sh [NAME...]: only those (cli, flood, prog, ..., or a
# file, tests/vm/tests/attach.sh), one after the other.  run.sh together: those that go together.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
[[ $EUID == 0 ]] || {
	echo "tests: they need root, for network namespaces and BPF: sudo make test" >&2
	exit 1
}

LIMIT=${LIMIT:-600} # seconds that one file may take
PASSED=0 FAILED=0 SKIPPED=0
LOGS=$(mktemp -d) || exit 1
trap 'rm -rf "$LOGS"' EXIT
trap 'exit 130' INT TERM

# Those that neither measure nor flood, and do not mind who else uses the CPUs: AT_ONCE at a time, at
# the end, the longest first.
TOGETHER=(sanitize faults lists fuzz old-kernel package segments tcpinfo metrics host config halfopen
	privileges replay doctor manual cli conns notify recount)
AT_ONCE=3

declare -A COMMANDS=()
ALONE=()
# add NAME COMMAND
add()
{
	COMMANDS[$1]=$2
	[[ " ${TOGETHER[*]} " == *" $1 "* ]] || ALONE+=("$1")
}

for file in build/tests/unit-*; do
	add "$(basename "$file")" "$file"
done
add prog build/tests/shield-rows
add verifier 'echo 1..1
	build/tests/verifier-stats tests/prog/verifier.ceiling || echo -n "not "
	echo "ok 1 - the programs stay below their ceilings for the verifier"'
for file in tests/net/*.sh; do
	name=$(basename "$file" .sh)
	[[ $name == lib* ]] || add "$name" "$file"
done
case $* in
'') ;;
together) ALONE=() ;;
*)
	TOGETHER=() ALONE=()
	for name; do
		file=$name name=$(basename "$name" .sh)
		add "$name" "$([[ $file == */* ]] && echo "$file" || echo "${COMMANDS[$name]:-}")"
	done
	;;
esac
for name in "${ALONE[@]}" "${TOGETHER[@]}"; do
	[[ ${COMMANDS[$name]:-} ]] || {
		echo "tests: no test called $name" >&2
		exit 2
	}
done

# execute NAME: its output to $LOGS/NAME, then its exit status and seconds to $LOGS/NAME.end
execute()
{
	local command=${COMMANDS[$1]} start=$SECONDS

	timeout -k 20 "$LIMIT" bash -c "$command" > "$LOGS/$1" 2>&1
	echo $? $((SECONDS - start)) > "$LOGS/$1.end"
}

# report NAME.  A file that ends early, or whose plan does not hold, has failed once more.
report()
{
	local name=$1 log=$LOGS/$1 status seconds planned passed failed skipped

	read -r status seconds < "$log.end"
	skipped=$(grep -c '^ok .*# SKIP' "$log")
	passed=$(($(grep -c '^ok ' "$log") - skipped))
	failed=$(grep -c '^not ok ' "$log")
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log")
	if ((status == 124)); then
		echo "not ok - $name did not end within $LIMIT s" | tee -a "$log"
		((failed++))
	elif [[ $planned != $((passed + failed + skipped)) ]] || ((status && !failed)); then
		echo "not ok - $name ended early (status $status, planned ${planned:-nothing})" \
			>> "$log"
		((failed++))
	fi
	printf '%-12s %5d passed, %d failed, %d skipped  (%d s)\n' "$name" "$passed" "$failed" \
		"$skipped" "$seconds"
	if ((failed)); then
		grep -B 4 -A 12 -E '^not ok|^Bail out' "$log"
		grep -q -E '^not ok [0-9]|^Bail' "$log" || tail -n 40 "$log"
	else
		grep -E '# SKIP' "$log"
	fi
	((PASSED += passed, FAILED += failed, SKIPPED += skipped))
}

for name in "${ALONE[@]}"; do
	execute "$name"
	report "$name"
done
for name in "${TOGETHER[@]}"; do
	(($(jobs -rp | wc -l) < AT_ONCE)) || wait -n
	execute "$name" &
done
wait
for name in "${TOGETHER[@]}"; do
	report "$name"
done
((SKIPPED)) && extra=", $SKIPPED skipped"
echo "$PASSED passed, $FAILED failed${extra:-}"
exit $((FAILED > 0 || PASSED == 0))
