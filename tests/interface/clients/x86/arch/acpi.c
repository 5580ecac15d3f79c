/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/acpi.h>

char client_acpi_areas[LOWER_BIOS_START == 0xe0000 && LOWER_BIOS_SIZE == 0xffff &&
                               ACPI_START == 0xe0000 && XSDT_START == 0xe1000 &&
                               MAX_ACPI_TABLES == 16
                           ? 1
                           : -1];

int client_acpi(vm_t *vm)
{
    return make_guest_acpi_tables(vm);
}
