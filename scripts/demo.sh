#!/usr/bin/env bash
# Starts simulated printers with months of history, and a printlog that watches them, in a folder that is thrown away.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PRINTLOG_API__PORT:-8000}
printers=${DEMO_PRINTERS:-5}

cargo build --release --bin printlog --bin simulator
root=$PWD
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

"$root/target/release/simulator" --printers "$printers" --seed 7 --history 400 --schedule demo >"$folder/printers.jsonl" &
until [[ $(wc -l <"$folder/printers.jsonl") -ge $printers ]]; do
  kill -0 $! || { echo 'demo: the simulator has ended' >&2; exit 1; }
  sleep 0.1
done

cd "$folder"
export PRINTLOG_API__PORT=$port
while read -r name url; do
  "$root/target/release/printlog" printers add "$name" "$url" >/dev/null
done < <(python3 -c 'import json, sys; [print(p["name"], p["url"]) for p in map(json.loads, sys.stdin)]' <printers.jsonl)
"$root/target/release/printlog" serve
