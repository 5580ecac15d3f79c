/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space constants: PCI Local Bus Specification 3.0, chapter 6 and appendix H. */
#pragma once

/* 6.1, type 0 header */
#define PCICFG_VENDOR_ID           0x00
#define PCICFG_DEVICE_ID           0x02
#define PCICFG_COMMAND             0x04
#define PCICFG_STATUS              0x06
#define PCICFG_REVISION_ID         0x08
#define PCICFG_CLASS_CODE          0x09
#define PCICFG_CACHE_LINE_SIZE     0x0c
#define PCICFG_LATENCY_TIMER       0x0d
#define PCICFG_HEADER_TYPE         0x0e
#define PCICFG_BIST                0x0f
#define PCICFG_BAR0                0x10
#define PCICFG_BARS_END            0x28
#define PCICFG_SUBSYSTEM_VENDOR_ID 0x2c
#define PCICFG_SUBSYSTEM_ID        0x2e
#define PCICFG_EXPANSION_ROM       0x30
#define PCICFG_CAPABILITIES        0x34
#define PCICFG_INTERRUPT_LINE      0x3c
#define PCICFG_INTERRUPT_PIN       0x3d
#define PCICFG_HEADER_END          0x40

/* 6.2.2 */
#define PCICFG_COMMAND_IO           0x0001
#define PCICFG_COMMAND_MEMORY       0x0002
#define PCICFG_COMMAND_MASTER       0x0004
#define PCICFG_COMMAND_MWI          0x0010
#define PCICFG_COMMAND_INTX_DISABLE 0x0400

/* 6.2.3 */
#define PCICFG_STATUS_INTERRUPT    0x0008
#define PCICFG_STATUS_CAPABILITIES 0x0010

/* 6.2.1 */
#define PCICFG_HEADER_TYPE_MASK     0x7f
#define PCICFG_HEADER_MULTIFUNCTION 0x80

/* 6.2.5.1 */
#define PCICFG_BAR_IO          0x1
#define PCICFG_BAR_64          0x4
#define PCICFG_BAR_PREFETCH    0x8
#define PCICFG_BAR_IO_FLAGS    0x3
#define PCICFG_BAR_MEM_FLAGS   0xf
#define PCICFG_BAR_IO_MINIMUM  4
#define PCICFG_BAR_MEM_MINIMUM 16

/* 6.7 and appendix H */
#define PCICFG_CAP_POINTER_MASK 0xfc
#define PCICFG_CAP_ID           0
#define PCICFG_CAP_NEXT         1
#define PCICFG_CAPS_MAX         48 /* That is how many fit. */
#define PCICFG_CAP_ID_PM        0x01
#define PCICFG_CAP_ID_MSI       0x05
#define PCICFG_CAP_ID_PCIE      0x10
#define PCICFG_CAP_ID_MSIX      0x11
#define PCICFG_CAP_ID_AF        0x13

/* 6.8.2, offsets from the capability's start */
#define PCICFG_MSIX_CONTROL       2
#define PCICFG_MSIX_TABLE         4
#define PCICFG_MSIX_PENDING       8
#define PCICFG_MSIX_SIZE          12
#define PCICFG_MSIX_FUNCTION_MASK 0x4000
#define PCICFG_MSIX_ENABLE        0x8000

/* 3.2.2.3.2, configuration mechanism #1 */
#define PCICFG_PORT_ADDRESS    0xcf8
#define PCICFG_PORT_DATA       0xcfc
#define PCICFG_PORTS           8
#define PCICFG_ADDRESS_ENABLE  0x80000000u
#define PCICFG_ADDRESS_LATCHED 0x80fffffcu
