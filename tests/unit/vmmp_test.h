/* SPDX-License-Identifier: BSD-2-Clause */
/* What every test file includes; cmocka wants its own headers in this order. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
