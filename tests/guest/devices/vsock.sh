# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # memory is for guest()
#
# virtio-vsock with unix sockets: both directions, stream and seqpacket, many at once, refusals, a
# driver that goes and comes back, a guest that starts again.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

bytes=65536
# A hundred echoes of a MiB each need room in the guest.
[ "$FULL" = 0 ] || {
	bytes=1048576
	memory=512M
}

# The guest does what it is told: each line is a command, its output what it says.
cat >script <<'END'
driver=/sys/bus/virtio/drivers/vmw_vsock_virtio_transport
serve()
{
	/test/vsock_echo listen 1234 >/dev/null
	/test/vsock_echo --seqpacket listen 1235 >/dev/null
}
say cid "$(/test/vsock_echo cid)"
serve
say serving
while read -r id command rest; do
	case $command in
	connect) say "$id" "$(/test/vsock_echo connect $rest 2>&1)" ;;
	messages) say "$id" "$(/test/vsock_echo --seqpacket connect $rest 2>&1)" ;;
	refused) say "$id" "$(/test/vsock_echo refused $rest 2>&1)" ;;
	wait)
		/test/vsock_echo wait $rest >/wait 2>&1 &
		until grep -q connected /wait; do usleep 50000; done
		say "$id" connected
		;;
	rebind)
		device=$(cd "$driver" && echo virtio*)
		echo "$device" >"$driver/unbind"
		until [ "$(wc -l </wait)" = 2 ]; do usleep 50000; done
		say "$id" "$(tail -n 1 /wait)"
		echo "$device" >"$driver/bind"
		killall vsock_echo 2>/dev/null
		serve
		say "$id" again
		;;
	cid) say "$id" "$(/test/vsock_echo cid)" ;;
	end) break ;;
	esac
done
END

# host OPTION...: the host's end, which is to succeed.
host()
{
	"$programs/unix_peer" "$@" >peer.log 2>&1 && return 0
	sed 's/^/    unix_peer: /' peer.log
	return 1
}

"$programs/unix_peer" echo "$dir/v_99" >/dev/null 2>&1 &
echo_pid=$!
"$programs/unix_peer" --seqpacket echo "$dir/v_98" >/dev/null 2>&1 &
messages_pid=$!

guest a script --vsock "cid=42,path=$dir/v"
check serving says a serving
check cid [ "$(said a cid)" = 42 ]
check mode [ "$(stat -c %a v)" = 600 ]

if wanted host; then
	check host-stream host connect v 1234 1 $bytes
	check host-hundred host connect v 1234 100 $bytes
	check host-messages host --seqpacket connect v.seqpacket 1235 4 $bytes
	check host-refused host refused v 777
fi
if wanted guest; then
	tell a 10 connect 2 99 1 $bytes
	check guest-stream answers a 10 "ok 1 $bytes"
	tell a 11 connect 2 99 100 $bytes
	check guest-hundred answers a 11 "ok 100 $bytes"
	tell a 12 messages 2 98 4 $bytes
	check guest-messages answers a 12 "ok 4 $bytes"
	tell a 13 refused 2 97
	check guest-refused answers a 13 ECONNRESET
	tell a 14 refused 77 99
	check guest-nobody answers a 14 ECONNRESET
fi
if wanted rebind; then
	tell a 20 wait 2 99
	check connected says a "20 connected"
	tell a 21 rebind
	check rebind-ends says a "21 ECONNRESET"
	check rebind says a "21 again"
	check rebind-host host connect v 1234 10 $bytes
	tell a 22 connect 2 99 10 $bytes
	check rebind-guest answers a 22 "ok 10 $bytes"
fi
if wanted killed; then
	# The VMM is killed: its clients are told, and the next one replaces the socket left behind.
	"$programs/unix_peer" connect v 1234 1 1000000000000 >end.log 2>&1 &
	client=$!
	sleep 2
	kill -9 "$(cat a.pid)"
	check killed-tells wait_for FAILED end.log
	wait $client
	check killed-leaves [ -S v ]
	guest a script --vsock "cid=42,path=$dir/v"
	check again says a serving
	check again-host host connect v 1234 10 $bytes
	tell a 31 connect 2 99 10 $bytes
	check again-guest answers a 31 "ok 10 $bytes"
fi
tell a 40 end
check ends ended a 0
check removed [ ! -e v ]
check removed-too [ ! -e v.seqpacket ]
kill $echo_pid $messages_pid

# What cannot be is said with the mend: 2 for the command line, 1 for the rest.
for value in "" cid=3 path=v cid=2,path=v cid=4294967295,path=v; do
	/test/vmm run --kernel /test/linux --vsock "$value" >refused.log 2>&1
	check "usage $value" [ $? = 2 ]
done
/test/vmm run --kernel /test/linux --vsock cid=3,path=/no/such/folder/v >refused.log 2>&1
check no-folder [ $? = 1 ]
check no-folder-says grep -q "/no/such/folder/v: cannot listen there" refused.log
finish
