# SPDX-License-Identifier: BSD-2-Clause
# Which sources of src/ a flavour has: for standalone builds (vmmp_flavour.cmake) and in an seL4
# workspace (vmmp_sel4.cmake).

# Sources by room; a file belongs to a flavour by the folder it is in. Those of a board and those in
# a folder plat/ see the board's headers; the rest is the same for every board of a sel4_arch.
function(vmmp_common_sources name result)
    set(arch ${VMMP_${name}_ARCH})
    set(root ${PROJECT_SOURCE_DIR}/src)
    file(GLOB sources CONFIGURE_DEPENDS
        ${root}/*.c ${root}/vm/*.c ${root}/guest/*.c ${root}/bus/*.c ${root}/virtio/*.c ${root}/fdt/*.c
        ${root}/devices/*.c ${root}/crossvm/*.c ${root}/usb/*.c
        ${root}/arch/${arch}/*.c ${root}/arch/${arch}/${VMMP_${name}_SEL4_ARCH}/*.c
        ${root}/compat/*.c ${root}/compat/${arch}/*.c)
    set(${result} ${sources} PARENT_SCOPE)
endfunction()

function(vmmp_board_sources name result)
    set(root ${PROJECT_SOURCE_DIR}/src)
    file(GLOB sources CONFIGURE_DEPENDS
        ${root}/plat/${VMMP_${name}_PLATFORM}/*.c ${root}/compat/${VMMP_${name}_ARCH}/plat/*.c
        ${root}/compat/plat/${VMMP_${name}_PLATFORM}/*.c)
    set(${result} ${sources} PARENT_SCOPE)
endfunction()
