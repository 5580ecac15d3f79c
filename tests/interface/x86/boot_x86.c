/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/arch/...> on x86: booting, ACPI, images, PCI, port ranges. */
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/arch/acpi.h>
#include <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>
#include <sel4vmmplatsupport/arch/e820.h>
#include <sel4vmmplatsupport/arch/guest_boot_info.h>
#include <sel4vmmplatsupport/arch/guest_boot_init.h>
#include <sel4vmmplatsupport/arch/ioport_defs.h>
#include <sel4vmmplatsupport/guest_image.h>

#include "../check.h"

CHECK_FUNCTION(make_guest_acpi_tables, int(vm_t *));
CHECK_FUNCTION(vmm_plat_init_guest_boot_structure,
               int(vm_t *, const char *, guest_kernel_image_t, guest_image_t, uintptr_t *));
CHECK_FUNCTION(vmm_plat_init_guest_thread_state, int(vm_vcpu_t *, uintptr_t, uintptr_t));
CHECK_FUNCTION(vmm_pci_helper_map_bars, int(vm_t *, libpci_device_iocfg_t *, vmm_pci_bar_t *));
CHECK_FUNCTION(vmm_pci_io_port_in, ioport_fault_result_t(vm_vcpu_t *, void *, unsigned int,
                                                         unsigned int, unsigned int *));
CHECK_FUNCTION(vmm_pci_io_port_out, ioport_fault_result_t(vm_vcpu_t *, void *, unsigned int,
                                                          unsigned int, unsigned int));
CHECK_FUNCTION(vm_load_guest_kernel,
               int(vm_t *, const char *, uintptr_t, size_t, guest_kernel_image_t *));
CHECK_FUNCTION(vm_load_guest_module, int(vm_t *, const char *, uintptr_t, size_t, guest_image_t *));

CHECK_MEMBER(struct guest_kernel_image_arch, is_reloc_enabled, bool);
CHECK_MEMBER(struct guest_kernel_image_arch, relocs_file, const char *);
CHECK_MEMBER(struct guest_kernel_image_arch, entry, uintptr_t);
CHECK_MEMBER(struct guest_kernel_image_arch, relocation_offset, int);
CHECK_MEMBER(struct guest_kernel_image_arch, link_paddr, uintptr_t);
CHECK_MEMBER(struct guest_kernel_image_arch, link_vaddr, uintptr_t);

CHECK_VALUE(LOWER_BIOS_START, 0xE0000);
CHECK_VALUE(LOWER_BIOS_SIZE, 0xFFFF);
CHECK_VALUE(ACPI_START, 0xE0000);
CHECK_VALUE(XSDT_START, 0xE1000);
CHECK_VALUE(MAX_ACPI_TABLES, 16);
CHECK_VALUE(E820_RAM, 1);
CHECK_VALUE(E820_RESERVED, 2);
CHECK_VALUE(E820_ACPI, 3);
CHECK_VALUE(E820_NVS, 4);
CHECK_VALUE(E820_UNUSABLE, 5);
CHECK_VALUE(E820_MAX_REGIONS, 128);
CHECK_VALUE(VIDEO_TYPE_VLFB, 0x23);
CHECK_VALUE(CAN_USE_HEAP, 0x80);
CHECK_VALUE(X86_IO_SERIAL_1_START, 0x3f8);
CHECK_VALUE(X86_IO_SERIAL_1_END, 0x3ff);
CHECK_VALUE(X86_IO_RTC_START, 0x70);
CHECK_VALUE(X86_IO_RTC_END, 0x7f);
CHECK_VALUE(X86_IO_PIT_START, 0x40);
CHECK_VALUE(X86_IO_PIT_END, 0x5f);
CHECK_VALUE(X86_IO_PCI_CONFIG_START, 0xcf8);
CHECK_VALUE(X86_IO_PCI_CONFIG_END, 0xcff);

