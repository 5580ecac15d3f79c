#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Without a network the first fetch fails with one line that says what it was after, and leaves
# nothing half-fetched. Usage: offline.sh SOURCE-FOLDER
set -u
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
said=$(VMMP_OFFLINE=1 VMMP_CACHE=$cache "$1/tools/debian.sh" get bookworm arm64 busybox-static 2>&1)
status=$?
if [ "$status" != 1 ] || [ "$(printf '%s\n' "$said" | grep -c .)" != 1 ]; then
    printf 'offline: status %s, and it said:\n%s\n' "$status" "$said"
    exit 1
fi
case $said in
*busybox-static* | *bookworm*) ;;
*)
    printf 'offline: does not say what it was after: %s\n' "$said"
    exit 1
    ;;
esac
left=$(find "$cache" -type f ! -name '*lock*' -size +0)
if [ -n "$left" ]; then
    printf 'offline: left behind:\n%s\n' "$left"
    exit 1
fi
echo "ok: $said"
