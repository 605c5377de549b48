#!/bin/bash
# Rejects words of the project's old idiom in new text. docs/glossary.md has the words to use instead.
#
# scripts/language-baseline.txt lists how many lines of each file still have such words. A file may only lose some;
# `scripts/check-language.sh --update` records the new counts.
set -euo pipefail
cd "$(dirname "$0")/.."
baseline=scripts/language-baseline.txt
words='told|tells|nobody|somebody|whoever|anew|news|beside|hurry|misled|upkeep'

count() {
  git grep -IiwcE "$words" -- '*.rs' '*.md' '*.ts' '*.vue' '*.mjs' '*.sh' '*.py' '*.yml' '*.toml' ui/src/locales/en.json \
    ':!scripts/check-language.sh' ':!ui/src/api/schema.ts' | sort
}

if [[ ${1:-} == --update ]]; then
  count >"$baseline"
  exit
fi
status=0
while IFS=: read -r file found; do
  allowed=$(awk -F: -v file="$file" '$1 == file { print $2 }' "$baseline")
  ((found <= ${allowed:-0})) && continue
  echo "$file: $found lines with words of the old idiom, ${allowed:-0} allowed; use the noun or verb of the field:" >&2
  git grep -IinwE "$words" -- "$file" >&2
  status=1
done < <(count)
exit "$status"
