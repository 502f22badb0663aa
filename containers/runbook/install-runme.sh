#!/bin/sh
# Installs `runme` from the archive at $1, whose SHA-256 is $2, or notes that it could not be reached.
set -eu
mkdir -p /etc/harmony
note() { echo "$1" >/etc/harmony/executor; echo "$1"; }

if [ "$(uname -m)" != x86_64 ]; then
  note "own executor: the pinned runme is for x86_64, this is $(uname -m)"
  exit 0
fi
[ ! -s /run/secrets/ca.pem ] || set -- "$@" --cacert /run/secrets/ca.pem
[ ! -s /run/secrets/curlrc ] || set -- "$@" --config /run/secrets/curlrc
url=$1 sum=$2
shift 2
if ! why=$(curl --fail --silent --show-error --location --connect-timeout 20 --max-time 300 "$@" --output /tmp/runme.tar.gz "$url" 2>&1); then
  note "own executor: runme could not be had ($why)"
  rm -f /tmp/runme.tar.gz
  exit 0
fi
# Reached, and something else than was pinned: no reason to go on.
echo "$sum  /tmp/runme.tar.gz" | sha256sum --check --quiet
tar -xzf /tmp/runme.tar.gz -C /usr/local/bin runme
rm /tmp/runme.tar.gz
note "runme $(runme --version | sed -n 's/^runme version \([^ ]*\).*/\1/p')"
