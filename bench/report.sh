#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A table and a plot of the results of the last benchmarks, with the versions and the machine.
#
#   bench/report.sh BUILD-FOLDER FOLDER
#
# Reads BUILD-FOLDER/bench/results.json, measures nothing, and writes into FOLDER: results.json (a
# copy), README.md (every figure) and ratios.svg (each figure that has a goal or another program
# beside it, as a multiple of that). May be run again whenever some of the results are new.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=${1:?bench/report.sh: the build folder is needed}/bench/results.json
folder=${2:?bench/report.sh: the folder to write to is needed}
[ -e "$results" ] || {
    echo "bench: no report: there is no $results"
    exit 1
}
mkdir -p "$folder"
cp "$results" "$folder/results.json"

# version COMMAND...: the first line that it says of itself, or nothing
version()
{
    command -v "$1" >/dev/null || return 0
    "$@" 2>/dev/null | head -n 1
}

# fields: the entries as lines "name value unit better versus versus_value ratio", tabs between
fields()
{
    awk '
        function field(key, text) {
            if (!match($0, "\"" key "\":(\"[^\"]*\"|[^,}]*)")) {
                return "-"
            }
            text = substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
            gsub(/"/, "", text)
            return text
        }
        /^{/ {
            printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", field("name"), field("value"), field("unit"),
                field("better"), field("versus"), field("versus_value"), field("ratio")
        }' "$results"
}

# The commit, and whether anything but an earlier report differs from it.
sources()
{
    local commit
    commit=$(git -C "$here/.." rev-parse --short HEAD 2>/dev/null) || {
        echo unknown
        return
    }
    [ -z "$(git -C "$here/.." status --porcelain -- . ':!docs/benchmarks')" ] || commit="$commit and changes"
    echo "$commit"
}

machine()
{
    awk -F ': *' '/^model name/ { print $2; exit }' /proc/cpuinfo
}

readme()
{
    cat <<-END
	<!-- SPDX-License-Identifier: BSD-2-Clause -->
	# Benchmarks

	Written by \`bench/report.sh\`, the last step of \`make bench\`, from \`results.json\`. Instructions are counted by
	callgrind, or by an emulated machine whose clock they are; they do not depend on what else a machine does.
	Times, packets and requests per second do.

	![Figures as multiples of what they are compared with](ratios.svg)

	| | |
	|---|---|
	| date | $(date -u +%Y-%m-%d) |
	| sources | $(sources) |
	| machine | $(machine), $(nproc) processors, Linux $(uname -r) |
	| load | $(cut -d ' ' -f 1-3 /proc/loadavg) at the end |
	| compilers | $(version gcc --version); $(version clang --version) |
	| valgrind | $(version valgrind --version) |
	| QEMU | $(version qemu-system-x86_64 --version) |
	| DPDK | $(version dpkg-query -W -f "\${Version}" dpdk) |

	| name | value | unit | better | beside | that | ratio |
	|---|---|---|---|---|---|---|
	END
    fields | awk -F '\t' '{ printf "| `%s` | %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, $6, $7 }'
}

# A bar for each ratio, on a scale that doubles: left of the line is less, right is more.
plot()
{
    fields | awk -F '\t' '$7 != "-" && $5 != $1' | awk -F '\t' '
        function x(ratio) {
            ratio = ratio < 0.0625 ? 0.0625 : ratio > 16 ? 16 : ratio
            return 560 + 65 * log(ratio) / log(2)
        }
        function line(text) {
            out[++lines] = text
        }
        {
            y = 40 + 16 * NR
            left = $7 < 1 ? x($7) : x(1)
            width = $7 < 1 ? x(1) - x($7) : x($7) - x(1)
            good = $4 == "lower" ? $7 <= 1 : $7 >= 1
            line(sprintf("<text x=\"290\" y=\"%d\" text-anchor=\"end\">%s</text>", y + 9, $1))
            line(sprintf("<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"10\" fill=\"%s\"/>", left, y,
                width < 1 ? 1 : width, good ? "#3a7d44" : "#b5651d"))
            line(sprintf("<text x=\"830\" y=\"%d\">%s of %s</text>", y + 9, $7, $5))
        }
        END {
            height = 40 + 16 * (NR + 2)
            printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1080\" height=\"%d\" ", height
            print "font-family=\"sans-serif\" font-size=\"11\">"
            print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
            print "<text x=\"560\" y=\"18\" text-anchor=\"middle\">multiples of what stands at the right; green: at least as good</text>"
            for (ratio = 0.0625; ratio <= 16; ratio *= 2) {
                printf "<line x1=\"%.1f\" y1=\"40\" x2=\"%.1f\" y2=\"%d\" stroke=\"%s\"/>\n", x(ratio), x(ratio),
                    height - 16, ratio == 1 ? "black" : "#ddd"
                printf "<text x=\"%.1f\" y=\"36\" text-anchor=\"middle\">%s</text>\n", x(ratio),
                    ratio < 1 ? "1/" 1 / ratio : ratio
            }
            for (i = 1; i <= lines; i++) {
                print out[i]
            }
            print "</svg>"
        }'
}

readme >"$folder/README.md"
plot >"$folder/ratios.svg"
echo "report: $folder/README.md"
