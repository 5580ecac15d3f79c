/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys.h"

#define CTRL_A 0x01

const char keys_help[] = "Ctrl-A x       end the VMM\n"
                         "Ctrl-A p       ask the guest to power off\n"
                         "Ctrl-A s       print statistics\n"
                         "Ctrl-A h       print this help\n"
                         "Ctrl-A Ctrl-A  send Ctrl-A to the guest\n";

static void command(struct keys *keys, uint8_t key)
{
    switch (key) {
    case 'x':
    case 'X':
        keys->command(keys->cookie, KEYS_QUIT);
        break;
    case 'h':
    case 'H':
    case '?':
        keys->command(keys->cookie, KEYS_HELP);
        break;
    case 's':
    case 'S':
        keys->command(keys->cookie, KEYS_STATS);
        break;
    case 'p':
    case 'P':
        keys->command(keys->cookie, KEYS_POWER_OFF);
        break;
    default:
        break;
    }
}

size_t keys_filter(struct keys *keys, uint8_t *bytes, size_t size)
{
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = bytes[i];
        if (keys->escaped) {
            keys->escaped = false;
            if (byte == CTRL_A) {
                bytes[kept++] = byte;
            } else {
                command(keys, byte);
            }
        } else if (byte == CTRL_A) {
            keys->escaped = true;
        } else {
            bytes[kept++] = byte;
        }
    }
    return kept;
}
