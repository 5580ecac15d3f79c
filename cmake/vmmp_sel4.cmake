# SPDX-License-Identifier: BSD-2-Clause
# The library in an seL4 workspace: the target that seL4's VMMs and its libsel4vm link, with the
# options and the generated header they expect. Kernel, C library and the other libraries are the
# workspace's. docs/sel4.md says how the two come together.

include(vmmp_sources)

set(configure_string "")

config_option(
    LibSel4VMMPlatsupportVESAFrameBuffer
    VMM_PLATSUPPORT_VESA_FRAMEBUFFER
    "Give the guest the host's VESA frame buffer, and describe it in the guest's boot parameters"
    DEFAULT
    ON
    DEPENDS
    "KernelPlatPC99"
)
config_option(
    LibSel4VMMUseHPET
    VMM_USE_HPET
    "Describe a High Precision Event Timer to the guest; the VMM emulates it"
    DEFAULT
    OFF
    DEPENDS
    "KernelX86_64VTX64BitGuests"
)
mark_as_advanced(LibSel4VMMPlatsupportVESAFrameBuffer LibSel4VMMUseHPET)
add_config_library(sel4vmmplatsupport "${configure_string}")

set(root ${CMAKE_CURRENT_SOURCE_DIR})
set(VMMP_sel4_ARCH ${KernelArch})
set(VMMP_sel4_SEL4_ARCH ${KernelSel4Arch})
set(VMMP_sel4_PLATFORM ${KernelPlatform})
vmmp_common_sources(sel4 sources)
vmmp_board_sources(sel4 board_sources)
file(GLOB host_sources CONFIGURE_DEPENDS ${root}/src/sel4/*.c ${root}/src/sel4/${KernelArch}/*.c)

add_library(sel4vmmplatsupport STATIC EXCLUDE_FROM_ALL
    ${sources} ${board_sources} ${host_sources})
# C11 with GNU extensions for ourselves; what links the library may be older.
target_compile_options(sel4vmmplatsupport PRIVATE -std=gnu11 -Wall -Wextra)
target_include_directories(sel4vmmplatsupport
    PUBLIC ${root}/include ${root}/arch_include/${KernelArch} ${root}/plat_include/${KernelPlatform}
    PRIVATE ${root}/src)
# Its headers are not clean of what -Wextra says.
target_include_directories(sel4vmmplatsupport SYSTEM
    PRIVATE $<TARGET_PROPERTY:sel4vm,INTERFACE_INCLUDE_DIRECTORIES>)
# All of them reach the VMMs that link this one; libsel4vm needs the library in turn. The last three
# come from projects that not every workspace has, and the library itself does without.
target_link_libraries(sel4vmmplatsupport
    muslc sel4 utils sel4utils platsupport pci ethdrivers sel4vm fdt satadrivers virtio
    sel4_autoconf sel4vm_Config sel4vmmplatsupport_Config
    $<TARGET_NAME_IF_EXISTS:fdtgen> $<TARGET_NAME_IF_EXISTS:ringbuffer>
    $<TARGET_NAME_IF_EXISTS:usbdrivers_Config>)

# The virtual USB host, with CONFIG_LIB_USB, needs no more of libusbdrivers than its headers.
target_include_directories(sel4vmmplatsupport PUBLIC
    $<$<TARGET_EXISTS:usbdrivers>:$<TARGET_PROPERTY:usbdrivers,INTERFACE_INCLUDE_DIRECTORIES>>)

# What the interface tests assert of the hosted headers, asserted of the workspace's: compiling is
# the test, `ninja sel4vmmplatsupport_interface`.
file(GLOB interface CONFIGURE_DEPENDS
    ${root}/tests/interface/*.c ${root}/tests/interface/${KernelArch}/*.c)
add_library(sel4vmmplatsupport_interface OBJECT EXCLUDE_FROM_ALL ${interface})
target_compile_options(sel4vmmplatsupport_interface PRIVATE -std=gnu11 -Wall -Wextra)
target_include_directories(sel4vmmplatsupport_interface SYSTEM
    PRIVATE $<TARGET_PROPERTY:sel4vm,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(sel4vmmplatsupport_interface sel4vmmplatsupport)

# The reference VMM as the root task, with the guest in VMMP_SEL4_ARCHIVE (vmm/sel4/guest_files.h).
set(VMMP_SEL4_ARCHIVE "" CACHE FILEPATH "Guest for the reference VMM; empty: no VMM is built")
if(VMMP_SEL4_ARCHIVE)
    add_subdirectory(vmm/sel4)
endif()
