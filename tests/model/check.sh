#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Checks a model with spin: every interleaving holds, and each of its wrong variants is caught.
# Usage: check.sh MODEL.pml VARIANT...     (macros that the model knows)
# Exit status 77: spin or a compiler is missing.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: $0 MODEL.pml VARIANT..." >&2; exit 2; }
model=$(realpath "$1")
shift
for tool in spin cc; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
for wrong; do
	grep -q "def $wrong\$" "$model" || { echo "$model has no variant $wrong" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# errors_with OPTION...: how many errors the verifier finds
errors_with()
{
	spin -a "$@" "$model" >spin.log || { cat spin.log >&2; return 1; }
	cc -O1 -w -DSAFETY -o pan pan.c
	./pan -m1000000 >pan.log || { cat pan.log >&2; return 1; }
	if grep -q 'search depth too small' pan.log; then
		echo "the search was cut short" >&2
		return 1
	fi
	sed -n 's/.*errors: \([0-9]*\)$/\1/p' pan.log
}

errors=$(errors_with)
[ "$errors" = 0 ] || { echo "FAILED: the model's claim does not hold"; cat pan.log; exit 1; }
sed -n 's/^ *\([0-9]*\) states, stored$/\1 states, the claim holds in all/p' pan.log
for wrong; do
	errors=$(errors_with "-D$wrong")
	[ "$errors" = 1 ] || { echo "FAILED: $wrong passes"; cat pan.log; exit 1; }
	echo "$wrong is caught"
done
