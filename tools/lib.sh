# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # the variables are for those who source this
#
# What the scripts in this folder share. Sourced, never run:
#     here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); . "$here/lib.sh"
#
# Environment read by all of them:
#   VMMP_CACHE     where everything fetched is kept (default ${XDG_CACHE_HOME:-~/.cache}/libsel4vmmplatsupport)
#   VMMP_BUILD     the build folder (default: build/ of this checkout)
#   VMMP_OFFLINE   1: never touch the network; fail as a machine without one would
#   VMMP_QUIET     1: no progress lines

vmmp_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
vmmp_build=${VMMP_BUILD:-$vmmp_root/build}
vmmp_cache=${VMMP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/libsel4vmmplatsupport}
vmmp_self=${0##*/}

# die MESSAGE: one line on stderr, exit 1.
die()
{
	printf '%s: %s\n' "$vmmp_self" "$*" >&2
	exit 1
}

# usage_error MESSAGE: one line on stderr, exit 2.
usage_error()
{
	printf '%s: %s (see %s --help)\n' "$vmmp_self" "$*" "$vmmp_self" >&2
	exit 2
}

# read_options OPTIONS ARGUMENT...: what a script was given. OPTIONS has a word for each option:
# "--name=variable" takes a value, "--name+variable" adds one to an array, "--name:variable" makes the
# variable 1. --help is always there. The other arguments, and all after "--", are ${arguments[@]}
# afterwards.
read_options()
{
	local known=" $1 " variable
	shift
	arguments=()
	while [ $# -gt 0 ]; do
		case $1 in
		-h | --help)
			show_help "$0"
			exit
			;;
		--)
			shift
			arguments+=("$@")
			return
			;;
		-*)
			if [ "${known#*" $1="}" != "$known" ]; then
				[ $# -ge 2 ] || usage_error "$1 needs a value"
				variable=${known#*" $1="}
				printf -v "${variable%% *}" %s "$2"
				shift
			elif [ "${known#*" $1+"}" != "$known" ]; then
				[ $# -ge 2 ] || usage_error "$1 needs a value"
				variable=${known#*" $1+"}
				local -n array=${variable%% *}
				array+=("$2")
				shift
			elif [ "${known#*" $1:"}" != "$known" ]; then
				variable=${known#*" $1:"}
				printf -v "${variable%% *}" 1
			else
				usage_error "unknown option '$1'"
			fi
			;;
		*) arguments+=("$1") ;;
		esac
		shift
	done
}

# note MESSAGE: a progress line on stderr.
note()
{
	[ "${VMMP_QUIET:-0}" = 1 ] || printf '%s\n' "$*" >&2
}

# show_help FILE: the comment block at the top of FILE, as text.
show_help()
{
	sed -n '2,/^[^#]/{/^# SPDX/d;/^# shellcheck/d;/^#/{s/^#$//;s/^# //;p}}' "$1"
}

# make_dir DIR: mkdir -p with an error of one line.
make_dir()
{
	mkdir -p "$1" 2>/dev/null ||
		die "cannot create the folder $1: make it writable, or set VMMP_CACHE or VMMP_BUILD to a folder that is"
}

# need_command COMMAND PACKAGE...: stop when COMMAND is missing, naming the packages.
need_command()
{
	command -v "$1" >/dev/null 2>&1 && return 0
	local command=$1
	shift
	die "$command is missing: run 'apt-get install -y --no-install-recommends $*' as root"
}

# with_lock LOCKFILE COMMAND...: run COMMAND in a subshell while holding LOCKFILE.
# A child that outlives COMMAND must be started with 9>&-, or it keeps the lock.
with_lock()
{
	local lock=$1
	shift
	make_dir "$(dirname "$lock")"
	(
		flock 9 || die "cannot lock $lock"
		"$@"
	) 9>"$lock"
}

# needed_libraries FILE FOLDER...: print the shared libraries that the program FILE needs, and
# theirs, each as found below the first FOLDER that has it. Nothing for a static program.
needed_libraries()
{
	local queue=("$1") seen=' ' file name
	shift
	while [ ${#queue[@]} -gt 0 ]; do
		file=${queue[0]}
		queue=("${queue[@]:1}")
		for name in $(readelf -d "$file" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
			case $seen in *" $name "*) continue ;; esac
			seen="$seen$name "
			file=$(find "$@" -name "$name" 2>/dev/null | head -n 1) || true
			[ -n "$file" ] || die "$name is needed and not below $*"
			queue+=("$file")
			echo "$file"
		done
	done
}
