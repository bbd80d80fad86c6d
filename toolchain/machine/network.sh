#!/bin/sh
# A network namespace of the engine's own, joined to this machine's network by pasta from user space, so that no
# bridge, route or iptables rule is ever made on the machine itself. Only the registry is reachable, on loopback.
# $1 port of this machine's loopback that reaches the local registry
set -eu
touch /run/netns/engine
unshare --net=/run/netns/engine true
pasta --config-net --foreground --quiet --runas 0 --netns-only --netns /run/netns/engine --host-lo-to-ns-lo \
  --tcp-ports "127.0.0.1/$1:5000" --udp-ports none --tcp-ns none --udp-ns none \
  > /run/dagger/pasta.log 2>&1 &
exec tini -- nsenter --net=/run/netns/engine /etc/toolchain/serve.sh
