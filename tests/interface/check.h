/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Assertions about the interfaces this project builds on. They hold for hosted's headers on Linux
 * and for seL4's own in a workspace, so that the two cannot drift apart.
 */
#pragma once

#include <stddef.h>

/** `member` exists and has `type`. */
#define CHECK_MEMBER(structure, member, type)                                                 \
    _Static_assert(                                                                           \
        __builtin_types_compatible_p(__typeof__(((structure *)0)->member), __typeof__(type)), \
        #structure "." #member " is no " #type)

/** `first` lies before `second`: positional initialisers work. */
#define CHECK_ORDER(structure, first, second)                                \
    _Static_assert(offsetof(structure, first) < offsetof(structure, second), \
                   #first " is not before " #second " in " #structure)

#define CHECK_FUNCTION(function, type)                                                   \
    _Static_assert(__builtin_types_compatible_p(__typeof__(function), __typeof__(type)), \
                   #function " is no " #type)

#define CHECK_VALUE(constant, value) \
    _Static_assert((constant) == (value), #constant " is not " #value)

#define CHECK_TYPE(name, type)                                                       \
    _Static_assert(__builtin_types_compatible_p(__typeof__(name), __typeof__(type)), \
                   #name " is no " #type)
