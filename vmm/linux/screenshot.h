/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's screen in a file. */
#pragma once

#include "../machine_screen.h"
#include "options.h"

/**
 * Writes what `screen` shows to a PNG file. False: `message` says why, and what was at `path` is as
 * it was.
 */
bool screenshot_write(const struct machine_screen *screen, const char *path,
                      char message[OPTIONS_MESSAGE]);
