/* SPDX-License-Identifier: BSD-2-Clause */
/* Nothing of a board lies over anything else of it: what overlaps does not compile. */
#include <sel4vmmplatsupport/plat/board_map.h>

#include <assert.h>
#include <stdint.h>

/* GCC and clang give an enumerator the width its value needs. */
enum {
    BOARD_BOTTOM_END = 0,
#define BOARD_ROW(name, base, size, below)                                    \
    BOARD_##name##_BASE = UINT64_C(0) + (base), BOARD_##name##_SIZE = (size), \
    BOARD_##name##_END = UINT64_C(0) + (base) + (size),
    VMMP_BOARD_MAP(BOARD_ROW)
#undef BOARD_ROW
};

#define BOARD_ROW(name, base, size, below)                                     \
    static_assert((base) >= BOARD_##below##_END, #name " overlaps " #below);   \
    static_assert((size) != 0 && (base) % 0x1000 == 0 && (size) % 0x1000 == 0, \
                  #name " is not made of pages");
VMMP_BOARD_MAP(BOARD_ROW)
#undef BOARD_ROW

static_assert(BOARD_PCI_CFG_SIZE == 0x1000000, "CAM of 256 buses has 16 MiB");
static_assert(BOARD_PCI_IO_SIZE == 0x10000, "there are 64 KiB of ports");
static_assert(BOARD_PCI_MEM_BASE % BOARD_PCI_MEM_SIZE == 0,
              "a BAR as large as the memory window must fit into it");
