#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's stock kernels as guests of vmm-x86_64, in one emulated machine.
#
#   tests/guest/x86.sh [--full] [--only TEXT] [--timeout SECONDS] VMM
#
# Each boot is the guest's self-check (selfcheck.sh), or a script that the guest runs: its log has no
# complaint about ACPI, its console has MSI-X; it resets in each way that a PC has; it draws, and a
# screenshot has these pixels (screen/). Without --full two boots: Debian 12's kernel checks itself,
# looks at its log and powers off; and resets by ACPI. With it kernels, vCPUs, memory and transports
# besides. --only TEXT takes those of all that have it in their name. --timeout is for each boot
# (default 180; the machine may be busy). One row for each boot; the exit status is 0 when every boot
# was ok.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$tools/guest.sh"

full=0
only=
limit=180
vmm=
temp=

# NAME|KIND|KERNEL|CPUS|MEMORY MIB|KERNEL'S COMMAND LINE|VMM'S OPTIONS. KIND: check (selfcheck.sh),
# log (the script below), reset, again (it resets, and boots again), asked (to power off) or screen.
boots='
log|log|6.1-amd64|1|256||
reset by ACPI|reset|6.1-amd64|1|256|reboot=acpi|
'
more_boots='
6.1, 2 vCPUs, 512 MiB|check|6.1-amd64|2|512||
6.1, 2 vCPUs, 5 GiB|check|6.1-amd64|2|5120||
6.12, 1 vCPU, 256 MiB|check|6.12-amd64|1|256||
6.12, 2 vCPUs, 5 GiB|check|6.12-amd64|2|5120||
6.12, 12 vCPUs|check|6.12-amd64|12|768||
i686|check|6.1-i686|1|256||
6.1, virtio-mmio|check|6.1-amd64|1|256||--transport mmio
6.12, 2 vCPUs, virtio-mmio|check|6.12-amd64|2|256||--transport mmio
i686, 2 vCPUs, virtio-mmio|check|6.1-i686|2|256||--transport mmio
6.1, legacy PCI|check|6.1-amd64|1|256||--transport pci-legacy
6.12, vmlinux by PVH|check|6.12-amd64|2|512||--kernel /guest/vmlinux
6.1, unpacking itself|check|6.1-amd64|1|256||--kernel /guest/unpacks-64
6.1, unpacking itself, 32-bit entry|check|6.1-amd64|1|256||--kernel /guest/unpacks-32
6.12, log|log|6.12-amd64|2|256||
i686, log|log|6.1-i686|1|256||
split irqchip, 2 vCPUs|check|6.1-amd64|2|512||--irqchip split
split irqchip, log|log|6.12-amd64|2|256||--irqchip split
split irqchip, INTx|check|6.12-amd64|2|256|pci=nomsi|--irqchip split
split irqchip, virtio-mmio|check|6.1-amd64|1|256||--irqchip split --transport mmio
split irqchip, 8259s|check|6.1-amd64|1|256|noapic|--irqchip split
split irqchip, i686|check|6.1-i686|1|256||--irqchip split
split irqchip, reset by ACPI|reset|6.1-amd64|1|256|reboot=acpi|--irqchip split
reset by the keyboard controller|reset|6.1-amd64|1|256|reboot=kbd|
reset by port 0xCF9|reset|6.1-amd64|1|256|reboot=pci|
reset by a triple fault|reset|6.1-amd64|1|256|reboot=triple|
reset, and again|again|6.1-amd64|1|256|reboot=acpi|
power key that nobody minds|asked|6.1-generic|1|256||
screen|screen|6.1-generic|1|256|vt.global_cursor_default=0|--screen 640x480
'

parse_options()
{
	read_options '--full:full --only=only --timeout=limit' "$@"
	vmm=${arguments[0]-}
	[ -r "$vmm" ] || usage_error "the path of vmm-x86_64 is needed"
	[ "$full$only" = 0 ] || boots="$boots$more_boots"
	[ -z "$only" ] || boots=$(grep -F -e "$only" <<<"$boots") || usage_error "no boot has '$only' in its name"
}

