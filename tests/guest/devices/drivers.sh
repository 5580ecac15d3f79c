# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034,SC2317
# SC2317: functions that check runs
#
# All devices at once, over each transport and face, with packed and split rings: used, their
# drivers unbound and bound, unloaded and loaded again, and used after a reboot and by a kernel
# that took over (kexec). Run by tests/guest/device.sh.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

memory=192M
stream=$programs/unix_peer

# The guest talks through its UART: the console is one of the devices that come and go.
cat >script <<'END'
drivers='virtio_net virtio_blk virtio_console virtio_rng virtio_balloon vmw_vsock_virtio_transport'

# wait_file FILE
wait_file()
{
	tries=0
	until [ -e "$1" ] || [ $tries -ge 100 ]; do
		tries=$((tries + 1))
		usleep 100000
	done
	[ -e "$1" ] || fail "$phase: there is no $1"
}

use_disk()
{
	wait_file /dev/vda
	dd if=/dev/urandom of=/pattern bs=64k count=4 2>/dev/null
	dd if=/pattern of=/dev/vda bs=64k conv=fsync 2>/dev/null || fail "$phase: cannot write the disk"
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/dev/vda bs=64k count=4 2>/dev/null | cmp -s - /pattern || fail "$phase: the disk has other bytes"
}

use_net()
{
	wait_file /sys/class/net/eth0
	ip link set eth0 up
	ip addr add 10.0.2.15/24 dev eth0
	ping -c 2 -i 0.2 -W 30 10.0.2.2 >/dev/null || fail "$phase: no answer through the network"
}

use_random()
{
	[ "$(dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c)" = 64 ] || fail "$phase: no random bytes"
}

use_console()
{
	wait_file /dev/hvc0
	echo "line of $phase" >/dev/hvc0 || fail "$phase: cannot write to the console"
}

# The other end of both is beside the VMM.
use_socket_and_balloon()
{
	echo_pid=$(/test/vsock_echo listen 1234)
	say ready "$phase"
	read -r answer
	[ "$answer" = "done $phase" ] || fail "$phase: heard '$answer'"
	kill $echo_pid
}

use_all()
{
	phase=$1
	use_disk
	use_net
	use_random
	use_console
	use_socket_and_balloon
}

unbind_and_bind()
{
	for driver in $drivers; do
		cd "/sys/bus/virtio/drivers/$driver" || { fail "no driver $driver"; continue; }
		devices=$(echo virtio*)
		for device in $devices; do echo "$device" >unbind; done
		[ "$(echo virtio*)" = 'virtio*' ] || fail "$driver keeps a device"
		for device in $devices; do echo "$device" >bind; done
		[ "$(echo virtio*)" = "$devices" ] || fail "$driver does not take its devices again"
	done
	cd /
}

unload_and_load()
{
	for list in /modules/virtio-[0-9]*; do
		module=$(tail -n 1 "$list" | sed 's/.*\///; s/\.ko.*//; s/-/_/g')
		[ -e "/sys/module/$module" ] || continue
		rmmod "$module" || fail "cannot unload $module"
		[ ! -e "/sys/module/$module" ] || fail "$module is still there"
		while read -r module; do insmod "$module" 2>/dev/null; done <"$list"
	done
}

# What the start before has left on the disk, behind what use_disk writes.
rebooted()
{
	wait_file /dev/vda
	dd if=/dev/vda bs=512 skip=1024 count=1 2>/dev/null | grep -q rebooted
}

reboot_marked()
{
	echo rebooted | dd of=/dev/vda bs=512 seek=1024 conv=sync,fsync 2>/dev/null
	reboot -f
}

phase=begin
first=
read -r words </proc/cmdline
case $words in
*vmmp.second*)
	use_all second-kernel
	;;
*vmmp.reboot*)
	if rebooted; then use_all after-reboot; else first=1; fi
	;;
*)
	first=1
	;;
