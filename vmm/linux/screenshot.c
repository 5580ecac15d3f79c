/* SPDX-License-Identifier: BSD-2-Clause */
#include "screenshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#ifdef HOSTED_PNG
#include <png.h>

static bool write_png(const struct machine_screen *screen, FILE *file,
                      char message[OPTIONS_MESSAGE])
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = screen->width,
        .height = screen->height,
        .format = PNG_FORMAT_RGB,
    };
    size_t line_size = PNG_IMAGE_ROW_STRIDE(image);
    uint8_t *rgb = malloc(line_size * screen->height);
    if (!rgb) {
        snprintf(message, OPTIONS_MESSAGE, "screenshot: no memory for the picture");
        return false;
    }
    for (unsigned line = 0; line < screen->height; line++) {
        machine_screen_line(screen, line, rgb + line * line_size);
    }
    bool written = png_image_write_to_stdio(&image, file, 0, rgb, 0, NULL) != 0;
    if (!written) {
        snprintf(message, OPTIONS_MESSAGE, "screenshot: libpng: %s", image.message);
    }
    free(rgb);
    return written;
}
#else
static bool write_png(const struct machine_screen *screen, FILE *file,
                      char message[OPTIONS_MESSAGE])
{
    (void)screen;
    (void)file;
    snprintf(message, OPTIONS_MESSAGE,
             "screenshot: built without libpng: install libpng-dev and build again");
    return false;
}
#endif

bool screenshot_write(const struct machine_screen *screen, const char *path,
                      char message[OPTIONS_MESSAGE])
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&bytes, &size);
    bool written = file && write_png(screen, file, message);
    if (!file || (fclose(file) != 0 && written)) {
        snprintf(message, OPTIONS_MESSAGE, "screenshot: no memory for the picture");
        written = false;
    }
    int error = written ? output_file_replace(path, bytes, size) : 0;
    if (error) {
        snprintf(message, OPTIONS_MESSAGE, "screenshot: %.200s: %s%s", path, strerror(-error),
                 error == -EACCES ? " (nor can a VMM with --sandbox open files)" : "");
    }
    free(bytes);
    return written && !error;
}
