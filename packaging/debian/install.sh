#!/bin/sh
# Installs Mailwicket as a service, in the layout that Debian gives a service. As root, with the file that `npm pack` makes:
#
#   packaging/debian/install.sh mailwicket-0.1.0.tgz mail.example.com
#
#   /usr/lib/mailwicket          the program, npm's packages beside it; /usr/bin/mailwicket is a link to it
#   /usr/lib/systemd/system      mailwicket.service, mailwicket.socket
#   /etc/mailwicket              mailwicket.toml, which root writes and the service reads
#   /var/lib/mailwicket          master key, certificates, database: the service's own, closed to others
#
# Run again with a newer file it puts the new program in the place of the old one and touches neither configuration nor data.
# It starts, stops and migrates nothing. ROOT=/some/folder installs below that folder, without a user and without systemctl.
set -eu
# Readable for the service, whatever the umask of root.
umask 022
ROOT=${ROOT-}
fail() {
  printf 'install.sh: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}
[ $# -ge 1 ] && [ $# -le 2 ] || fail 'usage: install.sh TARBALL [HOSTNAME]' 'HOSTNAME is the name that mail apps connect to; it is needed the first time.'
tarball=$(CDPATH='' cd "$(dirname "$1")" && pwd)/$(basename "$1")
[ -f "$tarball" ] || fail "$tarball does not exist." 'Make it in the folder of the sources: npm pack'
hostname=${2-}
is_first=yes
if [ -e "$ROOT/etc/mailwicket/mailwicket.toml" ]; then is_first=no; fi
units=$(CDPATH='' cd "$(dirname "$0")/../systemd" && pwd)
[ -n "$ROOT" ] || [ "$(id -u)" = 0 ] || fail 'Only root can install a service.' "Run it with sudo, or below a folder of your own: ROOT=/some/folder $0 …"
command -v npm >/dev/null || fail 'npm is missing.' 'Install Node 20 or newer with npm (Debian: apt-get install nodejs npm).'
[ $is_first = no ] || [ -n "$hostname" ] || fail 'The name that mail apps connect to is missing.' "Run: $0 $1 mail.example.com"

# Beside the old program, then in its place: a half install is never used.
library=$ROOT/usr/lib/mailwicket
rm -rf "$library.new"
mkdir -p "$library.new" "$ROOT/usr/bin" "$ROOT/usr/lib/systemd/system"
# No package needs an install script; none is run as root.
npm install --prefix "$library.new" --ignore-scripts --omit=dev --include=optional --no-audit --no-fund --no-update-notifier --loglevel=error --prefer-offline "$tarball"
rm -rf "$library.old"
if [ -d "$library" ]; then mv "$library" "$library.old"; fi
mv "$library.new" "$library"
rm -rf "$library.old"
ln -sfn ../lib/mailwicket/node_modules/mailwicket/bin/mailwicket "$ROOT/usr/bin/mailwicket"
install -m 644 "$units/mailwicket.service" "$units/mailwicket.socket" "$ROOT/usr/lib/systemd/system/"

if [ -z "$ROOT" ] && ! getent passwd mailwicket >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/mailwicket --no-create-home --shell /usr/sbin/nologin mailwicket
fi
install -d -m 755 "$ROOT/etc/mailwicket"
install -d -m 700 "$ROOT/var/lib/mailwicket"
if [ $is_first = yes ]; then
  "$ROOT/usr/bin/mailwicket" init --dir "$ROOT/etc/mailwicket" --data-dir "$ROOT/var/lib/mailwicket" --hostname "$hostname" >/dev/null
  if [ -z "$ROOT" ]; then
    chown root:mailwicket /etc/mailwicket/mailwicket.toml
    chown -R mailwicket:mailwicket /var/lib/mailwicket
  fi
fi
if [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
printf 'mailwicket %s is installed.\n\n' "$("$ROOT/usr/bin/mailwicket" --version)"
if [ $is_first = no ]; then
  printf 'Next: systemctl stop mailwicket && sudo -u mailwicket mailwicket migrate && systemctl start mailwicket\n'
  exit 0
fi
cat <<EOF
Next:
  1. Say where your mail server is: edit [[upstream]] in $ROOT/etc/mailwicket/mailwicket.toml
  2. sudo -u mailwicket mailwicket check
  3. sudo -u mailwicket mailwicket mailbox add anna@example.com
  4. sudo -u mailwicket mailwicket device add anna@example.com phone
  5. systemctl enable --now mailwicket
Copy $ROOT/var/lib/mailwicket/keys/master.key to a safe place: backups do not contain it.
EOF
