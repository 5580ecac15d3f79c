#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Disks and networks of our VMM against QEMU's.
#
#   bench/devices.sh [--runs N] [--rounds N] [--machine-cpus N] [--wall-clock]
#                    [--aio threads|io_uring] [--cache writeback|none] VMM
#
# Boots the same guest (kernel, initial root, 1 CPU, 256 MiB, GICv3, virtio over PCI with MSI-X)
# under both VMMs in one machine (tools/testbed.sh) with real KVM, alternating, N times each
# (default 2). In each, N rounds (default 3) of:
#   iops      4096 bytes at random places, 16 at once, read; iopsw: written; iops1: read, 1 at once
#   read, write  131072 bytes in order, 8 at once
#   send, receive  32 MiB over one TCP connection with the machine beside the guest, over TAP
#   rtt       one byte there and back over TCP
# by tests/guest/programs/{blk,net}_rate.c, the guest's requests to the disk being direct. The disk
# is a raw file of 64 MiB in the machine's memory (tmpfs). Our VMM: as it comes. QEMU: Debian 13's,
# as it comes for a raw file: cache=writeback, aio=threads (--aio, --cache: otherwise), an ioeventfd
# for each queue, TAP with vnet_hdr and without vhost, one queue each.
# The machine has one CPU (--machine-cpus), and its time is the instructions it executes, one a
# nanosecond (testbed.sh --instructions; --wall-clock: not so). So a figure is the cost of all that a
# request takes in the guest and beside it, not what can be hidden on another CPU, and whatever else
# runs below the machine changes nothing.
#
# The medians go into build/bench/results.json as blk.iops.kvm, blk.throughput.kvm (read and write),
# net.throughput.kvm (both ways) and net.rtt.kvm, and the parts of them under their own names; with
# options nothing is recorded. What our VMM has counted (--stats, whole guests) is shown.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$tools/guest.sh"

runs=2
rounds=3
machine_cpus=1
aio=threads
cache=writeback
clock=(--instructions)
wall_clock=
record=1
vmm=
temp=
testbed=

parse_options()
{
	read_options '--runs=runs --rounds=rounds --machine-cpus=machine_cpus --aio=aio --cache=cache --wall-clock:wall_clock' "$@"
	vmm=${arguments[0]-}
	[ -z "$wall_clock" ] || clock=()
	[ $# = 1 ] || record=0
	[ -n "$vmm" ] || usage_error "the path of the arm64 vmm is needed"
}

# shellcheck disable=SC2016 # that script's
# start_function NAME VMM OPTION...: how devices-inside.sh starts one.
start_function()
{
	local append="$guest_append vmmp.script=/test/script.sh"
	printf 'start_%s() { exec ' "$1"
	vmm_command "$2" /test/linux ROOT "$append" 256M 1 3
	shift 2
	printf "'%s' " "${vmm_command[@]}" "$@" | sed "s/'ROOT'/\"\$1\"/"
	printf '; }\n'
}

write_commands()
{
	start_function vmm /test/vmm --disk disk.img --net tap=tap0 --stats
	start_function qemu qemu \
		-drive "if=none,id=disk,file=disk.img,format=raw,cache=$cache,aio=$aio" \
		-device virtio-blk-pci,drive=disk \
		-netdev tap,id=net,ifname=tap0,script=no,downscript=no,vhost=off \
		-device virtio-net-pci,netdev=net,romfile=
}

measure()
{
	local programs
	programs=$(dirname "$vmm")/../tests/guest/programs
	write_commands >"$temp/commands"
	local options=("${clock[@]}" --qemu --cpus "$machine_cpus" --memory 2048 --timeout $((600 + runs * rounds * 600))
		--file "$vmm:/test/vmm" --file "$vmmp_build/testbed/linux-6.12:/test/linux"
		--file "$vmmp_build/testbed/guest-6.12.cpio:/test/initrd"
		--file "$here/../tests/guest/devices/lib.sh:/test/lib.sh"
		--file "$here/devices-inside.sh:/bench/inside" --file "$temp/commands:/bench/commands"
		--file "$programs/blk_rate:/test/programs/blk_rate"
		--file "$programs/net_rate:/test/programs/net_rate")
	"$tools/testbed.sh" "${options[@]}" -- env ONLY= FULL=0 GIC=3 CPUS=1 \
		sh /bench/inside "$runs" "$rounds" vmm qemu </dev/null &
	testbed=$!
	wait "$testbed" || return
	testbed=
}

# value VMM RATE MEASURE...: the median of the measures' rates, of the sum of one round's if there
# are several. RATE: ops (requests a second), mb (million bytes a second) or us (for each).
value()
{
	local who=$1 rate=$2
	shift 2
	awk -v who="$who" -v rate="$rate" -v measures=" $* " '
		$1 == who && $2 != "count" && index(measures, " " $2 " ") {
			round = ++seen[$2]
			us[round] += $3
			amount[round] += (rate == "mb" && $5) ? $4 * $5 : $4
		}
		END {
			for (round in us) {
				per_us = amount[round] / us[round]
				print (rate == "mb" ? per_us : (rate == "us" ? 1 / per_us : per_us * 1e6))
			}
		}' "$temp/results" | sort -n | awk '{ v[NR] = $1 } END {
			printf "%.1f\n", (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
		}'
}

# entry NAME UNIT BETTER RATE MEASURE...
entry()
{
	local name=$1 unit=$2 better=$3
	shift 3
	awk -v name="$name" -v unit="$unit" -v better="$better" -v value="$(value vmm "$@")" \
		-v versus="$(value qemu "$@")" 'BEGIN {
		printf "{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"better\":\"%s\",", name, value, unit, better
		printf "\"versus\":\"qemu\",\"versus_value\":%s,\"ratio\":%.3f}\n", versus, value / versus
	}'
}

report()
{
	{
		entry blk.iops.kvm requests/s higher ops iops
		entry blk.iops.depth1.kvm requests/s higher ops iops1
		entry blk.iops.write.kvm requests/s higher ops iopsw
		entry blk.throughput.kvm MB/s higher mb read write
		entry blk.throughput.read.kvm MB/s higher mb read
		entry blk.throughput.write.kvm MB/s higher mb write
		entry net.throughput.kvm MB/s higher mb send receive
		entry net.throughput.send.kvm MB/s higher mb send
		entry net.throughput.receive.kvm MB/s higher mb receive
		entry net.rtt.kvm us lower us rtt
	} >"$temp/entries"
	sed 's/[{}"]//g; s/,/  /g' "$temp/entries"
	echo "counted by our VMM, last run:"
	awk '$1 == "vmm" && $2 == "count" { $1 = $2 = ""; sub(/^ */, ""); name = $0; sub(/ [^ ]*$/, "", name)
		last[name] = $NF } END { for (name in last) print "    " name " " last[name] }' "$temp/results" | sort
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
	note "running $runs guests with each VMM (a few minutes)…"
	measure >"$temp/results" || die "a guest failed; see above"
	[ -z "${VMMP_KEEP:-}" ] || cp "$temp/results" "$VMMP_KEEP"
	report
}

main "$@"
