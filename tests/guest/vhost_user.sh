#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's QEMU boots a stock Debian guest, emulated, on devices that `vmm vhost-user` serves: disks,
# network, random numbers and vsock, on split and packed rings. Back-ends of two disks, one on split
# rings and one on packed ones, are killed while the guest writes to both and started again: nothing
# is lost, as the inflight region says.
#
#   tests/guest/vhost_user.sh [--timeout SECONDS] VMM     (default 300; the machine may be busy)
#
# VMM is vmm-x86_64; no KVM is needed. One row for each check; exit status 0 when all are ok, 77
# (skipped, said) where there is no compiler for the guest's program.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"

limit=300
vmm=
temp=
failures=0
declare -A servers=()
qemu=
writer=

parse_options()
{
	read_options '--timeout=limit' "$@"
	vmm=${arguments[0]-}
	[ -x "$vmm" ] || usage_error "the path of vmm-x86_64 is needed"
	vmm=$(realpath "$vmm")
}

cleanup()
{
	local pid
	for pid in "$qemu" "$writer" "${servers[@]}"; do
		[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
	done
	rm -rf "$temp"
}

# check NAME CONDITION…: a row.
check()
{
	local name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		failures=$((failures + 1))
		echo "FAILED $name"
	fi
}

# serve NAME OPTION…: a back-end at NAME.sock; of a disk NAME is blk and anything more.
serve()
{
	local name=$1 device=$1
	shift
	[ "${name#blk}" = "$name" ] || device=blk
	rm -f "$name.sock"
	"$vmm" vhost-user --device "$device" --socket "$name.sock" "$@" 2>>"$name.log" &
	servers[$name]=$!
	disown $! # Its end is no news.
	for _ in $(seq 100); do
		[ -S "$name.sock" ] && return
		sleep 0.1
	done
	die "no back-end for $name: $(cat "$name.log")"
}

# says TEXT: the guest says so within the limit.
says()
{
	local waited
	for ((waited = 0; waited < limit * 5; waited++)); do
		grep -q "VMMP $1" console && return
		kill -0 "$qemu" 2>/dev/null || break
		sleep 0.2
	done
	return 1
}

# said WORD: what the guest said after it.
said()
{
	sed -n "s/.*VMMP $1 //p" console | tr -d '\r' | tail -n 1
}

write_guest()
{
	mkdir root
	cat >root/vhost.sh <<-'END'
		say disk "$(head -c 4194304 /dev/vda | sha256sum | cut -c1-64)"
		say disk-packed "$(head -c 4194304 /dev/vdb | sha256sum | cut -c1-64)"
		say size "$(cat /sys/block/vda/size)"
		say rng "$(cat /sys/class/misc/hw_random/rng_current) $(head -c 32 /dev/hwrng | wc -c)"
		ip link set eth0 up
		ip addr add 10.0.2.15/24 dev eth0
		ping -c 3 -W 20 10.0.2.2 >/tmp/ping
		say ping "$(grep -c seq= /tmp/ping)"
		say rings "$(for d in /sys/bus/virtio/devices/*; do read -r k <"$d/device"; f=$(cat "$d/features"); echo "$((k)):${f:34:1}"; done | sort | tr '\n' ' ')"
		/vsock_echo listen 1234 >/dev/null
		say serving
		say writing
		writers=
		for disk in vda vdb; do
			tr '\0' x </dev/zero | dd of=/dev/$disk bs=16k seek=256 count=256 oflag=direct iflag=fullblock 2>/dev/null &
			writers="$writers $!"
		done
		wait $writers
		sync
		for disk in vdb vda; do
			say written-$disk "$(dd if=/dev/$disk bs=16k skip=256 count=256 iflag=direct 2>/dev/null | sha256sum | cut -c1-64)"
		done
		read -r _
	END
	"$compiler" -static -O1 -D_GNU_SOURCE -o root/vsock_echo "$here/programs/vsock_echo.c"
	"$compiler" -O1 -D_GNU_SOURCE -o unix_stream "$here/programs/unix_stream.c"
	(cd root && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet) >scripts.cpio
	cat "$vmmp_build/testbed/guest-6.12-amd64.cpio" scripts.cpio >initrd
	dd if=/dev/urandom of=blk.img bs=1M count=8 status=none
	dd if=/dev/urandom of=blk-packed.img bs=1M count=8 status=none
}

# The guest's rings have 1024 entries whatever the default of QEMU's disks is, which goes for regions.
start_guest()
{
	mkfifo in
	: >console
	sleep $((limit * 4)) >in &
	writer=$!
	disown $!
	"$vmmp_build/testbed/qemu-x86_64" \
		-M q35,memory-backend=mem -accel tcg -m 256 -nodefaults -display none -no-reboot \
		-object memory-backend-memfd,id=mem,size=256M,share=on -serial stdio \
		-kernel "$vmmp_build/testbed/outer-amd64.elf" -initrd initrd \
		-append "console=ttyS0 quiet panic=-1 vmmp.console=ttyS0 vmmp.script=/vhost.sh" \
		-chardev socket,id=blk,path=blk.sock,reconnect-ms=200 -device vhost-user-blk-pci,chardev=blk,queue-size=1024 \
		-chardev socket,id=blk-packed,path=blk-packed.sock,reconnect-ms=200 \
		-device vhost-user-blk-pci,chardev=blk-packed,queue-size=1024,packed=on \
		-chardev socket,id=net,path=net.sock -netdev vhost-user,id=n,chardev=net \
		-device virtio-net-pci,netdev=n,packed=on \
		-chardev socket,id=rng,path=rng.sock -device vhost-user-rng-pci,chardev=rng,packed=on \
		-chardev socket,id=vsock,path=vsock.sock -device vhost-user-vsock-pci,chardev=vsock \
		<in >console 2>qemu.log &
	qemu=$!
	disown $!
}

# vsock_answers: what is said to the guest's port comes back.
vsock_answers()
{
	local answer
	answer=$(printf 'CONNECT 1234\nhello guest' | timeout 30 ./unix_stream guest.vsock 27 2>/dev/null | tr -d '\0' | tail -c 11)
	[ "$answer" = 'hello guest' ]
}

# The back-ends die as programs that crash do, with requests in flight.
restart_disks()
{
	local round disk
	for round in 1 2 3; do
		for disk in blk blk-packed; do
			kill -9 "${servers[$disk]}"
			# It holds the file until it is gone.
			for _ in $(seq 100); do
				kill -0 "${servers[$disk]}" 2>/dev/null || break
				sleep 0.05
			done
			serve $disk --disk $disk.img,threads
		done
		sleep 0.$((round * 3))
	done
}

# What they say of themselves, into DISK.statistics.
ask_disks()
{
	local disk waited
	for disk in blk blk-packed; do
		cp $disk.log $disk.before
		kill -USR1 "${servers[$disk]}" || true
		for ((waited = 0; waited < 50; waited++)); do
			! cmp -s $disk.log $disk.before && break
			sleep 0.2
		done
		mv $disk.log $disk.statistics
		mv $disk.before $disk.log
	done
}

judge()
{
	local wrote disk
	wrote=$(head -c 4194304 /dev/zero | tr '\0' x | sha256sum | cut -c1-64)
	check "disk: what the guest reads" [ "$(said disk)" = "$(head -c 4194304 blk.img | sha256sum | cut -c1-64)" ]
	check "disk, packed: what the guest reads" \
		[ "$(said disk-packed)" = "$(head -c 4194304 blk-packed.img | sha256sum | cut -c1-64)" ]
	check "disk: its size" [ "$(said size)" = 16384 ]
	check "disk: what the guest wrote, its back-end killed meanwhile" [ "$(said written-vda)" = "$wrote" ]
	check "disk, packed: what the guest wrote, its back-end killed meanwhile" [ "$(said written-vdb)" = "$wrote" ]
	check "disk: what is in the file" [ "$(tail -c 4194304 blk.img | sha256sum | cut -c1-64)" = "$wrote" ]
	check "disk, packed: what is in the file" [ "$(tail -c 4194304 blk-packed.img | sha256sum | cut -c1-64)" = "$wrote" ]
	check "net: ping to the gateway" [ "$(said ping)" = 3 ]
	check "rng: random numbers" [ "$(said rng)" = 'virtio_rng.0 32' ]
	check "packed rings of net, rng and a disk, split ones of a disk and vsock" \
		[ "$(said rings)" = '19:0 1:1 2:0 2:1 4:1 ' ]
	for disk in blk blk-packed; do
		check "$disk: its ring has an inflight region" grep -q ' tracked 1 ' $disk.statistics
	done
	check "no back-end complained" [ -z "$(cat {blk,blk-packed,net,rng,vsock}.log)" ]
}

main()
{
	parse_options "$@"
	need_command cpio cpio
	compiler=${CC:-cc}
	command -v "$compiler" >/dev/null || {
		echo "skipped: no compiler for the guest's program"
		exit 77
	}
	"$tools/images.sh" x86
	temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-vhost.XXXXXX")
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	cd "$temp"
	write_guest
	serve blk --disk blk.img,threads
	serve blk-packed --disk blk-packed.img,threads
	serve net --net user
	serve rng
	serve vsock --vsock "cid=3,path=guest.vsock"
	start_guest
	if says serving; then
		check "vsock: an echo from the guest" vsock_answers
		says writing && restart_disks
	fi
	says written-vda || true
	ask_disks
	judge
	[ $failures = 0 ] || {
		tail -n 20 console ./*.log >&2
		die "$failures checks failed"
	}
}

main "$@"
