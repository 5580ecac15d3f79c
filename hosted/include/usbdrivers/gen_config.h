/* SPDX-License-Identifier: BSD-2-Clause */
/* libusbdrivers' build options, as where that library is part of the build. */
#pragma once

#define CONFIG_LIB_USB 1
