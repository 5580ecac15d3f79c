#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One device, tried by stock Debian guests on real KVM.
#
#   tests/guest/device.sh [--full] [--arch aarch64|x86_64] [--gic 2|3] [--cpus N] [--kernel 6.12|6.1]
#                         [--only PATTERN] [--instructions] NAME|all VMM
#
# Boots the testbed's machine once and runs tests/guest/devices/NAME.sh beside the VMM there
# (busybox sh; what it can use is in tests/guest/devices/lib.sh). VMM is the arm64 build of vmm, or
# with --arch x86_64 vmm-x86_64, for those scripts that do without a GIC; the programs of
# tests/guest/programs are taken from the same build. --full: longer transfers, every
# transport. --only: the script's parts whose names match. --cpus, --gic, --kernel, --instructions: of
# the testbed's machine (tools/testbed.sh).
#
# Where tests/guest/devices/NAME.prepare exists it is run first, on this machine, with a folder and the
# guests' architecture as its arguments; the files it leaves there are carried in as /carry.
#
# A line "# needs: OPTION…" in the script has options of this one that it cannot do without, and
# "# needs with --full: OPTION…" or "# needs on aarch64: OPTION…" more of them.
#
# A script that says "# Needs: qemu" finds QEMU in the machine.
#
# Prints a line "ok …", "FAILED …" or "skipped … (why)" for each check. Status 0: nothing failed.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$tools/guest.sh"

full=0
gic=3
cpus=1
kernel=6.12
only=
instructions=
clock=()
name=
vmm=
temp=

parse_options()
{
	read_options '--full:full --instructions:instructions --arch=guest_arch --gic=gic --cpus=cpus --kernel=kernel --only=only' "$@"
	name=${arguments[0]-}
	vmm=${arguments[1]-}
	[ -z "$instructions" ] || clock=(--instructions)
	[ -n "$vmm" ] || usage_error "the name of a device and the path of the vmm are needed"
	case $guest_arch in aarch64 | x86_64) ;; *) usage_error "--arch takes aarch64 or x86_64, not '$guest_arch'" ;; esac
	[ "$name" = all ] || [ -e "$here/devices/$name.sh" ] || usage_error "there is no tests/guest/devices/$name.sh"
}

# run_all: every device in turn; the names of those that failed.
run_all()
{
	local script failed=
	for script in "$here"/devices/*.sh; do
		name=$(basename "$script" .sh)
		[ "$name" != lib ] || continue
		note "device $name"
		"${BASH_SOURCE[0]}" "${given[@]}" "$name" "$vmm" || failed="$failed $name"
	done
	[ -z "$failed" ] || die "failed:$failed"
}

# needs SCRIPT ARGUMENT...: options in a line "# needs: --gic 2" of it, which come before the command
# line's.
needs()
{
	local script=$here/devices/$1.sh
	sed -n 's/^# needs: //p' "$script" 2>/dev/null
	case " ${*:2} " in *' --arch x86_64 '*) ;; *) sed -n 's/^# needs on aarch64: //p' "$script" 2>/dev/null ;; esac
	case " ${*:2} " in *' --full '*) sed -n 's/^# needs with --full: //p' "$script" 2>/dev/null ;; esac
}

main()
{
	local options programs file images guest
	# shellcheck disable=SC2046,SC2086 # words
	parse_options $(needs "${*: -2:1}" "$@") "$@"
	check_vmm "$vmm"
	if [ "$name" = all ]; then
		given=("${@:1:$#-2}")
		run_all
		return
	fi
	case $guest_arch in
	aarch64) images=testbed guest=6.12 options=(--gic "$gic" --kernel "$kernel") ;;
	x86_64) images=x86 guest=6.12-amd64 gic='' options=(--arch x86_64) ;;
	esac
	"$tools/images.sh" "$images"
	temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-device.XXXXXX")
	trap 'rm -rf "$temp"' EXIT
	mkdir "$temp/carry"
	[ ! -e "$here/devices/$name.prepare" ] || bash "$here/devices/$name.prepare" "$temp/carry" "$guest_arch"

	options+=(--cpus "$cpus" --memory $((full ? 4096 : 2048)) --timeout $((full ? 7200 : 1700))
		--file "$vmm:/test/vmm" --file "$vmmp_build/testbed/linux-$guest:/test/linux"
		--file "$vmmp_build/testbed/guest-$guest.cpio:/test/initrd"
		--file "$here/devices/lib.sh:/test/lib.sh" --file "$here/devices/$name.sh:/test/$name.sh"
		--file "$temp/carry:/" "${clock[@]}")
	! grep -q '^# Needs: qemu$' "$here/devices/$name.sh" || options+=(--qemu)
	programs=$(dirname "$vmm")/../tests/guest/programs
	for file in "$programs"/*; do
		[ ! -f "$file" ] || [ ! -x "$file" ] || options+=(--file "$file:/test/programs/${file##*/}")
	done
	"$tools/testbed.sh" "${options[@]}" -- env "FULL=$full" "ONLY=$only" "GIC=$gic" "CPUS=$cpus" \
		"WITHOUT=$guest_without" sh "/test/$name.sh" </dev/null
}

main "$@"
