# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # memory, reboot and beside are for guest()
#
# Two guests in one VMM: shared memory and events, a network switch and vsock between them; each
# has a control socket; one starts again, and one ends, while the other goes on.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

bytes=33554432
events=20000
[ "$FULL" = 0 ] || {
	bytes=1073741824
	events=1000000
}
patience=$((patience + bytes / 1048576 + events / 500))

# "ID COMMAND WORDS": the guest answers with the ID when it is done; "start" goes on meanwhile.
cat >script <<'END'
say serving
while read -r id command rest; do
	case $command in
	run) say "$id" "$(/test/crossvm $rest 2>&1)" ;;
	start) (answer=$(/test/crossvm $rest 2>&1) && say "$id" "$answer") & ;;
	address)
		ip link set lo up
		ip link set eth0 up
		ip addr add "$rest" dev eth0
		say "$id" "$(cat /sys/class/net/eth0/address)"
		;;
	ping) say "$id" "$(ping -c 3 -W 5 "$rest" 2>&1 | grep -c 'bytes from')" ;;
	serve)
		say "$id" "$(/test/net_rate serve 8000) $(/test/vsock_echo listen 1234)"
		;;
	rate) say "$id" "$(/test/net_rate $rest 2>&1)" ;;
	echo) say "$id" "$(/test/vsock_echo connect $rest 2>&1)" ;;
	refused) say "$id" "$(/test/vsock_echo refused $rest 2>&1)" ;;
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

# status GUEST PATTERN: what its control socket says.
status()
{
	/test/vmm ctl "$dir/$1.ctl" status | grep -q -e "$2"
}

# gone FILE...
gone()
{
	tries=0
	for file; do
		while [ -e "$file" ]; do
			tries=$((tries + 1))
			[ $tries -lt $((patience * 5)) ] || return 1
			usleep 200000
		done
	done
}

common="--share s,size=256K,peer=$dir/s --net switch=lan"
beside=b
beside_options="$common --vsock cid=4,path=$dir/vb,switch=v --control $dir/b.ctl"
# shellcheck disable=SC2086 # words
reboot=1 guest a script $common --vsock "cid=3,path=$dir/va,switch=v" --control "$dir/a.ctl" --stats
check a says a serving || finish
check b says b serving || finish

if wanted pair; then
	tell b 11 start s count $events
	tell a 12 run s emit $events
	check emits answers a 12 "$events [0-9]*"
	check counts answers b 11 "$events"
	tell a 13 start s send
	tell b 14 run s receive $bytes
	check receives answers b 14 "$bytes ok [0-9a-f]* [0-9]*"
	tell a 15 stop
	check stops answers a 15 stopped
	echo "    transfer: $(said b 14), events: $(said a 12)"
fi

if wanted network; then
	tell a 20 address 10.7.0.1/24
	tell b 21 address 10.7.0.2/24
	check address-a answers a 20 '[0-9a-f]*:.*'
	check address-b answers b 21 '[0-9a-f]*:.*'
	check addresses-differ [ "$(said a 20)" != "$(said b 21)" ]
	tell b 22 ping 10.7.0.1
	check pings answers b 22 3
	tell a 23 serve
	check serves answers a 23 '[0-9]* [0-9]*'
	tell b 24 rate send 10.7.0.1 8000 $((bytes / 8))
	check sends answers b 24 '[0-9]* [0-9].*'
	tell b 25 rate receive 10.7.0.1 8000 $((bytes / 8))
	check receives-too answers b 25 '[0-9]* [0-9].*'
	echo "    network: sent $(said b 24), received $(said b 25)"
	tell b 26 echo 3 1234 4 65536
	check vsock answers b 26 'ok 4 65536'
fi

# Each has a control socket of its own.
check status-a status a '"starts": 1,'
check status-b status b '"starts": 1,'

# One starts again in mid-transfer; the other does not notice, and finds it again.
starts=1
if wanted again; then
	starts=2
	tell b 29 start s send
	tell a 30 reset s receive 1099511627776 part
	check mid-transfer answers a 30 part
	check again has_said a serving 2
	tell a 37 run s receive $bytes
	check receives-again answers a 37 "$bytes ok [0-9a-f]* [0-9]*"
	tell b 38 stop
	check stops-again answers b 38 stopped
	check status-again status a '"starts": 2,'
	tell b 31 refused 3 1234
	check nobody-serves answers b 31 '..*'
	# Those of the transfers have not been taken.
	tell b 39 run s count 0
	check quiet answers b 39 '[0-9]*'
	tell b 32 start s count 100
	tell a 33 run s emit 100
	check counts-again answers b 32 100
	tell a 34 address 10.7.0.1/24
	check address-again answers a 34 '[0-9a-f]*:.*'
	wanted network || tell b 36 address 10.7.0.2/24
	tell b 35 ping 10.7.0.1
	check pings-again answers b 35 3
fi

# One ends; what was its is gone, and the other goes on.
tell b 40 end
check b-closed gone b.ctl vb
check a-goes-on status a "\"starts\": $starts,"
tell a 41 run s name
check a-answers answers a 41 s
tell a 42 end
check ends ended a 0
check statistics grep -q '^guest a' a.err
check nothing-left gone s va a.ctl

# Two cannot have one terminal, and what is wrong is said of which.
/test/vmm run --kernel /test/linux -- --kernel /test/linux >refused.log 2>&1
check one-terminal [ $? = 2 ]
check one-terminal-says grep -q 'guest 2: guest 1 uses standard input and output already' refused.log
finish
