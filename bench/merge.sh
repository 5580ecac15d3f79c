#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Merge benchmark results into a file: bench/merge.sh FILE reads entries from standard input, one
# JSON object a line, with "name" first:
#   {"name":"boot.arm64.setup_ms","value":1.0,"unit":"ms","better":"lower","versus":"qemu","versus_value":2.0,"ratio":0.5}
# FILE is an array of such objects, one a line, sorted by name; entries of the same name are replaced.
set -eu

file=${1:?bench/merge.sh: the file to merge into is needed}
mkdir -p "$(dirname "$file")"
exec 9>"$file.lock"
flock 9
[ -e "$file" ] || : >"$file"
{
	grep '^{' "$file" || true
	grep '^{'
} | sed 's/,*$//' | awk '{
	name = $0
	sub(/^{"name":"/, "", name)
	sub(/".*/, "", name)
	entry[name] = $0
} END { for (name in entry) print entry[name] }' >"$file.new"
{
	echo '['
	sort "$file.new" | sed '$!s/$/,/'
	echo ']'
} >"$file.arriving"
rm -f "$file.new"
mv "$file.arriving" "$file"
