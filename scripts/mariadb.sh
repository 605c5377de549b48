#!/bin/bash
# Debian's MariaDB for tests, from the packages mariadb-server-core and mariadb-client-core, which start no service.
#
#   mariadb.sh install TEMPLATE             creates an empty database
#   mariadb.sh start TEMPLATE DIR [flags]   starts a server on a copy of it; prints its port
#   mariadb.sh stop DIR                     kills the server and removes DIR
#   mariadb.sh shutdown DIR                 shuts the server down; the next start uses the data in DIR
#
# The data is temporary: nothing is synced to disk.
set -euo pipefail

die() { printf 'mariadb.sh: %s\n' "$*" >&2; exit 1; }

install() {
  local template
  template=$(readlink -m "$1")
  mkdir -p "$(dirname "$template")"
  exec 8>"$template.lock"
  flock 8
  [[ -e $template/ok ]] && return 0
  command -v mariadb-install-db >/dev/null || die 'MariaDB is missing; run scripts/install-test-deps.sh'
  echo "mariadb.sh: installing into $1"
  rm -rf "$template"
  mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$template" --skip-test-db \
    --auth-root-authentication-method=normal --skip-name-resolve --innodb-log-file-size=8M \
    >"$template.log" 2>&1 || { cat "$template.log" >&2; die 'could not create the data folder'; }
  touch "$template/ok"
}

start() {
  local template dir port pid
  template=$(readlink -f "$1")
  [[ -e $template/ok ]] || die "nothing is installed in $1; run scripts/install-test-deps.sh"
  mkdir -p "$2"
  dir=$(readlink -f "$2")
  shift 2
  # The path of a unix socket is limited to 107 bytes.
  ((${#dir} < 100)) || die "the path of $dir is too long for a unix socket"
  [[ -e $dir/data ]] || cp -a --reflink=auto "$template" "$dir/data"
  port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
  mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/s" --port="$port" \
    --bind-address=127.0.0.1 --skip-name-resolve --pid-file="$dir/mpid" \
    --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci \
    --innodb-log-file-size=8M --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 \
    --innodb-doublewrite=0 --innodb-flush-method=nosync "$@" </dev/null >"$dir/log" 2>&1 &
  pid=$!
  echo "$pid" >"$dir/pid"
  for ((try = 0; try < 1200; try++)); do
    if mariadb --no-defaults -uroot -S "$dir/s" -e 'select 1' >/dev/null 2>&1; then
      echo "$port"
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  cat "$dir/log" >&2
  die 'the server did not start'
}

stop() {
  kill -9 "$(<"$1/pid")" 2>/dev/null || true
  rm -rf "$1"
}

shutdown() {
  local pid
  pid=$(<"$1/pid")
  if kill -0 "$pid" 2>/dev/null; then
    mariadb --no-defaults -uroot -S "$1/s" -e shutdown
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  fi
  rm "$1/pid"
}

case ${1:-} in
  install | start | stop | shutdown) "$@" ;;
  *) die 'usage: mariadb.sh install TEMPLATE | start TEMPLATE DIR [flags] | stop DIR | shutdown DIR' ;;
esac
