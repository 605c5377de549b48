#!/bin/bash
# Builds docker/Dockerfile and runs the image as intended, with a read-only root and without privileges; also checks
# with the Compose plugin how docker-compose.yml is interpreted. Needs root on Debian, but no Docker and no image
# registry: buildah and podman build and run the image, and stand-ins made from Debian packages and this machine's
# Rust and Node replace the base images. All files are stored in .cache/containers. Takes several minutes, so it is a
# separate target.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'test-container: %s\n' "$*"; }
die() { printf 'test-container: %s\n' "$*" >&2; exit 1; }

((EUID == 0)) || die 'needs root, to build and run containers'
packages=(buildah ca-certificates curl mmdebstrap podman runc)
missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]})); then
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null
fi

cache=$(readlink -m .cache)/containers
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/store"\nrunroot = "%s/run"\n' "$cache" "$cache" >"$cache/storage.conf"
export CONTAINERS_STORAGE_CONF=$cache/storage.conf
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)
[[ -n $mirror ]] || { apt-get -qq update; mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1); }
host_ca=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

# make_base NAME VARIANT PACKAGES: an image that contains only Debian packages.
make_base() {
  local container
  mmdebstrap --quiet --variant="$2" --include="$3" --aptopt='Acquire::Check-Valid-Until "false"' \
    bookworm "$cache/base.tar" "deb $mirror bookworm main"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$cache/base.tar" / >/dev/null
  rm "$cache/base.tar"
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet --rm "$container" "$1" >/dev/null
}

# Like distroless: libraries, but no shell.
make_runtime() {
  say 'making a stand-in for the runtime image'
  make_base localhost/standin-runtime extract libc6,libgcc-s1,tzdata
}

# One image for both builders. It trusts the same certificates as this machine, to reach the npm and cargo registries.
make_builder() {
  local container root sysroot node
  say 'making a stand-in for the images of Rust and Node'
  sysroot=$(rustc --print sysroot)
  node=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  make_base localhost/standin-debian minbase ca-certificates,gcc,libc6-dev
  container=$(buildah from --pull-never localhost/standin-debian)
  root=$(buildah mount "$container")
  cp "$host_ca" "$root/etc/ssl/certs/ca-certificates.crt"
  mkdir -p "$root/usr/local/cargo"
  tar -C "$sysroot" --exclude='share' --exclude='lib/rustlib/src' -c bin lib | tar -x -C "$root/usr/local"
  cp "$node/bin/node" "$root/usr/local/bin/"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -r "$node/lib/node_modules/npm" "$root/usr/local/lib/node_modules/"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  buildah umount "$container" >/dev/null
  buildah config --env CARGO_HOME=/usr/local/cargo --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$container"
  buildah commit --quiet --rm "$container" "$builder" >/dev/null
  buildah rmi localhost/standin-debian >/dev/null 2>&1 || true
}

builder=localhost/standin-builder:$(rustc --version | cut -d' ' -f2)-node$(node --version)
buildah inspect --type image localhost/standin-runtime >/dev/null 2>&1 || make_runtime
buildah inspect --type image "$builder" >/dev/null 2>&1 || make_builder

say 'building docker/Dockerfile'
image=localhost/printlog:test
buildah build --isolation chroot --pull-never --format docker --layers --quiet --tag "$image" --file docker/Dockerfile \
  --build-arg NODE_IMAGE="$builder" --build-arg RUST_IMAGE="$builder" --build-arg RUNTIME_IMAGE=localhost/standin-runtime \
  --build-arg CARGO_PROFILE_RELEASE_OPT_LEVEL=0 . >"$cache/build.log" 2>&1 || { tail -n 60 "$cache/build.log" >&2; die 'the build failed'; }

