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

# Of some 60 MiB that a guest frees, what must come back by itself: reports are of blocks of 2 MiB and
# hints of 4 MiB that are wholly free, and how much of it lies so is the guest's luck.
by_itself=20

# What all guests can do.
mkdir -p guest/test
cat >guest/test/common.sh <<'END'
# fill: files of 56 MiB.
fill()
{
	for _ in 1 2 3 4 5 6 7; do
		cat /tmp/part
	done >/tmp/data
}
stage()
{
	say stage "$1"
	read -r _
}
# free_memory: in MiB.
free_memory()
{
	while read -r key kib _; do
		[ "$key" != MemFree: ] || echo $((kib / 1024))
	done </proc/meminfo
}
# wait_free TEST MIB
wait_free()
{
	tries=0
	until [ "$(free_memory)" "$1" "$2" ]; do
		tries=$((tries + 1))
		if [ $tries = 240 ]; then
			fail "free memory is $(free_memory) MiB, not $1 $2"
			return
		fi
		sleep 1
	done
}
dd if=/dev/urandom of=/tmp/part bs=1M count=8 2>/dev/null
END

cat >inflate.sh <<'END'
. /test/common.sh
stage start
fill
stage filled
sum=$(cksum </tmp/data)
rm /tmp/data
say asks
wait_free -lt 60
stage inflated
wait_free -gt 120
say deflated
fill
[ "$sum" = "$(cksum </tmp/data)" ] || fail the data is not what it was
stage again
rm /tmp/data

driver=/sys/bus/virtio/drivers/virtio_balloon
device=$(cd $driver && echo virtio*)
for _ in 1 2 3; do
	echo "$device" >$driver/unbind
	echo "$device" >$driver/bind
done
rmmod virtio_balloon || fail rmmod
for module in $(cat /modules/virtio-5); do insmod "$module" 2>/dev/null; done
[ -e "$driver/$device" ] || fail not bound again
say reloaded
END

at_stage()
{
	says "$1" "stage $2"
}

# balloon WORD...: the command, to guest one; its reply is in the file reply.
balloon()
{
	/test/vmm ctl ctl balloon "$@" >reply 2>&1
	sed 's/^/    /' reply
}

# balloon_is BYTES: waits until the guest says that it is so large.
balloon_is()
{
	turns=0
	until balloon >/dev/null && grep -q "\"actual\": $1[,}]" reply; do
		turns=$((turns + 1))
		[ $turns -lt "$patience" ] || return 1
		sleep 1
	done
}

guest one inflate.sh --balloon=stats=1,deflate-on-oom --control ctl --stats
check balloon-starts at_stage one start || finish
measure one start
tell one go
check balloon-filled at_stage one filled
measure one filled
tell one go
check balloon-asks says one asks
balloon 160M
check balloon-inflated at_stage one inflated || finish
measure one inflated
check balloon-size balloon_is 167772160
check balloon-guest-statistics grep -q '"total": [1-9]' reply
balloon
balloon 0
check balloon-size-zero balloon_is 0
tell one go
check balloon-deflated at_stage one again
measure one again
tell one go
check balloon-grows-when-used grows start filled 40
check balloon-falls-when-inflated falls filled inflated 40
check balloon-comes-back grows inflated again 40
check balloon-reload says one reloaded
check balloon-ends ended one 0
check balloon-statistics grep -q '^device balloon .* inflated [1-9]' one.err
grep '^device balloon' one.err | sed 's/^/    /'

cat >report.sh <<'END'
. /test/common.sh
dd if=/dev/zero of=/tmp/data bs=1M count=64 2>/dev/null
stage filled
rm /tmp/data
stage freed
END

guest two report.sh --balloon=reporting --stats
check reporting-filled at_stage two filled || finish
measure two filled
tell two go
check reporting-freed at_stage two freed
check reporting-falls-by-itself falls_in_time two filled $by_itself
tell two go
check reporting-ends ended two 0
check reporting-statistics grep -q '^device balloon .* reported [1-9]' two.err
grep '^device balloon' two.err | sed 's/^/    /'

# What follows is tried at length (--full) only; the device has tests of it without guests.
[ "$FULL" = 1 ] || finish

# A round of hints: what is free goes to the host at once, and is good memory afterwards.
cat >hint.sh <<'END'
. /test/common.sh
fill
sum=$(cksum </tmp/data)
stage filled
rm /tmp/data
stage freed
fill
[ "$sum" = "$(cksum </tmp/data)" ] || fail the data is not what it was
stage again
END

# hinted: waits until a round is over.
hinted()
{
	turns=0
	until balloon >/dev/null && grep -q '"hint_rounds": 1,.*"hinting": false' reply; do
		turns=$((turns + 1))
		[ $turns -lt "$patience" ] || return 1
		sleep 1
	done
}

guest three hint.sh --balloon=hinting --control ctl --stats
check hints-filled at_stage three filled || finish
measure three filled
tell three go
check hints-freed at_stage three freed
check hints-asked balloon hint
check hints-round-ends hinted
check hints-fall falls_in_time three filled $by_itself
tell three go
check hints-again at_stage three again
tell three go
check hints-end ended three 0
check hints-statistics grep -q '^device balloon .* hinted [1-9]' three.err
grep '^device balloon' three.err | sed 's/^/    /'

# More than is free is asked for, and then the guest needs more than that: the balloon gives way,
# and nobody is killed.
cat >oom.sh <<'END'
. /test/common.sh
say asks
wait_free -lt 60
stage inflated
fill
sum=$(cksum </tmp/data)
cat /tmp/data >/tmp/more || fail no room for more
[ "$sum" = "$(cksum </tmp/data)" ] || fail the data is not what it was
[ "$sum" = "$(cksum </tmp/more)" ] || fail more data is not what it was
! dmesg | grep -i 'killed process' || fail somebody was killed
stage used
END

memory=384M
guest four oom.sh --balloon=deflate-on-oom --control ctl
check oom-asks says four asks
balloon 280M
check oom-inflated at_stage four inflated || finish
check oom-size balloon_is 293601280
tell four go
check oom-survived at_stage four used
balloon
check oom-gave-way test "$(sed -n 's/.*"actual": \([0-9]*\).*/\1/p' reply)" -lt 240000000
tell four go
check oom-ends ended four 0
finish
