/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device_utils.h>
#include <sel4vmmplatsupport/plat/devices.h>

static const struct device *const all[] = {
    &dev_acp,          &dev_i2c1,      &dev_i2c2,        &dev_i2c4,      &dev_i2chdmi,
    &dev_usb2_ohci,    &dev_usb2_ehci, &dev_usb2_ctrl,   &dev_gpio_left, &dev_gpio_right,
    &dev_alive,        &dev_cmu_top,   &dev_cmu_core,    &dev_cmu_cpu,   &dev_cmu_mem,
    &dev_cmu_cdrex,    &dev_cmu_isp,   &dev_cmu_acp,     &dev_sysreg,    &dev_ps_chip_id,
    &dev_ps_msh0,      &dev_ps_msh2,   &dev_ps_tx_mixer, &dev_ps_hdmi0,  &dev_ps_hdmi1,
    &dev_ps_hdmi2,     &dev_ps_hdmi3,  &dev_ps_hdmi4,    &dev_ps_hdmi5,  &dev_ps_hdmi6,
    &dev_ps_pdma0,     &dev_ps_pdma1,  &dev_ps_mdma0,    &dev_ps_mdma1,  &dev_ps_pwm_timer,
    &dev_ps_wdt_timer, &dev_wdt_timer,
};
/* Beside the board's own, clients describe devices by themselves. */
static const struct device dev_dwmmc = { .name = "dwmmc", .pstart = 0x12200000, .size = 0x1000 };

int client_exynos_devices(vm_t *vm)
{
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (vm_install_passthrough_device(vm, all[i])) {
            return -1;
        }
    }
    return vm_install_passthrough_device(vm, &dev_dwmmc) || vm_install_vcmu_top(vm) ||
           vm_install_vgpio_left(vm) || vm_install_vgpio_right(vm);
}
