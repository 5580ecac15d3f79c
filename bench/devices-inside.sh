# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC1091,SC2034,SC2154 # what lib.sh and the commands set and use
#
# The part of bench/devices.sh beside the VMMs (busybox sh, with tests/guest/devices/lib.sh):
#
#   sh devices-inside.sh RUNS ROUNDS VMM...
#
# /bench/commands has a function start_NAME for each VMM, to be called with the root file. Prints a
# line "VMM MEASURE MICROSECONDS COUNT [BYTES]" for each measurement, and "VMM count NAME VALUE" for
# what the VMM has counted.

. /test/lib.sh
. /bench/commands

runs=$1
rounds=$2
shift 2

while read -r module; do
	insmod "$module" 2>/dev/null
done </modules/tun
mkdir -p /dev/net
[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200

echo "rounds=$rounds" >script
cat >>script <<'END'
ip link set lo up
ip link set eth0 up
ip addr add 192.168.7.2/24 dev eth0
tries=0
until ping -c 1 -W 2 192.168.7.1 >/dev/null 2>&1 || [ $tries -ge 60 ]; do
	tries=$((tries + 1))
done
measure() # NAME COMMAND...
{
	name=$1
	shift
	result=$("$@") || fail "$name"
	[ "$round" = 0 ] || say "result $name $result"
}
# The first round is for memory that nobody has touched yet, and not counted.
for round in $(seq 0 "$rounds"); do
	measure iops /test/blk_rate /dev/vda randread 4096 16 4000
	measure iops1 /test/blk_rate /dev/vda randread 4096 1 1000
	measure iopsw /test/blk_rate /dev/vda randwrite 4096 16 4000
	measure read /test/blk_rate /dev/vda read 131072 8 1024
	measure write /test/blk_rate /dev/vda write 131072 8 1024
	measure send /test/net_rate send 192.168.7.1 8000 33554432
	measure receive /test/net_rate receive 192.168.7.1 8000 33554432
	measure rtt /test/net_rate rtt 192.168.7.1 8000 1000
done
say measured
END

# run NAME: one guest, from its start to its end.
run()
{
	vmm=$1
	rm -f guest.in guest.out guest.err
	mkfifo guest.in
	"start_$vmm" root.cpio <>guest.in >guest.out 2>guest.err &
	pid=$!
	echo $pid >guest.pid
	running=guest
	until [ -e /sys/class/net/tap0 ] || ! kill -0 $pid 2>/dev/null; do
		usleep 100000
	done
	ip addr add 192.168.7.1/24 dev tap0
	ip link set tap0 up
	check "$vmm" ended guest 0 >&2 || exit 1
	grep -q 'VMMP measured' guest.out || exit 1
	tr -d '\r' <guest.out | sed -n "s/^.*VMMP result /$vmm /p"
	tr -d '\r' <guest.err | sed -n "s/^.*\(vcpu0 exits\|device\) /$vmm count /p"
}

patience=$((240 + rounds * 120))
head -c 67108864 /dev/urandom >disk.img
make_root script
server=$(/test/programs/net_rate serve 8000)
for _ in $(seq "$runs"); do
	for name; do
		run "$name"
	done
done
kill "$server"
