# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Needs: qemu
#
# Memory and events shared with a guest of QEMU's: our end is a cross-VM connection, QEMU's its
# ivshmem-doorbell, which connects to us; or both connect to a server, as QEMU's is one.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

bytes=4194304
events=1000
rounds=1
[ "$FULL" = 0 ] || {
	bytes=268435456
	events=50000
	rounds='1 2'
}
patience=$((patience + bytes / 1048576 + events / 500))

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

# both ROUND: the guests a and q pass events and numbers, both ways.
both()
{
	# Those of the transfer before have not been taken yet.
	tell a "9$1" run s count 0
	check "quiet $1" answers a "9$1" '[0-9]*'
	tell a "1$1" start s count $events
	tell q "2$1" run ivshmem emit $events
	check "emits $1" answers q "2$1" "$events [0-9]*"
	check "counts $1" answers a "1$1" "$events"
	tell q "3$1" start ivshmem send
	tell a "4$1" run s receive $bytes
	check "receives $1" answers a "4$1" "$bytes ok [0-9a-f]* [0-9]*"
	tell q "5$1" stop
	check "stops $1" answers q "5$1" stopped
	tell a "6$1" start s send
	tell q "7$1" run ivshmem receive $bytes
	check "qemu-receives $1" answers q "7$1" "$bytes ok [0-9a-f]* [0-9]*"
	tell a "8$1" stop
	check "stops-too $1" answers a "8$1" stopped
}

if wanted server; then
	guest a script --share "s,size=256K,peer=$dir/s,ivshmem" --sandbox
	check serving says a serving
	check mode [ "$(stat -c %a s)" = 600 ]
	for round in $rounds; do
		qemu_guest q
		check "qemu $round" says q serving
		both $round
		# QEMU goes, and another one comes.
		tell q 99 end
		check "qemu-ends $round" ended q 0
	done
	tell a 99 end
	check ends ended a 0
	check removed [ ! -e s ]
fi

# The other way round at length only: the client's part is tested without guests too.
if wanted client && [ "$FULL" = 1 ]; then
	"$programs/ivshmem_server" "$dir/s" 262144 &
	server=$!
	until [ -S s ]; do usleep 10000; done
	guest a script --share "s,size=256K,peer=$dir/s,ivshmem" --sandbox
	check client says a serving
	qemu_guest q
	check qemu-beside says q serving
	both 3
	# The server goes and another one comes, with other memory; QEMU's guest does not find that one.
	kill $server
	wait $server 2>/dev/null
	tell q 99 end
	check qemu-ends-beside ended q 0
	"$programs/ivshmem_server" "$dir/s" 262144 &
	server=$!
	qemu_guest q
	check qemu-again says q serving
	both 4
	tell q 99 end
	check qemu-ends-again ended q 0
	tell a 99 end
	check client-ends ended a 0
	kill $server
fi
finish