CHECK_VALUE(offsetof(struct screen_info, orig_x), 0x0);
CHECK_VALUE(offsetof(struct screen_info, orig_y), 0x1);
CHECK_VALUE(offsetof(struct screen_info, ext_mem_k), 0x2);
CHECK_VALUE(offsetof(struct screen_info, orig_video_page), 0x4);
CHECK_VALUE(offsetof(struct screen_info, orig_video_mode), 0x6);
CHECK_VALUE(offsetof(struct screen_info, orig_video_cols), 0x7);
CHECK_VALUE(offsetof(struct screen_info, flags), 0x8);
CHECK_VALUE(offsetof(struct screen_info, unused2), 0x9);
CHECK_VALUE(offsetof(struct screen_info, orig_video_ega_bx), 0xa);
CHECK_VALUE(offsetof(struct screen_info, unused3), 0xc);
CHECK_VALUE(offsetof(struct screen_info, orig_video_lines), 0xe);
CHECK_VALUE(offsetof(struct screen_info, orig_video_isVGA), 0xf);
CHECK_VALUE(offsetof(struct screen_info, orig_video_points), 0x10);
CHECK_VALUE(offsetof(struct screen_info, lfb_width), 0x12);
CHECK_VALUE(offsetof(struct screen_info, lfb_height), 0x14);
CHECK_VALUE(offsetof(struct screen_info, lfb_depth), 0x16);
CHECK_VALUE(offsetof(struct screen_info, lfb_base), 0x18);
CHECK_VALUE(offsetof(struct screen_info, lfb_size), 0x1c);
CHECK_VALUE(offsetof(struct screen_info, cl_magic), 0x20);
CHECK_VALUE(offsetof(struct screen_info, cl_offset), 0x22);
CHECK_VALUE(offsetof(struct screen_info, lfb_linelength), 0x24);
CHECK_VALUE(offsetof(struct screen_info, red_size), 0x26);
CHECK_VALUE(offsetof(struct screen_info, red_pos), 0x27);
CHECK_VALUE(offsetof(struct screen_info, green_size), 0x28);
CHECK_VALUE(offsetof(struct screen_info, green_pos), 0x29);
CHECK_VALUE(offsetof(struct screen_info, blue_size), 0x2a);
CHECK_VALUE(offsetof(struct screen_info, blue_pos), 0x2b);
CHECK_VALUE(offsetof(struct screen_info, rsvd_size), 0x2c);
CHECK_VALUE(offsetof(struct screen_info, rsvd_pos), 0x2d);
CHECK_VALUE(offsetof(struct screen_info, vesapm_seg), 0x2e);
CHECK_VALUE(offsetof(struct screen_info, vesapm_off), 0x30);
CHECK_VALUE(offsetof(struct screen_info, pages), 0x32);
CHECK_VALUE(offsetof(struct screen_info, vesa_attributes), 0x34);
CHECK_VALUE(offsetof(struct screen_info, capabilities), 0x36);
CHECK_VALUE(offsetof(struct screen_info, _reserved), 0x3a);
CHECK_VALUE(sizeof(struct screen_info), 64);
CHECK_VALUE(sizeof(struct apm_bios_info), 20);
CHECK_VALUE(sizeof(struct ist_info), 16);
CHECK_VALUE(sizeof(struct sys_desc_table), 16);
CHECK_VALUE(sizeof(struct efi_info), 32);
CHECK_VALUE(sizeof(struct edid_info), 128);
CHECK_VALUE(offsetof(struct setup_header, setup_sects), 0x0);
CHECK_VALUE(offsetof(struct setup_header, root_flags), 0x1);
CHECK_VALUE(offsetof(struct setup_header, syssize), 0x3);
CHECK_VALUE(offsetof(struct setup_header, ram_size), 0x7);
CHECK_VALUE(offsetof(struct setup_header, vid_mode), 0x9);
CHECK_VALUE(offsetof(struct setup_header, root_dev), 0xb);
CHECK_VALUE(offsetof(struct setup_header, boot_flag), 0xd);
CHECK_VALUE(offsetof(struct setup_header, jump), 0xf);
CHECK_VALUE(offsetof(struct setup_header, header), 0x11);
CHECK_VALUE(offsetof(struct setup_header, version), 0x15);
CHECK_VALUE(offsetof(struct setup_header, realmode_swtch), 0x17);
CHECK_VALUE(offsetof(struct setup_header, start_sys), 0x1b);
CHECK_VALUE(offsetof(struct setup_header, kernel_version), 0x1d);
CHECK_VALUE(offsetof(struct setup_header, type_of_loader), 0x1f);
CHECK_VALUE(offsetof(struct setup_header, loadflags), 0x20);
CHECK_VALUE(offsetof(struct setup_header, setup_move_size), 0x21);
CHECK_VALUE(offsetof(struct setup_header, code32_start), 0x23);
CHECK_VALUE(offsetof(struct setup_header, ramdisk_image), 0x27);
CHECK_VALUE(offsetof(struct setup_header, ramdisk_size), 0x2b);
CHECK_VALUE(offsetof(struct setup_header, bootsect_kludge), 0x2f);
CHECK_VALUE(offsetof(struct setup_header, heap_end_ptr), 0x33);
CHECK_VALUE(offsetof(struct setup_header, ext_loader_ver), 0x35);
CHECK_VALUE(offsetof(struct setup_header, ext_loader_type), 0x36);
CHECK_VALUE(offsetof(struct setup_header, cmd_line_ptr), 0x37);
CHECK_VALUE(offsetof(struct setup_header, initrd_addr_max), 0x3b);
CHECK_VALUE(offsetof(struct setup_header, kernel_alignment), 0x3f);
CHECK_VALUE(offsetof(struct setup_header, relocatable_kernel), 0x43);
CHECK_VALUE(offsetof(struct setup_header, _pad2), 0x44);
CHECK_VALUE(offsetof(struct setup_header, cmdline_size), 0x47);
CHECK_VALUE(offsetof(struct setup_header, hardware_subarch), 0x4b);
CHECK_VALUE(offsetof(struct setup_header, hardware_subarch_data), 0x4f);
CHECK_VALUE(offsetof(struct setup_header, payload_offset), 0x57);
CHECK_VALUE(offsetof(struct setup_header, payload_length), 0x5b);
CHECK_VALUE(offsetof(struct setup_header, setup_data), 0x5f);
CHECK_VALUE(sizeof(struct setup_header), 103);
CHECK_VALUE(sizeof(struct e820entry), 20);
CHECK_VALUE(sizeof(struct edd_device_params), 74);
CHECK_VALUE(sizeof(struct edd_info), 82);
CHECK_VALUE(offsetof(struct boot_params, screen_info), 0x0);
CHECK_VALUE(offsetof(struct boot_params, apm_bios_info), 0x40);
CHECK_VALUE(offsetof(struct boot_params, _pad2), 0x54);
CHECK_VALUE(offsetof(struct boot_params, tboot_addr), 0x58);
CHECK_VALUE(offsetof(struct boot_params, ist_info), 0x60);
CHECK_VALUE(offsetof(struct boot_params, _pad3), 0x70);
CHECK_VALUE(offsetof(struct boot_params, hd0_info), 0x80);
CHECK_VALUE(offsetof(struct boot_params, hd1_info), 0x90);
CHECK_VALUE(offsetof(struct boot_params, sys_desc_table), 0xa0);
CHECK_VALUE(offsetof(struct boot_params, _pad4), 0xb0);
CHECK_VALUE(offsetof(struct boot_params, edid_info), 0x140);
CHECK_VALUE(offsetof(struct boot_params, efi_info), 0x1c0);
CHECK_VALUE(offsetof(struct boot_params, alt_mem_k), 0x1e0);
CHECK_VALUE(offsetof(struct boot_params, scratch), 0x1e4);
CHECK_VALUE(offsetof(struct boot_params, e820_entries), 0x1e8);
CHECK_VALUE(offsetof(struct boot_params, eddbuf_entries), 0x1e9);
CHECK_VALUE(offsetof(struct boot_params, edd_mbr_sig_buf_entries), 0x1ea);
CHECK_VALUE(offsetof(struct boot_params, _pad6), 0x1eb);
CHECK_VALUE(offsetof(struct boot_params, hdr), 0x1f1);
CHECK_VALUE(offsetof(struct boot_params, _pad7), 0x258);
CHECK_VALUE(offsetof(struct boot_params, edd_mbr_sig_buffer), 0x290);
CHECK_VALUE(offsetof(struct boot_params, e820_map), 0x2d0);
CHECK_VALUE(offsetof(struct boot_params, _pad8), 0xcd0);
CHECK_VALUE(offsetof(struct boot_params, eddbuf), 0xd00);
CHECK_VALUE(offsetof(struct boot_params, _pad9), 0xeec);
CHECK_VALUE(sizeof(struct boot_params), 4096);
