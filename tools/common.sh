# Shared by the scripts of this folder: sourced, not run.
# shellcheck shell=bash
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where tools/install puts meson when the distribution has none that is new enough.
if [ -d "$ROOT/build/venv/bin" ]; then PATH=$ROOT/build/venv/bin:$PATH; fi

if [ -t 2 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*" >&2; }
note() { printf '%s    %s%s\n' "$dim" "$*" "$plain" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# quietly LOG COMMAND…: the command's output goes to LOG; its end is shown when the command fails.
quietly() {
  local log=$1 rc=0
  shift
  "$@" >"$log" 2>&1 || rc=$?
  if [ "$rc" != 0 ]; then
    tail -n 40 "$log" >&2
    note "all of it: $log"
  fi
  return "$rc"
}

# A python3 that has pytest: an own one first on PATH may lack it where Debian's has it.
python_with_pytest() {
  local each
  for each in python3 /usr/bin/python3; do
    if "$each" -c 'import pytest' 2>/dev/null; then
      echo "$each"
      return
    fi
  done
  die "no python3 with pytest: run tools/install --tests"
}

# The compiler for meson; through ccache where there is one, so that another clone of the same state builds in no time.
export CCACHE_NOHASHDIR=1
compiler() { if command -v ccache >/dev/null; then echo "ccache $1"; else echo "$1"; fi; }

# build_static DIR: configures (once) and builds the release binary there.
build_static() {
  local dir=$1
  if [ ! -f "$dir/build.ninja" ]; then
    CXX=$(compiler clang++-19) CXX_LD=lld-19 meson setup "$dir" --buildtype=release -Dstatic=true -Dtests=false \
      --wrap-mode=nofallback
  fi
  ninja -C "$dir"
}
