# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# Run by the guest's init (vmmp.script=/test/registers.sh) with iomem=relaxed: accesses of every width
# to every register of every PCI function, and of the whole configuration space. The console is
# written only what it has, and not through the face that its driver does not use: there that would
# take its queues away. The other functions have no driver meanwhile; afterwards they have one, the
# network is asked and the disk is written and read. docs/sel4.md says how to run it.

# sweep MODE FILE BASE SIZE: of the program beside this script.
sweep()
{
	said=$(/test/registers "$1" "$2" "$3" "$4") || fail "registers $*"
	say "$said"
}

# function_config FOLDER: set $config to where the function's configuration is, 256 bytes.
function_config()
{
	place=${1##*:}
	config=$((window + ((0x${place%.*} << 3 | ${place#*.}) << 8)))
}

# sweep_function FOLDER MODE: its BARs (memory is 0x200 in the flags, ports are 0x100), ports where the
# machine has them in memory and, where the kernel has /dev/port, as ports.
sweep_function()
{
	head -n 6 "$1/resource" >/resource
	while read -r start end flags; do
		size=$((end - start + 1))
		if [ $((flags & 0x200)) != 0 ]; then
			sweep "$2" /dev/mem "$start" $size
		elif [ $((flags & 0x100)) != 0 ] && [ "$1 $2" != "$console_function same" ]; then
			sweep "$2" /dev/mem $((ports + start)) $size
			[ ! -c /dev/port ] || sweep "$2" /dev/port "$start" $size
		fi
	done </resource
}

bind_all()
{
	for function in $others; do
		echo "${function##*/}" >/sys/bus/pci/drivers/virtio-pci/bind || fail "bind ${function##*/}"
	done
}

unbind_all()
{
	for function in $others; do
		echo "${function##*/}" >/sys/bus/pci/drivers/virtio-pci/unbind || fail "unbind ${function##*/}"
	done
}

# works WHEN: the network answers, and the disk keeps what it is given.
works()
{
	ip addr replace 10.0.2.15/24 dev eth0
	ip link set eth0 up
	ping -c 3 -W 5 10.0.2.2 >/ping || fail "$1: no answer"
	head -c 65536 /dev/urandom >/mark
	dd if=/mark of=/dev/vda bs=64k conv=fsync 2>/dev/null
	echo 3 >/proc/sys/vm/drop_caches
	head -c 65536 /dev/vda | cmp - /mark || fail "$1: the disk has something else"
	say works "$1"
}

dmesg -n 1
ports=0xdd000000
window=0x$(sed -n 's/^\([0-9a-f]*\)-.* : PCI ECAM$/\1/p' /proc/iomem)
others=
for function in /sys/bus/pci/devices/*; do
	if [ "$(cat "$function/class")" = 0x078000 ]; then console_function=$function; else others="$others $function"; fi
done
works before

# Reads: all there is, with drivers.
sweep read /dev/mem "$window" 0x10000
for function in $console_function $others; do
	sweep_function "$function" read
done
works read

function_config "$console_function"
sweep same /dev/mem $config 256
sweep_function "$console_function" same
for mode in same wild; do
	unbind_all
	for function in $others; do
		# On, and master of the bus.
		echo 1 >"$function/enable"
		printf '\007' | dd of="$function/config" bs=1 seek=4 conv=notrunc 2>/dev/null
		sweep_function "$function" $mode
		echo 0 >"$function/enable"
	done
	bind_all
	works "$mode BARs"
	unbind_all
	for function in $others; do
		function_config "$function"
		sweep $mode /dev/mem $config 256
	done
	bind_all
	works "$mode configuration"
done
# Functions that are not there: the bridge's place, and all behind the last device.
sweep wild /dev/mem "$window" 0x800
sweep wild /dev/mem $((window + 0x2000)) 0xe000
works nobody
