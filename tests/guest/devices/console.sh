# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # memory is for guest()
#
# virtio-console: ports with names, data both ways, readers that come and go, sizes, a driver that
# is unbound and bound again. Run by tests/guest/device.sh.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

stream=$programs/unix_stream
check program test -x "$stream" || finish
bytes=$((FULL ? 16777216 : 1048576))
# Guests keep what comes in their root, which has half of their memory.
memory=$((FULL ? 320 : 192))M

# What guests' scripts begin with.
cat >prelude <<END
bytes=$bytes
END
cat >>prelude <<'END'
# port NAME: sets $port to the device file of the port of this name.
port()
{
	for entry in /sys/class/virtio-ports/*/name; do
		[ -r "$entry" ] || continue
		read -r name <"$entry" || continue
		entry=${entry%/name}
		port=/dev/${entry##*/}
		[ "$name" != "$1" ] || return 0
	done
	return 1
}
# wait_port NAME
wait_port()
{
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		port "$1" && [ -c "$port" ] && return 0
		usleep 200000
	done
	fail "no port $1"
}
# receive FILE: all bytes from descriptor 5; a read returns nothing while no client is there.
receive()
{
	: >"$1"
	while size=$(stat -c %s "$1") && [ "$size" -lt "$bytes" ]; do
		head -c $((bytes - size)) <&5 >>"$1" || {
			fail "cannot keep what comes in $1"
			return
		}
		[ "$(stat -c %s "$1")" != "$size" ] || usleep 100000
	done
}
END

ports()
{
	cat prelude - >script <<'END'
wait_port org.example.one
wait_port two
wait_port three
for entry in /sys/class/virtio-ports/*; do
	say port "${entry##*/}" "$(cat "$entry/name" 2>/dev/null)"
done
[ -c /dev/hvc1 ] || fail "no /dev/hvc1"

# Both ways, one after the other.
port org.example.one
exec 5<>"$port"
say open
receive /in
say received "$(sha256sum </in)"
cat /in >&5
say sent
# Again, for readers that come and go.
read -r _
cat /in >&5
say sent-again
exec 5>&-
read -r _

# Both ways at once.
port two
exec 5<>"$port"
cat /in >&5 &
receive /back
wait
say both "$(sha256sum </back)"
exec 5>&-

port three
echo "a line for a file" >"$port"

# The size that a terminal beside the VMM was given.
size=$(stty size </dev/hvc1 2>/dev/null)
say size "${size:-unknown}"
while [ -z "$size" ]; do
	usleep 200000
	size=$(stty size </dev/hvc1 2>/dev/null)
done
say new-size "$size"

# Another probe of the driver.
port org.example.one
cd -P "/sys/class/virtio-ports/${port#/dev/}/device/driver" || fail "no driver"
for round in 1 2; do
	port org.example.one
	device=$(cd -P "/sys/class/virtio-ports/${port#/dev/}/device" && pwd)
	device=${device##*/}
	echo "$device" >unbind
	! port two || fail "a port after unbind"
	echo "$device" >bind
	wait_port two
	wait_port org.example.one
	exec 5<>"$port"
	line=
	until [ -n "$line" ]; do
		read -r line <&5 || usleep 100000
	done
	echo "got $line" >&5
	exec 5>&-
	say bound "$round" "$line"
done
cd /
END
	head -c "$bytes" /dev/urandom >data
	"$stream" one.sock "$bytes" <data >back 2>client.err &
	client=$!
	guest a script --console stdio --console socket:one.sock,name=org.example.one \
		--console socket:two.sock,name=two --console file:three.out,name=three --console pty,hvc
	check ports.names says a 'port vport[0-9]*p0 org.example.one'
	check ports.received says a received
	check ports.to-guest test "$(said a received)" = "$(sha256sum <data)"
	check ports.sent says a sent
	wait $client
	check ports.from-guest same data back
	readers

	tell a go
	"$stream" two.sock "$bytes" <data >back 2>client.err
	check ports.both-ways says a both
	check ports.both-to-guest test "$(said a both)" = "$(sha256sum <data)"
	check ports.both-from-guest same data back
	check ports.file wait_for 'a line for a file' three.out

	check resize.unknown says a 'size unknown'
	pty=$(sed -n 's,^vmm: port3: ,,p' a.err)
	exec 7<>"$pty"
	stty -F "$pty" rows 43 cols 132
	check resize.console says a new-size
	check resize.seen test "$(said a new-size)" = '43 132'

	for round in 1 2; do
		echo "hello $round" | "$stream" one.sock 12 >greeting 2>client.err
		check "rebind.$round" says a "bound $round hello $round"
		check "rebind.answer-$round" grep -q "got hello $round" greeting
	done
	check ports.ends ended a 0
	exec 7>&-
}

# Three readers of what the guest sends once; the first two have had enough after a while. While
# nobody is there the guest waits.
readers()
{
	: >collected
	tell a go
	for part in 1 2 3; do
		most=$((part < 3 ? bytes / 4 : bytes - $(stat -c %s collected)))
		"$stream" one.sock $most </dev/null >part
		check "readers.$part" test "$(stat -c %s part)" -ge $most
		cat part >>collected
		sleep 1
	done
	check readers.all says a sent-again
	check readers.nothing-lost same data collected
}

# The first console on a pseudo-terminal: its size is configuration, without ports.
size()
{
	cat prelude - >script <<'END'
say size "$(stty size)"
until [ "$(stty size)" != "24 80" ]; do
	usleep 200000
done
say new-size "$(stty size)"
END
	# The guest's console is the terminal.
	(
		wait_for /dev/pts/ b.err
		exec cat "$(sed -n 's,^vmm: --console: ,,p' b.err)" >>b.out 2>/dev/null
	) &
	guest b script --console pty
	check size.initial says b 'size 24 80'
	stty -F "$(sed -n 's,^vmm: --console: ,,p' b.err)" rows 50 cols 100
	check size.changed says b 'new-size 50 100'
	check size.ends ended b 0
}

! wanted ports || ports
! wanted size || size
finish
