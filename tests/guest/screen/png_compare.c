/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * png-compare PNG WIDTH HEIGHT PIXELS: whether the picture has that size and the pixels of the file
 * PIXELS, four bytes each: blue, green, red and one that does not count. Exit status 0, 1 for the
 * first difference, 2 for a file that cannot be read; it is said which.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

static int difference(const png_image *image, const uint8_t *rgb, FILE *pixels)
{
    uint8_t wanted[4];
    for (size_t i = 0; i < (size_t)image->width * image->height; i++) {
        if (fread(wanted, sizeof(wanted), 1, pixels) != 1) {
            fprintf(stderr, "there are pixels for %zu of the picture only\n", i);
            return 2;
        }
        const uint8_t *got = rgb + 3 * i;
        if (got[0] != wanted[2] || got[1] != wanted[1] || got[2] != wanted[0]) {
            fprintf(stderr, "x %zu, y %zu: %02x%02x%02x instead of %02x%02x%02x\n",
                    i % image->width, i / image->width, got[0], got[1], got[2], wanted[2],
                    wanted[1], wanted[0]);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    if (argc != 5) {
        fprintf(stderr, "usage: png-compare PNG WIDTH HEIGHT PIXELS\n");
        return 2;
    }
    if (!png_image_begin_read_from_file(&image, argv[1])) {
        fprintf(stderr, "%s: %s\n", argv[1], image.message);
        return 2;
    }
    if (image.width != strtoul(argv[2], NULL, 10) || image.height != strtoul(argv[3], NULL, 10)) {
        fprintf(stderr, "the picture has %u x %u pixels\n", image.width, image.height);
        return 1;
    }
    image.format = PNG_FORMAT_RGB;
    uint8_t *rgb = malloc(PNG_IMAGE_SIZE(image));
    FILE *pixels = fopen(argv[4], "rb");
    if (!rgb || !pixels || !png_image_finish_read(&image, NULL, rgb, 0, NULL)) {
        fprintf(stderr, "%s\n", pixels ? image.message : "the pixels cannot be read");
        return 2;
    }
    int status = difference(&image, rgb, pixels);
    fclose(pixels);
    free(rgb);
    return status;
}
