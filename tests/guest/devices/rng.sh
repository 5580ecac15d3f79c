# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# virtio-rng: the guest gets random bytes, others each time, and no more than the rate allows.
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

cat >bytes.sh <<'END'
random()
{
	dd if=/dev/hwrng bs="$1" count="$2" 2>/dev/null
}
say current "$(cat /sys/class/misc/hw_random/rng_current)"
say bytes "$(random 64 1 | sha256sum)"
say size "$(random 4096 64 | wc -c)"
random 4096 16 | gzip -9 | wc -c >/tmp/packed
say packed "$(cat /tmp/packed)"

cd /sys/bus/virtio/drivers/virtio_rng || fail no driver
for device in virtio*; do
	echo "$device" >unbind
	say unbound "$(cat /sys/class/misc/hw_random/rng_current 2>&1)"
	for round in 1 2 3; do
		echo "$device" >bind
		[ "$(random 64 1 | wc -c)" = 64 ] || fail "round $round gave too few"
		echo "$device" >unbind
	done
	echo "$device" >bind
done
cd /
rmmod virtio_rng || fail rmmod
load_again=$(cat /modules/virtio-4)
for module in $load_again; do insmod "$module" 2>/dev/null; done
say again "$(random 64 1 | wc -c)"
END

cat >rate.sh <<'END'
say bytes "$(dd if=/dev/hwrng bs=64 count=1 2>/dev/null | sha256sum)"
read -r before _ </proc/uptime
dd if=/dev/hwrng bs=256 count=20 2>/dev/null | wc -c >/tmp/size
read -r after _ </proc/uptime
say size "$(cat /tmp/size)"
say seconds "$((${after%.*} - ${before%.*}))"
END

differ()
{
	[ -n "$(said one bytes)" ] && [ "$(said one bytes)" != "$(said two bytes)" ]
}

between()
{
	[ "$2" -ge "$1" ] && [ "$2" -le "$3" ]
}

guest one bytes.sh --rng --stats
check rng-ends ended one 0 || finish
check rng-is-current says one 'current virtio_rng'
check rng-bytes says one 'size 262144'
# What cannot be compressed is at least not constant.
check rng-no-pattern between 65536 "$(said one packed)" 70000
check rng-is-unbound says one 'unbound none'
check rng-module-reload says one 'again 64'
check rng-statistics grep -q '^device rng bytes [1-9]' one.err

guest two rate.sh --rng=rate=1K --stats
check rng-rate-ends ended two 0 || finish
check rng-differs-each-boot differ
check rng-rate-all-there says two 'size 5120'
# 5 KiB, of which one may come at once.
check rng-rate-takes-its-time between 3 "$(said two seconds)" 600
check rng-rate-waits grep -q '^device rng .* rate-waits [1-9]' two.err
finish
