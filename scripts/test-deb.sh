#!/bin/bash
# Builds the Debian package, installs it into a separate Debian 12 (a chroot), starts printlog there like the service,
# and upgrades, removes and purges the package. Needs root on Debian. cargo-deb and the chroot are stored in .cache.
# Builds an optimised binary, so it is a separate target.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'test-deb: %s\n' "$*"; }
die() { printf 'test-deb: %s\n' "$*" >&2; exit 1; }

((EUID == 0)) || die 'needs root, for the chroot'
# A private mount namespace: these mounts are invisible to other processes and end with the script.
[[ ${PRINTLOG_UNSHARED:-} ]] || exec env PRINTLOG_UNSHARED=1 unshare --mount --propagation private "$0" "$@"

missing=()
for package in ca-certificates curl dpkg-dev mmdebstrap; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]})); then
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null
fi

cargo=${CARGO:-cargo}
cache=$(readlink -m .cache)
mkdir -p "$cache"
exec 9>"$cache/deb.lock"
flock 9
cargo_deb=$cache/cargo-deb/bin/cargo-deb
[[ -x $cargo_deb ]] || { say 'installing cargo-deb'; "$cargo" install --quiet --locked --root "$cache/cargo-deb" cargo-deb; }
base=$cache/bookworm-chroot.tar
if [[ ! -e $base ]]; then
  say 'making a Debian 12'
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)
  [[ -n $mirror ]] || die 'apt knows no Debian mirror yet; run apt-get update'
  mmdebstrap --quiet --format=tar --variant=essential --include=adduser,libc6,libgcc-s1 --aptopt='Acquire::Check-Valid-Until "false"' \
    bookworm "$base.new" "deb $mirror bookworm main"
  mv "$base.new" "$base"
fi

say 'building'
make --no-print-directory ui/dist/index.html >/dev/null
"$cargo" build --release --locked --package printlog --bin printlog
program=${CARGO_TARGET_DIR:-target}/release/printlog
# Portable: the binary links only libraries that every Debian has, without depending on a particular version.
linked=$(ldd "$program" | awk '{ print $1 }' | grep -vE '^(linux-vdso|libc|libm|libgcc_s|libpthread|libdl|librt)\.so|/ld-linux' || true)
[[ -z $linked ]] || die "the binary links more than glibc: $linked"

