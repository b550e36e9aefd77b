#!/usr/bin/env bash
# Builds the real Dockerfile and runs the tiny experiment in it, without a network, on a base made here by debootstrap:
# for machines that reach a package index but no image registry. Tests all but the CUDA base and CUDA's torch.
#
# Needs root, docker (with its engine, which is started here and stopped again) and debootstrap, 12 GB of disk and some
# minutes. Exits with 3, and says why, where it cannot be tried. What this host needs to reach its package index (trust
# roots, a folder of wheels) goes into the base, which is removed at the end: never publish it.
set -euo pipefail
cd "$(dirname "$0")/.."

cannot() { echo "The image was not tested: $1" >&2; exit 3; }
[ "$(id -u)" = 0 ] || cannot "making a base image needs root."
for tool in dockerd docker debootstrap; do
  command -v "$tool" >/dev/null || cannot "no $tool here (Debian and Ubuntu: apt-get install docker.io debootstrap)."
done
docker=/usr/bin/docker
[ -x "$docker" ] || docker=$(command -v docker)

folder=$(mktemp -d "${TMPDIR:-/tmp}/xit-image.XXXXXX")
export DOCKER_HOST=unix://$folder/docker.sock DOCKER_BUILDKIT=1
engine=
finish() {
  [ -z "$engine" ] || { kill "$engine" && wait "$engine"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

dockerd --data-root "$folder/data" --exec-root "$folder/exec" --host "$DOCKER_HOST" --pidfile "$folder/pid" \
  >"$folder/engine.log" 2>&1 &
engine=$!
for _ in $(seq 60); do
  "$docker" info >/dev/null 2>&1 && break
  kill -0 "$engine" 2>/dev/null || { tail -n 3 "$folder/engine.log" >&2; cannot "the Docker engine does not start here."; }
  sleep 1
done

echo "Making a base image …"
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-cache policy | grep -oE 'https?://[^ ]+' | grep -v security | head -n 1 || true)
base=$folder/base
debootstrap --variant=minbase --include=ca-certificates "$suite" "$base" "$mirror" >"$folder/base.log" 2>&1 ||
  { tail -n 5 "$folder/base.log" >&2; cannot "debootstrap failed."; }
cp /usr/local/share/ca-certificates/*.crt "$base/usr/local/share/ca-certificates/" 2>/dev/null || true
chroot "$base" update-ca-certificates >/dev/null 2>&1
mkdir "$base/wheels"
[ ! -d "${PIP_FIND_LINKS:-}" ] || cp "$PIP_FIND_LINKS"/torch-*.whl "$base/wheels/"
certificates=/etc/ssl/certs/ca-certificates.crt
tar -C "$base" -c . | "$docker" import \
  -c "ENV PIP_FIND_LINKS=/wheels PIP_CERT=$certificates SSL_CERT_FILE=$certificates" - xit-test-base >/dev/null
rm -rf "$base"
printf 'FROM xit-test-base\nRUN apt-get update\n' | "$docker" build --quiet - >/dev/null 2>"$folder/first.log" ||
  { tail -n 5 "$folder/first.log" >&2; cannot "the Docker engine starts here, but builds nothing."; }

echo "Building …"
"$docker" build --build-arg BASE_IMAGE=xit-test-base --build-arg CUDA= --tag xit-test .
"$docker" image ls xit-test

echo "Running the tiny experiment, without a network …"
"$docker" run --rm --network none xit-test sh -c \
  'test "$(id -u)" = 1000 && xit doctor --offline && make smoke && make smoke'

echo "Running it in the image on a folder of another user's …"
mkdir "$folder/bin" "$folder/project"
ln -s "$docker" "$folder/bin/docker"
git archive HEAD | tar -x -C "$folder/project"
chown -R 1234:1234 "$folder/project"
PATH=$folder/bin:$PATH make -C "$folder/project" reproduce IN=docker PROFILE=tiny IMAGE=xit-test \
  BASE_IMAGE=xit-test-base BUILD='--build-arg CUDA='
test "$(stat -c %u "$folder/project/workspaces/tiny/paper/main.pdf")" = 1234
test -z "$(find "$folder/project" ! -user 1234)"
