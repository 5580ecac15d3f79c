# SPDX-License-Identifier: BSD-2-Clause
# Headers, libraries, the VMM, a pkg-config file per flavour and a CMake package.
# A program links one flavour: `pkg-config --cflags --libs sel4vmmplatsupport-aarch64-qemu-arm-virt`
# or find_package(sel4vmmplatsupport) and the target sel4vmmplatsupport::aarch64-qemu-arm-virt; a test
# of a device vmmp_testing-aarch64-qemu-arm-virt or sel4vmmplatsupport::testing-aarch64-qemu-arm-virt.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(headers ${CMAKE_INSTALL_INCLUDEDIR}/sel4vmmplatsupport-${PROJECT_VERSION})
install(DIRECTORY include/ DESTINATION ${headers}/include)
foreach(folder arch_include plat_include)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${folder})
        install(DIRECTORY ${folder}/ DESTINATION ${headers}/${folder})
    endif()
endforeach()
install(DIRECTORY hosted/include/ DESTINATION ${headers}/hosted/include)
install(DIRECTORY hosted/arch_include/ DESTINATION ${headers}/hosted/arch_include)

set(VMMP_EXPORTED "")
foreach(flavour IN LISTS wanted_flavours)
    if(NOT TARGET sel4vmmplatsupport-${flavour})
        continue()
    endif()
    install(TARGETS sel4vmmplatsupport-${flavour} vmmp_hosted-${flavour} vmmp_testing-${flavour}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    set(PC_FLAVOUR ${flavour})
    set(PC_ARCH ${VMMP_${flavour}_ARCH})
    set(PC_PLATFORM ${VMMP_${flavour}_PLATFORM})
    get_target_property(definitions vmmp_config_${flavour} INTERFACE_COMPILE_DEFINITIONS)
    get_target_property(arch_definitions vmmp_arch_config_${VMMP_${flavour}_SEL4_ARCH}
        INTERFACE_COMPILE_DEFINITIONS)
    list(PREPEND definitions ${arch_definitions})
    list(TRANSFORM definitions PREPEND "-D")
    list(JOIN definitions " " PC_DEFINITIONS)
    get_target_property(links vmmp_hosted-${flavour} INTERFACE_LINK_LIBRARIES)
    set(PC_LIBS "")
    foreach(link IN LISTS links)
        # A library found by its path, as it stands there or as $<LINK_ONLY:path>.
        if(link STREQUAL pthread)
            string(APPEND PC_LIBS " -lpthread")
        elseif(link MATCHES "/lib([a-z0-9_.+-]+)\\.(so|a)")
            string(APPEND PC_LIBS " -l${CMAKE_MATCH_1}")
        endif()
    endforeach()
    configure_file(cmake/sel4vmmplatsupport.pc.in
        ${PROJECT_BINARY_DIR}/sel4vmmplatsupport-${flavour}.pc @ONLY)
    configure_file(cmake/vmmp_testing.pc.in ${PROJECT_BINARY_DIR}/vmmp_testing-${flavour}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/sel4vmmplatsupport-${flavour}.pc
        ${PROJECT_BINARY_DIR}/vmmp_testing-${flavour}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
    list(APPEND VMMP_EXPORTED ${flavour})
    string(APPEND VMMP_EXPORTED_TARGETS
        "vmmp_import(${flavour} ${PC_ARCH} ${PC_PLATFORM} \"${definitions}\" \"${PC_LIBS}\")\n")
endforeach()

set(VMMP_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/sel4vmmplatsupport)
set(VMMP_HEADERS ${headers})
configure_package_config_file(cmake/sel4vmmplatsupportConfig.cmake.in
    ${PROJECT_BINARY_DIR}/sel4vmmplatsupportConfig.cmake
    INSTALL_DESTINATION ${VMMP_PACKAGE_DIR} PATH_VARS VMMP_HEADERS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sel4vmmplatsupportConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sel4vmmplatsupportConfig.cmake
    ${PROJECT_BINARY_DIR}/sel4vmmplatsupportConfigVersion.cmake DESTINATION ${VMMP_PACKAGE_DIR})
