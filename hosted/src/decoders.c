/* SPDX-License-Identifier: BSD-2-Clause */
#include <hosted/decoders.h>

#include <errno.h>
#include <stdbool.h>

#ifdef HOSTED_ZLIB
#include <zlib.h>
#endif
#ifdef HOSTED_LZ4
#include <lz4frame.h>

#include "decoder_lz4_legacy.h"
#endif
#ifdef HOSTED_LZMA
#include <lzma.h>
#endif
#ifdef HOSTED_ZSTD
#include <zstd.h>
#endif

#if defined(HOSTED_ZLIB) || defined(HOSTED_LZ4) || defined(HOSTED_LZMA) || defined(HOSTED_ZSTD)

#define INPUT_SIZE (64 * 1024)
/* A decompressor may change its state without moving a byte, but not for ever. */
#define MAX_IDLE_STEPS 16

enum step_result { STEP_MORE, STEP_END, STEP_BAD, STEP_NO_MEMORY };

/*
 * One call of a decompressor: consumes from `in`, produces to `out`, and lowers both sizes to what
 * was used of them.
 */
typedef enum step_result step_fn(void *state, const uint8_t *in, size_t *in_size, uint8_t *out,
                                 size_t *out_size);

/*
 * Runs a decompressor until its stream ends. When the sink is full it still gets room for a byte:
 * the end of a stream has no output, anything else is too much.
 */
static int run(struct vmmp_source *source, struct vmmp_sink *sink, step_fn *step, void *state)
{
    uint8_t input[INPUT_SIZE];
    size_t at = 0;
    size_t left = 0;
    bool more_input = true;
    unsigned idle = 0;

    for (;;) {
        if (left == 0 && more_input) {
            int64_t got = source->read(source, input, sizeof(input));
            if (got < 0) {
                return (int)got;
            }
            more_input = got != 0;
            at = 0;
            left = (size_t)got;
        }
        uint8_t surplus = 0;
        size_t space = 0;
        uint8_t *out = sink->space(sink, &space);
        size_t produced = out ? space : 1;
        size_t consumed = left;
        enum step_result result =
            step(state, input + at, &consumed, out ? out : &surplus, &produced);
        if (!out && produced) {
            return -ENOSPC;
        }
        if (produced) {
            sink->advance(sink, produced);
        }
        at += consumed;
        left -= consumed;
        switch (result) {
        case STEP_END:
            return 0;
        case STEP_BAD:
            return -EBADMSG;
        case STEP_NO_MEMORY:
            return -ENOMEM;
        case STEP_MORE:
            break;
        }
        if (consumed || produced) {
            idle = 0;
        } else if (!more_input) {
            return -ENODATA;
        } else if (++idle > MAX_IDLE_STEPS) {
            return -EBADMSG;
        }
    }
}

#endif

#ifdef HOSTED_ZLIB

static enum step_result zlib_step(void *state, const uint8_t *in, size_t *in_size, uint8_t *out,
                                  size_t *out_size)
{
    z_stream *stream = state;
    uInt in_offered = (uInt)*in_size;
    uInt out_offered = *out_size > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)*out_size;

    stream->next_in = (Bytef *)(uintptr_t)in;
    stream->avail_in = in_offered;
    stream->next_out = out;
    stream->avail_out = out_offered;
    int result = inflate(stream, Z_NO_FLUSH);
    *in_size = in_offered - stream->avail_in;
    *out_size = out_offered - stream->avail_out;
    switch (result) {
    case Z_STREAM_END:
        return STEP_END;
    case Z_OK:
    case Z_BUF_ERROR: /* Neither input nor output moved. */
        return STEP_MORE;
    case Z_MEM_ERROR:
        return STEP_NO_MEMORY;
    default:
        return STEP_BAD;
    }
}

static int decode_gzip(struct vmmp_source *source, struct vmmp_sink *sink)
{
    z_stream stream = { .zalloc = Z_NULL };

    /* 16: a gzip header is wanted, not zlib's own. */
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        return -ENOMEM;
    }
    int err = run(source, sink, zlib_step, &stream);
    inflateEnd(&stream);
    return err;
}

#endif

#ifdef HOSTED_LZ4

