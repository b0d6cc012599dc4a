# Installs the packages named as arguments into an overlay over $MACHINE; $LAYER receives what they add.
# Run in a mount namespace of its own, so that no mount outlives it.
mkdir "$WORK/root" "$WORK/work"
mount -t overlay overlay -o "lowerdir=$MACHINE,upperdir=$LAYER,workdir=$WORK/work" "$WORK/root"
mount -t proc proc "$WORK/root/proc"
mount --rbind /dev "$WORK/root/dev"
mount --bind /etc/resolv.conf "$WORK/root/etc/resolv.conf"
mount -t tmpfs tmpfs "$WORK/root/run"
# Services of this root are started by the rehearsal, each with its own data, never by its packages.
printf '#!/bin/sh\nexit 101\n' > "$WORK/root/usr/sbin/policy-rc.d"
chmod 755 "$WORK/root/usr/sbin/policy-rc.d"
mkdir -p "$WORK/root/etc/postgresql-common"
echo 'create_main_cluster = false' > "$WORK/root/etc/postgresql-common/createcluster.conf"
chroot "$WORK/root" apt-get -qq update
chroot "$WORK/root" apt-get -qq install -y --no-install-recommends "$@"
chroot "$WORK/root" apt-get -qq clean