# write_scripts: what the guests run, as archives to be put behind their initial roots.
write_scripts()
{
	mkdir "$temp/scripts"
	cat >"$temp/scripts/log.sh" <<-'END'
		dmesg -r >/tmp/log
		grep -E '^<[0-4]>.*(ACPI|acpi|PCI|pci |IO-?APIC|i8042)' /tmp/log >/tmp/complaints
		while read -r line; do
			fail "the kernel complains: $line"
		done </tmp/complaints
		grep -q '_OSC: OS now controls .*PCIeCapability' /tmp/log ||
			fail "PCI Express: $(grep _OSC /tmp/log)"
		read -r name </sys/class/dmi/id/product_name
		[ "$name" = pc ] || fail "SMBIOS calls the machine '$name'"
		grep -q 'PCI-MSI.*virtio' /proc/interrupts || fail "no MSI of a virtio device"
	END
	echo 'reboot -f; sleep 60' >"$temp/scripts/reset.sh"
	# As a driver of the power key, whose events nobody minds: PWRBTN_EN, bit 8 of port 0x602.
	cat >"$temp/scripts/asked.sh" <<-'END'
		printf '\001' | dd of=/dev/port bs=1 seek=$((0x603)) conv=notrunc 2>/dev/null
		say waiting
		sleep 600
	END
	cp "$here/screen/pattern.sh" "$temp/scripts/"
	cat >"$temp/scripts/screen.sh" <<-'END'
		read -r name </sys/class/graphics/fb0/name
		[ "$name" = 'VESA VGA' ] || fail "the framebuffer's driver is '$name'"
		. /pattern.sh
		cd /tmp
		draw pixels
		cat pixels >/dev/fb0
		say drawn
		sleep 600
	END
	(cd "$temp/scripts" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet) >"$temp/scripts.cpio"
}

# write_boots: what the machine runs, and prints a row for each.
# shellcheck disable=SC2016 # the variables are that script's
write_boots()
{
	local name kind kernel cpus memory append options
	cat <<-'END'
		# show NAME RESULT: a row, and the end of the console if it is not ok.
		show()
		{
			read -r now _ </proc/uptime
			echo "$2 $((${now%.*} - begin)) s: $1"
			[ "$2" = ok ] || tail -n 20 /tmp/console | sed 's/^/  /'
		}
		# expect NAME STATUS TEXT VMM…: it ends with STATUS, and its console has TEXT.
		expect()
		{
			name=$1 wanted=$2 text=$3
			shift 3
			timeout -s KILL $limit "$@" </dev/null >/tmp/console 2>&1
			status=$?
			result=FAILED
			[ $status = "$wanted" ] && grep -q "$text" /tmp/console && result=ok
			[ $result = ok ] || echo "exit status $status, not $wanted" >>/tmp/console
			show "$name" $result
		}
		# screen NAME VMM…: its guest draws; /out/screen.png is what is shown then.
		screen()
		{
			name=$1 result=FAILED
			shift
			timeout -s KILL $limit "$@" --control /tmp/control </dev/null >/tmp/console 2>&1 &
			until grep -q 'VMMP drawn\|VMMP fail' /tmp/console 2>/dev/null; do
				kill -0 $! 2>/dev/null || break
				sleep 1
			done
			# The file is named from ctl's folder on.
			(mkdir -p /out && cd /out && /guest/vmm ctl /tmp/control screenshot screen.png) >>/tmp/console 2>&1 &&
				/guest/vmm ctl /tmp/control quit >>/tmp/console 2>&1 && wait $! &&
				! grep 'VMMP fail' /tmp/console && result=ok
			show "$name" $result
		}
		# until_seen TEXT: the console has it; false if the VMM ends before.
		until_seen()
		{
			until grep -q "$1" /tmp/console 2>/dev/null; do
				kill -0 $vmm 2>/dev/null || return 1
				sleep 1
			done
		}
		# begin VMM…: in the background, as $vmm.
		begin()
		{
			timeout -s KILL $limit "$@" --control /tmp/control </dev/null >/tmp/console 2>&1 &
			vmm=$!
		}
		# again NAME VMM…: its guest resets and starts anew, until it is ended.
		again()
		{
			name=$1 result=FAILED
			shift
			begin "$@"
			until [ "$(grep -c 'VMMP init' /tmp/console)" -ge 2 ] || ! kill -0 $vmm 2>/dev/null; do
				sleep 1
			done
			/guest/vmm ctl /tmp/control status | grep -q '"machine": "pc", "memory": [0-9]*, "cpus": [0-9]*, "starts": [2-9]' &&
				/guest/vmm ctl /tmp/control quit >>/tmp/console 2>&1 && wait $vmm && result=ok
			show "$name" $result
		}
		# asked NAME VMM…: its guest takes the power key and does nothing; asked again, it is told by
		# its console at once, and not 10 s later.
		asked()
		{
			name=$1 result=FAILED
			shift
			begin "$@"
			if until_seen 'VMMP waiting' && /guest/vmm ctl /tmp/control power-off >>/tmp/console 2>&1 &&
				until_seen 'by its power key, and in 10 s by its console' && sleep 1; then
				/guest/vmm ctl /tmp/control power-off >>/tmp/console 2>&1
				sleep 5
				grep -q 'Emergency Sync' /tmp/console && wait $vmm && result=ok
			fi
			show "$name" $result
		}
		check()
		{
			name=$1
			shift
			result=ok
			sh /guest/selfcheck.sh --timeout $limit "$@" >/tmp/console 2>&1 || result=FAILED
			show "$name" $result
		}
	END
	echo "limit=$limit"
	while IFS='|' read -r name kind kernel cpus memory append options; do
		[ -n "$name" ] || continue
		echo "read -r begin _ </proc/uptime; begin=\${begin%.*}"
		local run="/guest/vmm run --kernel /guest/linux-$kernel --initrd /tmp/initrd --memory ${memory}M --cpus $cpus $options"
		[ "$kind" = again ] || run="$run --no-reboot"
		echo "cat /guest/guest-$kernel.cpio /guest/scripts.cpio >/tmp/initrd"
		append="$guest_append $guest_without $append"
		case $kind in
		check) echo "check '$name' --cpus $cpus --memory $memory -- $run --append '$append vmmp.selfcheck'" ;;
		log) echo "expect '$name' 0 'VMMP done 0' $run --append '$append vmmp.script=/log.sh'" ;;
		again) echo "again '$name' $run --append '$append vmmp.script=/reset.sh'" ;;
		asked) echo "asked '$name' $run --append '$append vmmp.script=/asked.sh'" ;;
		screen) echo "screen '$name' $run --append '$append vmmp.script=/screen.sh'" ;;
		reset) echo "expect '$name' 3 'VMMP init' $run --append '$append vmmp.script=/reset.sh'" ;;
		esac
	done <<<"$boots"
}