esac
if [ "$first" = 1 ]; then
	for device in /sys/bus/virtio/devices/*; do
		read -r features <"$device/features"
		# The characters are bits from 0 on: 32 is VIRTIO_F_VERSION_1, 34 VIRTIO_F_RING_PACKED.
		say features "$(echo "$features" | cut -c 33)$(echo "$features" | cut -c 35)"
	done
	say messages "$(grep -c PCI-MSI /proc/interrupts)"
	use_all first
	unbind_and_bind
	use_all bound-again
	unload_and_load
	use_all loaded-again
	case $words in
	*vmmp.reboot*) reboot_marked ;;
	*vmmp.kexec*)
		read -r size </sys/block/vdb/size
		dd if=/dev/vdb of=/kernel bs=512 count="$size" 2>/dev/null
		read -r size </sys/block/vdc/size
		dd if=/dev/vdc of=/initrd bs=512 count="$size" 2>/dev/null
		fail "kexec: $(/test/kexec /kernel /initrd "$words vmmp.second" 2>&1)"
		;;
	esac
fi
END

# meet NAME PHASE: what is done beside the VMM when the guest is ready: its socket answers, and its
# balloon grows and shrinks.
meet()
{
	check "$1/$2" says "$1" "ready $2" || return 1
	check "$1/$2-socket" "$stream" connect "$dir/v" 1234 3 20000
	/test/vmm ctl ctl balloon 8M >/dev/null
	check "$1/$2-balloon" balloon_is 8388608
	/test/vmm ctl ctl balloon 0 >/dev/null
	check "$1/$2-balloon-back" balloon_is 0
	check "$1/$2-console" wait_for "line of $2" console
	tell "$1" "done $2"
}

balloon_is()
{
	tries=0
	until /test/vmm ctl ctl balloon 2>/dev/null | grep -q "\"actual\": $1,"; do
		tries=$((tries + 1))
		[ "$tries" -lt $((patience * 5)) ] || return 1
		usleep 200000
	done
}

# features NAME VERSION-1-AND-PACKED: every device's driver took these.
features()
{
	[ "$(tr -d '\r' <"$1.out" | grep -c 'VMMP features')" -ge 6 ] &&
		! tr -d '\r' <"$1.out" | grep 'VMMP features' | grep -q -v "features $2\$"
}

# try NAME FEATURES MESSAGES OPTION...: $append is for the guest's kernel. MESSAGES: whether it has MSI-X.
try()
{
	wanted "$1" || return 0
	name=$1
	expected=$2
	messages=$3
	shift 3
	rm -f ctl v console
	dd if=/dev/zero of=disk bs=64k count=16 2>/dev/null
	append="console=ttyAMA0 vmmp.console=ttyAMA0 ${append:-} ${reboot:+vmmp.reboot}" guest "$name" script --serial stdio \
		--console file:console --control ctl --disk disk --net user --rng --balloon \
		--vsock "cid=42,path=$dir/v" "$@"
	meet "$name" first || return
	check "$name/features" features "$name" "$expected"
	check "$name/messages" [ "$messages" = $(($(said "$name" messages) > 0)) ]
	meet "$name" bound-again || return
	meet "$name" loaded-again || return
	[ -z "${reboot:-}" ] || meet "$name" after-reboot || return
	[ -z "$second" ] || meet "$name" second-kernel
	check "$name/ended" ended "$name" 0
}

second=
reboot=1
try pci 11 1
[ "$FULL" = 0 ] || {
	try legacy 00 1 --transport pci-legacy
	try pci-split 10 1 --rings split
	try pci-modern 11 1 --transport pci-modern
	append=pci=nomsi try intx 11 0
	append=pci=nomsi try intx-split 10 0 --rings split
	append=pci=nomsi try legacy-intx 00 0 --transport pci-legacy
	try mmio 11 0 --transport mmio
}

reboot=

# The second kernel's root is the first's, made once more. arm64.nolva: with 52-bit addresses
# Linux 6.12's own kexec follows a bad pointer.
second=1
memory=384M
make_root script
# Disks have whole sectors.
dd if=root.cpio of=second.cpio bs=4k conv=sync 2>/dev/null
dd if=/test/linux of=linux bs=4k conv=sync 2>/dev/null
append='vmmp.kexec arm64.nolva'
try kexec-mmio-split 10 0 --transport mmio --rings split --disk linux,ro --disk second.cpio,ro
[ "$FULL" = 0 ] || try kexec-pci 11 1 --disk linux,ro --disk second.cpio,ro
finish
