/* SPDX-License-Identifier: BSD-2-Clause */
/* The GPIO banks of the Exynos 5422, chapter GPIO of its manual. */
#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/exynos_gpio.h>

#define NONE(name, offset, pins)                     \
    {                                                \
        name, offset, pins, VMMP_EXYNOS_EINT_NONE, 0 \
    }
#define EINT(name, offset, pins, eint)                  \
    {                                                   \
        name, offset, pins, VMMP_EXYNOS_EINT_GPIO, eint \
    }
#define WAKEUP(name, offset, pins, eint)                  \
    {                                                     \
        name, offset, pins, VMMP_EXYNOS_EINT_WAKEUP, eint \
    }

static const struct vmmp_exynos_gpio_bank banks0[] = {
    EINT("gpy7", 0x000, 8, 0x00),   WAKEUP("gpx0", 0xc00, 8, 0x00), WAKEUP("gpx1", 0xc20, 8, 0x04),
    WAKEUP("gpx2", 0xc40, 8, 0x08), WAKEUP("gpx3", 0xc60, 8, 0x0c),
};

static const struct vmmp_exynos_gpio_bank banks1[] = {
    EINT("gpc0", 0x000, 8, 0x00), EINT("gpc1", 0x020, 8, 0x04), EINT("gpc2", 0x040, 7, 0x08),
    EINT("gpc3", 0x060, 4, 0x0c), EINT("gpc4", 0x080, 2, 0x10), EINT("gpd1", 0x0a0, 8, 0x14),
    NONE("gpy0", 0x0c0, 6),       NONE("gpy1", 0x0e0, 4),       NONE("gpy2", 0x100, 6),
    NONE("gpy3", 0x120, 8),       NONE("gpy4", 0x140, 8),       NONE("gpy5", 0x160, 8),
    NONE("gpy6", 0x180, 8),
};

static const struct vmmp_exynos_gpio_bank banks2[] = {
    EINT("gpe0", 0x000, 8, 0x00), EINT("gpe1", 0x020, 2, 0x04), EINT("gpf0", 0x040, 6, 0x08),
    EINT("gpf1", 0x060, 8, 0x0c), EINT("gpg0", 0x080, 8, 0x10), EINT("gpg1", 0x0a0, 8, 0x14),
    EINT("gpg2", 0x0c0, 2, 0x18), EINT("gpj4", 0x0e0, 4, 0x1c),
};

static const struct vmmp_exynos_gpio_bank banks3[] = {
    EINT("gpa0", 0x000, 8, 0x00), EINT("gpa1", 0x020, 6, 0x04), EINT("gpa2", 0x040, 8, 0x08),
    EINT("gpb0", 0x060, 5, 0x0c), EINT("gpb1", 0x080, 5, 0x10), EINT("gpb2", 0x0a0, 4, 0x14),
    EINT("gpb3", 0x0c0, 8, 0x18), EINT("gpb4", 0x0e0, 2, 0x1c), EINT("gph0", 0x100, 8, 0x20),
};

static const struct vmmp_exynos_gpio_bank banks4[] = {
    EINT("gpz", 0x000, 7, 0x00),
};

#define LAYOUT(name, base, banks)                             \
    {                                                         \
        name, base, banks, sizeof(banks) / sizeof((banks)[0]) \
    }

static const struct vmmp_exynos_gpio_layout layouts[] = {
    LAYOUT("gpio0", 0x13400000, banks0), LAYOUT("gpio1", 0x13410000, banks1),
    LAYOUT("gpio2", 0x14000000, banks2), LAYOUT("gpio3", 0x14010000, banks3),
    LAYOUT("gpio4", 0x03860000, banks4),
};

const struct vmmp_exynos_gpio_layout *vmmp_exynos5422_gpio(unsigned controller)
{
    return controller < sizeof(layouts) / sizeof(layouts[0]) ? &layouts[controller] : NULL;
}
