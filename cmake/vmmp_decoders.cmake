# SPDX-License-Identifier: BSD-2-Clause
# Libraries for compressed kernels (hosted/src/decoders.c): each is used if the build finds it.

option(VMMP_DECODERS "Unpack gzip, lz4 and zstd kernels where zlib, liblz4 and libzstd are found" ON)

if(VMMP_DECODERS)
    foreach(library "ZLIB;z;zlib.h" "LZ4;lz4;lz4frame.h" "ZSTD;zstd;zstd.h")
        list(GET library 0 key)
        list(GET library 1 name)
        list(GET library 2 header)
        find_library(VMMP_${key}_LIBRARY ${name})
        find_path(VMMP_${key}_INCLUDE ${header})
        mark_as_advanced(VMMP_${key}_LIBRARY VMMP_${key}_INCLUDE)
    endforeach()
endif()

# A library found is one of the compiler's own word size; other flavours go without.
function(vmmp_link_decoders target word_size)
    math(EXPR native "${CMAKE_SIZEOF_VOID_P} * 8")
    if(NOT VMMP_DECODERS OR NOT word_size EQUAL native)
        return()
    endif()
    foreach(key ZLIB LZ4 ZSTD)
        if(VMMP_${key}_LIBRARY AND VMMP_${key}_INCLUDE)
            target_compile_definitions(${target} PRIVATE HOSTED_${key}=1)
            target_include_directories(${target} SYSTEM PRIVATE ${VMMP_${key}_INCLUDE})
            target_link_libraries(${target} PRIVATE ${VMMP_${key}_LIBRARY})
        endif()
    endforeach()
endfunction()