run=$(mktemp -d -t printlog-deb.XXXXXX)
root=$run/root
server=
clean_up() {
  [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  umount "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$run"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

deb=$run/printlog.deb
"$cargo_deb" deb --package printlog --no-build --fast --output "$deb" >"$run/cargo-deb.log" 2>&1 || { cat "$run/cargo-deb.log" >&2; die 'cargo-deb failed'; }
# The next version, which also changes the packaged configuration.
newer=$run/newer.deb
dpkg-deb -R "$deb" "$run/newer"
version=$(dpkg-deb -f "$deb" Version)
sed -i "s/^Version: .*/Version: $version+next/" "$run/newer/DEBIAN/control"
echo '# The next version says this.' >>"$run/newer/etc/printlog/config.yml"
dpkg-deb --root-owner-group -b "$run/newer" "$newer" >/dev/null

mkdir "$root"
tar -x -C "$root" -f "$base" --exclude='./dev/*'
mount -t proc proc "$root/proc"
mkdir -p "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/urandom" c 1 9
cp "$deb" "$newer" "$root/tmp/"
inside=(chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
# Runs as the user and in the folder of the service.
as_printlog=("${inside[@]}" setpriv --reuid printlog --regid printlog --clear-groups
  sh -c 'cd /var/lib/printlog && umask 077 && exec "$@"' sh)
expect() { [[ $2 == "$3" ]] || die "$1: $2, and not $3"; }
owner() { "${inside[@]}" stat -c '%U:%G %a' "$1"; }

say "installing version $version"
"${inside[@]}" dpkg -i /tmp/printlog.deb >"$run/dpkg.log" 2>&1 || { cat "$run/dpkg.log" >&2; die 'it cannot be installed'; }
expect 'the account' "$("${inside[@]}" getent passwd printlog | cut -d: -f6,7)" '/var/lib/printlog:/usr/sbin/nologin'
expect 'the data' "$(owner /var/lib/printlog)" 'printlog:printlog 750'
expect 'the configuration' "$(owner /etc/printlog/config.yml)" 'root:printlog 640'
expect 'the program' "$(owner /usr/bin/printlog)" 'root:root 755'
expect 'conffiles' "$("${inside[@]}" dpkg-query -W -f '${Conffiles}' printlog | awk '{ print $1 }' | xargs)" '/etc/printlog/config.yml'
unit=$("${inside[@]}" dpkg -L printlog | grep 'printlog\.service$') || die 'the package has no unit'
cmp -s "$root$unit" deploy/systemd/printlog.service || die 'the unit is another one than deploy/systemd/printlog.service'
[[ -L $root/etc/systemd/system/multi-user.target.wants/printlog.service ]] || die 'the service is not enabled'
"${inside[@]}" test -e /usr/share/doc/printlog/copyright || die 'the package has no copyright'

# start: runs the command of the unit on a free port.
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
read -ra command < <(sed -n 's/^ExecStart=//p' deploy/systemd/printlog.service)
start() {
  "${as_printlog[@]}" env PRINTLOG_API__HOST=127.0.0.1 PRINTLOG_API__PORT="$port" "${command[@]}" >>"$run/out" 2>>"$run/log" &
  server=$!
  for ((try = 0; try < 300; try++)); do
    "${as_printlog[@]}" env PRINTLOG_API__PORT="$port" printlog health >/dev/null 2>&1 && return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  cat "$run/log" >&2
  die 'it does not start'
}
stop() {
  local code=0
  kill -TERM "$server"
  wait "$server" || code=$?
  server=
  [[ $code == 0 ]] || { cat "$run/log" >&2; die "after SIGTERM it ended with $code"; }
}

say 'starting it as its user'
start
expect 'its user' "$(awk '/^Uid:/ { print $3 }' "/proc/$server/status")" "$("${inside[@]}" id -u printlog)"
key=$(grep -o '3dp_[A-Za-z0-9_-]*' "$run/out" | head -1)
ask() { curl --silent --show-error --output /dev/null --write-out '%{http_code}' -H "Authorization: Bearer $key" "http://127.0.0.1:$port$1"; }
expect 'GET /api/jobs' "$(ask /api/jobs)" 200
curl --silent -H 'Accept: text/html' "http://127.0.0.1:$port/" | grep -q 'assets/' || die 'the program was built without the dashboard'
expect 'the database' "$(owner /var/lib/printlog/printlog.db)" 'printlog:printlog 600'
expect 'the secret' "$(owner /var/lib/printlog/secret.key)" 'printlog:printlog 600'
"${as_printlog[@]}" printlog keys create second >/dev/null 2>&1 || die 'commands do not work'
[[ ! -e $root/var/lib/printlog/data ]] || die 'commands do not find the configuration: they have made a database of their own'
stop

say 'upgrading'
echo '# My own words.' >>"$root/etc/printlog/config.yml"
"${inside[@]}" dpkg --force-confdef --force-confold -i /tmp/newer.deb >"$run/dpkg.log" 2>&1 || { cat "$run/dpkg.log" >&2; die 'it cannot be upgraded'; }
expect 'the version' "$("${inside[@]}" dpkg-query -W -f '${Version}' printlog)" "$version+next"
grep -q '# My own words.' "$root/etc/printlog/config.yml" || die 'the upgrade has replaced the configuration'
[[ -e $root/etc/printlog/config.yml.dpkg-dist ]] || die 'the new configuration lies nowhere to be compared'
expect 'the configuration' "$(owner /etc/printlog/config.yml)" 'root:printlog 640'
start
expect 'GET /api/jobs with the first key' "$(ask /api/jobs)" 200
stop

say 'removing'
"${inside[@]}" dpkg --remove printlog >"$run/dpkg.log" 2>&1 || { cat "$run/dpkg.log" >&2; die 'it cannot be removed'; }
[[ ! -e $root/usr/bin/printlog && -e $root/etc/printlog/config.yml && -e $root/var/lib/printlog/printlog.db ]] ||
  die 'what is removed is not the program alone'
say 'purging'
"${inside[@]}" dpkg --purge printlog >"$run/dpkg.log" 2>&1 || { cat "$run/dpkg.log" >&2; die 'it cannot be purged'; }
[[ ! -e $root/etc/printlog && ! -e $root/var/lib/printlog && ! -e $root/etc/systemd/system/multi-user.target.wants/printlog.service ]] ||
  die "something is left: $(find "$root/etc/printlog" "$root/var/lib/printlog" "$root/etc/systemd/system" 2>/dev/null | xargs)"
say "all is well; the package has $(($(stat -c %s "$deb") / 1000000)) MB"
