#!/usr/bin/env bash
# Starts simulated printers with months of history, and a printlog that records them, in a temporary folder. Ctrl-C
# stops everything. DEMO_PRINTERS sets the number of printers, PRINTLOG_API__PORT the port.
set -euo pipefail
cd "$(dirname "$0")/.."
printers=${DEMO_PRINTERS:-5}
export PRINTLOG_API__PORT=${PRINTLOG_API__PORT:-8000}

scripts/build.sh
bin=$(readlink -f "${CARGO_TARGET_DIR:-target}/release")
folder=$(mktemp -d -t printlog-demo.XXXXXX)
pids=()
end() {
  trap '' INT TERM
  # Stops printlog first, so that it does not see its printers disconnect.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A separate process group: Ctrl-C in the terminal reaches only this script, which stops the others in order.
set -m
cd "$folder"
"$bin/simulator" --printers "$printers" --seed 7 --history 400 --files 400 --printing 2 \
  --schedule demo --print-seconds 30 180 >printers.jsonl &
pids+=($!)
until (($(wc -l <printers.jsonl) >= printers)); do
  kill -0 "${pids[0]}" 2>/dev/null || { echo 'demo: the simulated printers have ended' >&2; exit 1; }
  sleep 0.1
done
while IFS=$'\t' read -r name url; do
  "$bin/printlog" printers add "$name" "$url" >/dev/null
done < <(python3 -c '
import json, sys
for line in sys.stdin:
    printer = json.loads(line)
    print(printer["name"], printer["url"], sep="\t")' <printers.jsonl)

"$bin/printlog" serve &
pids+=($!)
wait "${pids[1]}"
