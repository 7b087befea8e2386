# Becomes a small machine of its own: process 1 is systemd, and what it writes to is memory. Runs in namespaces that are its alone.
# $1: the program under test; $2: a folder of files to find below /run/test; $3: a script that prepares the machine.
set -eu
mount --make-rprivate /
mount --make-rshared /
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
# Only what the root of a control group of our own holds.
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cp "$1" "$2/program"
# The host's devices, without a way to make or remove one.
mount --rbind /dev /dev
mount -o remount,bind,ro /dev
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /usr/local/bin
cp "$2/program" /usr/local/bin/lobsterpot-vault
chmod 0755 /usr/local/bin/lobsterpot-vault
# Services have temporary folders of their own in these.
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /tmp
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /var/tmp
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /var/lib
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /home
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run
mkdir -p /run/upper /run/work /run/lock /run/test /run/systemd/system
mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work overlay /etc
# No unit of the host: these are the machine's.
for folder in /etc/systemd/system /etc/systemd/user; do mkdir -p "$folder"; mount -t tmpfs -o mode=0755 tmpfs "$folder"; done
for name in sysinit basic multi-user default shutdown local-fs paths sockets timers network-online; do
    printf '[Unit]\nDefaultDependencies=no\nDescription=%s\n' "$name" >"/run/systemd/system/$name.target"
done
printf '[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n' >/run/systemd/system/basic.target
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' >/run/systemd/system/multi-user.target
mkdir -p /run/machine-user
cp /run/systemd/system/*.target /run/machine-user
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\n' >/run/machine-user/default.target
# The host may have an account or a group of this name or number; the machine, whose /etc is its own, has them once.
sed -i -e '/^pat:/d' -e '/^[^:]*:[^:]*:61234:/d' /etc/passwd /etc/group
echo 'pat:x:61234:61234::/home/pat:/bin/sh' >>/etc/passwd
echo 'pat:x:61234:' >>/etc/group
install -d -m 0700 -o 61234 -g 61234 /home/pat /run/user-pat
# A person's own manager, as user@.service starts it.
cat >'/run/systemd/system/user@61234.service' <<'UNIT'
[Service]
Type=notify
User=pat
Delegate=yes
Environment=XDG_RUNTIME_DIR=/run/user-pat SYSTEMD_UNIT_PATH=/home/pat/.config/systemd/user:/run/machine-user
ExecStart=/lib/systemd/systemd --user
KillMode=mixed
UNIT
export container=lobsterpot SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/systemd/system
unset NOTIFY_SOCKET XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
cat >/run/test/as-pat <<'SCRIPT'
#!/bin/sh
exec setpriv --reuid 61234 --regid 61234 --clear-groups env -i HOME=/home/pat PATH=/usr/local/bin:/usr/bin:/bin XDG_RUNTIME_DIR=/run/user-pat SYSTEMD_OFFLINE="${SYSTEMD_OFFLINE-0}" "$@"
SCRIPT
chmod 0755 /run/test/as-pat
PATH=/run/test:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# Units are enabled by links alone: no systemd runs yet.
SYSTEMD_OFFLINE=1 sh -eu -c "$3"
exec /lib/systemd/systemd --system --unit=multi-user.target --show-status=no --log-target=null
