#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Cross-VM connections against what processes of one host have.
#
#   bench/crossvm.sh [--rounds N] VMM      (the arm64 build; programs are taken from beside it)
#
# Boots two stock guests, each under a VMM of its own and then both in one, in one machine with real KVM
# (tools/testbed.sh) and measures, N times each (default 3), alternating with two processes beside them:
#   event_rtt    an event to the other guest and one back, both woken by interrupts; beside a byte
#                through a pipe and one back through another
#   throughput   16 MiB of numbers through the shared memory, written and checked; beside the same by
#                two processes through memory of theirs (tests/guest/programs/crossvm.c does all four)
# The machine has one CPU, and its time is the instructions it executes (testbed.sh --instructions):
# figures are costs on both sides together, whatever else runs below the machine.
#
# The medians go into build/bench/results.json as crossvm.event_rtt and crossvm.throughput, and those in one
# VMM with ".one_process" behind.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"

rounds=3
read_options '--rounds=rounds' "$@"
vmm=${arguments[0]-}
[ -n "$vmm" ] || usage_error "the path of the arm64 vmm is needed"
programs=$(dirname "$vmm")/../tests/guest/programs
[ -x "$programs/crossvm" ] || die "no $programs/crossvm: build it first (make vmm)"
"$tools/images.sh" testbed
temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-bench.XXXXXX")
trap 'rm -rf "$temp"' EXIT
mkdir "$temp/carry"
bash "$here/../tests/guest/devices/crossvm.prepare" "$temp/carry"
"$tools/testbed.sh" --instructions --memory 1024 --timeout $((600 + rounds * 240)) \
	--file "$vmm:/test/vmm" --file "$vmmp_build/testbed/linux-6.12:/test/linux" \
	--file "$vmmp_build/testbed/guest-6.12.cpio:/test/initrd" \
	--file "$here/../tests/guest/devices/lib.sh:/test/lib.sh" \
	--file "$here/crossvm-inside.sh:/bench/inside" --file "$temp/carry:/carry" \
	--file "$programs/crossvm:/test/programs/crossvm" --file "$programs/unix_stream:/test/programs/unix_stream" -- \
	env ONLY= FULL=0 GIC=3 CPUS=1 sh /bench/inside "$rounds" </dev/null >"$temp/results" || {
	cat "$temp/results" >&2
	die "the guests could not be measured"
}
# Lines "NAME COUNT MICROSECONDS".
awk 'function median(name, i, j, t, n) {
		n = count[name]
		for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
			if (value[name, j] < value[name, i]) {
				t = value[name, i]; value[name, i] = value[name, j]; value[name, j] = t
			}
		return value[name, int((n + 1) / 2)]
	}
	function entry(name, unit, better, ours, versus, theirs) {
		printf "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"better\":\"%s\",", name, ours, unit, better
		printf "\"versus\":\"%s\",\"versus_value\":%.1f,\"ratio\":%.3f}\n", versus, theirs, ours / theirs
	}
	$1 ~ /rtt/ { value[$1, ++count[$1]] = $3 / $2 }
	$1 ~ /bytes/ { value[$1, ++count[$1]] = $2 / $3 }
	END {
		for (i = split(",.one_process", places, ","); i > 0; i--) {
			if (!count["event_rtt" places[i]] || !count["bytes" places[i]]) exit 1
			entry("crossvm.event_rtt" places[i], "us", "lower", median("event_rtt" places[i]), "pipe",
				median("pipe_rtt"))
			entry("crossvm.throughput" places[i], "MB/s", "higher", median("bytes" places[i]),
				"shared memory of two processes", median("memory_bytes"))
		}
	}' "$temp/results" >"$temp/entries" || {
	cat "$temp/results" >&2
	die "the guests have measured nothing"
}
tee /dev/stderr <"$temp/entries" | "$here/merge.sh" "$vmmp_build/bench/results.json"
