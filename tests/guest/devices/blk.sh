# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# virtio-blk: data both ways, two disks, read-only, an overlay, several queues, discarding, drivers
# unbound and bound again, resizing; ext4 made, filled, and clean after a reset and after the VMM is
# killed while it writes. Run by tests/guest/device.sh.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh
memory=256M

size=$((FULL ? 256 : 32)) # MiB
cp -r /carry/e2 guest/

# What guests' scripts begin with.
cat >prelude <<END
size=$size
END
cat >>prelude <<'END'
sum()
{
	sha256sum <"$1" | cut -d ' ' -f 1
}
e2()
{
	program=$1
	shift
	/e2/ld-linux-aarch64.so.1 --library-path /e2 "/e2/$program" "$@"
}
drop_caches()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
}
END

# The guest's root, with all that is carried in, and files of some MiB.

# image FILE MIB
image()
{
	rm -f "$1"
	dd if=/dev/zero of="$1" bs=1M count=0 seek="$2" 2>/dev/null
}

data()
{
	cat prelude - >script <<'END'
say disks "$(cat /sys/block/vda/size)" "$(cat /sys/block/vdb/size)" "$(cat /sys/block/vdc/size)"
say ids "$(cat /sys/block/vda/serial)" "$(cat /sys/block/vdb/serial)"
say ro "$(cat /sys/block/vda/ro)$(cat /sys/block/vdb/ro)$(cat /sys/block/vdc/ro)"
say queues "$(ls /sys/block/vda/mq | wc -l)"
say read "$(sum /dev/vdb)"
# Written here, compared by the test in the file.
dd if=/dev/urandom of=/dev/vda bs=64k count=128 conv=fsync 2>/dev/null || fail "write"
drop_caches
say written "$(dd if=/dev/vda bs=64k count=128 2>/dev/null | sha256sum | cut -d ' ' -f 1)"
dd if=/dev/zero of=/dev/vdb bs=512 count=1 conv=fsync 2>/dev/null && fail "wrote a read-only disk"
say kept
dd if=/dev/zero of=/dev/vdc bs=1M count=4 conv=fsync 2>/dev/null || fail "write to an overlay"
drop_caches
say overlay "$(dd if=/dev/vdc bs=1M count=4 2>/dev/null | tr -d '\0' | wc -c)" \
	"$(dd if=/dev/vdc bs=1M skip=4 2>/dev/null | sha256sum | cut -d ' ' -f 1)"
# Two processes at once, each its own half.
dd if=/dev/urandom of=/a bs=1M count=4 2>/dev/null || fail "no room in memory"
[ "$(stat -c %s /a)" = 4194304 ] || fail "half a file"
dd if=/a of=/dev/vda bs=4k conv=fsync 2>/dev/null &
dd if=/a of=/dev/vda bs=4k seek=2048 conv=fsync 2>/dev/null &
wait
drop_caches
[ "$(sum /a)" = "$(dd if=/dev/vda bs=4k count=1024 2>/dev/null | sha256sum | cut -d ' ' -f 1)" ] || fail half
[ "$(sum /a)" = "$(dd if=/dev/vda bs=4k skip=2048 count=1024 2>/dev/null | sha256sum | cut -d ' ' -f 1)" ] || fail half
say halves
# Another probe of the driver.
cd -P /sys/block/vda/device/driver || fail "no driver"
device=$(cd -P /sys/block/vda/device && pwd)
for round in 1 2; do
	echo "${device##*/}" >unbind
	[ ! -e /sys/block/vda ] || fail "a disk after unbind"
	echo "${device##*/}" >bind
	[ "$(sum /a)" = "$(dd if=/dev/vda bs=4k count=1024 2>/dev/null | sha256sum | cut -d ' ' -f 1)" ] || fail rebind
	say bound "$round"
done
cd /
blkdiscard -o 0 -l $((16 << 20)) /dev/vda 2>/dev/null || say no-blkdiscard
say discarded
END
	image a.img "$size"
	dd if=/dev/urandom of=b.img bs=1M count=8 2>/dev/null
	cp b.img c.img
	guest_cpus=2 guest a script --disk a.img,id=first,queues=2 --disk b.img,ro --disk c.img,overlay
	check data.disks says a "disks $((size * 2048)) 16384 16384"
	check data.ids says a 'ids first disk1'
	check data.read-only says a 'ro 010'
	check data.queues says a 'queues 2'
	check data.read says a "read $(sha256sum <b.img | cut -d ' ' -f 1)"
	check data.written says a written
	check data.in-the-file test "$(said a written)" = \
		"$(dd if=a.img bs=64k count=128 2>/dev/null | sha256sum | cut -d ' ' -f 1)"
	check data.refused says a kept
	check data.overlay says a \
		"overlay 0 $(dd if=c.img bs=1M skip=4 2>/dev/null | sha256sum | cut -d ' ' -f 1)"
	check data.halves says a halves
	check data.rebound says a 'bound 2'
	check data.discards says a discarded
	check data.ends ended a 0
	check data.overlay-dropped same b.img c.img
	# The file was full in its first 16 MiB.
	if grep -q no-blkdiscard a.out; then
		skip data.space 'the guest has no blkdiscard'
	else
		check data.space test "$(stat -c %b a.img)" -lt 4096
	fi
}

