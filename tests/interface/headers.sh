#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every public header compiles on its own, as gnu99, as C11 and as C++, without warnings.
# Usage: headers.sh SOURCE-FOLDER
set -eu
cd "$1"
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# $1 header, $2... configuration flags
try() {
    header=$1
    shift
    echo "#include <$header>" >"$work/t.c"
    cp "$work/t.c" "$work/t.cc"
    for language in "cc -x c -std=gnu99" "cc -x c -std=c11 -D_GNU_SOURCE" "c++ -x c++ -std=c++17"; do
        source=$work/t.c
        case $language in *c++*) source=$work/t.cc ;; esac
        # Empty structures are the interface's (guest_kernel_image_arch): C++ gives them a size.
        if ! $language -Wall -Wextra -Werror -Wno-unused-function -fsyntax-only "$@" "$source"; then
            echo "<$header> does not compile with: $language"
            status=1
        fi
    done
}

headers_below() {
    [ -d "$1" ] && (cd "$1" && find . -name '*.h' | sed 's#^\./##' | sort) || true
}

# Architecture, sel4_arch, platform, word size; the first of an architecture tries all headers, the
# others their own.
tried=" "
for configuration in "arm aarch64 qemu-arm-virt 64" "arm aarch64 tx1 64" "arm aarch64 tx2 64" \
    "arm aarch64 odroidc2 64" "arm aarch64 zynqmp 64" "arm aarch64 bcm2711 64" \
    "arm arm_hyp exynos5 32" "arm arm_hyp tk1 32" "x86 x86_64 pc99 64"; do
    # shellcheck disable=SC2086 # a list of words
    set -- $configuration
    upper_arch=$(echo "$1" | tr a-z A-Z)
    upper_sel4_arch=$(echo "$2" | tr a-z A-Z)
    upper_platform=$(echo "$3" | tr 'a-z-' 'A-Z_')
    flags="-DCONFIG_ARCH_$upper_arch=1 -DCONFIG_ARCH_$upper_sel4_arch=1"
    flags="$flags -DCONFIG_PLAT_$upper_platform=1 -DCONFIG_WORD_SIZE=$4"
    flags="$flags -Iinclude -Iarch_include/$1 -Iplat_include/$3"
    flags="$flags -Ihosted/include -Ihosted/arch_include/$1"
    headers=$(headers_below "plat_include/$3")
    case $tried in
    *" $1 "*) ;;
    *) headers="$headers $(headers_below include) $(headers_below "arch_include/$1")" ;;
    esac
    tried="$tried$1 "
    for header in $headers; do
        # These name ARM's registers, or include what is ARM's alone.
        case $1:$header in
        x86:sel4vmmplatsupport/guest_vcpu_util.h | x86:*/vmmp/boot_arm.h | x86:*/vmmp/arm_firmware.h) continue ;;
        esac
        # shellcheck disable=SC2086 # a list of words
        try "$header" $flags
    done
done
exit $status
