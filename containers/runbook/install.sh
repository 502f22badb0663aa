#!/bin/sh
# Installs requirements.txt into the image's Python, all of it compiled: no step can write bytecode.
set -eu
context=$(dirname "$0")
site=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
python3 -m venv /tmp/pip
/tmp/pip/bin/pip --disable-pip-version-check install --quiet --no-cache-dir --no-compile --no-deps \
  --only-binary :all: --require-hashes --target "$site" --requirement "$context/requirements.txt"
rm -rf /tmp/pip "$site/bin"
python3 -m compileall -qf --invalidation-mode unchecked-hash "$site"
python3 -m compileall -q --invalidation-mode unchecked-hash -x '/(test|tests|idlelib|lib2to3|turtledemo|ensurepip|site-packages|dist-packages)/' \
  "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
