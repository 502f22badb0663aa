#!/bin/sh
# What runbooks may count on besides bash, coreutils, grep, sed, awk and tar, which Debian always has.
set -eu
[ ! -s /run/secrets/apt.conf ] || export APT_CONFIG=/run/secrets/apt.conf
set -- -qq
[ ! -s /run/secrets/apt.sources ] || set -- "$@" -o Dir::Etc::SourceList=/run/secrets/apt.sources -o Dir::Etc::SourceParts=-
apt-get "$@" update
DEBIAN_FRONTEND=noninteractive apt-get "$@" install -y --no-install-recommends \
  bash ca-certificates curl dnsutils jq openssl procps >/dev/null
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
