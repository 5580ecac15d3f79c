#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Fetch Debian packages by name, for any suite and architecture, without touching the
# system's own package sources, architectures or state.
#
#   tools/debian.sh get     SUITE ARCH PACKAGE...  print the path of each package's .deb
#   tools/debian.sh meta    SUITE ARCH PACKAGE     the kernel that a meta package such as
#                                                  linux-image-arm64 depends on; print its .deb
#   tools/debian.sh closure SUITE ARCH PACKAGE     PACKAGE and all it depends on; print the .debs
#   tools/debian.sh unpack  SUITE ARCH DIR PACKAGE...  unpack packages into DIR
#
# SUITE is bookworm or trixie (any suite of the archive works), ARCH is arm64, i386 or amd64.
# What was fetched once is answered from the cache, without the network, until the cache is
# removed. VMMP_CACHE, VMMP_OFFLINE and VMMP_QUIET: see tools/lib.sh. VMMP_DEBIAN_URI names
# Debian's archive on a machine whose own package sources do not.
#
# How it works: apt runs with a private folder of state, one per suite and architecture, with
# one package source whose address is that of the system's own Debian archive and whose
# signature is checked against Debian's keyring. Everything arrives in a temporary folder and
# is renamed into place when whole; callers running at the same time wait for one another.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/lib.sh
. "$here/lib.sh"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# select_archive SUITE ARCH: set the paths that the functions below use.
select_archive()
{
	suite=$1
	arch=$2
	case $suite in *[!a-z0-9.-]* | '') usage_error "'$suite' is not a Debian suite" ;; esac
	case $arch in
	arm64 | armhf | i386 | amd64) ;;
	*) usage_error "'$arch' is not a known architecture: arm64, armhf, i386 or amd64" ;;
	esac
	apt=$vmmp_cache/apt/$suite-$arch
	debs=$vmmp_cache/debs/$suite-$arch
	names=$debs/names
	lock=$vmmp_cache/locks/$suite-$arch
}

# archive_uri: the address of Debian's main archive, from the system's configuration. A source
# that says "Origin: Debian" wins; on a machine that never ran apt-get update the release files
# are not there yet, and the first source of the system's own suite is taken.
# shellcheck disable=SC2016 # $(ORIGIN) and the like belong to apt
archive_uri()
{
	if [ -n "${VMMP_DEBIAN_URI:-}" ]; then
		echo "$VMMP_DEBIAN_URI"
		return
	fi
	local codename uri
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
	uri=$(
		apt-get indextargets --format '$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' \
			'Created-By: Packages' 2>/dev/null |
			awk -F'|' -v c="$codename" '$1 == "Debian" && $2 == c && $3 == "main" { print $4 }' | head -n 1
	) || uri=
	[ -n "$uri" ] || uri=$(
		apt-get indextargets --no-release-info --format '$(RELEASE)|$(COMPONENT)|$(REPO_URI)' \
			'Created-By: Packages' 2>/dev/null |
			awk -F'|' -v c="$codename" '($1 == c || $1 == "stable") && $2 == "main" { print $3 }' | head -n 1
	) || uri=
	[ -n "$uri" ] ||
		die "fetching $what: no Debian archive among this machine's package sources: set VMMP_DEBIAN_URI to a Debian mirror"
	echo "$uri"
}

# private_apt: write the private folder of state and its configuration, once.
private_apt()
{
	[ -r "$keyring" ] ||
		die "fetching $what: $keyring is missing: run 'apt-get install -y debian-archive-keyring' as root"
	make_dir "$apt/state/lists/partial"
	make_dir "$apt/cache/archives/partial"
	make_dir "$debs"
	make_dir "$names"
	: >"$apt/status"
	local uri
	uri=$(archive_uri) || exit 1
	# Targets: only the package lists, whatever else this machine's apt would like.
	printf '%s\n' 'Types: deb' "URIs: $uri" "Suites: $suite" 'Components: main' \
		"Architectures: $arch" "Signed-By: $keyring" 'Targets: Packages' >"$apt/debian.sources"
	# The system's hooks must not run for a private list; its proxy settings are kept.
	cat >"$apt/apt.conf" <<-END
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Pre-Install-Pkgs;
		#clear DPkg::Post-Invoke;
		#clear APT::Architectures;
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		APT::Sandbox::User "$(id -un)";
		APT::Install-Recommends "false";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Acquire::http::Timeout "30";
		Acquire::https::Timeout "30";
		Dir::State "$apt/state";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/debian.sources";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::Log "$apt";
	END
}

# fail_fetch: say why apt failed, in one line made from its own last complaint.
fail_fetch()
{
	local why
	why=$(grep -hE '^(E|Err|W):' "$apt/log" 2>/dev/null | head -n 1 | cut -c1-200) || why=
	die "fetching $what failed${why:+ (${why#[EW]: })}: check the network and its proxy, or fill $vmmp_cache from a machine that has one"
}

# need_network: stop where the network may not be used.
need_network()
{
	[ "${VMMP_OFFLINE:-0}" != 1 ] ||
		die "fetching $what failed (VMMP_OFFLINE=1 forbids the network): unset it and connect this machine, or fill $vmmp_cache from a machine that has a network"
	need_command apt-get apt
}

# apt_private TOOL ARGUMENT...: run apt-get or apt-cache on the private state.
apt_private()
{
	local tool=$1
	shift
	LC_ALL=C "$tool" -c="$apt/apt.conf" -q=2 "$@" 2>"$apt/log" </dev/null 9>&-
}

# update_lists: fetch the signed package lists of the suite.
update_lists()
{
	need_network
	private_apt
	note "fetching the list of Debian $suite's $arch packages…"
	apt_private apt-get update --error-on=any >/dev/null || fail_fetch
	touch "$apt/updated"
}

