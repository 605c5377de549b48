#!/bin/bash
# Asks `cargo deny` whether all dependencies may stand in the project: licences, bans and sources (deny.toml). Needs no
# network but to install cargo-deny itself, which scripts/install-test-deps.sh does.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=$(command -v cargo-deny || echo .cache/cargo-deny/bin/cargo-deny)
[[ -x $deny ]] || scripts/install-test-deps.sh
# Also what other machines need, which a build here does not fetch.
"${CARGO:-cargo}" fetch --locked --quiet
exec "$deny" --offline --locked --log-level error check licenses bans sources
