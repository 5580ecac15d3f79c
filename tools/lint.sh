#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clang-format, clang-tidy and gcc -fanalyzer over what git tracks, and the tests compiled by gcc; every finding
# is an error.
# Usage: lint.sh [--fast]   (--fast: no clang-tidy, no analyzer)
set -eu
cd "$(dirname "$0")/.."
status=0

echo "lint: clang-format"
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror || status=1

if command -v shellcheck >/dev/null; then
    echo "lint: shellcheck"
    git ls-files '*.sh' '.ci/run' | xargs shellcheck -x -S warning || status=1
else
    echo "lint: shellcheck skipped: not installed (apt-get install shellcheck)"
fi

[ "${1:-}" = --fast ] && exit $status

build=build/lint
cmake -G Ninja -S . -B $build -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
    "-DVMMP_FLAVOURS=aarch64-qemu-arm-virt;x86_64-pc99" >/dev/null
# clang-tidy reads a file as often as it is compiled: once is enough for what sees no architecture.
awk -v RS='\n},?\n' -v ORS='' '
    match($0, /"file": "[^"]*"/) && !seen[substr($0, RSTART, RLENGTH)]++ { print between $0 "\n}"; between = ",\n" }
    END { print "\n]\n" }' $build/compile_commands.json >$build/once
mkdir -p $build/tidy
mv $build/once $build/tidy/compile_commands.json
echo "lint: clang-tidy"
sources=$(git ls-files 'src/*.c' 'hosted/src/*.c' 'vmm/*.c' |
    grep -v -e kvm_arm64 -e '^src/sel4/')
for source in $sources; do
    grep -q "/$source\"" $build/tidy/compile_commands.json && echo "$source"
done | xargs -P "$(nproc)" -n 4 clang-tidy -p $build/tidy --quiet 2>/dev/null || status=1

echo "lint: gcc -fanalyzer"
cmake -G Ninja -S . -B build/analyzer -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS=-fanalyzer -DVMMP_BUILD_TESTS=OFF -DVMMP_BUILD_EXAMPLES=OFF \
    "-DVMMP_FLAVOURS=aarch64-qemu-arm-virt" >/dev/null
cmake --build build/analyzer || status=1

# make test compiles tests with clang, and everything else with gcc as well.
echo "lint: the tests with gcc's warnings"
cmake -G Ninja -S . -B build/gcc-tests -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug \
    -DVMMP_BUILD_EXAMPLES=OFF "-DVMMP_FLAVOURS=aarch64-qemu-arm-virt" >/dev/null
cmake --build build/gcc-tests || status=1
exit $status
