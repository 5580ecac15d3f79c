# SPDX-License-Identifier: BSD-2-Clause
# What a build tree can be asked for, and the compiler flags every target gets.

option(VMMP_BUILD_TESTS "Build the unit and interface tests" ON)
option(VMMP_BUILD_VMM "Build the reference VMM for Linux" ON)
option(VMMP_BUILD_BENCH "Build the micro-benchmarks" OFF)
option(VMMP_BUILD_EXAMPLES "Build the examples" ON)
option(VMMP_WERROR "Treat warnings as errors" ON)
set(VMMP_SANITIZE "" CACHE STRING "Sanitizers for everything, e.g. address,undefined or thread")
set(VMMP_SYSROOT_I386 "" CACHE PATH "Root with 32-bit libraries for the 32-bit flavours")

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# Sanitized tests at -O0 take four times as long, and stack traces are as good.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g" CACHE STRING "Flags of the Debug build" FORCE)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(vmmp_flags INTERFACE)
target_compile_options(vmmp_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wundef -fno-common -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(VMMP_WERROR)
    target_compile_options(vmmp_flags INTERFACE -Werror)
endif()

# A machine whose kernel runs no 32-bit programs runs those of 32-bit flavours in an emulator, for
# which AddressSanitizer's memory map is too much.
set(VMMP_EMULATOR_I386 "")
if(VMMP_SYSROOT_I386 AND VMMP_BUILD_TESTS)
    execute_process(COMMAND ${VMMP_SYSROOT_I386}/lib/ld-linux.so.2 --version
        RESULT_VARIABLE runs_i386 OUTPUT_QUIET ERROR_QUIET)
    if(NOT runs_i386 EQUAL 0)
        find_program(VMMP_QEMU_I386 qemu-i386)
        if(VMMP_QEMU_I386)
            set(VMMP_EMULATOR_I386 ${VMMP_QEMU_I386})
            message(STATUS "this machine runs no 32-bit programs: the tests of 32-bit flavours run "
                "in ${VMMP_QEMU_I386}, without AddressSanitizer")
        else()
            message(STATUS "this machine runs no 32-bit programs and has no emulator for them: "
                "32-bit flavours skipped; apt-get install qemu-user")
        endif()
    endif()
endif()

# `scope` is INTERFACE or PRIVATE.
function(vmmp_sanitize target scope word_size)
    set(sanitizers ${VMMP_SANITIZE})
    if(word_size EQUAL 32 AND VMMP_EMULATOR_I386)
        string(REGEX REPLACE "address,?" "" sanitizers "${sanitizers}")
    endif()
    if(sanitizers)
        target_compile_options(${target} ${scope} -fsanitize=${sanitizers}
            -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} ${scope} -fsanitize=${sanitizers})
    endif()
endfunction()
