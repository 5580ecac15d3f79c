#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Devices of an emulated machine, behind its IOMMU, as devices of a guest of vmm-x86_64: Debian's
# stock kernel drives them with its own nvme, e1000e and ahci.
#
#   tests/guest/vfio.sh [--timeout SECONDS] VMM     (default 400 for each guest; the machine may be busy)
#
# The disk's contents are compared from outside before and after; another one interrupts by MSI, and the
# network card by INTx and by MSI-X; QEMU's edu device does DMA to where the guest has memory, and to where it has none,
# which the IOMMU stops; the guest resets while its disk is busy, and finds it whole; the host takes a
# device away from a guest that runs; and mistakes of users are one clear line. One row for each
# check; exit status 0 when all are ok.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"

limit=400
vmm=
temp=
# Where the devices are in the machine; nothing else is there on a q35 of the testbed's.
nvme=0000:00:10.0
e1000e=0000:00:11.0
edu=0000:00:12.0
ahci=0000:00:13.0

parse_options()
{
	read_options '--timeout=limit' "$@"
	vmm=${arguments[0]-}
	[ -r "$vmm" ] || usage_error "the path of vmm-x86_64 is needed"
}

# write_guests: what the guests run, as an archive to be put behind their initial root.
write_guests()
{
	mkdir "$temp/guests"
	cat >"$temp/guests/lib.sh" <<-'END'
		# find ID: the folder of the PCI device that is VENDOR:DEVICE.
		find()
		{
			for device in /sys/bus/pci/devices/*; do
				read -r vendor <"$device/vendor"
				read -r product <"$device/device"
				[ "$vendor:$product" != "0x${1%:*}:0x${1#*:}" ] || echo "$device"
			done
		}
		# base DEVICE: where its first BAR is.
		base()
		{
			read -r start _ <"$1/resource"
			echo "$start"
		}
		# wait_for COMMAND…: until it is true.
		wait_for()
		{
			tries=0
			until "$@"; do
				tries=$((tries + 1))
				[ $tries -lt 200 ] || return 1
				usleep 100000
			done
		}
		start_disk()
		{
			load /modules/nvme
			wait_for [ -b /dev/nvme0n1 ] || fail "no disk"
		}
	END
	cat >"$temp/guests/drive.sh" <<-'END'
		. /lib.sh
		start_disk
		say disk "$(dd if=/dev/nvme0n1 bs=64k count=64 iflag=direct 2>/dev/null | sha256sum | cut -c1-64)"
		tr '\0' v </dev/zero | dd of=/dev/nvme0n1 bs=64k seek=128 count=64 oflag=direct iflag=fullblock 2>/dev/null || fail "the disk does not take what is written"
		sync
		grep -q 'MSI.*nvme0q1' /proc/interrupts || fail "the disk has no MSI-X"
		# A controller that has MSI and no MSI-X.
		load /modules/ahci
		wait_for [ -b /dev/sda ] || fail "no disk of the AHCI controller's"
		say sata "$(dd if=/dev/sda bs=64k count=64 iflag=direct 2>/dev/null | sha256sum | cut -c1-64)"
		grep -q 'PCI-MSI.*ahci' /proc/interrupts || fail "the AHCI controller does not interrupt by MSI"
		# mode NUMBER KIND: the card's way of interrupting, and its name in /proc/interrupts.
		card=$(find 8086:10d3)
		mode()
		{
			insmod "$(grep e1000e.ko /modules/e1000e)" IntMode=$1
			wait_for [ -d "$card/net" ] || fail "no network card"
			name=$(ls "$card/net")
			ip link set "$name" up
			ip addr add 10.0.2.15/24 dev "$name"
			wait_for grep -q 1 "/sys/class/net/$name/carrier" || fail "no link ($2)"
			ping -c 3 -W 20 10.0.2.2 >/tmp/ping || fail "no answer ($2)"
			grep -q "$2.*$name" /proc/interrupts || fail "the card does not interrupt by $2"
			say ping "$2 $(grep -c seq= /tmp/ping)"
			ip link set "$name" down
			rmmod e1000e
		}
		for needed in $(grep -v e1000e.ko /modules/e1000e); do insmod "$needed"; done
		# Not 1, MSI: QEMU's card fails the driver's own test of it, also without a VMM; AHCI has it.
		mode 0 IO-APIC
		mode 2 PCI-MSI
		# The edu device copies between memory and its buffer at 0x40000: source, destination,
		# length and direction at 0x80 and above. A bit of its own lets it start.
		device=$(find 1234:11e8)
		echo 1 >"$device/enable"
		printf '\006' | dd of="$device/config" bs=1 seek=4 conv=notrunc 2>/dev/null
		edu=$(base "$device")
		say edu "$(devmem $edu 32)"
		# copy FROM TO DIRECTION
		copy()
		{
			devmem $((edu + 0x80)) 64 $1
			devmem $((edu + 0x88)) 64 $2
			devmem $((edu + 0x90)) 64 64
			devmem $((edu + 0x98)) 64 $(($3 << 1 | 1))
			tries=0
			while [ $(($(devmem $((edu + 0x98)) 32) & 1)) = 1 ] && [ $tries -lt 100 ]; do
				tries=$((tries + 1))
				usleep 50000
			done
		}
		devmem 0x7000000 32 0xcafe1234
		devmem 0x7001000 32 0
		copy 0x7000000 0x40000 0
		copy 0x40000 0x7001000 1
		say dma "$(devmem 0x7001000 32)"
		# 512 MiB, where there is nothing; and what is above it in the machine's own memory.
		copy 0x40000 0x20000000 1
		copy 0x20001000 0x40000 0
	END
	cat >"$temp/guests/reset.sh" <<-'END'
		. /lib.sh
		start_disk
		mark=$(dd if=/dev/nvme0n1 bs=4k skip=8192 count=1 iflag=direct 2>/dev/null | head -c 5)
		if [ "$mark" != again ]; then
			(echo again; cat /dev/zero) | head -c 4096 | dd of=/dev/nvme0n1 bs=4k seek=8192 oflag=direct 2>/dev/null
			sync
			# At once, with requests in flight and nobody told.
			dd if=/dev/nvme0n1 of=/dev/null bs=1M iflag=direct &
			dd if=/dev/nvme0n1 of=/dev/null bs=1M skip=8 iflag=direct &
			usleep 200000
			say resetting
			echo b >/proc/sysrq-trigger
			sleep 100
		fi
		say again "$(dd if=/dev/nvme0n1 bs=64k skip=128 count=64 iflag=direct 2>/dev/null | sha256sum | cut -c1-64)"
	END
	cat >"$temp/guests/gone.sh" <<-'END'
		. /lib.sh
		device=$(find 1234:11e8)
		echo 1 >"$device/enable"
		edu=$(base "$device")
		say edu "$(devmem $edu 32)"
		is_gone()
		{
			[ "$(devmem $edu 32)" = 0xFFFFFFFF ]
		}
		wait_for is_gone && wait_for is_gone && say gone
	END
	(cd "$temp/guests" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet) >"$temp/guests.cpio"
}

# write_machine: what the machine runs.
write_machine()
{
	cat <<-END
		limit=$limit
		nvme=$nvme
		e1000e=$e1000e
		edu=$edu
		ahci=$ahci
	END
	cat <<-'END'
		# row NAME CONDITION…
		row()
		{
			name=$1
			shift
			if "$@"; then echo "ok $name"; else echo "FAILED $name"; tail -n 30 /tmp/console | sed 's/^/  /'; fi
		}
		says() { grep -q -e "$1" /tmp/console; }
		# has WORD VALUE: the guest said it.
		has() { says "VMMP $1 $2"; }
		# run SCRIPT OPTION…: a guest; $status is the VMM's.
		run()
		{
			script=$1
			shift
			timeout -s KILL $limit /guest/vmm run --kernel /guest/linux --initrd /tmp/initrd --memory 256M --stats \
				--append "console=hvc0 quiet panic=-1 iomem=relaxed memmap=64K\$0x7000000 vmmp.script=/$script.sh" \
				"$@" </dev/null >/tmp/console 2>&1
			status=$?
			echo "exit status $status" >>/tmp/console
		}
		# refused TEXT OPTION…: exit status 1, one line, with TEXT.
		refused()
		{
			text=$1
			shift
			/guest/vmm run --kernel /guest/linux --initrd /tmp/initrd --memory 256M "$@" </dev/null >/tmp/console 2>&1
			[ $? = 1 ] && [ "$(wc -l </tmp/console)" = 1 ] && says "$text"
		}
		bind()
		{
			echo vfio-pci >"/sys/bus/pci/devices/$1/driver_override"
			[ ! -e "/sys/bus/pci/devices/$1/driver" ] || echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
			echo "$1" >/sys/bus/pci/drivers_probe
		}
		faults() { dmesg | grep -c "DMAR.*$1"; }

		cat /guest/guest.cpio /guest/guests.cpio >/tmp/initrd
		row 'no VFIO' refused 'modprobe vfio-pci' --vfio $nvme
		while read -r module; do insmod "$module" 2>/dev/null; done </modules/vfio
		row 'no such device' refused "--vfio 0000:00:1e.0: this machine has no such" --vfio 00:1e.0
		row 'not an address' sh -c "/guest/vmm run --kernel /guest/linux --vfio nvme 2>&1 | grep -q 'such as 0000:00:04.0'"
		row 'has its driver' refused "the driver nvme has it, not vfio-pci" --vfio $nvme
		row 'has no driver' refused "no driver has it" --vfio $edu
		for device in $nvme $e1000e $edu $ahci; do bind $device; done
		row 'with a balloon' sh -c "/guest/vmm run --kernel /guest/linux --balloon --vfio $nvme 2>&1 | grep -q 'leave one of them out'"
		chmod 666 /dev/kvm /dev/vfio/*
		echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd
		su user -c "/guest/vmm run --kernel /guest/linux --memory 256M --vfio $nvme </dev/null" >/tmp/console 2>&1
		row 'memory that must not be kept' says 'ulimit -l'

		run drive --sandbox --no-reboot --vfio $nvme --vfio $e1000e --vfio $edu --vfio $ahci
		row 'guest ends well' [ $status = 0 ]
		row 'guest finds nothing wrong' sh -c "grep -q 'VMMP done 0' /tmp/console"
		grep -E 'VMMP (disk|sata)' /tmp/console
		for kind in IO-APIC PCI-MSI; do row "ping, $kind" has ping "$kind 3"; done
		row 'DMA to its own memory' has dma 0xCAFE1234
		row 'only its memory is mapped' says 'device vfio2 .* dma-bytes 268435456'
		row 'DMA to elsewhere: a write' [ "$(faults 'DMA Write.*00:12.0.*fault addr 0x20000000')" -gt 0 ]
		row 'DMA to elsewhere: a read' [ "$(faults 'DMA Read.*00:12.0.*fault addr 0x20001000')" -gt 0 ]
		row 'no other faults' [ "$(dmesg | grep 'DMAR.*fault addr' | grep -vc '00:12.0')" = 0 ]

		run reset --vfio $nvme
		row 'reset under load' [ $status = 0 ]
		row 'the guest starts twice' [ "$(grep -c 'VMMP init' /tmp/console)" = 2 ]
		grep 'VMMP again' /tmp/console
		row 'no faults by the reset' [ "$(dmesg | grep 'DMAR.*fault addr' | grep -vc '00:12.0')" = 0 ]

		(
			until grep -q 'VMMP edu' /tmp/console; do sleep 1; done
			ls -l /proc/$(pidof vmm)/fd >/tmp/files
			echo $edu >/sys/bus/pci/drivers/vfio-pci/unbind
			echo unbound >/tmp/unbound
		) &
		: >/tmp/console
		run gone --no-reboot --vfio $edu
		row 'a device that is taken away' says 'VMMP gone'
		row 'the VMM says so' says 'has taken the device away'
		row 'the guest goes on' [ $status = 0 ]
		wait
		row 'the host has it' [ -e /tmp/unbound ]
		row 'KVM knew of it' grep -q kvm-vfio /tmp/files
	END
}

# content OFFSET SIZE: a hash of what the disk has there, in blocks of 64 KiB.
content()
{
	dd if="$temp/disk" bs=64k skip="$1" count="$2" status=none | sha256sum | cut -c1-64
}

main()
{
	local before
	parse_options "$@"
	need_command cpio cpio
	"$tools/images.sh" x86
	temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-vfio.XXXXXX")
	trap 'rm -rf "$temp"' EXIT
	write_guests
	write_machine >"$temp/machine.sh"
	head -c 32M /dev/urandom >"$temp/disk"
	head -c 4M /dev/urandom >"$temp/sata"
	truncate -s 64M "$temp/disk"
	before=$(content 0 64)
	"$tools/testbed.sh" --arch x86_64 --iommu --memory 1536 --timeout $((120 + 4 * limit)) \
		--drive "if=none,id=disk,format=raw,file=$temp/disk" --device "nvme,serial=vmmp,drive=disk,addr=${nvme:8:2}" \
		--netdev user,id=net --device "e1000e,netdev=net,romfile=,addr=${e1000e:8:2}" \
		--drive "if=none,id=sata,format=raw,file=$temp/sata" --device "ich9-ahci,id=ahci,addr=${ahci:8:2}" \
		--device 'ide-hd,drive=sata,bus=ahci.0' --device "edu,dma_mask=0xffffffff,addr=${edu:8:2}" \
		--file "$vmm:/guest/vmm" --file "$vmmp_build/testbed/linux-6.1-generic:/guest/linux" \
		--file "$vmmp_build/testbed/guest-6.1-generic.cpio:/guest/guest.cpio" \
		--file "$temp/guests.cpio:/guest/guests.cpio" --file "$temp/machine.sh:/guest/machine.sh" \
		-- sh /guest/machine.sh </dev/null | tee "$temp/rows"
	grep -q "^VMMP disk $before" "$temp/rows" || die "the guest does not read what is on the disk"
	grep -q "^VMMP sata $(sha256sum <"$temp/sata" | cut -c1-64)" "$temp/rows" ||
		die "the guest does not read what is on the AHCI controller's disk"
	[ "$(content 128 64)" = "$(tr '\0' v </dev/zero | head -c 4M | sha256sum | cut -c1-64)" ] ||
		die "what the guest has written is not on the disk"
	grep -q "^VMMP again $(content 128 64)" "$temp/rows" || die "the disk is another after the reset"
	[ "$(content 0 64)" = "$before" ] || die "the disk was written to where it should not"
	note "the disk has what the guest has written, and nothing else"
	! grep '^FAILED' "$temp/rows" >/dev/null || die "not every check was ok"
}

main "$@"
