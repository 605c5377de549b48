#!/usr/bin/env bash
# Measures the API with 10,000, 100,000 and a million jobs on SQLite and MariaDB, and writes the section in
# docs/performance.md. BENCH_JOBS and BENCH_ENGINES override these; BENCH_SECONDS is the duration of each measurement;
# BENCH_TEN_MILLION=1 adds ten million jobs on SQLite, which takes hours and 30 GB of disk;
# BENCH_FOLDER keeps the databases for the next run: SQLite files and MariaDB's data folder.
set -euo pipefail
cd "$(dirname "$0")/.."
engines=${BENCH_ENGINES:-sqlite mariadb}
[[ -x .cache/bench-peer/bin/python ]] || {
  python3 -m venv .cache/bench-peer
  .cache/bench-peer/bin/pip install -q fastapi==0.165.0 sqlalchemy==2.1.9 uvicorn==0.54.0
}
export TMPDIR=${TMPDIR:-/var/tmp}
folder=${BENCH_FOLDER:-$(mktemp -d -t plb.XXXXXX)}
mkdir -p "$folder"
mariadb=$folder/mariadb
stop_all() {
  [[ ! -e $mariadb/pid ]] || scripts/mariadb.sh shutdown "$mariadb"
  [[ -n ${BENCH_FOLDER:-} ]] || rm -rf "$folder"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cargo=${CARGO:-cargo}
"$cargo" bench --locked --package printlog --bench api --no-run
on_mariadb() {
  mariadb --no-defaults -uroot -S "$mariadb/s" -e "$1"
}
# A previous run may have been interrupted.
fill() {
  local began target=$database
  began=$(date +%s)
  case $engine in
    sqlite)
      target=$database.part
      rm -f "$target"*
      ;;
    mariadb) on_mariadb "DROP DATABASE IF EXISTS bench_$jobs" ;;
  esac
  "$cargo" run --release --locked --package simulator --bin seed -- --database "$target" --jobs "$jobs" --until 2026-11-01T00:00:00Z >&2
  case $engine in
    sqlite) mv "$target" "$is_filled" ;;
    mariadb) touch "$is_filled" ;;
  esac
  echo "bench: $jobs jobs into $engine in $(($(date +%s) - began)) s" >&2
}
if [[ $engines == *mariadb* ]]; then
  # A buffer pool large enough for frequently read rows, as on a server configured for a million jobs.
  port=$(scripts/mariadb.sh start .cache/mariadb "$mariadb" --innodb-buffer-pool-size=1G --innodb-log-file-size=256M)
  password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
  on_mariadb "CREATE OR REPLACE USER 'printlog'@'%' IDENTIFIED BY '$password'; GRANT ALL ON *.* TO 'printlog'@'%'"
fi

{
  echo
  for engine in $engines; do
    ten_million=
    [[ $engine != sqlite || -z ${BENCH_TEN_MILLION:-} ]] || ten_million=10000000
    for jobs in ${BENCH_JOBS:-10000 100000 1000000} $ten_million; do
      case $engine in
        sqlite) database=$folder/$jobs.db is_filled=$database ;;
        mariadb)
          database=mysql://printlog:$password@127.0.0.1:$port/bench_$jobs
          is_filled=$mariadb/filled_$jobs
          ;;
      esac
      [[ -e $is_filled ]] || fill
      # The comparison application scans all rows and takes minutes per response with ten million.
      peer=(--peer "$PWD/.cache/bench-peer/bin/python")
      (( jobs <= 1000000 )) || peer=()
      "$cargo" bench --locked --package printlog --bench api -- --database "$database" "${peer[@]}" \
        --seconds "${BENCH_SECONDS:-1}"
    done
  done
} | tee "$folder/section.md"

python3 - "$folder/section.md" <<'PY'
import re, sys
section = open(sys.argv[1]).read()
page = open("docs/performance.md").read()
begin, end = "<!-- make bench writes what follows -->", "<!-- to here -->"
assert begin in page and end in page, "docs/performance.md has lost its marks"
page = re.sub(re.escape(begin) + ".*" + re.escape(end), lambda _: f"{begin}\n{section}\n{end}", page, flags=re.S)
open("docs/performance.md", "w").write(page)
PY
