# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # reboot is for guest()
# needs on aarch64: --instructions
#
# Cross-VM connections between stock guests, each with a VMM of its own: memory and events through
# the BARs that sysfs shows, a guest that starts again, a VMM that is killed, three in a ring, a
# hostile neighbour; and a network through shared memory. The machine's time is its instructions, so
# that how much work is done beside a neighbour does not depend on what runs beside the machine. On
# PCs it is not: there a guest may stand still (docs/devices/crossvm.md).

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

cp /carry/crossvm/*.ko "$dir/guest/test/" || exit 1
bytes=33554432
events=20000
laps=50
asks=500
works=500
[ "$FULL" = 0 ] || {
	bytes=1073741824
	events=1000000
	laps=2000
	asks=5000
	works=2000
}
patience=$((patience + bytes / 1048576 + events / 500))

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
		say "$id" "$(/test/net_rate serve $rest)"
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

# How often neighbours are compared, and with what. On PCs, whose time is not their own (see above), the best
# counts; and any busy neighbour costs there, as the emulator begins anew with its translations at each
# change of guests: that is not the connection's.
rounds=1
[ "$(uname -m)" = aarch64 ] || rounds=5

# work ID: guest b works for a while; $rate: how much for each second of the CPU.
work()
{
	before=$(cpu b)
	tell b "$1" run s work $works
	check "works-$1" answers b "$1" '[0-9][0-9]*'
	rate=$(($(said b "$1") * 100 / ($(cpu b) - before + 1)))
}

# larger NUMBER NUMBER
larger()
{
	echo $(($1 > $2 ? $1 : $2))
}

# Three guests, of which two have everything between them: booting one takes longer than most checks.
# b is to start again, which a sandbox does not let it.
ab="--share s,size=256K,peer=$dir/s --share i,size=256K,peer=$dir/i"
ring_a="--share ab,size=4K,peer=$dir/ab --share ca,size=12K,peer=$dir/ca"
ring_b="--share ab,size=4K,peer=$dir/ab --share bc,size=1M,peer=$dir/bc"
ring_c="--share bc,size=1M,peer=$dir/bc --share ca,size=12K,peer=$dir/ca"
net="--net share=$dir/n,mac=02:00:00:00:00:0"
# shellcheck disable=SC2086 # words
guest a script $ab,device=ivshmem $ring_a ${net}a --share "x,size=4K,peer=$dir/x" --sandbox
# shellcheck disable=SC2086
reboot=1 guest b script $ab,device=ivshmem $ring_b ${net}b
# shellcheck disable=SC2086
! wanted ring || guest c script $ring_c --sandbox
check a says a serving || finish
check b says b serving || finish
check mode [ "$(stat -c %a s)" = 600 ]
again=1

if wanted pair; then
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
	again=2
	check again has_said b serving $again || finish
	tell b 21 run s receive $bytes
	check receives-again answers b 21 "$bytes ok [0-9a-f]* [0-9]*"
	tell a 22 stop
	check stops answers a 22 stopped
	tell a 23 start s count 1000
	tell b 24 run s emit 1000
	check counts-again answers a 23 1000
fi

if wanted hostile; then
	# The work done for a second of the CPU's that its VMM takes: the hostile guest's own part of the CPU
	# does not count.
	idle=0 elsewhere=0 here=0
	for round in $(seq $rounds); do
		work "idle$round"
		idle=$(larger "$idle" "$rate")
		tell a "x$round" start x storm $((works * 2))
		work "elsewhere$round"
		elsewhere=$(larger "$elsewhere" "$rate")
		check "storms-elsewhere $round" answers a "x$round" '[0-9][0-9]*'
		tell a "s$round" start s storm $((works * 2))
		work "here$round"
		here=$(larger "$here" "$rate")
		check "storms $round" answers a "s$round" '[0-9][0-9]*'
	done
	echo "    work for a CPU second beside an idle neighbour: $idle, hostile elsewhere: $elsewhere, here: $here;" \
		"it wrote $(said a s1) times"
	reference=$idle
	[ "$(uname -m)" = aarch64 ] || reference=$elsewhere
	check undisturbed [ $((here * 10)) -ge $((reference * 7)) ]
	# And the connection still works.
	tell b 90 start s send
	tell a 91 run s receive 1048576
	check works-after answers a 91 "1048576 ok [0-9a-f]* [0-9]*"
	tell b 92 stop
	check stops-sending answers b 92 stopped
fi

# From here on with interrupts, which functions share lines for.
for name in a b; do
	tell $name 39 interrupts
done
check interrupts-a answers a 39 '/dev/uio0 .*/dev/uio4'
check interrupts-b answers b 39 '/dev/uio0 .*/dev/uio3'

