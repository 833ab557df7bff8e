#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Runs the TAP tests and adds them up.  run.sh [NAME...]: only those (cli, flood, prog, ...).

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
[[ $EUID == 0 ]] || {
	echo "tests: they need root, for network namespaces and BPF: sudo make test" >&2
	exit 1
}

LIMIT=600 # seconds that one file may take
PASSED=0 FAILED=0 SKIPPED=0
LOG=$(mktemp) || exit 1
trap 'rm -f "$LOG"' EXIT
trap 'exit 130' INT TERM

declare -A COMMANDS=()
ORDER=()
for file in build/tests/unit-*; do
	name=$(basename "$file")
	COMMANDS[$name]=$file
	ORDER+=("$name")
done
COMMANDS[prog]=build/tests/shield-rows
COMMANDS[verifier]='echo 1..1
	build/tests/verifier-stats tests/prog/verifier.ceiling || echo -n "not "
	echo "ok 1 - the programs stay below their ceilings for the verifier"'
ORDER+=(prog verifier)
for file in tests/net/*.sh; do
	name=$(basename "$file" .sh)
	[[ $name == lib ]] && continue
	COMMANDS[$name]=$file
	ORDER+=("$name")
done
(($#)) && ORDER=("$@")

count() { grep -c -E "$1" "$LOG"; }

# A file that ends early, or whose plan does not hold, has failed once more.
run()
{
	local name=$1 command=${COMMANDS[$1]:-} status planned passed failed skipped start=$SECONDS

	[[ $command ]] || {
		echo "tests: no test called $name" >&2
		exit 2
	}
	timeout -k 20 "$LIMIT" bash -c "$command" > "$LOG" 2>&1
	status=$?
	skipped=$(count '^ok .*# SKIP')
	passed=$(($(count '^ok ') - skipped))
	failed=$(count '^not ok ')
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$LOG")
	if ((status == 124)); then
		echo "not ok - $name did not end within $LIMIT s" | tee -a "$LOG"
		((failed++))
	elif [[ $planned != $((passed + failed + skipped)) ]] || ((status && !failed)); then
		echo "not ok - $name ended early (status $status, planned ${planned:-nothing})" \
			>> "$LOG"
		((failed++))
	fi
	printf '%-12s %5d passed, %d failed, %d skipped  (%d s)\n' "$name" "$passed" "$failed" \
		"$skipped" $((SECONDS - start))
	if ((failed)); then
		grep -A 12 -E '^not ok|^Bail out' "$LOG"
		grep -q -E '^not ok [0-9]|^Bail' "$LOG" || tail -n 40 "$LOG"
	else
		grep -E '# SKIP' "$LOG"
	fi
	((PASSED += passed, FAILED += failed, SKIPPED += skipped))
}

for name in "${ORDER[@]}"; do
	run "$name"
done
((SKIPPED)) && extra=", $SKIPPED skipped"
echo "$PASSED passed, $FAILED failed${extra:-}"
exit $((FAILED > 0 || PASSED == 0))
