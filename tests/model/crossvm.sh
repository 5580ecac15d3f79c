#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Checks the model of cross-VM events: every interleaving holds, and two wrong clears are caught.
# Exit status 77: spin or a compiler is missing.
set -euo pipefail

model=$(cd "$(dirname "$0")" && pwd)/crossvm.pml
for tool in spin cc; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# errors_with OPTION...: how many errors the verifier finds
errors_with()
{
	spin -a "$@" "$model" >spin.log || { cat spin.log >&2; return 1; }
	cc -O1 -w -DSAFETY -o pan pan.c
	./pan -m100000 >pan.log || { cat pan.log >&2; return 1; }
	if grep -q 'search depth too small' pan.log; then
		echo "the search was cut short" >&2
		return 1
	fi
	sed -n 's/.*errors: \([0-9]*\)$/\1/p' pan.log
}

errors=$(errors_with)
[ "$errors" = 0 ] || { echo "FAILED: an event is lost"; cat pan.log; exit 1; }
sed -n 's/^ *\([0-9]*\) states, stored$/\1 states, no event lost/p' pan.log
for wrong in NAIVE SLEEPY; do
	errors=$(errors_with -D$wrong)
	[ "$errors" = 1 ] || { echo "FAILED: $wrong passes"; cat pan.log; exit 1; }
done
