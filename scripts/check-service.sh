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
# In a container without name spaces, the drop-in of docs/install.md leaves no setting that needs one.
dropin=$root/etc/systemd/system/printlog.service.d/container.conf
mkdir -p "${dropin%/*}"
sed -n '/^### In an LXC container/,/^## /{/^```ini$/,/^```$/{/^```/!p}}' docs/install.md >"$dropin"
said=$(systemd-analyze verify --man=no --root="$root" printlog.service 2>&1) || true
[[ -z $said ]] || { printf 'the drop-in of docs/install.md: %s\n' "$said" >&2; exit 1; }
# systemd.exec(5), "Sandboxing": what is set up with a name space of mounts, host names or users.
for key in PrivateDevices PrivateTmp PrivateUsers ProcSubset ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs \
  ProtectKernelModules ProtectKernelTunables ProtectProc ProtectSystem PrivateMounts PrivateNetwork PrivateIPC ReadWritePaths \
  ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths BindPaths BindReadOnlyPaths TemporaryFileSystem RootDirectory RootImage \
  MountAPIVFS LogNamespace; do
  if grep -q "^$key=" "$unit" && ! grep -qE "^$key=(no|all|default)$" "$dropin"; then
    echo "check-service: the drop-in of docs/install.md leaves $key on, which needs a name space" >&2
    exit 1
  fi
done
# A unit that cannot start must not be tried for ever.
for key in StartLimitIntervalSec StartLimitBurst; do
  grep -qE "^$key=[1-9]" "$unit" || { echo "check-service: $unit has no $key" >&2; exit 1; }
done
grep -qE '^RestartPreventExitStatus=.*\b226\b' "$unit" || { echo "check-service: $unit restarts after 226/NAMESPACE" >&2; exit 1; }
said=$(systemd-analyze security --offline=true --no-pager --threshold=20 "./$unit" 2>&1) || {
  printf '%s\n' "$said" >&2
  exit 1
}
printf '%s\n' "${said##*$'\n'}"
