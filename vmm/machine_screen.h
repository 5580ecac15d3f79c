/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's screen: memory of its own, beside the RAM, in which each pixel has 32 bits, blue in
 * the lowest eight, then green and red; the highest eight mean nothing. Lines follow one another
 * without a gap. There is no other register: what the guest writes is on the screen.
 *
 * Hostile guest: writes while others read, and what they get is then partly old. Threads: any,
 * while the machine is there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine_board.h"

#define MACHINE_SCREEN_WIDTH_MIN  64
#define MACHINE_SCREEN_WIDTH_MAX  3840
#define MACHINE_SCREEN_HEIGHT_MIN 64
#define MACHINE_SCREEN_HEIGHT_MAX 2160
#define MACHINE_SCREEN_PIXEL      4 /**< Bytes. */

struct machine_screen {
    const uint8_t *pixels; /**< The machine's. */
    unsigned width;
    unsigned height;
    size_t stride; /**< Bytes from line to line. */
};

/** Where it is for the guest; of size 0: there is none. */
struct machine_range machine_screen_memory(const struct machine_config *config);

/** False: there is none. */
bool machine_screen(const struct machine *machine, struct machine_screen *screen);

/** A line's pixels as red, green and blue, one byte each: 3 * width bytes. */
void machine_screen_line(const struct machine_screen *screen, unsigned line, uint8_t *rgb);
