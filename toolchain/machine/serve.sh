#!/bin/sh
# Inside the engine's network namespace: the local registry, then the engine.
set -eu
ip link set lo up
mkdir -p /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys                       # the engine reads its interfaces' counters here
mount --rbind /run/cgroup /sys/fs/cgroup
update-ca-certificates > /run/dagger/certificates.log 2>&1
docker-registry serve /etc/toolchain/registry.yml > /run/dagger/registry.log 2>&1 &
export SSL_CERT_DIR=/etc/ssl/certs
DAGGER_GO_SDK_MANIFEST_DIGEST=$(cat /etc/toolchain/digests/go)
DAGGER_PYTHON_SDK_MANIFEST_DIGEST=$(cat /etc/toolchain/digests/python)
export DAGGER_GO_SDK_MANIFEST_DIGEST DAGGER_PYTHON_SDK_MANIFEST_DIGEST
export GOGC=400 GOMEMLIMIT=3GiB                 # collecting garbage was a third of what a cached call costs
exec engine --config /etc/toolchain/engine.toml --root /var/lib/dagger --addr unix:///run/dagger/engine.sock \
  --oci-cni-binary-dir /usr/lib/cni
