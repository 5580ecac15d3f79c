# SPDX-License-Identifier: BSD-2-Clause
# One flavour: one static library of src/, one of hosted/, and one test program. What does not see
# the board is compiled once per sel4_arch.

include(vmmp_libraries)
include(vmmp_sources)

set(VMMP_ALL_FLAVOURS "")

# BOARD_TESTS_ONLY: another flavour of the same sel4_arch and word size runs the tests in which the
# board has no part; this one runs those of the architecture's devices and of its board.
# DEVICES_TESTED_BY: a flavour of the same word size that runs, if it is built too, the tests of
# devices and their outsides: what those try is compiled of the same sources for the same processor.
function(vmmp_define_flavour name)
    cmake_parse_arguments(F "BOARD_TESTS_ONLY"
        "ARCH;SEL4_ARCH;PLATFORM;WORD_SIZE;DEVICES_TESTED_BY" "" ${ARGN})
    foreach(key ARCH SEL4_ARCH PLATFORM WORD_SIZE DEVICES_TESTED_BY BOARD_TESTS_ONLY)
        set(VMMP_${name}_${key} ${F_${key}} PARENT_SCOPE)
    endforeach()
    set(VMMP_ALL_FLAVOURS ${VMMP_ALL_FLAVOURS} ${name} PARENT_SCOPE)
endfunction()

set(VMMP_FLAVOURS "all" CACHE STRING "Flavours to build, or 'all' that this compiler can build")

# 32-bit flavours need 32-bit libraries: those below VMMP_SYSROOT_I386, where tools/sysroot.sh
# leaves the compiler flags that use them.
function(vmmp_word_size_flags word_size compile_flags link_flags)
    set(${compile_flags} "" PARENT_SCOPE)
    set(${link_flags} "" PARENT_SCOPE)
    math(EXPR native "${CMAKE_SIZEOF_VOID_P} * 8")
    if(word_size EQUAL 32 AND native EQUAL 64)
        file(STRINGS ${VMMP_SYSROOT_I386}/cflags flags)
        set(${compile_flags} ${flags} PARENT_SCOPE)
        file(STRINGS ${VMMP_SYSROOT_I386}/ldflags more_flags)
        set(${link_flags} ${flags} ${more_flags} PARENT_SCOPE)
    endif()
endfunction()

function(vmmp_can_build name result)
    math(EXPR native "${CMAKE_SIZEOF_VOID_P} * 8")
    set(${result} ON PARENT_SCOPE)
    if(VMMP_${name}_WORD_SIZE EQUAL 32 AND native EQUAL 64
            AND NOT (VMMP_SYSROOT_I386 AND EXISTS ${VMMP_SYSROOT_I386}/cflags))
        set(${result} OFF PARENT_SCOPE)
    elseif(VMMP_${name}_WORD_SIZE EQUAL 32 AND VMMP_BUILD_TESTS AND runs_i386
            AND NOT runs_i386 EQUAL 0 AND NOT VMMP_EMULATOR_I386)
        set(${result} OFF PARENT_SCOPE)
    endif()
endfunction()

