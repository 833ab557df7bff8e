#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Debian 12's own kernel, 6.1, emulated: the programs load, serve a connection, and go. 'make test-vm'
# runs far more there.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/vm/lib.sh
source "$ROOT/tests/vm/lib.sh"

WHY=$(vm_why_not 6.1)
[[ $WHY ]] && skip_all "$WHY"
vm_run 6.1 300 tests/vm/tests/smoke.sh > "$TMP/out"
STATUS=$?
grep -E '^(ok|not ok|Bail|#|1\.\.)' "$TMP/out" | tr -d '\r'
((STATUS)) && ! grep -q '^not ok' "$TMP/out" && bail "the machine ended with $STATUS: $(tail -n 5 "$TMP/out")"
exit "$STATUS"