# add_kernels: those that boots name in their options, the last --kernel being the one that counts.
add_kernels()
{
	local bits kernel=$vmmp_build/testbed
	! grep -q /guest/vmlinux <<<"$boots" || options+=(--file "$kernel/outer-amd64.elf:/guest/vmlinux")
	# bzImages that do not say where their packed kernel is, of which one has no 64-bit entry
	# (boot.rst: payload_length, xloadflags).
	for bits in 64 32; do
		grep -q "/guest/unpacks-$bits" <<<"$boots" || continue
		cp "$kernel/linux-6.1-amd64" "$temp/unpacks-$bits"
		head -c 4 /dev/zero | dd of="$temp/unpacks-$bits" bs=1 seek=$((0x24c)) conv=notrunc status=none
		[ $bits = 64 ] || head -c 2 /dev/zero | dd of="$temp/unpacks-32" bs=1 seek=$((0x236)) conv=notrunc status=none
		options+=(--file "$temp/unpacks-$bits:/guest/unpacks-$bits")
	done
}

# check_screen: the screenshot's pixels.
check_screen()
{
	local program
	program=$(dirname "$vmm")/../tests/guest/screen/png-compare
	[ -x "$program" ] || die "$program is missing: build it, and for that install libpng-dev"
	# shellcheck source=tests/guest/screen/pattern.sh
	(cd "$temp" && . "$here/screen/pattern.sh" && draw pixels)
	"$program" "$temp/out/screen.png" 640 480 "$temp/pixels" || die "the screenshot is not what the guest drew"
	note "the screenshot is what the guest drew"
}

main()
{
	local options kernel kernels
	parse_options "$@"
	need_command cpio cpio
	"$tools/images.sh" x86
	temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-x86.XXXXXX")
	trap 'rm -rf "$temp"' EXIT
	write_scripts
	write_boots >"$temp/boots"
	kernels=$(cut -d'|' -f3 <<<"$boots" | sort -u)
	# Above the largest guest: a VMM refuses more than its machine has.
	options=(--arch x86_64 --cpus 2 --memory 6656 --out "$temp/out" --timeout $((120 + limit * $(grep -c '|' <<<"$boots")))
		--file "$vmm:/guest/vmm" --file "$temp/boots:/guest/boots" --file "$temp/scripts.cpio:/guest/scripts.cpio"
		--file "$here/selfcheck.sh:/guest/selfcheck.sh")
	for kernel in $kernels; do
		options+=(--file "$vmmp_build/testbed/linux-$kernel:/guest/linux-$kernel"
			--file "$vmmp_build/testbed/guest-$kernel.cpio:/guest/guest-$kernel.cpio")
	done
	add_kernels
	"$tools/testbed.sh" "${options[@]}" -- sh /guest/boots </dev/null | tee "$temp/rows"
	[ "$(grep -c '^ok ' "$temp/rows")" = "$(grep -c '|' <<<"$boots")" ] || die "not every boot was ok"
	! grep -q '|screen|' <<<"$boots" || check_screen
}

main "$@"
