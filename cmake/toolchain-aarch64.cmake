# SPDX-License-Identifier: BSD-2-Clause
# Cross building for arm64 Linux with Debian's gcc-aarch64-linux-gnu:
#
#   cmake -S . -B build/arm64 -DCMAKE_TOOLCHAIN_FILE=cmake/toolchain-aarch64.cmake \
#         -DVMMP_SYSROOT_ARM64=build/sysroot/arm64 -DVMMP_FLAVOURS=aarch64-qemu-arm-virt
#
# VMMP_SYSROOT_ARM64 is what tools/sysroot.sh arm64 made; without it the compiler's own C library
# is all there is. Programs are linked dynamically, as libslirp has no static archive:
# tools/testbed.sh takes the libraries along. Those that need none may be static (-static and the
# property VMMP_STATIC).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

# CMake's compiler checks read this file again in a project of their own.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VMMP_SYSROOT_ARM64)
set(VMMP_SYSROOT_ARM64 "" CACHE PATH "Root with arm64 libraries, from tools/sysroot.sh arm64")

if(VMMP_SYSROOT_ARM64)
    get_filename_component(sysroot ${VMMP_SYSROOT_ARM64} ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})
    if(NOT EXISTS ${sysroot}/cflags)
        message(FATAL_ERROR "VMMP_SYSROOT_ARM64=${sysroot} is no sysroot: "
            "run tools/sysroot.sh arm64 ${sysroot}")
    endif()
    file(STRINGS ${sysroot}/cflags compile_flags)
    file(STRINGS ${sysroot}/ldflags link_flags)
    list(JOIN compile_flags " " compile_flags)
    list(JOIN link_flags " " link_flags)
    set(CMAKE_C_FLAGS_INIT "${compile_flags}")
    set(CMAKE_FIND_ROOT_PATH ${sysroot})
    set(CMAKE_EXE_LINKER_FLAGS_INIT "${link_flags}")
endif()

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
