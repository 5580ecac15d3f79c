#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make the kernels and root file systems of the guests and of the testbed's machine.
#
#   tools/images.sh guest     linux-6.1 linux-6.12      kernels, plain arm64 "Image" files
#                             guest-6.1.cpio guest-6.12.cpio   busybox, modules, tests/guest/init
#   tools/images.sh armmp     linux-armmp               the 32-bit "zImage" of Debian 13
#                             guest-armmp.cpio          as the other guests'
#                             exynos5422-odroidxu4.dtb, tegra124-jetson-tk1.dtb   the kernel's device
#                             trees of these boards
#   tools/images.sh x86       linux-6.1-amd64 linux-6.12-amd64 linux-6.1-i686   bzImages of Debian
#                             guest-*.cpio              as the other guests'
#                             outer-amd64.cpio outer-amd64.elf qemu-x86_64   the testbed's machine
#   tools/images.sh testbed   the guest's, and
#                             outer-6.1.cpio outer-6.12.cpio   busybox, modules, tests/guest/outer-init
#                             qemu                      Debian 13's QEMU for this machine (below)
#   tools/images.sh qemu      the testbed's, and
#                             qemu.ext4                 Debian 13's arm64 QEMU, to compare with
#
# Debian 13's QEMU emulates the testbed's machine on Debian 12 as well, from the cache, nothing is
# installed: 7.2 lacks FEAT_EVT, without which a 6.12 kernel's KVM traps the guest's every read of
# CTR_EL0: 96,000 exits for a boot instead of 5,200, and three times the time.
#
# The files appear in build/testbed. What depends on Debian's packages alone is kept in the cache
# (tools/debian.sh) and linked; the rest is made again when its source changes. Silent when there
# is nothing to do.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/lib.sh
. "$here/lib.sh"

out=$vmmp_build/testbed
images=$vmmp_cache/images
# Raised when what this script puts into the cache changes.
version=5

# Of armmp's boards that are tested.
device_trees='exynos5422-odroidxu4.dtb tegra124-jetson-tk1.dtb'

# kernel_of NAME: set $suite, $arch and $package of the kernel that is called so here. The cloud
# flavour boots fastest.
kernel_of()
{
	package=linux-image-cloud-arm64
	case $1 in
	6.1) suite=bookworm arch=arm64 ;;
	6.12) suite=trixie arch=arm64 ;;
	armmp) suite=trixie arch=armhf package=linux-image-armmp ;;
	6.1-amd64) suite=bookworm arch=amd64 package=linux-image-cloud-amd64 ;;
	6.12-amd64) suite=trixie arch=amd64 package=linux-image-cloud-amd64 ;;
	6.1-i686) suite=bookworm arch=i386 package=linux-image-686 ;;
	# The cloud flavour has no driver for a framebuffer.
	6.1-generic) suite=bookworm arch=amd64 package=linux-image-amd64 ;;
	esac
}

# Modules by purpose: the guest's init loads "transport" and then "virtio-<device type>".
module_sets='
transport:virtio_pci,virtio_mmio
virtio-1:virtio_net
virtio-2:virtio_blk
virtio-3:virtio_console
virtio-4:virtio-rng
virtio-5:virtio_balloon
virtio-18:virtio_input
virtio-19:vmw_vsock_virtio_transport
nvme:nvme
ahci:ahci,sd_mod
e1000e:e1000e
'
# What the testbed's machine may be asked for as well; arm64 has its KVM built in.
outer_sets='
kvm:kvm_amd
blk:virtio_blk
tun:tun
vhost-net:vhost_net
vhost-vsock:vhost_vsock
vfio:vfio_pci,vfio_iommu_type1
'

# read_module FILE: print a module's contents, decompressed.
read_module()
{
	case $1 in
	*.xz) xz -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