if wanted ring; then
	check c says c serving
	tell c 38 interrupts
	check interrupts-c answers c 38 '/dev/uio0 /dev/uio1'
	tell b 40 start ab relay bc $laps
	tell c 41 start bc relay ca $laps
	tell a 42 run ca begin ab $laps
	check ring answers a 42 $((3 * laps))
	ends c
fi

if wanted ivshmem; then
	tell b 46 start ivshmem answer $asks
	tell a 47 run ivshmem ask $asks
	check ivshmem-asks answers a 47 "$asks [0-9]*"
	tell a 48 start ivshmem send
	tell b 49 run ivshmem receive $((bytes / 8))
	check ivshmem-receives answers b 49 "$((bytes / 8)) ok [0-9a-f]* [0-9]*"
fi

if wanted net; then
	tell a 60 address 10.9.0.1/24
	tell b 61 address 10.9.0.2/24
	check addresses answers b 61 10.9.0.2/24
	tell b 62 ping 10.9.0.1
	check pings answers b 62 3
	tell a 63 serve 8000
	check net-serves answers a 63 '[0-9]*'
	tell b 64 rate send 10.9.0.1 8000 $((bytes / 4))
	check net-sends answers b 64 '[0-9]* [0-9].*'
	tell b 65 rate receive 10.9.0.1 8000 $((bytes / 4))
	check net-receives answers b 65 '[0-9]* [0-9].*'
	echo "    sent: $(said b 64), received: $(said b 65)"
fi

if wanted back; then
	# Who listens is killed and comes back; the other guest goes on.
	kill -9 "$(cat a.pid)"
	wait "$(cat a.pid)" 2>/dev/null
	tell b 30 run s emit 10
	check alone answers b 30 "10 [0-9]*"
	# One of two sees ivshmem no longer: a ring of the other's is an event of the connector's.
	# shellcheck disable=SC2086
	guest a script $ab ${net}a --sandbox
	check back says a serving || finish
	tell a 31 start s send
	tell b 32 run s receive 1048576
	check receives-from-back answers b 32 "1048576 ok [0-9a-f]* [0-9]*"
	tell a 55 start i count 1000
	tell b 56 run ivshmem emit 1000
	check connector-counts answers a 55 1000
	tell a 66 address 10.9.0.1/24
	check address-again answers a 66 10.9.0.1/24
	wanted net || tell b 67 address 10.9.0.2/24
	tell b 68 ping 10.9.0.1
	check pings-again answers b 68 3
fi
check no-other-start has_said b serving $again
ends a b
check removed [ ! -e s ]
check net-removed [ ! -e n ]

# Whichever way a VMM goes its socket goes too, but by SIGKILL: who comes next then takes that one's place.
# Without a root the kernel gives up, and stays.
leaver()
{
	# shellcheck disable=SC2086 # words
	/test/vmm run --kernel /test/linux ${GIC:+--gic} $GIC --console none --share "k,size=64K,peer=$dir/k" \
		--control "$dir/k.ctl" "$@" >leaver.out 2>leaver.err &
	echo $! >leaver.pid
}
# shellcheck disable=SC2317 # called by check
serves()
{
	tries=0
	until /test/vmm ctl "$dir/k.ctl" status 2>/dev/null | grep -q '"share0"'; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 5)) ] || return 1
		usleep 200000
	done
}
if wanted leave; then
	leaver
	check leave-serves serves
	kill -9 "$(cat leaver.pid)"
	wait "$(cat leaver.pid)" 2>/dev/null
	check leave-kill-leaves [ -S k ]
	leaver
	check leave-serves-again serves
	/test/vmm ctl "$dir/k.ctl" quit >/dev/null
	check leave-quit ended leaver 0
	check leave-quit-removes [ ! -e k ]
	leaver
	check leave-serves-third serves
	kill -TERM "$(cat leaver.pid)"
	check leave-asked wait_for 'asking the guest' leaver.err
	kill -TERM "$(cat leaver.pid)"
	check leave-terminated ended leaver 143
	check leave-terminated-removes [ ! -e k ]
	leaver --no-reboot --append panic=-1
	check leave-reset ended leaver 3
	check leave-reset-removes [ ! -e k ]
fi

# What cannot be is said with the mend: 2 for the command line, 1 for the rest.
for value in "" s s,size=0 s,size=5K s/t,size=1M s,size=2G; do
	/test/vmm run --kernel /test/linux --share "$value" >refused.log 2>&1
	check "usage $value" [ $? = 2 ]
done
/test/vmm run --kernel /test/linux --share "s,size=1M,peer=/no/such/folder/s" >refused.log 2>&1
check no-folder [ $? = 1 ]
check no-folder-says grep -q "/no/such/folder/s: cannot listen there" refused.log
/test/vmm run --kernel /test/linux --share "s,size=1G,peer=$dir/large" >refused.log 2>&1
check too-large [ $? = 1 ]
check too-large-says grep -q "give a smaller size" refused.log
check nothing-left [ ! -e large ]
finish
