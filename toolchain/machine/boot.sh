#!/bin/sh
# First process of the engine's own mount and process namespaces: enters the engine's root file system for good.
# $1 root file system, $2 cache folder, $3 port of this machine's loopback that reaches the local registry
set -eu
root=$1 cache=$2 port=$3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/run/dagger" "$root/run/containers" "$root/run/netns"
mount --bind "$cache/run" "$root/run/dagger"
mount --bind "$cache/engine" "$root/var/lib/dagger"
mount --bind "$cache/registry" "$root/srv/registry"
mount --bind "$cache/content" "$root/usr/local/share/dagger/content"
cat /etc/resolv.conf > "$root/etc/resolv.conf"
cd "$root"
pivot_root . mnt
umount -l /mnt
exec chroot . /etc/toolchain/network.sh "$port"
