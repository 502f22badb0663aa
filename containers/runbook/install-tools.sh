#!/bin/sh
# What runbooks may count on besides bash, coreutils, grep, sed, awk and tar, which Debian always has.
set -eu
[ ! -s /run/secrets/apt.conf ] || export APT_CONFIG=/run/secrets/apt.conf
set -- -qq
if [ -s /run/secrets/apt.sources ]; then
  kind=list # apt tells the two kinds apart by their names
  ! grep -q '^Types:' /run/secrets/apt.sources || kind=sources
  cp /run/secrets/apt.sources "/tmp/apt.$kind"
  set -- "$@" -o "Dir::Etc::SourceList=/tmp/apt.$kind" -o Dir::Etc::SourceParts=-
fi
apt-get "$@" update
DEBIAN_FRONTEND=noninteractive apt-get "$@" install -y --no-install-recommends \
  bash ca-certificates curl dnsutils jq openssl procps >/dev/null
rm -rf /tmp/apt.* /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
