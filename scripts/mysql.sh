#!/bin/bash
# A MySQL for tests on Debian 12, which does not package it: the one from Debian unstable, unpacked into a folder and
# run with the loader and the libraries next to it. The host system is not changed, and root is not needed.
#
#   mysql.sh install CACHE              unpacks it (about 320 MB) and creates an empty database
#   mysql.sh start CACHE DIR [flags]    starts a server on a copy of it; prints its port
#   mysql.sh client CACHE args...       runs the mysql client
#   mysql.sh stop DIR                   kills the server and removes DIR
#
# The data is temporary: nothing is synced to disk. For tests that kill the server, add
# --innodb-flush-log-at-trx-commit=1. Unstable changes, so the version is not pinned.
set -euo pipefail

die() { printf 'mysql.sh: %s\n' "$*" >&2; exit 1; }

# For each architecture: the folder of its libraries and the name of its loader.
case $(dpkg --print-architecture) in
  amd64) libraries=usr/lib/x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
  arm64) libraries=usr/lib/aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
  *) die "no MySQL is known for the architecture $(dpkg --print-architecture)" ;;
esac

# run CACHE program args...: replaces this process with a program from the unpacked tree.
run() {
  local root=$1/root program=$2
  shift 2
  exec "$root/$libraries/$loader" --library-path "$root/$libraries" "$root/$program" "$@"
}

mysqld() {
  local cache=$1 usr=$1/root/usr
  shift
  run "$cache" usr/sbin/mysqld --no-defaults --user="$(id -un)" --basedir="$usr" \
    --plugin-dir="$usr/lib/mysql/plugin" --lc-messages-dir="$usr/share/mysql" \
    --character-sets-dir="$usr/share/mysql/charsets" --secure-file-priv= \
    --innodb-redo-log-capacity=32M --innodb-buffer-pool-size=64M --innodb-doublewrite=OFF \
    --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync "$@"
}

install() {
  mkdir -p "$1"
  local cache
  cache=$(readlink -f "$1")
  exec 8>"$cache/lock"
  flock 8
  [[ -e $cache/ok ]] && return 0
  echo "mysql.sh: installing into $1"

  local apt=$cache/apt mirror
  rm -rf "$cache/root" "$apt" "$cache/template"
  mkdir -p "$apt"/{lists/partial,archives/partial,none} "$cache/root"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)
  [[ -n $mirror ]] || die 'apt knows no Debian mirror yet; run apt-get update as root'
  echo "deb $mirror sid main" >"$apt/sources.list"
  # apt uses a separate package status in which nothing is installed, so it downloads every library, except
  # perl: only the helper scripts of MySQL need it, so a stand-in is listed as installed.
  cat >"$apt/status" <<-STATUS
	Package: perl
	Status: install ok installed
	Maintainer: nobody <nobody@localhost>
	Architecture: $(dpkg --print-architecture)
	Multi-Arch: allowed
	Version: 99
	Description: stand-in

	STATUS
  # Without "Check-Valid-Until=false", apt rejects a snapshot mirror as outdated. Signatures are still checked.
  local options=(-qq -y
    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/none"
    -o Dir::Etc::preferences="$apt/none/x" -o Dir::Etc::preferencesparts="$apt/none"
    -o Dir::State::Lists="$apt/lists" -o Dir::State::status="$apt/status"
    -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives"
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3
    -o APT::Install-Recommends=false -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1)
  apt-get "${options[@]}" update
  apt-get "${options[@]}" --download-only install mysql-server-core mysql-client-core >"$apt/log"
  local package
  for package in "$apt"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$cache/root" --exclude='./usr/share/doc' \
      --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude="./$libraries/gconv"
  done
  find "$cache/root/usr/bin" -type f ! -name mysql ! -name mysqldump ! -name mysqladmin -delete
  (mysqld "$cache" --initialize-insecure --datadir="$cache/template" --log-error="$cache/init.log") ||
    die "could not create the data folder, see $cache/init.log"
  rm -rf "$apt" "$cache/template/auto.cnf" # every copy of the template makes its own server id
  touch "$cache/ok"
}

start() {
  local cache dir port pid
  cache=$(readlink -f "$1")
  [[ -e $cache/ok ]] || die "nothing is installed in $1; run scripts/install-test-deps.sh"
  mkdir -p "$2"
  dir=$(readlink -f "$2")
  shift 2
  # The path of a unix socket is limited to 107 bytes.
  ((${#dir} < 100)) || die "the path of $dir is too long for a unix socket"
  if [[ -e $dir/pid ]]; then
    # A killed server may still be exiting. As a zombie it holds no resources, but MySQL would consider it alive.
    for ((try = 0; try < 200; try++)); do
      grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(<"$dir/pid")/status" || break
      sleep 0.05
    done
    rm -f "$dir/s" "$dir/s.lock"
  fi
  [[ -e $dir/data ]] || cp -a --reflink=auto "$cache/template" "$dir/data"
  port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
  (mysqld "$cache" --datadir="$dir/data" --socket="$dir/s" --port="$port" --bind-address=127.0.0.1 \
    --mysqlx=OFF --pid-file="$dir/mpid" --log-error="$dir/log.err" --skip-log-bin \
    --performance-schema=OFF "$@" </dev/null >>"$dir/out" 2>&1) &
  pid=$!
  echo "$pid" >"$dir/pid"
  for ((try = 0; try < 1200; try++)); do
    if (run "$cache" usr/bin/mysql --no-defaults -uroot -S "$dir/s" -e 'select 1') >/dev/null 2>&1; then
      echo "$port"
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  cat "$dir/log.err" "$dir/out" >&2
  die 'the server did not start'
}

stop() {
  kill -9 "$(<"$1/pid")" 2>/dev/null || true
  rm -rf "$1"
}

case ${1:-} in
  install | start | stop) "$@" ;;
  client)
    cache=$(readlink -f "$2")
    shift 2
    run "$cache" usr/bin/mysql --no-defaults "$@"
    ;;
  *) die 'usage: mysql.sh install CACHE | start CACHE DIR [flags] | client CACHE args... | stop DIR' ;;
esac
