#!/bin/bash
# Tests the API of the real binary with schemathesis, based on its own OpenAPI document. Takes at most two minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -x .cache/venv/bin/schemathesis ]] || scripts/install-test-deps.sh
# The whole workspace, as the other tests: with the features of one package, its dependencies would be built again.
exec cargo test --workspace --test it --locked -- --ignored --exact --nocapture \
  schemathesis::the_api_does_what_its_document_says
