#!/bin/sh
# Installs ndefender from this checkout as a systemd service. Run it again to upgrade, or after a change of the units in
# the configuration; what is as it should be is left alone.
#
#   sudo deploy/install.sh               install or upgrade, then (re)start
#   sudo deploy/install.sh --no-start    the same, but neither enable nor start
#   sudo deploy/install.sh --uninstall   remove program, unit and rules; configuration, logs and state stay
#   sudo deploy/install.sh --purge       remove these too, and the user
#
#   DESTDIR=/mnt/image                   into an image: files only, nothing on this machine is touched. The user is made
#                                        at the image's first boot (systemd-sysusers).
#   NDEFENDER_PYTHON=/usr/bin/python3.12 the Python to build on; in an image it must be at the same place
#
# Network: only pip's, for the locked packages, each checked against its hash. Needs Python with venv and libiio0.
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$top/deploy/setup.sh"
say() { printf 'ndefender: %s\n' "$*" >&2; }
die() {
    printf 'ndefender: failed: %s\n' "$*" >&2
    exit 1
}

root=
if [ -n "${DESTDIR:-}" ]; then
    mkdir -p "$DESTDIR"
    root=$(CDPATH='' cd -- "$DESTDIR" && pwd -P)
    root=${root%/}
fi
home=/opt/ndefender
config=/etc/ndefender/config.toml
unit=/etc/systemd/system/ndefender.service
polkit=/etc/polkit-1/rules.d/49-ndefender.rules
sysusers=/etc/sysusers.d/ndefender.conf
tmpfiles=/etc/tmpfiles.d/ndefender.conf
dbus=/etc/dbus-1/system.d/ndefender-bluetooth.conf
udev=/etc/udev/rules.d/60-ndefender.rules
command=/usr/local/bin/ndefender
record=$home/folders # those that were made here, so that exactly they are removed again

live() { [ -z "$root" ]; }
systemd_runs() { live && [ -d /run/systemd/system ]; }
has() { command -v "$1" >/dev/null 2>&1; }

folder() { # PATH: make it and those above it, and remember which were not there
    [ ! -d "$root$1" ] || return 0
    folder "$(dirname -- "$1")"
    mkdir -m 0755 "$root$1"
    printf '%s\n' "$1" >>"$made"
}

put() { # SOURCE PATH MODE
    if cmp -s "$1" "$root$2"; then return 0; fi
    folder "$(dirname -- "$2")"
    install -m "$3" "$1" "$root$2.new"
    mv "$root$2.new" "$root$2"
    say "wrote $2"
}

# What the program depends on. The name of the Python is part of it: an upgrade of the distribution may take it away.
program_fingerprint() {
    (cd "$top" && find src pyproject.toml README.md LICENSE requirements/run.lock -type f ! -name '*.py[co]' |
        LC_ALL=C sort | xargs sha256sum)
    "$python" --version
    printf '%s\n' "$python"
}

