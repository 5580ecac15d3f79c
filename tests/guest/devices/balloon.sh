# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # $memory is lib.sh's
# virtio-balloon: the VMM's memory on the host shrinks when the guest gives pages up, and grows when
# the guest uses them again.
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

memory=256M

# resident NAME: what guest NAME costs the host now, in MiB.
resident()
{
	while read -r key kib _; do
		[ "$key" != VmRSS: ] || echo $((kib / 1024))
	done <"/proc/$(cat "$1.pid")/status"
}

# measure NAME FILE: keeps it for later.
measure()
{
	resident "$1" >"$2"
	echo "    resident $2: $(cat "$2") MiB"
}

# grows FROM TO MIB, falls FROM TO MIB: files of measure.
grows()
{
	[ $(($(cat "$2") - $(cat "$1"))) -ge "$3" ]
}
falls()
{
	grows "$2" "$1" "$3"
}

# falls_in_time NAME FROM MIB: waits until it has.
falls_in_time()
{
	turns=0
	until measure "$1" now && falls "$2" now "$3"; do
		turns=$((turns + 1))
		[ $turns -lt $((patience / 2)) ] || return 1
		sleep 2
	done
}

cat >inflate.sh <<'END'
fill()
{
	dd if=/dev/urandom of=/tmp/part bs=1M count=8 2>/dev/null
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		cat /tmp/part
	done >/tmp/data
}
stage()
{
	say stage "$1"
	read -r _
}
total()
{
	while read -r key kib _; do
		[ "$key" != MemFree: ] || echo $((kib / 1024))
	done </proc/meminfo
}
driver=/sys/bus/virtio/drivers/virtio_balloon
device=$(cd $driver && echo virtio*)
echo "$device" >$driver/unbind
stage start
fill
stage filled
sum=$(sha256sum </tmp/data)
rm /tmp/data
say free "$(total)"
echo "$device" >$driver/bind
tries=0
until [ "$(total)" -lt 100 ] || [ $tries = 200 ]; do
	tries=$((tries + 1))
	usleep 200000
done
say inflated "$(total)"
stage inflated
echo "$device" >$driver/unbind
say deflated "$(total)"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	cat /tmp/part
done >/tmp/data
[ "$sum" = "$(sha256sum </tmp/data)" ] || fail the data is not what it was
stage again
rm /tmp/data
for round in 1 2 3; do
	echo "$device" >$driver/bind
	echo "$device" >$driver/unbind
done
rmmod virtio_balloon || fail rmmod
for module in $(cat /modules/virtio-5); do insmod "$module" 2>/dev/null; done
[ -e $driver/$device ] || fail not bound again
say reloaded
END

at_stage()
{
	says "$1" "stage $2"
}

guest one inflate.sh --balloon=size=128M,stats=1 --stats
check balloon-starts at_stage one start || finish
measure one start
tell one go
check balloon-filled at_stage one filled
measure one filled
tell one go
check balloon-inflated at_stage one inflated || finish
measure one inflated
tell one go
check balloon-deflated at_stage one again
measure one again
tell one go
check balloon-grows-when-used grows start filled 80
check balloon-falls-when-inflated falls filled inflated 80
check balloon-comes-back grows inflated again 80
check balloon-reload says one reloaded
check balloon-ends ended one 0
check balloon-statistics grep -q '^device balloon .* inflated [1-9]' one.err
grep '^device balloon' one.err | sed 's/^/    /'

cat >report.sh <<'END'
dd if=/dev/zero of=/tmp/data bs=1M count=128 2>/dev/null
say stage filled
read -r _
rm /tmp/data
say stage freed
read -r _
END

guest two report.sh --balloon=reporting --stats
check reporting-filled at_stage two filled || finish
measure two filled
tell two go
check reporting-freed at_stage two freed
check reporting-falls-by-itself falls_in_time two filled 80
tell two go
check reporting-ends ended two 0
check reporting-statistics grep -q '^device balloon .* reported [1-9]' two.err
grep '^device balloon' two.err | sed 's/^/    /'
finish
