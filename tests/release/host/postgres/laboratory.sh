# Makes $PLACE/root of the layers $LOWER, in a mount and process namespace of its own; installs pgBackRest; waits.
mkdir "$PLACE/root" "$PLACE/upper" "$PLACE/work"
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$PLACE/upper,workdir=$PLACE/work" "$PLACE/root"
mount -t proc proc "$PLACE/root/proc"
mount --rbind /dev "$PLACE/root/dev"
mount --bind /etc/resolv.conf "$PLACE/root/etc/resolv.conf"
mount -t tmpfs tmpfs "$PLACE/root/run"
mount -t tmpfs tmpfs "$PLACE/root/tmp"
chroot "$PLACE/root" apt-get -qq update
chroot "$PLACE/root" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends pgbackrest
echo ready
exec sleep infinity
