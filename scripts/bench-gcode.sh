#!/usr/bin/env bash
# Measures the speed of the G-code parser next to Moonraker's own extractor in the same run. The optional argument is
# a folder of files; the default is the slicer corpus next to the checkout or, if it is missing, the project's
# fixtures.
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
