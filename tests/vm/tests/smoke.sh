#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The least that has to work on a kernel: load, serve a connection by a cookie, detach.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../net/lib.sh"

topo_up --clients 1
sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2
start_server server --listen :: 80 line
shield_up mode=always
is "$(in_cli "$TOOLS/tcpc" get --timeout 20 "$SRV4" 80 | field ok)" 1 "a connection is served"
holds "by a cookie" "$(counted reply cookie) + $(counted reply kernel_cookie) == 1"
check "detach" shield_down
is "$(in_srv ip -o link show dev "$SRV_IF" | grep -c xdp)" 0 "nothing stays attached"
done_testing
