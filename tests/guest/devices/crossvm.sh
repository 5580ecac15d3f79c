# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # reboot is for guest()
#
# Cross-VM connections between stock guests, each with a VMM of its own: memory and events through
# the BARs that sysfs shows, a guest that starts again, a VMM that is killed, three in a ring, a
# hostile neighbour; and a network through shared memory.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

cp /carry/crossvm/*.ko "$dir/guest/test/" || exit 1
bytes=33554432
events=20000
laps=50
seconds=3
[ "$FULL" = 0 ] || {
	bytes=1073741824
	events=1000000
	laps=2000
	seconds=20
	patience=2400
}

# The guest does what it is told: "ID run WORDS" answers when it is done, "ID start WORDS" goes on
# meanwhile.
cat >script <<'END'
# Without a driver the functions are polled, with this one they interrupt.
interrupts()
{
	insmod /test/uio.ko
	insmod /test/uio_pci_generic.ko
	echo "1af4 a111" >/sys/bus/pci/drivers/uio_pci_generic/new_id
	echo "1af4 1110" >/sys/bus/pci/drivers/uio_pci_generic/new_id
}
say serving
while read -r id command rest; do
	case $command in
	run) say "$id" "$(/test/crossvm $rest 2>&1)" ;;
	start) (answer=$(/test/crossvm $rest 2>&1) && say "$id" "$answer") & ;;
	interrupts)
		interrupts
		say "$id" "$(echo /dev/uio*)"
		;;
	address)
		ip link set lo up
		ip link set eth0 up
		ip addr add "$rest" dev eth0
		say "$id" "$rest"
		;;
	ping)
		tries=0
		until ping -c 1 -W 2 "$rest" >/dev/null 2>&1 || [ $tries -ge 30 ]; do tries=$((tries + 1)); done
		say "$id" "$(ping -c 3 -W 5 "$rest" 2>&1 | grep -c 'bytes from')"
		;;
	rate) say "$id" "$(/test/net_rate $rest 2>&1)" ;;
	serve)
		/test/net_rate serve $rest >/dev/null 2>&1 &
		say "$id" serves
		;;
	stop)
		killall crossvm
		say "$id" stopped
		;;
	reset)
		/test/crossvm $rest | {
			read -r word
			say "$id" "$word"
			reboot -f
		}
		;;
	end) break ;;
	esac
done
END

# ends GUEST...
ends()
{
	for name; do
		tell "$name" 99 end
	done
	for name; do
		check "$name-ends" ended "$name" 0
	done
}

# cpu GUEST: what its VMM has taken of the CPU so far, in hundredths of a second.
cpu()
{
	awk '{ print $14 + $15 }' "/proc/$(cat "$1.pid")/stat"
}

# work ID: guest b works for a while; $rate: how much for each second of the CPU.
work()
{
	before=$(cpu b)
	tell b "$1" run s work $seconds
	check "works-$1" answers b "$1" '[0-9][0-9]*'
	rate=$(($(said b "$1") * 100 / ($(cpu b) - before + 1)))
}

share="s,size=256K,peer=$dir/s"

if wanted pair; then
	guest a script --share "$share"
	reboot=1 guest b script --share "$share"
	check a says a serving
	check b says b serving
	check mode [ "$(stat -c %a s)" = 600 ]
	tell a 10 run s name
	check name answers a 10 s

	tell b 11 start s count $events
	tell a 12 run s emit $events
	check emits answers a 12 "$events [0-9]*"
	check counts answers b 11 "$events"
	tell a 13 start s send
	tell b 14 run s receive $bytes
	check receives answers b 14 "$bytes ok [0-9a-f]* [0-9]*"
	echo "    transfer: $(said b 14), events: $(said a 12)"

	# It starts again in mid-transfer, and gets everything after that.
	tell b 20 reset s receive 1099511627776 part
	check mid-transfer answers b 20 part
	check again has_said b serving 2
	tell b 21 run s receive $bytes
	check receives-again answers b 21 "$bytes ok [0-9a-f]* [0-9]*"
	tell a 22 stop
	check stops answers a 22 stopped
	tell a 23 start s count 1000
	tell b 24 run s emit 1000
	check counts-again answers a 23 1000

	# Who listens is killed and comes back; the other guest goes on.
	kill -9 "$(cat a.pid)"
	wait "$(cat a.pid)" 2>/dev/null
	tell b 30 run s emit 10
	check alone answers b 30 "10 [0-9]*"
	guest a script --share "$share" --sandbox
	check back says a serving
	tell a 31 start s send
	tell b 32 run s receive 1048576
	check receives-from-back answers b 32 "1048576 ok [0-9a-f]* [0-9]*"
	ends a b
	check removed [ ! -e s ]
fi

if wanted ring; then
	guest a script --share "ab,size=4K,peer=$dir/ab" --share "ca,size=12K,peer=$dir/ca" --sandbox
	guest b script --share "ab,size=4K,peer=$dir/ab" --share "bc,size=1M,peer=$dir/bc" --sandbox
	guest c script --share "bc,size=1M,peer=$dir/bc" --share "ca,size=12K,peer=$dir/ca" --sandbox
	for name in a b c; do
		check "ring-$name" says $name serving
	done
	for name in a b c; do
		tell $name 39 interrupts
		check "ring-$name-interrupts" answers $name 39 '/dev/uio0 /dev/uio1'
	done
	tell b 40 start ab relay bc $laps
	tell c 41 start bc relay ca $laps
	tell a 42 run ca begin ab $laps
	check ring answers a 42 $((3 * laps))
	ends a b c
fi

if wanted ivshmem; then
	# Both see ivshmem, then one of them: each of its rings is an event of the connector's.
	guest a script --share "$share,device=ivshmem" --sandbox
	guest b script --share "$share,device=ivshmem"
	check ivshmem-a says a serving
	check ivshmem-b says b serving
	for name in a b; do
		tell $name 45 interrupts
		check "ivshmem-$name-interrupts" answers $name 45 '/dev/uio0'
	done
	tell b 46 start ivshmem answer 500
	tell a 47 run ivshmem ask 500
	check ivshmem-asks answers a 47 '500 [0-9]*'
	tell a 48 start ivshmem send
	tell b 49 run ivshmem receive $((bytes / 8))
	check ivshmem-receives answers b 49 "$((bytes / 8)) ok [0-9a-f]* [0-9]*"
	ends b
	guest b script --share "$share"
	check connector says b serving
	tell b 55 start s count 1000
	tell a 56 run ivshmem emit 1000
	check connector-counts answers b 55 1000
	ends a b
fi

if wanted net; then
	guest a script --net "share=$dir/n,mac=02:00:00:00:00:0a"
	reboot=1 guest b script --net "share=$dir/n,mac=02:00:00:00:00:0b" --sandbox
	check net-a says a serving
	check net-b says b serving
	tell a 60 address 10.9.0.1/24
	tell b 61 address 10.9.0.2/24
	check addresses answers b 61 10.9.0.2/24
	tell b 62 ping 10.9.0.1
	check pings answers b 62 3
	tell a 63 serve 8000
	check net-serves answers a 63 serves
	tell b 64 rate send 10.9.0.1 8000 $((bytes / 4))
	check net-sends answers b 64 '[0-9]* [0-9].*'
	tell b 65 rate receive 10.9.0.1 8000 $((bytes / 4))
	check net-receives answers b 65 '[0-9]* [0-9].*'
	echo "    sent: $(said b 64), received: $(said b 65)"
	# The other VMM goes and comes back.
	kill -9 "$(cat a.pid)"
	wait "$(cat a.pid)" 2>/dev/null
	guest a script --net "share=$dir/n,mac=02:00:00:00:00:0a"
	check net-back says a serving
	tell a 66 address 10.9.0.1/24
	check address-again answers a 66 10.9.0.1/24
	tell b 67 ping 10.9.0.1
	check pings-again answers b 67 3
	ends a b
	check net-removed [ ! -e n ]
fi

if wanted hostile; then
	# The work done for a second of the CPU's that its VMM takes: the hostile guest's own part of the CPU
	# does not count. It is judged in the long form, which runs alone: in an emulated machine what the
	# host does beside it looks like time of the CPU's.
	guest a script --share "$share" --share "x,size=4K,peer=$dir/x"
	guest b script --share "$share"
	check neighbour says a serving
	check worker says b serving
	work 60
	idle=$rate
	tell a 50 start x storm $((seconds + 2))
	work 61
	elsewhere=$rate
	check storms-elsewhere answers a 50 '[0-9][0-9]*'
	tell a 70 start s storm $((seconds + 2))
	work 80
	check storms answers a 70 '[0-9][0-9]*'
	echo "    work for a CPU second beside an idle neighbour: $idle, hostile elsewhere: $elsewhere, here: $rate;" \
		"it wrote $(said a 70) times"
	[ "$FULL" = 0 ] || check undisturbed [ $((rate * 10)) -ge $((idle * 7)) ]
	# And the connection still works.
	tell b 90 start s send
	tell a 91 run s receive 1048576
	check works-after answers a 91 "1048576 ok [0-9a-f]* [0-9]*"
	ends a b
fi

# What cannot be is said with the mend: 2 for the command line, 1 for the rest.
for value in "" s s,size=0 s,size=5K s/t,size=1M s,size=2G; do
	/test/vmm run --kernel /test/linux --share "$value" >refused.log 2>&1
	check "usage $value" [ $? = 2 ]
done
/test/vmm run --kernel /test/linux --share "s,size=1M,peer=/no/such/folder/s" >refused.log 2>&1
check no-folder [ $? = 1 ]
check no-folder-says grep -q "/no/such/folder/s: cannot listen there" refused.log
/test/vmm run --kernel /test/linux --share "s,size=64M,peer=$dir/large" >refused.log 2>&1
check too-large [ $? = 1 ]
check too-large-says grep -q "give a smaller size" refused.log
check nothing-left [ ! -e large ]
finish
