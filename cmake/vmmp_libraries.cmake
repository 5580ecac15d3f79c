# SPDX-License-Identifier: BSD-2-Clause
# Libraries that parts of hosted/ use where the build finds them; HOSTED_<KEY> is then 1. A part
# whose library is missing says so when it is asked for. Rows: key; name; header.
set(VMMP_HOSTED_LIBRARIES
    "ZLIB\;z\;zlib.h"       # gzip kernels (hosted/src/decoders.c)
    "LZ4\;lz4\;lz4frame.h"  # lz4 kernels
    "LZMA\;lzma\;lzma.h"    # xz and lzma kernels
    "ZSTD\;zstd\;zstd.h"    # zstd kernels
    "URING\;uring\;liburing.h" # asynchronous disks (hosted/src/backends)
    "SLIRP\;slirp\;slirp/libslirp.h" # user-mode networking (hosted/src/backends)
    "PNG\;png\;png.h" # vmm ctl screenshot
    "SECCOMP\;seccomp\;seccomp.h" # vmm --sandbox
)

option(VMMP_LIBRARIES "Use zlib, liblz4, liblzma, libzstd, liburing, libslirp, libpng and libseccomp where they are found" ON)

set(VMMP_HOSTED_LIBRARY_NAMES "")
foreach(row IN LISTS VMMP_HOSTED_LIBRARIES)
    list(GET row 0 key)
    list(GET row 1 name)
    list(GET row 2 header)
    list(APPEND VMMP_HOSTED_LIBRARY_NAMES ${name})
    if(VMMP_LIBRARIES)
        find_library(VMMP_${key}_LIBRARY ${name})
        find_path(VMMP_${key}_INCLUDE ${header})
        mark_as_advanced(VMMP_${key}_LIBRARY VMMP_${key}_INCLUDE)
    endif()
endforeach()

# A library found is one of the compiler's own word size; other flavours go without.
function(vmmp_usable_libraries word_size result)
    math(EXPR native "${CMAKE_SIZEOF_VOID_P} * 8")
    set(keys "")
    if(VMMP_LIBRARIES AND word_size EQUAL native)
        foreach(row IN LISTS VMMP_HOSTED_LIBRARIES)
            list(GET row 0 key)
            if(VMMP_${key}_LIBRARY AND VMMP_${key}_INCLUDE)
                list(APPEND keys ${key})
            endif()
        endforeach()
    endif()
    set(${result} ${keys} PARENT_SCOPE)
endfunction()

# For a target that compiles against them.
function(vmmp_use_libraries target word_size)
    vmmp_usable_libraries(${word_size} keys)
    foreach(key IN LISTS keys)
        target_compile_definitions(${target} PRIVATE HOSTED_${key}=1)
        target_include_directories(${target} SYSTEM PRIVATE ${VMMP_${key}_INCLUDE})
    endforeach()
endfunction()

# For a library whose users link them. A program with the property VMMP_STATIC goes without: not all
# of them have static archives. It must then not use the parts that need them.
function(vmmp_link_libraries target word_size)
    vmmp_usable_libraries(${word_size} keys)
    foreach(key IN LISTS keys)
        target_link_libraries(${target} PRIVATE
            $<$<NOT:$<BOOL:$<TARGET_PROPERTY:VMMP_STATIC>>>:${VMMP_${key}_LIBRARY}>)
    endforeach()
endfunction()
