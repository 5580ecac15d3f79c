/* SPDX-License-Identifier: BSD-2-Clause */
/* What clients of plat/vclock.h name clocks with. */
#pragma once

#ifdef CONFIG_PLAT_EXYNOS5
enum clk_id {
    CLK_MASTER,
    CLK_SPI0,
    CLK_SPI1,
    CLK_SPI2,
    CLK_SPI0_ISP,
    CLK_SPI1_ISP,
    CLK_UART0,
    CLK_UART1,
    CLK_UART2,
    CLK_UART3,
    CLK_PWM,
    CLK_I2C0,
    CLK_I2C1,
    CLK_I2C2,
    CLK_I2C3,
    CLK_I2C4,
    CLK_I2C5,
    CLK_I2C6,
    CLK_I2C7,
    CLK_MMC0,
    CLK_MMC1,
    CLK_MMC2,
    CLK_MMC3,
    CLK_SCLKMPLL,
    CLK_SCLKBPLL,
    CLK_SCLKCPLL,
    CLK_SCLKGPLL,
    CLK_SCLKEPLL,
    CLK_SCLKVPLL,
    NCLOCKS,
};
#endif
