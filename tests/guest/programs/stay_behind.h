/* SPDX-License-Identifier: BSD-2-Clause */
/* For servers: whoever started one goes on when it serves. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Goes on in the background. Who started this sees it end, with the process that is left. */
static inline void stay_behind(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child != 0) {
        printf("%d\n", (int)child);
        exit(child < 0);
    }
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2 && null >= 0; fd++) {
        dup2(null, fd);
    }
}
