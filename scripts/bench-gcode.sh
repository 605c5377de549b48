#!/usr/bin/env bash
# How fast gcode files are read, beside Moonraker's own extractor in the same run. A folder may follow; without one it
# is the slicer corpus beside the checkout, and where that is absent the project's own fixtures.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -x .cache/venv/bin/moonraker ]] || scripts/install-test-deps.sh
folder=${1:-../shared/gcode/files}
if [[ ! -d $folder ]]; then
  echo "bench-gcode: there is no $folder; reading the project's own small fixtures instead" >&2
  folder=crates/gcode/test_data
fi
cargo=${CARGO:-cargo}
"$cargo" build --release --locked --package printlog --bin printlog
"$cargo" build --release --locked --package gcode --example bench
target=${CARGO_TARGET_DIR:-target}/release
exec .cache/venv/bin/python scripts/bench_gcode.py "$folder" "$target/printlog" "$target/examples/bench"
