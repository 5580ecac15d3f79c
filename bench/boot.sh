#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Boot time of our VMM against QEMU's.
#
#   bench/boot.sh [--runs N] [--cpus N] [--memory SIZE] [--gic 2|3] [--kernel 6.12|6.1] VMM
#
# Both boot the same kernel, initial root and command line with the same console (virtio, hvc0),
# CPUs, memory and interrupt controller, in the same machine (tools/testbed.sh; VMMP_RUN=direct: this
# one), alternating, N times each (default 5, and one before that is not counted). QEMU is Debian
# 13's arm64 package. Measured (bench/boottime.c): start of the VMM to the first entry of a vCPU,
# and from there to the guest's init. The medians go into build/bench/results.json as
# boot.arm64.setup_ms and boot.arm64.init_ms; with other than the default CPUs, memory, controller
# or kernel nothing is recorded.
#
# VMM is the arm64 build of vmm ("qemu": QEMU against itself, to see the noise; not recorded).

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$tools/guest.sh"

runs=5
cpus=1
memory=512M
gic=3
kernel=6.12
record=1
vmm=
temp=
testbed=

parse_options()
{
	local measured="$cpus $memory $gic $kernel"
	read_options '--runs=runs --cpus=cpus --memory=memory --gic=gic --kernel=kernel' "$@"
	vmm=${arguments[0]-}
	[ -n "$vmm" ] || usage_error "the path of the arm64 vmm is needed"
	[ "$vmm" != qemu ] && [ "$cpus $memory $gic $kernel" = "$measured" ] || record=0
	case $kernel in 6.1 | 6.12) ;; *) usage_error "--kernel takes 6.12 or 6.1, not '$kernel'" ;; esac
}

# build_helper: the measuring program for the machine with KVM.
build_helper()
{
	local compiler=aarch64-linux-gnu-gcc
	[ "$(uname -m)" != aarch64 ] || compiler=gcc
	need_command $compiler "$compiler"
	$compiler -std=c11 -O2 -Wall -Wextra -static -o "$temp/boottime" "$here/boottime.c"
}

# shellcheck disable=SC2016 # the variables are that script's
# write_runs FOLDER: the script that runs the boots. It prints "NAME SETUP INIT" for each.
write_runs()
{
	local inside=$vmm name
	[ "$1" != /bench ] || [ "$vmm" = qemu ] || inside=/bench/vmm
	for name in vmm qemu; do
		[ $name = vmm ] || inside=qemu
		vmm_command "$inside" "$1/linux-$kernel" "$1/guest-$kernel.cpio" "$guest_append vmmp.selfcheck=init" \
			"$memory" "$cpus" "$gic"
		printf '%s() { %s/boottime "VMMP init" ' $name "$1"
		printf "'%s' " "${vmm_command[@]}"
		printf '; }\n'
	done
	cat <<-'END'
		set -e
		vmm >/dev/null
		qemu >/dev/null
	END
	printf 'for run in $(seq %s); do\n' "$runs"
	cat <<-'END'
		times=$(vmm); echo "vmm $times"
		times=$(qemu); echo "qemu $times"
		done
	END
}

# measure: run them, where the KVM is.
measure()
{
	local images=$vmmp_build/testbed
	if [ "${VMMP_RUN:-auto}" = direct ]; then
		ln -s "$images/linux-$kernel" "$images/guest-$kernel.cpio" "$temp/"
		write_runs "$temp" >"$temp/runs"
		sh "$temp/runs"
		return
	fi
	write_runs /bench >"$temp/runs"
	local options=(--qemu --gic "$gic" --memory 2048 --timeout $((240 + runs * 240))
		--file "$images/linux-$kernel:/bench/linux-$kernel"
		--file "$images/guest-$kernel.cpio:/bench/guest-$kernel.cpio"
		--file "$temp/boottime:/bench/boottime" --file "$temp/runs:/bench/runs")
	[ "$vmm" = qemu ] || options+=(--file "$vmm:/bench/vmm")
	"$tools/testbed.sh" "${options[@]}" -- sh /bench/runs </dev/null &
	testbed=$!
	wait "$testbed" || return
	testbed=
}

# median NAME COLUMN: in milliseconds.
median()
{
	awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$temp/times" | sort -n |
		awk '{ v[NR] = $1 } END {
			m = (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
			printf "%.1f\n", m / 1000
		}'
}

# entry NAME VALUE VERSUS
entry()
{
	awk -v name="$1" -v value="$2" -v versus="$3" 'BEGIN {
		printf "{\"name\":\"%s\",\"value\":%s,\"unit\":\"ms\",\"better\":\"lower\",", name, value
		printf "\"versus\":\"qemu\",\"versus_value\":%s,\"ratio\":%.3f}\n", versus, value / versus
	}'
}

report()
{
	entry boot.arm64.setup_ms "$(median vmm 2)" "$(median qemu 2)" >"$temp/entries"
	entry boot.arm64.init_ms "$(median vmm 3)" "$(median qemu 3)" >>"$temp/entries"
	sed 's/[{}"]//g; s/,/  /g' "$temp/entries"
	[ "$record" = 1 ] || return 0
	"$here/merge.sh" "$vmmp_build/bench/results.json" <"$temp/entries"
}

# shellcheck disable=SC2317 # run by a trap
cleanup()
{
	local status=$?
	trap - EXIT INT TERM
	if [ -n "$testbed" ] && kill "$testbed" 2>/dev/null; then
		wait "$testbed" 2>/dev/null || true
	fi
	[ -z "$temp" ] || rm -rf "$temp"
	exit "$status"
}

main()
{
	parse_options "$@"
	check_vmm "$vmm"
	"$tools/images.sh" qemu
	temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-bench.XXXXXX")
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	build_helper
	note "booting $((runs + 1)) guests with each VMM (a few minutes)…"
	measure >"$temp/times" || die "a boot failed; see above"
	report
}

main "$@"
