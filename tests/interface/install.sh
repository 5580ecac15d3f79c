#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is installed can be used: a program is built against it by pkg-config and by CMake, and runs.
# Usage: install.sh BUILD-FOLDER SOURCE-FOLDER COMPILER FLAGS
set -eu
build=$1
source=$2
compiler=$3
flags=$4
flavour=aarch64-qemu-arm-virt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/usr" >"$work/log" || {
    cat "$work/log"
    exit 1
}
"$work/usr/bin/vmm" --version
pkgconfig=$(dirname "$(find "$work/usr" -name "sel4vmmplatsupport-$flavour.pc")")
PKG_CONFIG_PATH=$pkgconfig
export PKG_CONFIG_PATH
# The prefix is where it was installed, not where it was configured for.
pc() {
    pkg-config --define-variable=prefix="$work/usr" "$@" sel4vmmplatsupport-$flavour
}
version=$(pc --modversion)
# shellcheck disable=SC2046,SC2086 # lists of flags
$compiler $flags $(pc --cflags) "$source/examples/my_device.c" $(pc --libs) -o "$work/my_device"
# A test of a device links one library more.
# shellcheck disable=SC2046,SC2086
$compiler $flags $(pc --cflags) "$source/examples/my_virtio_device.c" \
    $(pkg-config --define-variable=prefix="$work/usr" --libs vmmp_testing-$flavour) \
    -o "$work/my_virtio_device"
"$work/my_virtio_device"
"$work/my_device"
# A test of a device links one library more.
# shellcheck disable=SC2046,SC2086
$compiler $flags $(pc --cflags) "$source/examples/my_virtio_device.c" \
    $(pkg-config --define-variable=prefix="$work/usr" --libs vmmp_testing-$flavour) \
    -o "$work/my_virtio_device"
"$work/my_virtio_device"

mkdir "$work/cmake"
cat >"$work/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(sel4vmmplatsupport $version REQUIRED)
add_executable(consumer $source/examples/my_device.c)
target_compile_options(consumer PRIVATE $flags)
target_link_options(consumer PRIVATE $flags)
target_link_libraries(consumer sel4vmmplatsupport::$flavour)
add_executable(tester $source/examples/my_virtio_device.c)
target_compile_options(tester PRIVATE $flags)
target_link_options(tester PRIVATE $flags)
target_link_libraries(tester sel4vmmplatsupport::testing-$flavour)
END
{
    cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_PREFIX_PATH="$work/usr" && cmake --build "$work/cmake/build"
} >"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
"$work/cmake/build/consumer"
"$work/cmake/build/tester"
