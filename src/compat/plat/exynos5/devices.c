/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the board's devices are. */
#include <sel4vmmplatsupport/plat/devices.h>

#include <sel4vmmplatsupport/plat/irq_combiner.h>
#include <sel4vmmplatsupport/plat/vmct.h>
#include <sel4vmmplatsupport/plat/vsdhc.h>

#define DEVICE(symbol, label, address, bytes) \
    const struct device symbol = { .name = label, .pstart = address, .size = bytes }

DEVICE(dev_alive, "alive", ALIVE_PADDR, 0x5000);

DEVICE(dev_i2c1, "i2c1", I2C1_PADDR, 0x1000);
DEVICE(dev_i2c2, "i2c2", I2C2_PADDR, 0x1000);
DEVICE(dev_i2c4, "i2c4", I2C4_PADDR, 0x1000);
DEVICE(dev_i2chdmi, "i2c_hdmi", I2C_HDMI_PADDR, 0x1000);
DEVICE(dev_usb2_ohci, "usb2.OHCI", USB2_HOST_OHCI_PADDR, 0x1000);
DEVICE(dev_usb2_ehci, "usb2.EHCI", USB2_HOST_EHCI_PADDR, 0x1000);
DEVICE(dev_usb2_ctrl, "usb2.ctrl", USB2_HOST_CTRL_PADDR, 0x1000);
DEVICE(dev_gpio_left, "gpio.left", GPIO_LEFT_PADDR, 0x1000);
DEVICE(dev_gpio_right, "gpio.right", GPIO_RIGHT_PADDR, 0x1000);
DEVICE(dev_cmu_cpu, "CMU_CPU", CMU_CPU_PADDR, 0x1000);
DEVICE(dev_cmu_core, "CMU_CORE", CMU_CORE_PADDR, 0x1000);
DEVICE(dev_cmu_acp, "CMU_ACP", CMU_ACP_PADDR, 0x1000);
DEVICE(dev_acp, "CMU_ACP", CMU_ACP_PADDR, 0x1000);
DEVICE(dev_cmu_isp, "CMU_ISP", CMU_ISP_PADDR, 0x1000);
DEVICE(dev_cmu_top, "CMU_TOP", CMU_TOP_PADDR, 0x1000);
DEVICE(dev_cmu_cdrex, "CMU_CDREX", CMU_CDREX_PADDR, 0x1000);
DEVICE(dev_cmu_mem, "CMU_MEM", CMU_MEM_PADDR, 0x1000);
DEVICE(dev_sysreg, "sysreg", SYSREG_PADDR, 0x1000);
DEVICE(dev_vmct_timer, "mct", MCT_ADDR, 0x1000);
DEVICE(dev_irq_combiner, "irq.combiner", IRQ_COMBINER_PADDR, 0x1000);
DEVICE(dev_msh0, "MSH0", MSH0_PADDR, 0x1000);
DEVICE(dev_msh2, "MSH2", MSH2_PADDR, 0x1000);
DEVICE(dev_ps_msh0, "MSH0", MSH0_PADDR, 0x1000);
DEVICE(dev_ps_msh2, "MSH2", MSH2_PADDR, 0x1000);
DEVICE(dev_uart0, "uart0", UART0_PADDR, 0x1000);
DEVICE(dev_uart1, "uart1", UART1_PADDR, 0x1000);
DEVICE(dev_uart2, "uart2.console", UART2_PADDR, 0x1000);
DEVICE(dev_uart3, "uart3", UART3_PADDR, 0x1000);
DEVICE(dev_ps_chip_id, "chipid", CHIP_ID_PADDR, 0x1000);
DEVICE(dev_ps_tx_mixer, "tv_mixer", TV_MIXER_PADDR, 0x1000);
DEVICE(dev_ps_hdmi0, "hdmi0", HDMI_0_PADDR, 0x1000);
DEVICE(dev_ps_hdmi1, "hdmi1", HDMI_1_PADDR, 0x1000);
DEVICE(dev_ps_hdmi2, "hdmi2", HDMI_2_PADDR, 0x1000);
DEVICE(dev_ps_hdmi3, "hdmi3", HDMI_3_PADDR, 0x1000);
DEVICE(dev_ps_hdmi4, "hdmi4", HDMI_4_PADDR, 0x1000);
DEVICE(dev_ps_hdmi5, "hdmi5", HDMI_5_PADDR, 0x1000);
DEVICE(dev_ps_hdmi6, "hdmi6", HDMI_6_PADDR, 0x1000);
DEVICE(dev_ps_mdma0, "MDMA0", NS_MDMA0_PADDR, 0x1000);
DEVICE(dev_ps_mdma1, "MDMA1", NS_MDMA1_PADDR, 0x1000);
DEVICE(dev_ps_pdma0, "PDMA0", PDMA0_PADDR, 0x1000);
DEVICE(dev_ps_pdma1, "PDMA1", PDMA1_PADDR, 0x1000);
DEVICE(dev_ps_pwm_timer, "pwm", PWM_PADDR, 0x1000);
DEVICE(dev_wdt_timer, "wdt", WDT_PADDR, 0x1000);
DEVICE(dev_ps_wdt_timer, "wdt", WDT_PADDR, 0x1000);
