/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's VESA framebuffer as the guest's: behaviour as seL4's VMMs know it. */
#include "compat/x86/screen.h"

#include <string.h>

#include <sel4vm/guest_memory_helpers.h>
#include <sel4vmmplatsupport/gen_config.h>

#include "sel4/memory.h"
#include "sel4/vbe.h"

#define PAGE     0x1000u
#define UNIT     0x10000u /* VIDEO_TYPE_VLFB counts the framebuffer's size in these. */
#define BELOW_4G UINT64_C(0x100000000)
/* A protected mode interface below is none: the BIOS's memory begins higher up. */
#define INTERFACE_ABOVE 0xc000u
#define SEGMENT_END     0x10000u

static bool fail(const struct vmmp_vm *native, const char *what)
{
    vmmp_log(&native->log, VMMP_LOG_WARNING, VMMP_LOG_CLIENT, "VESA framebuffer: %s", what);
    return false;
}

static bool back(struct vmmp_vm *native, vm_memory_reservation_t *reservation, uintptr_t paddr)
{
    return reservation &&
           !vmmp_sys_back_reservation(native->vm, reservation, VMMP_SYS_FRAMES_PHYSICAL, paddr);
}

static bool map_framebuffer(struct vmmp_vm *native, const struct vmmp_sys_vbe *vbe,
                            struct vmmp_x86_framebuffer *screen)
{
    uint64_t size = ((uint64_t)vbe->stride * vbe->height + UNIT - 1) / UNIT * UNIT;
    uintptr_t base = 0;
    if (vbe->framebuffer % PAGE) {
        return fail(native, "the host's does not begin a page: choose another mode");
    }
    vm_memory_reservation_t *reservation = vm_reserve_anon_memory(
        native->vm, (size_t)size, UNIT, default_error_fault_callback, NULL, &base);
    if (!reservation || base > BELOW_4G - size) {
        return fail(native, "no room below 4 GiB; give vm_memory_make_anon() more");
    }
    if (!back(native, reservation, vbe->framebuffer)) {
        return fail(native, "the host's memory for it cannot be mapped");
    }
    screen->base = (uint32_t)base;
    screen->size = (uint32_t)size;
    return true;
}

/* At its own place: the guest's kernel makes a segment of it. */
static void map_interface(struct vmmp_vm *native, const struct vmmp_sys_vbe *vbe,
                          struct vmmp_x86_framebuffer *screen)
{
    if (vbe->interface_segment >= SEGMENT_END || vbe->interface_offset >= SEGMENT_END ||
        vbe->interface_length > SEGMENT_END || !vbe->interface_length) {
        return;
    }
    uintptr_t start = (uintptr_t)(vbe->interface_segment << 4) + vbe->interface_offset;
    uintptr_t end = (start + vbe->interface_length + PAGE - 1) / PAGE * PAGE;
    if (start <= INTERFACE_ABOVE) {
        return;
    }
    start = start / PAGE * PAGE;
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(native->vm, start, end - start, default_error_fault_callback, NULL);
    if (!back(native, reservation, start)) {
        fail(native, "its protected mode interface cannot be mapped: the guest does without");
        return;
    }
    screen->interface_segment = (uint16_t)vbe->interface_segment;
    screen->interface_offset = (uint16_t)vbe->interface_offset;
}

static bool make(struct vmmp_vm *native, struct vmmp_x86_framebuffer *screen)
{
    struct vmmp_sys_vbe vbe;
    if (vmmp_sys_vbe(native->vm, &vbe) || !vbe.framebuffer || !vbe.width || !vbe.height ||
        !vbe.stride) {
        return false;
    }
    memset(screen, 0, sizeof(*screen));
    screen->width = vbe.width;
    screen->height = vbe.height;
    screen->stride = vbe.stride;
    screen->depth = vbe.depth;
    screen->pages = vbe.planes;
    screen->red.size = vbe.colours[0];
    screen->red.position = vbe.colours[1];
    screen->green.size = vbe.colours[2];
    screen->green.position = vbe.colours[3];
    screen->blue.size = vbe.colours[4];
    screen->blue.position = vbe.colours[5];
    screen->reserved.size = vbe.colours[6];
    screen->reserved.position = vbe.colours[7];
    if (!map_framebuffer(native, &vbe, screen)) {
        return false;
    }
    map_interface(native, &vbe, screen);
    return true;
}

bool vmmp_compat_screen_make(struct vmmp_vm *native, struct vmmp_x86_framebuffer *screen)
{
#ifdef CONFIG_VMM_PLATSUPPORT_VESA_FRAMEBUFFER
    return make(native, screen);
#else
    (void)make;
    (void)native;
    (void)screen;
    return false;
#endif
}
