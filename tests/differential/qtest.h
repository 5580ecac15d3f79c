/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's qtest protocol (docs/devel/qtest.rst, system/qtest.c's commands): lines that read and
 * write guest memory and ports. A QEMU that ends, or answers nothing for some seconds, is lost: the
 * command reads as 0, and `lost` is told, which may start another.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct qtest {
    pid_t pid;
    int fd; /* QEMU's standard input and output. */
    char buffer[4096];
    unsigned filled;
    void (*lost)(void *cookie, bool ended);
    void *cookie;
};

/* Starts `arguments` (NULL-terminated, with "-qtest stdio" among them); leaves `lost` as it is. */
void qtest_start(struct qtest *qtest, char *const *arguments);
void qtest_stop(struct qtest *qtest);

uint64_t qtest_read(struct qtest *qtest, uint64_t address, unsigned size);
void qtest_write(struct qtest *qtest, uint64_t address, unsigned size, uint64_t value);
/* Ports: sizes up to 4. */
uint32_t qtest_in(struct qtest *qtest, uint16_t port, unsigned size);
void qtest_out(struct qtest *qtest, uint16_t port, unsigned size, uint32_t value);
