#!/usr/bin/env bash
# What the API takes with 10,000, 100,000 and a million jobs, on SQLite and MariaDB: writes the section of
# docs/performance.md. BENCH_JOBS and BENCH_ENGINES choose others; BENCH_SECONDS is how long each measurement lasts; BENCH_FOLDER keeps the databases for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
engines=${BENCH_ENGINES:-sqlite mariadb}
if [[ $engines == *mariadb* && -z ${PRINTLOG_TEST_MARIADB_URL:-} ]]; then
  exec scripts/with-databases.sh "$0" "$@"
fi
[[ -x .cache/bench-peer/bin/python ]] || {
  python3 -m venv .cache/bench-peer
  .cache/bench-peer/bin/pip install -q fastapi==0.165.0 sqlalchemy==2.1.9 uvicorn==0.54.0
}
export TMPDIR=${TMPDIR:-/var/tmp}
folder=${BENCH_FOLDER:-$(mktemp -d -t printlog-bench.XXXXXX)}
mkdir -p "$folder"
[[ -n ${BENCH_FOLDER:-} ]] || trap 'rm -rf "$folder"' EXIT

cargo=${CARGO:-cargo}
"$cargo" build --release --locked --package printlog --package simulator --bins
"$cargo" bench --locked --package printlog --bench api --no-run
bin=$(readlink -f "${CARGO_TARGET_DIR:-target}/release")
{
  echo
  for engine in $engines; do
    for jobs in ${BENCH_JOBS:-10000 100000 1000000}; do
      case $engine in
        sqlite) database=$folder/$jobs.db ;;
        mariadb) database=${PRINTLOG_TEST_MARIADB_URL}bench_$jobs ;;
      esac
      if [[ ! -e $database ]]; then
        began=$(date +%s)
        "$bin/seed" --database "$database" --jobs "$jobs" --until 2026-11-01T00:00:00Z >&2
        echo "bench: $jobs jobs into $engine in $(($(date +%s) - began)) s" >&2
      fi
      "$cargo" bench --locked --package printlog --bench api -- --database "$database" --peer "$PWD/.cache/bench-peer/bin/python" \
        --seconds "${BENCH_SECONDS:-2}"
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