# have_lists: package lists are there, freshly configured.
have_lists()
{
	[ -e "$apt/updated" ] || update_lists
}

# cached NAME: the .debs recorded under NAME, when every one of them is there.
cached()
{
	[ -s "$names/$1" ] || return 1
	local file files=()
	while read -r file; do
		[ -s "$debs/$file" ] || return 1
		files+=("$debs/$file")
	done <"$names/$1"
	printf '%s\n' "${files[@]}"
}

# plan APT-GET-ARGUMENT...: lines "URI file size hash" of what apt would download.
plan()
{
	apt_private apt-get --print-uris "$@" | grep "^'" || return 1
}

# absent PLAN: the lines of a plan whose file is not in the cache.
absent()
{
	local line file
	while read -r line; do
		file=${line#* }
		[ -s "$debs/${file%% *}" ] || printf '%s\n' "$line"
	done <<<"$1"
}

# announce PLAN: what is about to be fetched, and how much.
announce()
{
	local which size count
	count=$(wc -l <<<"$1")
	size=$(awk '{ n += $3 } END { printf "%.1f", n / 1e6 }' <<<"$1")
	which=$(awk '{ sub(/_.*/, "", $2); printf "%s%s", (NR > 1) ? ", " : "", $2 }' <<<"$1")
	[ "$count" -le 20 ] || which="$what: $count packages"
	note "fetching $which ($size MB)…"
}

# download PLAN: bring the files of a plan that are not there yet, checked by apt.
download()
{
	local list file name version temp=$debs/.arriving wanted=()
	list=$(absent "$1")
	[ -n "$list" ] || return 0
	need_network
	announce "$list"
	# name=version pins apt to the planned file; a file name escapes ':' as %3a.
	while read -r _ file _; do
		name=${file%%_*}
		version=${file#*_}
		version=${version%_*}
		wanted+=("$name=${version//%3a/:}")
	done <<<"$list"
	rm -rf "$temp"
	make_dir "$temp"
	(cd "$temp" && apt_private apt-get download "${wanted[@]}" >/dev/null) || return 1
	while read -r _ file _; do
		[ -s "$temp/$file" ] || return 1
		mv "$temp/$file" "$debs/$file"
	done <<<"$list"
	rm -rf "$temp"
}

# record NAME PLAN: remember which files NAME stands for.
record()
{
	local temp
	temp=$(mktemp "$names/.XXXXXX")
	awk '{ print $2 }' <<<"$2" >"$temp"
	mv "$temp" "$names/$1"
}

# fetch_plan APT-GET-ARGUMENT...: plan and download, and leave the plan in $list; the lists may be
# older than the archive, so a failure is followed by one more try with fresh ones.
fetch_plan()
{
	have_lists
	if ! { list=$(plan "$@") && download "$list"; }; then
		update_lists
		list=$(plan "$@") || fail_fetch
		download "$list" || fail_fetch
	fi
}

# fetch_as NAME APT-GET-ARGUMENT...: fetch, and record what came under NAME.
fetch_as()
{
	local name=$1 list
	shift
	cached "$name" >/dev/null && return 0
	fetch_plan "$@"
	record "$name" "$list"
}

# fetch_each PACKAGE...: fetch those that are missing with one call of apt.
fetch_each()
{
	local package list missing=()
	for package; do
		cached "$package" >/dev/null || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	fetch_plan download "${missing[@]}"
	for package in "${missing[@]}"; do
		record "$package" "$(grep -F " ${package}_" <<<"$list")"
	done
}

# get PACKAGE...: print the .deb of each.
get()
{
	what="Debian $suite's $* ($arch)"
	local package
	for package; do
		cached "$package" >/dev/null && continue
		with_lock "$lock" fetch_each "$@" || exit 1
		break
	done
	for package; do
		cached "$package"
	done
}

# kernel_of META: the kernel package that META depends on.
kernel_of()
{
	local name
	have_lists
	name=$(apt_private apt-cache depends --important "$1" |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1) || name=
	[ -n "$name" ] || die "fetching $what: it depends on no kernel image: name the kernel's package itself"
	echo "$name"
}

fetch_meta()
{
	local name
	cached "meta:$1" >/dev/null && return 0
	name=$(kernel_of "$1") || exit 1
	fetch_as "meta:$1" download "$name"
}

get_meta()
{
	what="Debian $suite's $1 ($arch)"
	cached "meta:$1" && return
	with_lock "$lock" fetch_meta "$1" || exit 1
	cached "meta:$1"
}

get_closure()
{
	what="Debian $suite's $1 ($arch) and what it depends on"
	cached "closure:$1" && return
	with_lock "$lock" fetch_as "closure:$1" install -y --no-install-recommends "$1"
	cached "closure:$1"
}

# unpack DIR PACKAGE...
unpack()
{
	local dir=$1 list deb
	shift
	make_dir "$dir"
	list=$(get "$@") || exit 1
	while read -r deb; do
		dpkg-deb -x "$deb" "$dir" 2>/dev/null ||
			die "cannot unpack $deb: remove it to have it fetched again, and see that there is room in $dir"
	done <<<"$list"
}

main()
{
	case ${1:-} in
	-h | --help) show_help "${BASH_SOURCE[0]}" && exit ;;
	esac
	[ $# -ge 4 ] || usage_error "a command, a suite, an architecture and a package are needed"
	local command=$1
	select_archive "$2" "$3"
	shift 3
	case $command in
	get) get "$@" ;;
	meta) get_meta "$1" ;;
	closure) get_closure "$1" ;;
	unpack) unpack "$@" ;;
	*) usage_error "unknown command '$command'" ;;
	esac
}

main "$@"
