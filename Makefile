# SPDX-License-Identifier: BSD-2-Clause
# The commands of the README. CMake does the work; this file knows the build folders:
#   build/host    clang, ASan+UBSan, every flavour that this compiler can build, unit tests
#   build/tsan    clang, TSan, the threaded parts
#   build/gcc     gcc -O2 without sanitizers: micro-benchmarks
#   build/arm64   the VMM for arm64, cross-compiled (or native on an arm64 machine), and the benchmarks,
#                 so that all of it meets a second compiler's warnings
#   build/x86     the VMM for x86-64, on x86-64 machines

BUILD      ?= build
JOBS       ?= $(shell nproc)
# Half as many tests again as there are processors: those with guests wait for something now and then.
CTEST      ?= ctest --output-on-failure -j $(shell expr $(JOBS) + $(JOBS) / 2)
CMAKE      := cmake -G Ninja -S .
SYSROOT32  := $(BUILD)/sysroot/i386
SYSROOT64  := $(BUILD)/sysroot/arm64
VMM_ARM64  := $(BUILD)/arm64/vmm/vmm
VMM_X86    := $(BUILD)/x86/vmm/vmm-x86_64
# PC guests need a machine of that kind to build their VMM.
ifeq ($(shell uname -m),x86_64)
VMM_X86_TARGET := vmm-x86
VMM_X86_OPTION := -DVMMP_VMM_X86_64=$(CURDIR)/$(VMM_X86)
endif
KVM_BARE   := $(BUILD)/arm64/tests/guest/bare/kvm-bare
TSAN_UNIT  := $(BUILD)/tsan/unit-aarch64-qemu-arm-virt

.PHONY: help run test test-guests bench fuzz lint format vmm vmm-x86 install clean \
	deps-build deps-run deps-test unit tsan gcc fuzzers images-begin
.NOTPARALLEL:

help:
	@echo "make run          boot a stock Debian arm64 guest to a shell (a self-check without a terminal)"
	@echo "                  (GUEST=armmp: 32-bit; GUEST=exynos5422: on an ODROID-XU4; GUEST=jetson-tk1: on"
	@echo "                  a Jetson TK1; GUEST=x86_64: on a PC)"
	@echo "make test         build with warnings as errors and run all tests"
	@echo "make test-guests  boot the full product of CPUs, memory, GIC and kernels; try devices at length"
	@echo "make bench        measure, and write $(BUILD)/bench/results.json"
	@echo "make fuzz         run the fuzzers (each for MINUTES=1, or SECONDS_EACH)"
	@echo "make lint         clang-format, clang-tidy, gcc -fanalyzer"
	@echo "make install      install library, headers and vmm (DESTDIR, PREFIX)"
	@echo "make clean        remove $(BUILD)"

deps-build:
	@tools/deps.sh build

deps-run:
	@tools/deps.sh build run

deps-test:
	@tools/deps.sh build test run

$(SYSROOT32)/cflags: tools/sysroot.sh tools/debian.sh
	@tools/sysroot.sh i386 $(SYSROOT32)

$(SYSROOT64)/cflags: tools/sysroot.sh tools/debian.sh
	@tools/sysroot.sh arm64 $(SYSROOT64)

unit: deps-test $(SYSROOT32)/cflags
	@$(CMAKE) -B $(BUILD)/host -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
		-DVMMP_SANITIZE=address,undefined -DVMMP_SYSROOT_I386=$(CURDIR)/$(SYSROOT32) \
		-DVMMP_VMM_ARM64=$(CURDIR)/$(VMM_ARM64) $(VMM_X86_OPTION) -DVMMP_KVM_BARE_ARM64=$(CURDIR)/$(KVM_BARE) -DVMMP_TSAN_UNIT=$(CURDIR)/$(TSAN_UNIT) \
		-DVMMP_FUZZ_BUILD=$(CURDIR)/$(BUILD) >/dev/null
	@cmake --build $(BUILD)/host

