#!/usr/bin/env bash
# Measures the resources printlog needs for a fleet: 1,000 simulated printers, 200 of them printing, for a minute.
# Arguments are passed to the bench: scripts/bench-fleet.sh --printers 100 --printing 20 --seconds 30
set -euo pipefail
cd "$(dirname "$0")/.."
# Three sockets per printer: the printer's end, printlog's, and a spare for the next fleet while the last one closes.
ulimit -n "$(ulimit -H -n)"
exec "${CARGO:-cargo}" bench --locked --package printlog --bench fleet -- "$@"
