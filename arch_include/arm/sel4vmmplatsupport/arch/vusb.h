/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual USB, compatible interface. Clients include this header whether or not they use it; it
 * declares nothing, as the virtual USB host is not written yet.
 */
#pragma once

#include <autoconf.h>
#include <sel4vm/gen_config.h>

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>
