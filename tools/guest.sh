# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034
#
# The command lines of the VMMs that run a guest, and of its kernel. To be sourced after lib.sh.

# The guest's kernel command line; "quiet", as each line on the console costs an emulated machine
# dearly; a guest that panics ends at once.
guest_append='console=hvc0 quiet panic=-1'

# What a kernel does without in tests, the guest's and that of its emulated machine: its own tests of
# its cryptography, its keys, and its tracer's map of names, which take more instructions than the
# rest of its boot.
guest_without='cryptomgr.notests initcall_blacklist=jent_mod_init,load_system_certificate_list,trace_eval_init'

# That of an ODROID-XU4. With the MCT's ticks periodic each costs two exits, and not 14.
exynos_append='console=ttySAC2,115200n8 quiet panic=-1 highres=off nohz=off clocksource=arch_sys_counter vmmp.console=ttySAC2'

# That of a Jetson TK1.
tk1_append='console=ttyS0,115200n8 quiet panic=-1 vmmp.console=ttyS0'

# size_mib SIZE: 512M, 3G or bytes, as MiB.
size_mib()
{
	local number=${1%[KMGkmg]}
	case $number in '' | *[!0-9]*) usage_error "'$1' is not a memory size: say 512M or 3G" ;; esac
	case $1 in
	*[Kk]) echo $((number / 1024)) ;;
	*[Mm]) echo "$number" ;;
	*[Gg]) echo $((number * 1024)) ;;
	*) echo $((number / 1048576)) ;;
	esac
}

# The architecture of guest, VMM and testbed: aarch64 or x86_64.
guest_arch=aarch64

# vmm_command VMM KERNEL INITRD APPEND MEMORY CPUS GIC: set $vmm_command. VMM is the path of our vmm,
# or "qemu": the stand-in, with the same console, memory, CPUs and interrupt controller.
vmm_command()
{
	if [ "$1" = qemu ]; then
		vmm_command=(qemu-system-aarch64 -M "virt,accel=kvm,gic-version=$7" -cpu host -nodefaults -nographic -no-reboot
			-kernel "$2" -initrd "$3" -append "$4" -m "$(size_mib "$5")" -smp "$6"
			-device virtio-serial-pci -chardev 'stdio,id=console,signal=off'
			-device 'virtconsole,chardev=console')
	else
		vmm_command=("$1" run --kernel "$2" --initrd "$3" --append "$4" --memory "$5" --cpus "$6"
			--console stdio --no-reboot)
		[ "$guest_arch" = x86_64 ] || vmm_command+=(--gic "$7")
	fi
}

# board_command MACHINE VMM KERNEL INITRD DTB APPEND MEMORY CPUS: set $vmm_command.
board_command()
{
	[ "$2" != qemu ] || usage_error "QEMU has no such board"
	vmm_command=("$2" run --machine "$1" --kernel "$3" --initrd "$4" --dtb "$5" --append "$6"
		--memory "$7" --cpus "$8" --no-reboot)
}

# check_vmm VMM: it is "qemu" or a program of $guest_arch.
check_vmm()
{
	[ "$1" != qemu ] || return 0
	[ -r "$1" ] || die "cannot read the VMM $1: build it first (make)"
	# Bytes 18 and 19 of an ELF file: the machine; 183 is arm64, 62 x86-64.
	local number=183 name='an arm64'
	[ "$guest_arch" = aarch64 ] || number=62 name='an x86-64'
	[ "$(od -An -j18 -N2 -tu1 "$1" | tr -s ' ')" = " $number 0" ] ||
		die "$1 is not $name program: give the build of vmm for that machine"
}