static enum step_result lz4_step(void *state, const uint8_t *in, size_t *in_size, uint8_t *out,
                                 size_t *out_size)
{
    size_t result = LZ4F_decompress(state, out, out_size, in, in_size, NULL);
    if (LZ4F_isError(result)) {
        *in_size = 0;
        *out_size = 0;
        return STEP_BAD;
    }
    return result == 0 ? STEP_END : STEP_MORE;
}

static int decode_lz4(struct vmmp_source *source, struct vmmp_sink *sink)
{
    LZ4F_dctx *state = NULL;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&state, LZ4F_VERSION))) {
        return -ENOMEM;
    }
    int err = run(source, sink, lz4_step, state);
    LZ4F_freeDecompressionContext(state);
    return err;
}

#endif

#ifdef HOSTED_ZSTD

static enum step_result zstd_step(void *state, const uint8_t *in, size_t *in_size, uint8_t *out,
                                  size_t *out_size)
{
    ZSTD_inBuffer input = { in, *in_size, 0 };
    ZSTD_outBuffer output = { out, *out_size, 0 };
    size_t result = ZSTD_decompressStream(state, &output, &input);

    *in_size = input.pos;
    *out_size = output.pos;
    if (ZSTD_isError(result)) {
        return STEP_BAD;
    }
    return result == 0 ? STEP_END : STEP_MORE;
}

static int decode_zstd(struct vmmp_source *source, struct vmmp_sink *sink)
{
    ZSTD_DStream *state = ZSTD_createDStream();

    if (!state) {
        return -ENOMEM;
    }
    int err = run(source, sink, zstd_step, state);
    ZSTD_freeDStream(state);
    return err;
}

#endif

#ifdef HOSTED_LZMA

/* For what Linux is packed with: a dictionary of 32 MiB, and some. */
#define LZMA_MEMORY (UINT64_C(128) << 20)

static enum step_result lzma_step(void *state, const uint8_t *in, size_t *in_size, uint8_t *out,
                                  size_t *out_size)
{
    lzma_stream *stream = state;

    stream->next_in = in;
    stream->avail_in = *in_size;
    stream->next_out = out;
    stream->avail_out = *out_size;
    lzma_ret result = lzma_code(stream, LZMA_RUN);
    *in_size -= stream->avail_in;
    *out_size -= stream->avail_out;
    switch (result) {
    case LZMA_STREAM_END:
        return STEP_END;
    case LZMA_OK:
    case LZMA_BUF_ERROR: /* Neither input nor output moved. */
        return STEP_MORE;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return STEP_NO_MEMORY;
    default:
        return STEP_BAD;
    }
}

static int decode_lzma_stream(struct vmmp_source *source, struct vmmp_sink *sink,
                              lzma_ret (*open)(lzma_stream *stream))
{
    lzma_stream stream = LZMA_STREAM_INIT;

    if (open(&stream) != LZMA_OK) {
        return -ENOMEM;
    }
    int err = run(source, sink, lzma_step, &stream);
    lzma_end(&stream);
    return err;
}

static lzma_ret open_xz(lzma_stream *stream)
{
    return lzma_stream_decoder(stream, LZMA_MEMORY, 0);
}

static lzma_ret open_lzma(lzma_stream *stream)
{
    return lzma_alone_decoder(stream, LZMA_MEMORY);
}

static int decode_xz(struct vmmp_source *source, struct vmmp_sink *sink)
{
    return decode_lzma_stream(source, sink, open_xz);
}

static int decode_lzma(struct vmmp_source *source, struct vmmp_sink *sink)
{
    return decode_lzma_stream(source, sink, open_lzma);
}

#endif

const struct vmmp_decoder *hosted_decoders(size_t *count)
{
    static const struct vmmp_decoder decoders[] = {
#ifdef HOSTED_ZLIB
        { "gzip", { 0x1f, 0x8b }, 2, decode_gzip },
#endif
#ifdef HOSTED_LZ4
        { "lz4", { 0x04, 0x22, 0x4d, 0x18 }, 4, decode_lz4 },
        { "lz4 (legacy frames)", { 0x02, 0x21, 0x4c, 0x18 }, 4, hosted_decode_lz4_legacy },
#endif
#ifdef HOSTED_LZMA
        { "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, decode_xz },
        { "lzma", { 0x5d, 0, 0 }, 3, decode_lzma },
#endif
#ifdef HOSTED_ZSTD
        { "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, decode_zstd },
#endif
        { .name = NULL },
    };

    *count = sizeof(decoders) / sizeof(decoders[0]) - 1;
    return decoders;
}
