/* SPDX-License-Identifier: BSD-2-Clause */
/* The macros of seL4's libutils that headers and clients expect. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef BIT
#define BIT(n) (1ul << (n))
#endif
#ifndef MASK
#define MASK(n) (BIT(n) - 1ul)
#endif
#ifndef ROUND_DOWN
#define ROUND_DOWN(n, b) (((n) / (b)) * (b))
#endif
#ifndef ROUND_UP
#define ROUND_UP(n, b) (ROUND_DOWN((n) + (b)-1, (b)))
#endif
#ifndef ALIGN_UP
#define ALIGN_UP(x, n) (((x) + (n)-1) & ~((n)-1))
#endif
#ifndef IS_ALIGNED
#define IS_ALIGNED(n, b) (!((n)&MASK(b)))
#endif
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#ifndef MIN
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#endif
#ifndef MAX
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#endif

#define PACKED   __attribute__((__packed__))
#define UNUSED   __attribute__((__unused__))
#define NORETURN __attribute__((__noreturn__))
#define ALIGN(n) __attribute__((__aligned__(n)))
#define WEAK     __attribute__((weak))
#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define CTZ(x)  __builtin_ctz(x)
#define CLZ(x)  __builtin_clz(x)
#define CTZL(x) __builtin_ctzl(x)
#define CLZL(x) __builtin_clzl(x)

#define PAGE_BITS_4K 12
#define PAGE_BITS_2M 21
#define PAGE_BITS_4M 22
#define PAGE_SIZE_4K ((uintptr_t)1 << PAGE_BITS_4K)
#define PAGE_SIZE_2M ((uintptr_t)1 << PAGE_BITS_2M)
#define PAGE_SIZE_4M ((uintptr_t)1 << PAGE_BITS_4M)

/** floor(log2(bytes)); 0 for 0. */
#define BYTES_TO_SIZE_BITS(bytes) \
    ((bytes) ? (sizeof(unsigned long) * 8 - 1 - (size_t)CLZL((unsigned long)(bytes))) : 0)
#define SIZE_BITS_TO_BYTES(size_bits) (BIT(size_bits))
#define BYTES_TO_4K_PAGES(bytes)      (((bytes) + PAGE_SIZE_4K - 1) >> PAGE_BITS_4K)

#define ZF_LOG_PRINT(level, ...) \
    (fprintf(stderr, level ": %s: ", __func__), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))
#define ZF_LOGV(...)               ((void)0)
#define ZF_LOGD(...)               ((void)0)
#define ZF_LOGI(...)               ZF_LOG_PRINT("info", __VA_ARGS__)
#define ZF_LOGW(...)               ZF_LOG_PRINT("warning", __VA_ARGS__)
#define ZF_LOGE(...)               ZF_LOG_PRINT("error", __VA_ARGS__)
#define ZF_LOGF(...)               (ZF_LOG_PRINT("fatal", __VA_ARGS__), abort())
#define ZF_LOGE_IF(condition, ...) ((condition) ? (void)ZF_LOGE(__VA_ARGS__) : (void)0)
#define ZF_LOGW_IF(condition, ...) ((condition) ? (void)ZF_LOGW(__VA_ARGS__) : (void)0)
#define ZF_LOGF_IF(condition, ...) ((condition) ? (void)ZF_LOGF(__VA_ARGS__) : (void)0)
