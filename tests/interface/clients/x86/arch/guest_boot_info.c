/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include <sel4vmmplatsupport/arch/guest_boot_info.h>

struct boot_params client_boot_params;
char client_boot_params_size[sizeof(struct boot_params) == 4096 ? 1 : -1];
char client_header_place[offsetof(struct boot_params, hdr) == 0x1f1 ? 1 : -1];
char client_map_place[offsetof(struct boot_params, e820_map) == 0x2d0 ? 1 : -1];
char client_screen_size[sizeof(struct screen_info) == 64 ? 1 : -1];

void client_guest_boot_info(void)
{
    client_boot_params.hdr.header = 0x53726448;
    client_boot_params.hdr.loadflags = LOADED_HIGH | QUIET_FLAG | KEEP_SEGMENTS | CAN_USE_HEAP;
    client_boot_params.screen_info.orig_video_isVGA = VIDEO_TYPE_VLFB;
    client_boot_params.e820_map[E820MAX - 1].type = 1;
    client_boot_params.e820_entries = 1;
}
