#!/usr/bin/env bash
# Builds all programs in release mode. `make run` and `make demo` share this command: Cargo resolves the features of
# dependencies for the selected packages, so that another selection could compile printlog again.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${CARGO:-cargo}" build --release --locked --workspace --bins