run=$(mktemp -d -t printlog-container.XXXXXX)
name=printlog-test-$$
volume=printlog-test-$$
pod() { podman --runtime runc --cgroup-manager cgroupfs "$@"; }
clean_up() {
  pod rm --force --time 1 "$name" >/dev/null 2>&1 || true
  pod volume rm --force "$volume" >/dev/null 2>&1 || true
  [[ ! -e $run/mysql/pid ]] || scripts/mysql.sh stop "$run/mysql"
  rm -rf "$run"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# As in docker-compose.yml. podman's timer for health checks needs systemd, so the check is run manually.
locked_up=(--read-only --read-only-tmpfs=false --tmpfs /tmp --cap-drop all --security-opt no-new-privileges
  --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --no-healthcheck)
start() {
  pod run --detach --name "$name" "${locked_up[@]}" --volume "$volume:/data" --publish 127.0.0.1::8000 "$image" >/dev/null
  address=$(pod port "$name" 8000/tcp)
}

check=$(buildah inspect --type image --format '{{.Docker.Config.Healthcheck.Test}}' "$image")
[[ $check == '[CMD /usr/bin/printlog health]' ]] || die "the image's health check is: $check"
is_healthy() { pod exec "$name" /usr/bin/printlog health >"$run/health" 2>&1; }

wait_until_healthy() {
  for ((try = 0; try < 300; try++)); do
    is_healthy && return 0
    [[ $(pod inspect --format '{{.State.Running}}' "$name") == true ]] || break
    sleep 0.2
  done
  pod logs "$name" >&2
  cat "$run/health" >&2
  die 'the container does not become healthy'
}

# ends_with_0: sends SIGTERM and checks that the program exits with 0.
ends_with_0() {
  local code
  pod stop --time 15 "$name" >/dev/null
  code=$(pod inspect --format '{{.State.ExitCode}}' "$name")
  [[ $code == 0 ]] || { pod logs "$name" >&2; die "after SIGTERM it ended with $code"; }
}

say 'running it with a read-only root, without any capability'
start
wait_until_healthy
grep -qx ok "$run/health" || die "health says: $(cat "$run/health")"
key=$(pod logs "$name" 2>/dev/null | grep -o '3dp_[A-Za-z0-9_-]*' | head -1)
[[ -n $key ]] || die 'the log shows no first key'
ask() { curl --silent --show-error --output "$run/body" --write-out '%{http_code}' "$@"; }
[[ $(ask "http://$address/api/jobs") == 401 ]] || die 'jobs are given without a key'
[[ $(ask -H "Authorization: Bearer $key" "http://$address/api/jobs") == 200 ]] || die "no jobs: $(cat "$run/body")"
[[ $(ask -H 'Accept: text/html' "http://$address/") == 200 ]] || die 'no page'
grep -q 'assets/' "$run/body" || die 'the page is not the dashboard: the image was built without it'
pod exec "$name" /usr/bin/printlog keys create second >/dev/null 2>&1 || die 'commands do not work in the container'
pid=$(pod inspect --format '{{.State.Pid}}' "$name")
[[ $(awk '/^Uid:/ { print $2 }' "/proc/$pid/status") == 65532 ]] || die 'it runs as another user than 65532'
[[ $(awk '/^CapEff:/ { print $2 }' "/proc/$pid/status") == 0000000000000000 ]] || die 'it has capabilities'
mountpoint=$(pod volume inspect --format '{{.Mountpoint}}' "$volume")
[[ -z $(find "$mountpoint" ! -user 65532) && -s $mountpoint/printlog.db ]] || die "the volume holds: $(ls -ln "$mountpoint")"
[[ $(stat -c %a "$mountpoint/secret.key") == 600 ]] || die 'others may read the secret'
ends_with_0

say 'running it again, with the data of the first time'
pod rm "$name" >/dev/null
start
wait_until_healthy
[[ $(ask -H "Authorization: Bearer $key" "http://$address/api/jobs") == 200 ]] || die 'the first key is gone'
ends_with_0
pod rm "$name" >/dev/null

say 'a server that is not there is not healthy'
code=0
pod run --rm --network none "${locked_up[@]}" "$image" health >/dev/null 2>&1 || code=$?
[[ $code == 1 ]] || die "health without a server ended with $code"

say 'asking Compose what it makes of docker-compose.yml'
compose=$cache/compose/usr/libexec/docker/cli-plugins/docker-compose
if [[ ! -x $compose ]]; then
  # Debian 12 has no Compose plugin. Debian 13's also runs here; it is only unpacked.
  apt=$cache/apt
  mkdir -p "$apt"/{lists/partial,archives/partial}
  : >"$apt/status"
  echo "deb $mirror trixie main" >"$apt/sources.list"
  options=(-qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$apt/lists"
    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false
    -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  (cd "$apt" && apt-get "${options[@]}" download docker-compose && dpkg-deb -x docker-compose_*.deb "$cache/compose")
  rm -rf "$apt"
fi
# compose [VARIABLE=VALUE...]: prints docker-compose.yml as JSON, with these variables and without .env.
compose() { env -u COMPOSE_PROFILES -u COMPOSE_FILE "$@" "$compose" --env-file /dev/null -f docker-compose.yml config --format json; }
mkdir "$run/secrets"
echo secret >"$run/secrets/mysql_password"
compose >"$run/sqlite.json"
compose COMPOSE_PROFILES=mysql MYSQL_PASSWORD_FILE="$run/secrets/mysql_password" >"$run/mysql.json"
python3 - "$run/sqlite.json" "$run/mysql.json" <<'PYTHON'
import json, sys
sqlite, mysql = (json.load(open(path)) for path in sys.argv[1:])
assert list(sqlite["services"]) == ["printlog"], list(sqlite["services"])
assert sqlite["services"]["printlog"]["environment"]["PRINTLOG_DATABASE__TYPE"] == "sqlite"
assert sorted(mysql["services"]) == ["mysql", "printlog"], list(mysql["services"])
printlog = mysql["services"]["printlog"]
assert printlog["environment"]["PRINTLOG_DATABASE__TYPE"] == "mysql"
assert printlog["depends_on"]["mysql"]["condition"] == "service_healthy"
assert printlog["read_only"] and printlog["cap_drop"] == ["ALL"]
assert mysql["services"]["mysql"]["healthcheck"]["test"][0] == "CMD-SHELL"
assert mysql["secrets"]["mysql_password"]["file"].endswith("/secrets/mysql_password")
PYTHON

# The Compose file for a NAS in docs/install.md, and the one for Traefik in docs/proxy.md.
python3 - "$run" <<'PYTHON'
import pathlib, re, sys, textwrap
def block(page, word):
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```$", pathlib.Path(page).read_text(), re.M | re.S)
    return textwrap.dedent(next(text for text in blocks if word in text))
pathlib.Path(sys.argv[1], "nas.yml").write_text(block("docs/install.md", "ghcr.io/").replace("OWNER", "owner"))
pathlib.Path(sys.argv[1], "traefik.yml").write_text(block("docs/proxy.md", "traefik.enable"))
PYTHON
"$compose" --env-file /dev/null -f "$run/nas.yml" config --quiet
"$compose" --env-file /dev/null -f docker-compose.yml -f "$run/traefik.yml" config --quiet

# environment FILE: the container's environment according to Compose, in podman's format.
environment() {
  python3 -c '
import json, sys
for variable in json.load(open(sys.argv[1]))["services"]["printlog"]["environment"].items():
    print(*variable, sep="=")' "$1"
}
environment "$run/sqlite.json" >"$run/env"
pod run --rm --network none "${locked_up[@]}" --env-file "$run/env" --volume /dev/null:/run/secrets/mysql_password:ro \
  "$image" check >"$run/check" 2>&1 || { cat "$run/check" >&2; die 'printlog does not take what docker-compose.yml configures'; }

say 'running it with a MySQL, as Compose configures it'
scripts/mysql.sh install .cache/mysql
mysql_port=$(scripts/mysql.sh start .cache/mysql "$run/mysql")
password=$(<"$run/secrets/mysql_password")
# The health check in docker-compose.yml, run against this MySQL.
mkdir "$run/bin"
printf '#!/bin/sh\nexec %q client %q --port=%q "$@"\n' "$PWD/scripts/mysql.sh" "$PWD/.cache/mysql" "$mysql_port" >"$run/bin/mysql"
chmod +x "$run/bin/mysql"
mysql_is_healthy() {
  local check
  check=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["services"]["mysql"]["healthcheck"]["test"][1])' "$run/mysql.json")
  check=${check//\$\$/\$}
  PATH=$run/bin:$PATH sh -c "${check//\/run\/secrets/$run/secrets}" >"$run/health" 2>&1
}
! mysql_is_healthy || die 'MySQL counts as healthy before it is set up'
scripts/mysql.sh client .cache/mysql -uroot -S "$run/mysql/s" -e "CREATE DATABASE printlog;
  CREATE USER 'printlog'@'%' IDENTIFIED BY '$password'; GRANT ALL ON printlog.* TO 'printlog'@'%'"
mysql_is_healthy || { cat "$run/health" >&2; die 'the health check of docker-compose.yml fails on a MySQL that works'; }
environment "$run/mysql.json" >"$run/env"
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
# Uses the host network, where this MySQL listens.
pod run --detach --name "$name" --network host "${locked_up[@]}" --env-file "$run/env" \
  --env PRINTLOG_DATABASE__HOST=127.0.0.1 --env PRINTLOG_DATABASE__PORT="$mysql_port" --env PRINTLOG_API__PORT="$port" \
  --volume "$volume:/data" --volume "$run/secrets/mysql_password:/run/secrets/mysql_password:ro" "$image" >/dev/null
wait_until_healthy
[[ $(scripts/mysql.sh client .cache/mysql -uroot -S "$run/mysql/s" -N -e 'select count(*) from printlog.api_keys') == 1 ]] ||
  die 'the first key is not in MySQL'
ends_with_0

size=$(pod image inspect --format '{{.Size}}' "$image")
say "all is well; the image has $((size / 1000000)) MB, built without optimisation"
