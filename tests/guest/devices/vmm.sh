# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034
# What is not one device's: the control socket, a machine with everything in it, the sandbox, the power key.
. /test/lib.sh

ctl()
{
	/test/vmm ctl ctl "$@" >answer 2>&1
}

# replies PATTERN WORD...: the control socket's reply.
replies()
{
	pattern=$1
	shift
	ctl "$@" || return 1
	grep -q -e "$pattern" answer
}

# refuses PATTERN WORD...
refuses()
{
	pattern=$1
	shift
	ctl "$@" && return 1
	grep -q -e "$pattern" answer
}

if wanted control; then
	cat >script <<'END'
read -r answer
END
	reboot=1
	guest a script --control ctl --rng --balloon
	check control-starts has_said a init 1
	check control-status replies '"ok": true, "machine": "qemu-arm-virt", .*"gic": [23], "starts": 1.*"rng".*"balloon"' status
	check control-mode test "$(stat -c %a ctl)" = 600
	check control-stats replies '"vcpus": \[{.*"windows": .*"queues": ' stats
	check control-help replies '"power-off": ' help
	check control-unknown refuses "did you mean status" statsu
	check control-extra refuses 'takes nothing' reset now
	check control-reset replies '"ok": true' reset
	check control-restarts has_said a init 2
	check control-starts-2 replies '"starts": 2' status
	check control-quit replies '"ok": true' quit
	check control-ends ended a 0
	check control-gone test ! -e ctl
	check control-nobody refuses 'no VMM listens there' status
	reboot=
fi

# Every device at once, on each transport, in the sandbox, and the guest finds and uses them.
if wanted everything; then
	dd if=/dev/urandom of=disk bs=64k count=16 2>/dev/null
	sum=$(sha256sum <disk | cut -d' ' -f1)
	cat >script <<'END'
count=0
for device in /sys/bus/virtio/devices/*; do
	find_driver "$device"
	[ "$driver" != none ] || fail "no driver for ${device##*/}"
	count=$((count + 1))
done
say devices $count
say disk "$(sha256sum </dev/vda | cut -d' ' -f1)"
read -r name </sys/class/net/eth0/address
say mac "$name"
dd if=/dev/hwrng of=/random bs=1k count=4 2>/dev/null
say random "$(wc -c </random)"
read -r answer
END
	for transport in pci mmio; do
		rm -f answer ctl v.sock
		guest e script --sandbox --control ctl --transport $transport --disk disk,ro --disk disk,overlay \
			--net user,mac=02:00:00:00:00:01 --rng --balloon --vsock cid=7,path=v.sock
		check $transport-devices says e 'devices 7$'
		check $transport-disk says e "disk $sum"
		check $transport-mac says e 'mac 02:00:00:00:00:01'
		check $transport-random says e 'random 4096'
		check $transport-status replies '"ok": true.*"disk1".*"net0".*"vsock"' status
		tell e finished
		check $transport-ends ended e 0
	done
fi
# The kernel's GPIO driver sees the power key pressed and let go, and the guest powers off by itself
# long before it would be made to.
if wanted key; then
	cat >script <<'END'
for chip in /sys/class/gpio/gpiochip*; do
	[ "$(cat "$chip/label")" != 9030000.gpio ] || base=$(cat "$chip/base")
done
pin=$((base + 3))
echo $pin >/sys/class/gpio/export || fail "no pin $pin"
echo both >/sys/class/gpio/gpio$pin/edge || fail "no edges"
edges()
{
	awk '/gpio/ { n += $2 } END { print n + 0 }' /proc/interrupts
}
say key "$(cat /sys/class/gpio/gpio$pin/value) $(edges)"
tries=0
until [ "$(edges)" = 2 ] || [ $tries -ge 80 ]; do
	tries=$((tries + 1))
	usleep 100000
done
say edges "$(edges)"
END
	guest k script
	check key-idle says k 'key 0 0'
	kill -TERM "$(cat k.pid)"
	check key-edges says k 'edges 2'
	check key-ends ended k 0
	check key-was-enough test "$(grep -c -i 'sysrq' k.out)" = 0
	sed 's/^/    /' k.out | grep VMMP
fi
finish
