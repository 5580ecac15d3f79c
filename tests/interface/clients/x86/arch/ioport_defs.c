/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/ioport_defs.h>

struct range {
    unsigned start;
    unsigned end;
    const char *desc;
};

const struct range client_ioports_x86[] = {
    { X86_IO_SERIAL_1_START, X86_IO_SERIAL_1_END, "COM1" },
    { X86_IO_SERIAL_2_START, X86_IO_SERIAL_2_END, "COM2" },
    { X86_IO_SERIAL_3_START, X86_IO_SERIAL_3_END, "COM3" },
    { X86_IO_SERIAL_4_START, X86_IO_SERIAL_4_END, "COM4" },
    { X86_IO_RTC_START, X86_IO_RTC_END, "RTC" },
    { X86_IO_PIT_START, X86_IO_PIT_END, "PIT" },
    { X86_IO_PS2C_START, X86_IO_PS2C_END, "8042" },
    { X86_IO_ISA_DMA_START, X86_IO_ISA_DMA_END, "ISA DMA" },
    { X86_IO_POS_START, X86_IO_POS_END, "POS" },
    { X86_IO_PCI_CONFIG_START, X86_IO_PCI_CONFIG_END, "PCI" },
};
