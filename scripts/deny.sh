#!/bin/bash
# Checks with `cargo deny` that all dependencies are allowed: licences, bans and sources (deny.toml). Needs no
# network, except to install cargo-deny itself, which scripts/install-test-deps.sh does.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=$(command -v cargo-deny || echo .cache/cargo-deny/bin/cargo-deny)
[[ -x $deny ]] || scripts/install-test-deps.sh
# Includes dependencies for other platforms, which a build on this machine does not download.
"${CARGO:-cargo}" fetch --locked --quiet
exec "$deny" --offline --locked --log-level error check licenses bans sources