# The KVM engine of a flavour whose architecture is the compiler's, or nothing.
function(vmmp_engine name result)
    set(${result} "" PARENT_SCOPE)
    if(${VMMP_${name}_SEL4_ARCH} STREQUAL aarch64 AND CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
        set(${result} kvm_arm64 PARENT_SCOPE)
    elseif(${VMMP_${name}_SEL4_ARCH} STREQUAL x86_64 AND CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
        set(${result} kvm_x86 PARENT_SCOPE)
    endif()
endfunction()

function(vmmp_hosted_sources name result)
    set(root ${PROJECT_SOURCE_DIR}/hosted/src)
    file(GLOB sources CONFIGURE_DEPENDS ${root}/*.c ${root}/backends/*.c ${root}/script/*.c ${root}/vhost_user/*.c ${root}/vfio/*.c
        ${root}/arch/${VMMP_${name}_ARCH}/*.c)
    # It only asks `simple`, which Linux has too.
    if(VMMP_${name}_ARCH STREQUAL x86)
        list(APPEND sources ${PROJECT_SOURCE_DIR}/src/sel4/x86/vbe.c)
    endif()
    vmmp_engine(${name} engine_name)
    if(engine_name)
        file(GLOB engine CONFIGURE_DEPENDS ${root}/kvm/*.c ${root}/${engine_name}/*.c)
        list(APPEND sources ${engine})
    endif()
    set(${result} ${sources} PARENT_SCOPE)
endfunction()

# What a flavour's seL4 configuration would say, as macros: hosted/include/autoconf.h.
# vmmp_arch_config_<sel4_arch> says what all its boards have in common, without a board's headers:
# a common source that needs one does not compile. vmmp_config_<flavour> adds the board.
function(vmmp_define_config name)
    set(arch ${VMMP_${name}_ARCH})
    set(sel4_arch ${VMMP_${name}_SEL4_ARCH})
    set(word_size ${VMMP_${name}_WORD_SIZE})
    set(common vmmp_arch_config_${sel4_arch})
    string(TOUPPER "CONFIG_ARCH_${arch}=1;CONFIG_ARCH_${sel4_arch}=1" arch_macros)
    string(TOUPPER "CONFIG_PLAT_${VMMP_${name}_PLATFORM}=1" platform_macro)
    string(REPLACE "-" "_" platform_macro ${platform_macro})

    if(NOT TARGET ${common})
        vmmp_word_size_flags(${word_size} word_compile word_link)
        add_library(${common} INTERFACE)
        target_compile_definitions(${common} INTERFACE
            ${arch_macros} CONFIG_WORD_SIZE=${word_size} _GNU_SOURCE)
        target_compile_options(${common} INTERFACE ${word_compile})
        target_link_options(${common} INTERFACE ${word_link})
        target_include_directories(${common} INTERFACE
            ${PROJECT_SOURCE_DIR}/include
            ${PROJECT_SOURCE_DIR}/arch_include/${arch}
            ${PROJECT_SOURCE_DIR}/hosted/include
            ${PROJECT_SOURCE_DIR}/hosted/arch_include/${arch})
        target_link_libraries(${common} INTERFACE vmmp_flags)
        vmmp_sanitize(${common} INTERFACE ${word_size})
    endif()
    add_library(vmmp_config_${name} INTERFACE)
    target_compile_definitions(vmmp_config_${name} INTERFACE ${platform_macro})
    target_include_directories(vmmp_config_${name} INTERFACE
        ${PROJECT_SOURCE_DIR}/plat_include/${VMMP_${name}_PLATFORM})
    target_link_libraries(vmmp_config_${name} INTERFACE ${common})
endfunction()

# The objects that every board of a sel4_arch shares, compiled once.
function(vmmp_build_common_objects name)
    set(sel4_arch ${VMMP_${name}_SEL4_ARCH})
    if(TARGET vmmp_common-${sel4_arch})
        return()
    endif()
    vmmp_common_sources(${name} sources)
    add_library(vmmp_common-${sel4_arch} OBJECT ${sources})
    target_include_directories(vmmp_common-${sel4_arch} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(vmmp_common-${sel4_arch} PRIVATE vmmp_arch_config_${sel4_arch})

    vmmp_hosted_sources(${name} hosted)
    add_library(vmmp_hosted_common-${sel4_arch} OBJECT ${hosted})
    vmmp_engine(${name} engine_name)
    target_include_directories(vmmp_hosted_common-${sel4_arch} PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/hosted/src
        ${PROJECT_SOURCE_DIR}/hosted/src/${engine_name}) # kvm_arch.h
    target_link_libraries(vmmp_hosted_common-${sel4_arch} PRIVATE vmmp_arch_config_${sel4_arch})
    vmmp_use_libraries(vmmp_hosted_common-${sel4_arch} ${VMMP_${name}_WORD_SIZE})

    # What tests of devices use, and no VMM.
    file(GLOB testing CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/testing/*.c)
    add_library(vmmp_testing_common-${sel4_arch} OBJECT ${testing})
    target_include_directories(vmmp_testing_common-${sel4_arch} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(vmmp_testing_common-${sel4_arch} PRIVATE vmmp_arch_config_${sel4_arch})
endfunction()

function(vmmp_build_flavour name)
    set(sel4_arch ${VMMP_${name}_SEL4_ARCH})
    vmmp_define_config(${name})
    vmmp_build_common_objects(${name})

    vmmp_board_sources(${name} sources)
    add_library(sel4vmmplatsupport-${name} STATIC
        $<TARGET_OBJECTS:vmmp_common-${sel4_arch}> ${sources})
    target_include_directories(sel4vmmplatsupport-${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(sel4vmmplatsupport-${name} PUBLIC vmmp_config_${name} fdt)

    add_library(vmmp_hosted-${name} STATIC $<TARGET_OBJECTS:vmmp_hosted_common-${sel4_arch}>)
    # libsel4vm and this library need each other, as upstream's do.
    target_link_libraries(vmmp_hosted-${name} PUBLIC sel4vmmplatsupport-${name} pthread)
    vmmp_link_libraries(vmmp_hosted-${name} ${VMMP_${name}_WORD_SIZE})
    target_link_libraries(sel4vmmplatsupport-${name} PUBLIC vmmp_hosted-${name})
    # How often the linker is shown the two: each time may bring in objects that need the other.
    set_target_properties(sel4vmmplatsupport-${name} vmmp_hosted-${name} PROPERTIES
        LINK_INTERFACE_MULTIPLICITY 5)

    add_library(vmmp_testing-${name} STATIC $<TARGET_OBJECTS:vmmp_testing_common-${sel4_arch}>)
    target_link_libraries(vmmp_testing-${name} PUBLIC sel4vmmplatsupport-${name})

    if(VMMP_BUILD_TESTS)
        vmmp_build_tests(${name})
    endif()
endfunction()

# For tests that do not compute at length: not optimized they compile in a third of the time.
set(VMMP_BRIEF $<$<CONFIG:Debug>:-O0>)

# Links test_GROUP.c files, each with one function `int test_GROUP(void)` that runs a cmocka group,
# into the program `target`; ctest runs it once per group, as <prefix>/<GROUP>, in ${VMMP_EMULATOR}
# if the caller has set that.
function(vmmp_add_test_program target prefix)
    set(root ${PROJECT_SOURCE_DIR}/tests/unit)
    set(folder ${PROJECT_BINARY_DIR}/tests/${prefix})
    set(declarations "")
    set(VMMP_TEST_ROWS "")
    foreach(file IN LISTS ARGN)
        get_filename_component(group ${file} NAME_WE)
        string(REGEX REPLACE "^test_" "" group ${group})
        string(APPEND declarations "int test_${group}(void);\n")
        string(APPEND VMMP_TEST_ROWS "    { \"${group}\", test_${group} },\n")
        add_test(NAME ${prefix}/${group} COMMAND ${VMMP_EMULATOR} $<TARGET_FILE:${target}> ${group})
        set_tests_properties(${prefix}/${group} PROPERTIES TIMEOUT 120)
    endforeach()
    configure_file(${root}/main.c.in ${folder}/main.c @ONLY)
    file(CONFIGURE OUTPUT ${folder}/groups.h CONTENT "${declarations}")
    add_executable(${target} ${folder}/main.c ${ARGN})
    target_include_directories(${target} PRIVATE ${root})
    set(brief ${ARGN})
    list(FILTER brief EXCLUDE REGEX "enumerate|hostile|clauses|decoders")
    set_source_files_properties(${brief} PROPERTIES COMPILE_OPTIONS ${VMMP_BRIEF})
    # The prototypes of the groups, for -Wmissing-prototypes.
    target_compile_options(${target} PRIVATE -include ${folder}/groups.h)
    target_link_libraries(${target} PRIVATE cmocka)
endfunction()

# tests/interface/clients/ROOT/X.c is the client of <sel4vmmplatsupport/X.h> (ROOT/sel4vm/X.c: of
# <sel4vm/X.h>), where ROOT is include, an architecture or a platform. A client of a header that is not
# there is not built; tests/interface/missing.sh names it.
function(vmmp_client_sources name result)
    set(clients ${PROJECT_SOURCE_DIR}/tests/interface/clients)
    set(arch ${VMMP_${name}_ARCH})
    set(platform ${VMMP_${name}_PLATFORM})
    set(sources ${clients}/main.c)
    foreach(root include ${arch} ${platform})
        set(headers ${PROJECT_SOURCE_DIR}/include)
        if(root STREQUAL "${arch}")
            set(headers ${PROJECT_SOURCE_DIR}/arch_include/${arch})
        elseif(root STREQUAL "${platform}")
            set(headers ${PROJECT_SOURCE_DIR}/plat_include/${platform})
        endif()
        file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${clients}/${root} ${clients}/${root}/*.c)
        foreach(file IN LISTS files)
            string(REGEX REPLACE "\\.c$" ".h" header ${file})
            if(EXISTS ${headers}/sel4vmmplatsupport/${header} OR EXISTS ${headers}/${header})
                list(APPEND sources ${clients}/${root}/${file})
            endif()
        endforeach()
    endforeach()
    set(${result} ${sources} PARENT_SCOPE)
endfunction()

# What clients are not held to.
add_library(vmmp_client_flags INTERFACE)
target_compile_options(vmmp_client_flags INTERFACE
    -Wno-conversion -Wno-shadow -Wno-missing-prototypes -Wno-unused-parameter ${VMMP_BRIEF})

# Everything that clients use compiles with their flags and links.
function(vmmp_build_clients name)
    vmmp_client_sources(${name} sources)
    add_executable(clients-${name} ${sources})
    set_target_properties(clients-${name} PROPERTIES C_STANDARD 99)
    # Last, so that these come after the library's own flags.
    target_link_libraries(clients-${name} PRIVATE
        sel4vmmplatsupport-${name} vmmp_hosted-${name} vmmp_client_flags)
    add_test(NAME ${name}/clients COMMAND ${VMMP_EMULATOR} $<TARGET_FILE:clients-${name}>)
endfunction()

function(vmmp_build_tests name)
    set(arch ${VMMP_${name}_ARCH})
    set(root ${PROJECT_SOURCE_DIR}/tests/unit)
    set(common ${root}/test_*.c ${root}/${VMMP_${name}_SEL4_ARCH}/test_*.c)
    if(VMMP_${name}_BOARD_TESTS_ONLY)
        set(common "")
    endif()
    file(GLOB groups CONFIGURE_DEPENDS ${common} ${root}/${arch}/test_*.c
        ${root}/${VMMP_${name}_PLATFORM}/test_*.c)
    if(TARGET "unit-${VMMP_${name}_DEVICES_TESTED_BY}")
        list(FILTER groups EXCLUDE REGEX
            "/unit/test_(virtio|virtqueue|suppression|hostile|vhost|vsock|net|blk|image_decoders)_?[a-z0-9_]*\\.c$")
    endif()
    if(VMMP_SANITIZE STREQUAL thread)
        # These compute at length, in one thread.
        list(FILTER groups EXCLUDE REGEX "_(enumerate|clauses)\\.c$")
    endif()
    file(GLOB support CONFIGURE_DEPENDS ${root}/support/*.c
        ${PROJECT_SOURCE_DIR}/tests/interface/*.c
        ${PROJECT_SOURCE_DIR}/tests/interface/${arch}/*.c)
    if(VMMP_${name}_WORD_SIZE EQUAL 32)
        set(VMMP_EMULATOR ${VMMP_EMULATOR_I386})
    endif()
    vmmp_build_clients(${name})
    vmmp_add_test_program(unit-${name} ${name} ${groups})
    target_sources(unit-${name} PRIVATE ${support})
    if(VMMP_${name}_BOARD_TESTS_ONLY)
        target_compile_options(unit-${name} PRIVATE ${VMMP_BRIEF})
    endif()
    target_include_directories(unit-${name} PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/hosted/src)
    target_link_libraries(unit-${name} PRIVATE
        vmmp_testing-${name} sel4vmmplatsupport-${name} vmmp_hosted-${name})
    # tests/unit/support/host_faults.c
    vmmp_use_libraries(unit-${name} ${VMMP_${name}_WORD_SIZE})
    foreach(call IN ITEMS sendmsg recvmsg io_uring_submit malloc calloc realloc aligned_alloc mmap
            memfd_create ftruncate socket bind listen eventfd timerfd_create epoll_create1 epoll_ctl
            posix_openpt pthread_create open)
        target_link_options(unit-${name} PRIVATE -Wl,--wrap=${call})
    endforeach()
endfunction()