locked()
{
	cat prelude - >script <<'END'
say up
read -r _
END
	image a.img 8
	guest a script --disk a.img
	check lock.first says a up
	/test/vmm run --kernel /test/linux --initrd /test/initrd --disk a.img >b.out 2>b.err </dev/null
	check lock.second test $? = 1
	check lock.says grep -q 'in use by another disk or VMM' b.err
	printf 'QFI\373' | dd of=b.img bs=512 count=1 conv=sync 2>/dev/null
	/test/vmm run --kernel /test/linux --initrd /test/initrd --disk b.img >b.out 2>b.err </dev/null
	check format.second test $? = 1
	check format.says grep -q 'is a qcow2 image' b.err
	tell a end
	check lock.ends ended a 0
}

filesystem()
{
	cat prelude - >format <<'END'
mkdir -p /mnt
e2 mke2fs -q -t ext4 -E lazy_itable_init=0 /dev/vda || fail mke2fs
mount -t ext4 -o discard /dev/vda /mnt || fail mount
say mounted
dd if=/dev/urandom of=/mnt/large bs=64k count=$((size * 4)) 2>/dev/null || fail large
i=0
while [ $i -lt 50 ]; do
	i=$((i + 1))
	echo "file $i" >"/mnt/small$i"
done
drop_caches
say sum "$(sum /mnt/large)"
# A reset with the file system mounted and dirty.
dd if=/dev/urandom of=/mnt/more bs=64k count=16 2>/dev/null
echo b >/proc/sysrq-trigger
sleep 60
END
	cat prelude - >check <<'END'
mkdir -p /mnt
e2 e2fsck -p /dev/vda >/dev/null 2>&1
[ $? -le 1 ] || fail "e2fsck -p"
e2 e2fsck -fn /dev/vda >/fsck 2>&1 || { cat /fsck; fail "not clean"; }
say clean
mount -t ext4 -o discard /dev/vda /mnt || fail mount
say sum "$(sum /mnt/large)"
i=0
while [ $i -lt 50 ]; do
	i=$((i + 1))
	read -r line <"/mnt/small$i"
	[ "$line" = "file $i" ] || fail "small$i"
done
# For ever: what is said to be stable, and more on its way.
while [ -e /mnt/large ]; do
	i=$((i + 1))
	echo "number $i" >"/mnt/stable"
	sync
	mv /mnt/stable "/mnt/stable$i"
	sync
	say stable "$i"
	dd if=/dev/zero of=/mnt/rest bs=64k count=8 2>/dev/null
done
END
	cat prelude - >after <<'END'
mkdir -p /mnt
e2 e2fsck -p /dev/vda >/dev/null 2>&1
[ $? -le 1 ] || fail "e2fsck -p"
e2 e2fsck -fn /dev/vda >/fsck 2>&1 || { cat /fsck; fail "not clean"; }
say clean
mount -t ext4 -o discard /dev/vda /mnt || fail mount
say sum "$(sum /mnt/large)"
read -r last
read -r line <"/mnt/stable$last" || fail "stable$last is gone"
say stable "$line"
rm /mnt/large
sync
umount /mnt
mount -t ext4 /dev/vda /mnt && fstrim /mnt 2>/dev/null
umount /mnt
END
	image a.img "$size"
	guest a format --disk a.img
	check ext4.made says a mounted
	check ext4.filled says a sum
	sum=$(said a sum)
	check ext4.reset ended a 3
	guest b check --disk a.img
	check ext4.clean-after-reset says b clean
	check ext4.same-after-reset says b "sum $sum"
	check ext4.writing says b 'stable 5[3-9]'
	kill -9 "$(cat b.pid)"
	wait "$(cat b.pid)" 2>/dev/null
	last=$(said b stable)
	before=$(stat -c %b a.img)
	guest c after --disk a.img,direct
	check ext4.clean-after-kill says c clean
	check ext4.same-after-kill says c "sum $sum"
	tell c "$last"
	check ext4.flushed-is-there says c "stable number $last"
	check ext4.ends ended c 0
	check ext4.space test "$(stat -c %b a.img)" -lt $((before - size * 256))
}

! wanted data || data
! wanted locked || locked
! wanted filesystem || filesystem
finish
