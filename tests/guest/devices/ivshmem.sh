# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Needs: qemu
#
# Memory and events shared with a guest of QEMU's: our end is a cross-VM connection, QEMU's its
# ivshmem-doorbell, which connects to us.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

bytes=4194304
events=1000
[ "$FULL" = 0 ] || {
	bytes=268435456
	events=50000
}

cat >script <<'END'
say serving
while read -r id command rest; do
	case $command in
	run) say "$id" "$(/test/crossvm $rest 2>&1)" ;;
	start) (answer=$(/test/crossvm $rest 2>&1) && say "$id" "$answer") & ;;
	stop)
		killall crossvm
		say "$id" stopped
		;;
	end) break ;;
	esac
done
END

# qemu_guest NAME: as guest(), with QEMU and its device. The root is the one of the guest before.
qemu_guest()
{
	rm -f "$1.in" "$1.out" "$1.err"
	mkfifo "$1.in"
	qemu-system-aarch64 -M "virt,accel=kvm,gic-version=${GIC:-3}" -cpu host -m 256 -nodefaults \
		-nographic -no-reboot -kernel /test/linux -initrd root.cpio \
		-append "console=hvc0 quiet panic=-1 vmmp.script=/test/script.sh" \
		-device virtio-serial-pci -chardev stdio,id=console,signal=off -device virtconsole,chardev=console \
		-chardev "socket,id=peer,path=$dir/s" -device ivshmem-doorbell,vectors=1,chardev=peer \
		<>"$1.in" >"$1.out" 2>"$1.err" &
	echo $! >"$1.pid"
	running="$running $1"
}

guest a script --share "s,size=256K,peer=$dir/s,ivshmem" --sandbox
check serving says a serving
check mode [ "$(stat -c %a s)" = 600 ]
for round in 1 2; do
	qemu_guest q
	check "qemu $round" says q serving
	# Those of the transfer before have not been taken yet.
	tell a "9$round" run s count 0
	check "quiet $round" answers a "9$round" '[0-9]*'
	tell a "1$round" start s count $events
	tell q "2$round" run ivshmem emit $events
	check "emits $round" answers q "2$round" "$events [0-9]*"
	check "counts $round" answers a "1$round" "$events"
	tell q "3$round" start ivshmem send
	tell a "4$round" run s receive $bytes
	check "receives $round" answers a "4$round" "$bytes ok [0-9a-f]* [0-9]*"
	tell q "5$round" stop
	check "stops $round" answers q "5$round" stopped
	tell a "6$round" start s send
	tell q "7$round" run ivshmem receive $bytes
	check "qemu-receives $round" answers q "7$round" "$bytes ok [0-9a-f]* [0-9]*"
	tell a "8$round" stop
	check "stops-too $round" answers a "8$round" stopped
	# QEMU goes, and another one comes.
	tell q 99 end
	check "qemu-ends $round" ended q 0
done
tell a 99 end
check ends ended a 0
check removed [ ! -e s ]
finish
