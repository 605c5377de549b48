#!/bin/bash
# Checks that systemd understands deploy/systemd/printlog.service, and that its exposure is at most 2.0 on the scale
# of `systemd-analyze security`, where 10 is a service without any protection.
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
# systemd ignores an unknown key with a warning, so any output is an error.
said=$(systemd-analyze verify --man=no --root="$root" printlog.service 2>&1) || true
[[ -z $said ]] || { printf '%s\n' "$said" >&2; exit 1; }
# In a container without namespaces, the drop-in from docs/install.md must disable every setting that needs one.
dropin=$root/etc/systemd/system/printlog.service.d/container.conf
mkdir -p "${dropin%/*}"
sed -n '/^### In an LXC container/,/^## /{/^```ini$/,/^```$/{/^```/!p}}' docs/install.md >"$dropin"
said=$(systemd-analyze verify --man=no --root="$root" printlog.service 2>&1) || true
[[ -z $said ]] || { printf 'the drop-in of docs/install.md: %s\n' "$said" >&2; exit 1; }
# The settings that need a mount, UTS or user namespace, from systemd.exec(5), "Sandboxing".
for key in PrivateDevices PrivateTmp PrivateUsers ProcSubset ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs \
  ProtectKernelModules ProtectKernelTunables ProtectProc ProtectSystem PrivateMounts PrivateNetwork PrivateIPC ReadWritePaths \
  ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths BindPaths BindReadOnlyPaths TemporaryFileSystem RootDirectory RootImage \
  MountAPIVFS LogNamespace; do
  if grep -q "^$key=" "$unit" && ! grep -qE "^$key=(no|all|default)$" "$dropin"; then
    echo "check-service: the drop-in of docs/install.md leaves $key on, which needs a name space" >&2
    exit 1
  fi
done
# A unit that cannot start must not be restarted forever.
for key in StartLimitIntervalSec StartLimitBurst; do
  grep -qE "^$key=[1-9]" "$unit" || { echo "check-service: $unit has no $key" >&2; exit 1; }
done
grep -qE '^RestartPreventExitStatus=.*\b226\b' "$unit" || { echo "check-service: $unit restarts after 226/NAMESPACE" >&2; exit 1; }
said=$(systemd-analyze security --offline=true --no-pager --threshold=20 "./$unit" 2>&1) || {
  printf '%s\n' "$said" >&2
  exit 1
}
printf '%s\n' "${said##*$'\n'}"