# add_module TREE DEST NAME: copy module NAME and what it depends on from TREE to DEST, and print
# them in the order in which they are to be inserted. A name without a file is built in.
add_module()
{
	local tree=$1 dest=$2 name=$3 file pattern depends needed
	pattern=${name//[-_]/[-_]}
	file=$(find "$tree" \( -name "$pattern.ko" -o -name "$pattern.ko.xz" \) | head -n 1)
	[ -n "$file" ] || return 0
	local copy=${file##*/}
	copy=$dest/${copy%.xz}
	read_module "$file" >"$copy"
	depends=$(readelf -p .modinfo "$copy" 2>/dev/null | sed -n 's/.*\] *depends=//p')
	for needed in ${depends//,/ }; do
		add_module "$tree" "$dest" "$needed"
	done
	echo "/modules/${copy##*/}"
}

# add_modules TREE ROOT SETS: fill ROOT/modules, one list file for each set that is not built in.
add_modules()
{
	local set name list
	mkdir -p "$2/modules"
	for set in $3; do
		list=$(for name in $(tr , ' ' <<<"${set#*:}"); do
			add_module "$1" "$2/modules" "$name"
		done | awk '!seen[$0]++')
		[ -z "$list" ] || echo "$list" >"$2/modules/${set%%:*}"
	done
}

# add_busybox ROOT ARCH: busybox and a link for each of its applets (their names are in the binary).
add_busybox()
{
	local deb applet
	# Debian 13 is the first without kernels for i386; its busybox is the older one as well.
	deb=$("$here/debian.sh" get "$([ "$2" = i386 ] && echo bookworm || echo trixie)" "$2" busybox-static) || exit 1
	mkdir -p "$1"/{bin,dev,proc,sys,tmp,run,root,etc}
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards '*/bin/busybox' >"$1/bin/busybox" ||
		die "cannot unpack $deb: remove it to have it fetched again"
	chmod 755 "$1/bin/busybox"
	ln -s bin "$1/sbin"
	# busybox itself installs the rest: "busybox --install -s /bin" in init costs one process.
	for applet in sh mount basename cat; do
		ln -s busybox "$1/bin/$applet"
	done
}

# pack ROOT FILE: a cpio archive, not compressed: unpacking costs an emulated machine more than
# reading does.
pack()
{
	(cd "$1" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >"$2.arriving"
	mv "$2.arriving" "$2"
}

# workspace: set $temp to a fresh folder, removed when this subshell ends.
workspace()
{
	make_dir "$images"
	temp=$(mktemp -d "$images/.work.XXXXXX")
	trap 'rm -rf "$temp"' EXIT
}

# is_arm64_image FILE: has the magic number of an arm64 Image at offset 56.
is_arm64_image()
{
	[ "$(od -An -j56 -N4 -tx1 "$1" | tr -d ' ')" = 41524d64 ]
}

# is_zimage FILE: has the magic number of a 32-bit zImage at offset 36.
is_zimage()
{
	[ "$(od -An -j36 -N4 -tx1 "$1" | tr -d ' ')" = 18286f01 ]
}

# is_bzimage FILE: has the magic number of an x86 boot sector's header at offset 514.
is_bzimage()
{
	[ "$(od -An -j514 -N4 -tx1 "$1" | tr -d ' ')" = 48647253 ]
}

# number FILE OFFSET BYTES: a little-endian number in FILE.
number()
{
	od -An -j"$2" -N"$3" -tu"$3" "$1" | tr -d ' '
}

# write_vmlinux BZIMAGE FILE: the ELF kernel inside (Linux Documentation/arch/x86/boot.rst:
# setup_sects, payload_offset and payload_length). QEMU enters it by its PVH note, and the machine
# does not have to unpack it.
write_vmlinux()
{
	local start
	start=$(((1 + $(number "$1" 497 1)) * 512 + $(number "$1" 584 4)))
	# The payload's last four bytes are the unpacked size, which zstd takes for garbage.
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip=$start count=$(($(number "$1" 588 4) - 4)) \
		status=none | zstd -dc >"$2.arriving" ||
		die "$1 holds no kernel packed by zstd: teach tools/images.sh its format"
	mv "$2.arriving" "$2"
}

# write_image VMLINUZ FILE: a zImage or bzImage as it is, else a plain Image, whatever Debian packs
# (plain so far).
write_image()
{
	if is_arm64_image "$1" || is_zimage "$1" || is_bzimage "$1"; then
		cp "$1" "$2.arriving"
	else
		gzip -dc "$1" >"$2.arriving" 2>/dev/null || true
	fi
	is_arm64_image "$2.arriving" || is_zimage "$2.arriving" || is_bzimage "$2.arriving" ||
		die "$1 is neither a plain nor a gzip-compressed arm64 Image: teach tools/images.sh its format"
	mv "$2.arriving" "$2"
}

# add_device_trees TREE: into the cache.
add_device_trees()
{
	local name file
	for name in $device_trees; do
		file=$(find "$1" -name "$name" | head -n 1)
		[ -n "$file" ] || die "Debian's $package has no $name any more"
		cp "$file" "$images/$name"
	done
}

# has_device_trees NAME: nothing is missing of what comes with that kernel.
has_device_trees()
{
	local name
	[ "$1" = armmp ] || return 0
	for name in $device_trees; do
		[ -e "$images/$name" ] || return 1
	done
}

# make_kernel NAME: linux-NAME and the base root file systems in the cache.
make_kernel()
{
	local release=$1 deb stamp root suite arch package
	kernel_of "$release"
	deb=$("$here/debian.sh" meta "$suite" "$arch" "$package") || exit 1
	stamp="$version ${deb##*/}"
	if [ "$(cat "$images/kernel-$release.stamp" 2>/dev/null)" = "$stamp" ] && has_device_trees "$release"; then
		return 0
	fi
	note "unpacking Linux $release…"
	workspace
	dpkg-deb -x "$deb" "$temp/deb" || die "cannot unpack $deb: remove it to have it fetched again"
	write_image "$(echo "$temp"/deb/boot/vmlinuz-*)" "$images/linux-$release"
	for root in guest outer; do
		add_busybox "$temp/$root" "$arch"
		add_modules "$temp/deb" "$temp/$root" "$module_sets"
	done
	pack "$temp/guest" "$images/guest-$release.base"
	if [ "$release" = armmp ]; then
		add_device_trees "$temp/deb"
	else
		add_modules "$temp/deb" "$temp/outer" "$outer_sets"
		pack "$temp/outer" "$images/outer-$release.base"
	fi
	[ "$release" != 6.12-amd64 ] || write_vmlinux "$images/linux-$release" "$images/outer-amd64.elf"
	echo "$stamp" >"$images/kernel-$release.stamp"
}

# add_qemu ARCH ROOT [TARGET]: QEMU of ARCH for machines of TARGET (aarch64) and the libraries it
# needs: ROOT/bin and ROOT/lib. A PC's firmware goes to ROOT/share.
add_qemu()
{
	local debs deb file tree=$temp/debs target=${3:-aarch64}
	debs=$("$here/debian.sh" closure trixie "$1" "$(qemu_package "$target")") || exit 1
	note "unpacking QEMU ($1)…"
	mkdir -p "$tree" "$2/bin" "$2/lib"
	while read -r deb; do
		case $target-${deb##*/} in *-qemu-system-common_* | aarch64-qemu-system-data_*) continue ;; esac
		dpkg-deb -x "$deb" "$tree" || die "cannot unpack $deb: remove it to have it fetched again"
	done <<<"$debs"
	cp "$tree/usr/bin/qemu-system-$target" "$2/bin/"
	needed_libraries "$2/bin/qemu-system-$target" "$tree" >"$temp/libraries" || exit 1
	while read -r file; do
		cp -L "$file" "$2/lib/"
	done <"$temp/libraries"
	[ "$target" = x86_64 ] || return 0
	mkdir -p "$2/share"
	for file in bios-256k.bin pvh.bin linuxboot_dma.bin kvmvapic.bin; do
		find "$tree/usr/share" -name "$file" -exec cp -L {} "$2/share/" ';'
	done
}

# qemu_package TARGET
qemu_package()
{
	case $1 in
	aarch64) echo qemu-system-arm ;;
	x86_64) echo qemu-system-x86 ;;
	esac
}

# make_host_qemu TARGET FOLDER: QEMU on this machine for machines of TARGET, and the script "run"
# that starts it with its own libraries.
make_host_qemu()
{
	local arch stamp dir=$images/$2 data=
	arch=$(dpkg --print-architecture)
	stamp="$version $dir $("$here/debian.sh" closure trixie "$arch" "$(qemu_package "$1")" | cksum)" || exit 1
	[ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ] || return 0
	workspace
	add_qemu "$arch" "$temp/qemu" "$1"
	[ "$1" != x86_64 ] || data=" -L '$dir/share'"
	cat >"$temp/qemu/run" <<-END
		#!/bin/sh
		exec '$dir/lib/$(cd "$temp/qemu/lib" && echo ld-linux*)' --library-path '$dir/lib' '$dir/bin/qemu-system-$1'$data "\$@"
	END
	chmod 755 "$temp/qemu/run"
	echo "$stamp" >"$temp/qemu/stamp"
	rm -rf "$dir"
	mv "$temp/qemu" "$dir"
}

# make_qemu: qemu.ext4 in the cache, read-only: too large to unpack at each boot.
make_qemu()
{
	local stamp size
	stamp="$version $("$here/debian.sh" closure trixie arm64 qemu-system-arm | cksum)" || exit 1
	[ "$(cat "$images/qemu.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	need_command mke2fs e2fsprogs
	workspace
	mkdir "$temp/disk"
	add_qemu arm64 "$temp/disk"
	size=$(du -sm "$temp/disk" | cut -f1)
	mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$temp/disk" "$images/qemu.arriving" $((size * 11 / 10 + 8))M >/dev/null ||
		die "cannot make $images/qemu.ext4: see that there is room for it"
	mv "$images/qemu.arriving" "$images/qemu.ext4"
	echo "$stamp" >"$images/qemu.stamp"
}

# add_init BASE INIT FILE: BASE with INIT as /init; left alone when newer than both.
add_init()
{
	[ "$3" -nt "$1" ] && [ "$3" -nt "$2" ] && return 0
	local init=$vmmp_root/$2
	(
		workspace
		mkdir "$temp/root"
		cp "$init" "$temp/root/init"
		chmod 755 "$temp/root/init"
		pack "$temp/root" "$temp/init.cpio"
		cat "$1" "$temp/init.cpio" >"$3.arriving"
		mv "$3.arriving" "$3"
	)
}

# make_guest KERNEL...
make_guest()
{
	local release
	for release; do
		(make_kernel "$release") || exit 1
		ln -sfn "$images/linux-$release" "$out/linux-$release"
		add_init "$images/guest-$release.base" tests/guest/init "$out/guest-$release.cpio"
	done
}

make_all()
{
	local release
	cd "$vmmp_root"
	if [ "$1" = armmp ]; then
		make_guest armmp
		for release in $device_trees; do
			ln -sfn "$images/$release" "$out/$release"
		done
		return
	fi
	if [ "$1" = x86 ]; then
		make_guest 6.1-amd64 6.12-amd64 6.1-i686 6.1-generic
		ln -sfn "$images/outer-amd64.elf" "$out/outer-amd64.elf"
		add_init "$images/outer-6.12-amd64.base" tests/guest/outer-init "$out/outer-amd64.cpio"
		(make_host_qemu x86_64 qemu-x86_64) || exit 1
		ln -sfn "$images/qemu-x86_64/run" "$out/qemu-x86_64"
		return
	fi
	make_guest 6.1 6.12
	[ "$1" != guest ] || return 0
	for release in 6.1 6.12; do
		add_init "$images/outer-$release.base" tests/guest/outer-init "$out/outer-$release.cpio"
	done
	(make_host_qemu aarch64 qemu-host) || exit 1
	ln -sfn "$images/qemu-host/run" "$out/qemu"
	[ "$1" != testbed ] || return 0
	(make_qemu) || exit 1
	ln -sfn "$images/qemu.ext4" "$out/qemu.ext4"
}

main()
{
	case ${1:-} in
	-h | --help) show_help "${BASH_SOURCE[0]}" && exit ;;
	guest | armmp | x86 | testbed | qemu) ;;
	*) usage_error "what to make: guest, armmp, x86, testbed or qemu" ;;
	esac
	need_command cpio cpio
	need_command xz xz-utils
	[ "$1" != x86 ] || need_command zstd zstd
	need_command readelf binutils
	make_dir "$out"
	with_lock "$vmmp_cache/locks/images" make_all "$1"
}

main "$@"
