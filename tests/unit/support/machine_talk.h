/* SPDX-License-Identifier: BSD-2-Clause */
/* The outer end of a machine's console: what the guest has said, and what it is to hear. */
#pragma once

#include "machine.h"
#include "vmmp_test.h"

struct talk {
    char output[256];
    size_t output_size;
    const char *input; /* NULL: silence. */
};

static size_t talk_write(void *cookie, const uint8_t *bytes, size_t size)
{
    struct talk *talk = cookie;
    assert_true(talk->output_size + size < sizeof(talk->output));
    memcpy(talk->output + talk->output_size, bytes, size);
    talk->output_size += size;
    talk->output[talk->output_size] = '\0';
    return size;
}

static size_t talk_read(void *cookie, uint8_t *bytes, size_t size)
{
    struct talk *talk = cookie;
    size_t now = talk->input ? strlen(talk->input) : 0;
    now = now < size ? now : size;
    if (now) {
        memcpy(bytes, talk->input, now);
        talk->input += now;
    }
    return now;
}

static struct machine_port talk_port(struct talk *talk)
{
    return (struct machine_port){ talk_write, talk_read, talk };
}
