/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_screen.h"

#include "machine.h"

struct machine_range machine_screen_memory(const struct machine_config *config)
{
    const struct machine_board *board = machine_board_of(config);
    bool wanted = config->screen_width && config->screen_height;
    return board->screen_memory && wanted ? board->screen_memory(config)
                                          : (struct machine_range){ "screen", 0, 0 };
}

bool machine_screen(const struct machine *machine, struct machine_screen *screen)
{
    if (!machine->config) {
        return false;
    }
    struct machine_range place = machine_screen_memory(machine->config);
    *screen = (struct machine_screen){
        .width = machine->config->screen_width,
        .height = machine->config->screen_height,
        .stride = (size_t)machine->config->screen_width * MACHINE_SCREEN_PIXEL,
    };
    if (place.size) {
        screen->pixels =
            vmmp_guest_memory_span(&machine->vmmp.memory, vmmp_gpa(place.base), (size_t)place.size);
    }
    return screen->pixels != NULL;
}

void machine_screen_line(const struct machine_screen *screen, unsigned line, uint8_t *rgb)
{
    const uint8_t *from = screen->pixels + line * screen->stride;
    for (unsigned x = 0; x < screen->width; x++) {
        const uint8_t *pixel = from + (size_t)x * MACHINE_SCREEN_PIXEL;
        for (unsigned colour = 0; colour < 3; colour++) {
            *rgb++ = __atomic_load_n(&pixel[2 - colour], __ATOMIC_RELAXED);
        }
    }
}