gcc: deps-build
	@$(CMAKE) -B $(BUILD)/gcc -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DVMMP_BUILD_TESTS=OFF -DVMMP_BUILD_BENCH=ON -DCMAKE_C_FLAGS=-fcallgraph-info=su \
		"-DVMMP_FLAVOURS=aarch64-qemu-arm-virt;x86_64-pc99" >/dev/null
	@cmake --build $(BUILD)/gcc

tsan: deps-test
	@$(CMAKE) -B $(BUILD)/tsan -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
		-DVMMP_SANITIZE=thread -DVMMP_BUILD_EXAMPLES=OFF -DVMMP_BUILD_VMM=OFF \
		-DVMMP_FLAVOURS=aarch64-qemu-arm-virt >/dev/null
	@cmake --build $(BUILD)/tsan

# The flags of a toolchain file count in a fresh tree only.
vmm: deps-build $(SYSROOT64)/cflags
	@$(CMAKE) $$([ $(BUILD)/arm64/CMakeCache.txt -nt cmake/toolchain-aarch64.cmake ] || echo --fresh) \
		-B $(BUILD)/arm64 -DCMAKE_TOOLCHAIN_FILE=cmake/toolchain-aarch64.cmake \
		-DVMMP_SYSROOT_ARM64=$(CURDIR)/$(SYSROOT64) -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DVMMP_BUILD_TESTS=OFF -DVMMP_BUILD_BENCH=ON -DVMMP_FLAVOURS=aarch64-qemu-arm-virt >/dev/null
	@cmake --build $(BUILD)/arm64

vmm-x86: deps-build
	@$(CMAKE) -B $(BUILD)/x86 -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DVMMP_BUILD_TESTS=OFF -DVMMP_BUILD_EXAMPLES=OFF -DVMMP_FLAVOURS=x86_64-pc99 >/dev/null
	@cmake --build $(BUILD)/x86

ifeq ($(GUEST),x86_64)
run: deps-run vmm-x86
	@tools/run.sh --guest x86_64 $(VMM_X86)
else
run: deps-run vmm
	@tools/run.sh $(if $(GUEST),--guest $(GUEST)) $(VMM_ARM64)
endif

fuzzers: deps-test
	@tests/fuzz/run.sh --build $(BUILD)

# What the tests fetch arrives while the compilers work; the second time it is waited for.
images-begin: deps-test $(SYSROOT32)/cflags $(SYSROOT64)/cflags
	@{ tools/images.sh testbed; tools/images.sh armmp; \
		[ -z "$(VMM_X86_TARGET)" ] || tools/images.sh x86; } </dev/null >/dev/null 2>&1 &

test: images-begin vmm $(VMM_X86_TARGET) tsan fuzzers unit
	@tools/images.sh testbed
	@[ -z "$(VMM_X86_TARGET)" ] || tools/images.sh x86
	@cd $(BUILD)/host && $(CTEST)

test-guests: vmm $(VMM_X86_TARGET) deps-run
	@tests/guest/matrix.sh --full $(VMM_ARM64)
	@[ -z "$(VMM_X86_TARGET)" ] || tests/guest/x86.sh --full $(VMM_X86)
	@[ -z "$(VMM_X86_TARGET)" ] || tests/guest/device.sh --full --arch x86_64 crossvm $(VMM_X86)
	@[ -z "$(VMM_X86_TARGET)" ] || tests/guest/device.sh --full --arch x86_64 together $(VMM_X86)
	@[ -z "$(VMM_X86_TARGET)" ] || tests/guest/vfio.sh $(VMM_X86)
	@tests/guest/device.sh --full all $(VMM_ARM64)

bench: deps-test gcc vmm $(VMM_X86_TARGET)
	@bench/run.sh $(BUILD)

install: gcc
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD)/gcc --prefix $(or $(PREFIX),/usr/local)

fuzz: deps-test
	@tests/fuzz/run.sh $(BUILD)

lint: deps-test
	@tools/lint.sh

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD)
