#!/bin/bash
# Holds deploy/systemd/printlog.service to what systemd understands, and to an exposure of 2.0 at most on the scale of
# `systemd-analyze security`, where 10 is a service without any protection.
set -euo pipefail
cd "$(dirname "$0")/.."
unit=deploy/systemd/printlog.service
command -v systemd-analyze >/dev/null || { echo 'check-service: systemd-analyze is missing; run scripts/install-test-deps.sh' >&2; exit 1; }

root=$(mktemp -d -t printlog-unit.XXXXXX)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/etc/systemd/system "$root"/usr/{bin,lib/systemd/system}
cp "$unit" "$root/etc/systemd/system/"
cp /lib/systemd/system/*.target "$root/usr/lib/systemd/system/"
ln -s usr/bin "$root/bin"
for program in printlog kill; do install -m 755 /dev/null "$root/usr/bin/$program"; done
# A key that systemd does not know is no failure for it, only a line.
said=$(systemd-analyze verify --man=no --root="$root" printlog.service 2>&1) || true
[[ -z $said ]] || { printf '%s\n' "$said" >&2; exit 1; }
said=$(systemd-analyze security --offline=true --no-pager --threshold=20 "./$unit" 2>&1) || {
  printf '%s\n' "$said" >&2
  exit 1
}
printf '%s\n' "${said##*$'\n'}"