program() {
    python=$(find_python) || die "Python 3.11 or newer with venv is needed: apt-get install python3-venv"
    has_libiio || ! live || say "the libiio C library is not there, and without it no radio: apt-get install libiio0"
    now=$(program_fingerprint | sha256sum)
    if [ "$(cat "$root$home/installed" 2>/dev/null)" = "$now" ] && "$root$home/venv/bin/python" -c '' 2>/dev/null; then
        venv=$root$home/venv
        return 0
    fi
    folder "$home"
    venv=$root$home/venv.new
    rm -rf "$venv"
    say "making $home/venv with $python ($("$python" --version))"
    "$python" -m venv "$venv" >&2 || die "'$python -m venv' failed; its own words are above."
    venv_python=$venv/bin/python
    say "installing $(grep -c '==' "$top/requirements/run.lock") locked Python packages (hashes checked)"
    pip_install --require-hashes --only-binary :all: --requirement "$top/requirements/run.lock" ||
        die "pip could not install requirements/run.lock; its own words are above. Most often there is no network."
    "$venv_python" -m pip --quiet --no-input --disable-pip-version-check wheel --no-deps --no-index \
        --no-build-isolation --wheel-dir "$work/wheel" "$top" >&2 || die "the wheel cannot be built; see above."
    pip_install --no-index "$work"/wheel/*.whl || die "pip could not install the wheel; its own words are above."
    # It was made at another place than the one it is to be used at.
    find "$venv/bin" "$venv/pyvenv.cfg" -type f -exec grep -lI "$venv" {} + | while read -r file; do
        sed -i "s|$venv|$home/venv|g" "$file"
    done
    fresh=yes
}

# The old program stays until the new one is whole and can read the configuration.
swap() {
    [ "${fresh:-}" = yes ] || return 0
    rm -rf "$root$home/venv.old"
    [ ! -e "$root$home/venv" ] || mv "$root$home/venv" "$root$home/venv.old"
    mv "$venv" "$root$home/venv"
    rm -rf "$root$home/venv.old"
    printf '%s\n' "$now" >"$root$home/installed"
    say "wrote $home/venv"
}

configuration() {
    if [ -e "$root$config" ]; then
        used=$root$config
    else
        used=$top/deploy/config/config.toml
    fi
    "$venv/bin/python" "$top/deploy/polkit_rules.py" "$top/deploy/polkit/49-ndefender.rules" "$used" >"$work/rules" ||
        die "$config cannot be used with this version (see above). Nothing was changed; correct it and run this again."
    [ -e "$root$config" ] || put "$top/deploy/config/config.toml" "$config" 0640
}

user() {
    live || return 0
    if has systemd-sysusers; then
        systemd-sysusers "$sysusers"
    elif ! getent passwd ndefender >/dev/null; then
        for group in ndefender dialout i2c audio video; do
            getent group "$group" >/dev/null || groupadd --system "$group"
        done
        useradd --system --gid ndefender --home-dir /var/lib/ndefender --shell /usr/sbin/nologin ndefender
    fi
    chgrp ndefender "$config"
}

start() {
    live || return 0
    if has udevadm && [ -S /run/udev/control ]; then
        udevadm control --reload
        udevadm trigger --subsystem-match=tty --subsystem-match=i2c-dev
    fi
    if ! systemd_runs; then
        say "no systemd runs here: files are in place, nothing was started"
        return 0
    fi
    systemctl daemon-reload
    if [ "$action" = install ]; then
        systemctl enable --quiet ndefender.service
        systemctl restart ndefender.service || die "it does not start: journalctl -u ndefender -n 50"
        say "started; journalctl -fu ndefender shows its log"
    fi
}

installation() {
    made=$work/folders
    : >"$made"
    program
    configuration
    swap
    put "$top/config.toml" $home/share/config.toml 0644
    printf '#!/bin/sh\nexec %s/venv/bin/python -m ndefender "$@"\n' $home >"$work/command"
    put "$work/command" $command 0755
    put "$top/deploy/systemd/ndefender.sysusers.conf" $sysusers 0644
    put "$top/deploy/systemd/ndefender.tmpfiles.conf" $tmpfiles 0644
    user
    put "$top/deploy/udev/60-ndefender.rules" $udev 0644
    put "$top/deploy/dbus/ndefender-bluetooth.conf" $dbus 0644
    put "$work/rules" $polkit 0644
    put "$top/deploy/systemd/ndefender.service" $unit 0644
    cat "$made" >>"$root$record"
    start
    say "installed. Configuration: $config; what may still be missing: ndefender doctor"
}

removal() {
    if systemd_runs && systemctl cat ndefender.service >/dev/null 2>&1; then
        systemctl disable --quiet --now ndefender.service
    fi
    cat "$root$record" >"$work/folders" 2>/dev/null || : >"$work/folders"
    for path in $unit $polkit $dbus $udev $tmpfiles $sysusers $command; do
        [ ! -e "$root$path" ] || { rm -f "$root$path" && say "removed $path"; }
    done
    for path in $home /var/cache/ndefender; do
        [ ! -e "$root$path" ] || { rm -rf "$root$path" && say "removed $path"; }
    done
    if [ "$action" = purge ]; then
        for path in /etc/ndefender /var/lib/ndefender /var/log/ndefender; do
            [ ! -e "$root$path" ] || { rm -rf "$root$path" && say "removed $path"; }
        done
        if live && getent passwd ndefender >/dev/null; then
            userdel ndefender
            say "removed the user ndefender"
        fi
    fi
    LC_ALL=C sort -r "$work/folders" | while read -r path; do # deeper ones first; what others use by now stays
        [ ! -d "$root$path" ] || rmdir --ignore-fail-on-non-empty "$root$path"
    done
    ! systemd_runs || systemctl daemon-reload
    [ "$action" = purge ] || say "configuration, logs and state stay; --purge removes them"
}

action=install
case "${1:-}" in
'') ;;
--no-start | --uninstall | --purge) action=${1#--} ;;
*) die "usage: $0 [--no-start | --uninstall | --purge]" ;;
esac
[ $# -le 1 ] || die "usage: $0 [--no-start | --uninstall | --purge]"
[ "$(id -u)" -eq 0 ] || ! live || die "this changes the machine: run it as root, or name a folder in DESTDIR"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
case "$action" in
uninstall | purge) removal ;;
*) installation ;;
esac
