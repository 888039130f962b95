# shellcheck shell=sh
# Sets a machine up for ndefender. Sourced by ./run and ./test:
#
#   ndefender_setup run|demo|dev CHECKOUT
#
# 1. Debian packages that are missing: Python with venv, the libiio C library; for demo also the daemons that stand in for
#    the host's parts; for dev also what the tests look at these with
# 2. .venv at the top level
# 3. the locked Python packages, every file checked against its hash, wheels only
# 4. this checkout itself, editable
#
# What is there already is left alone, so it may be run at any time, as root or as a user with sudo.
# It says what it does on standard error; standard output stays the service's own.

say() { printf 'set-up: %s\n' "$*" >&2; }
die() {
    printf 'set-up failed: %s\n' "$*" >&2
    exit 1
}

# Python from the distribution first: that is the one whose venv apt can bring. NDEFENDER_PYTHON overrides.
python_fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
find_python() {
    for candidate in ${NDEFENDER_PYTHON:+"$NDEFENDER_PYTHON"} /usr/bin/python3 python3; do
        if command -v "$candidate" >/dev/null 2>&1 && python_fits "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# pylibiio below 1.0 loads libiio.so.0, whoever installed it.
has_libiio() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q 'libiio\.so\.0 '; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif [ -t 0 ] && [ -z "${CI:-}" ]; then
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else # nobody there to type a password
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# As the emulators look for them: Debian's own interpreter, and daemons that an ordinary user's PATH may lack.
has_command() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }
has_dbusmock() { /usr/bin/python3 -c 'import dbusmock.mockobject' >/dev/null 2>&1; }
has_alsa_plugins() { ls /usr/lib/*/alsa-lib/libasound_module_ctl_pulse.so >/dev/null 2>&1; }

install_packages() {
    command -v apt-get >/dev/null 2>&1 ||
        die "this machine lacks $*, and has no apt-get to bring it. Install the equivalent of these Debian packages, then run this again."
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        die "this machine lacks $*. You are not root and there is no sudo: ask an administrator to run 'apt-get install $*', then run this again."
    fi
    say "installing Debian packages: $*"
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2 ||
        die "'apt-get update' failed (its own words are above). Either there is no network, or you may not use sudo. Wanted: $*."
    as_root apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@" >&2 ||
        die "'apt-get install $*' failed; its own words are above."
}

# What the demo's peers and the tests start, each on a socket of its own. libpulse and libasound, which the service loads
# where it finds them, come with pulseaudio; the latter's package has another name in every release, so it is not named.
# No daemon is left running where no systemd runs (a container). With systemd, Debian's gpsd package makes gpsd.socket
# listen on loopback, as on any machine that it is installed on.
peers() {
    has_command dbus-daemon || printf 'dbus\n'
    has_dbusmock || printf 'python3-dbusmock\n'
    has_command gpsd || printf 'gpsd\n'
    has_command gpsfake || printf 'gpsd-clients\n'
    has_command pulseaudio || printf 'pulseaudio\n'
}
dev_tools() {
    has_command iio_info || printf 'libiio-utils\n'
    has_command pactl || printf 'pulseaudio-utils\n'
    has_alsa_plugins || printf 'libasound2-plugins\n'
    has_command duk || has_command node || printf 'duktape\n' # polkit's own JavaScript, for its rules
}

# Of a demo's peers none is vital: what cannot be emulated stays offline, and the service says so.
demo_packages() {
    # shellcheck disable=SC2046 # names of packages are words
    set -- $(peers)
    [ $# -eq 0 ] || (install_packages "$@") || say "going on without: what these would play stays offline"
}

system_packages() {
    set --
    find_python >/dev/null || set -- "$@" python3 python3-venv
    has_libiio || set -- "$@" libiio0
    # shellcheck disable=SC2046 # names of packages are words
    [ "$kind" != dev ] || set -- "$@" $(dev_tools) $(peers)
    [ $# -eq 0 ] || install_packages "$@"
    [ "$kind" != demo ] || demo_packages
    python=$(find_python) || die "Python 3.11 or newer with venv is needed; this machine has $(/usr/bin/python3 --version 2>&1 || true). \
Debian 12, Ubuntu 24.04 and later bring one; another one can be named in NDEFENDER_PYTHON."
    has_libiio || die "the libiio C library (libiio.so.0) is still not found after installing it; 'ldconfig -p | grep libiio' should show it."
}

virtual_environment() {
    if [ -d "$top/.venv" ] && ! python_fits "$top/.venv/bin/python"; then
        say "making .venv anew: the old one's Python does not run any more"
        rm -rf "$top/.venv"
    fi
    if [ ! -d "$top/.venv" ]; then
        say "making .venv with $python ($("$python" --version))"
        "$python" -m venv "$top/.venv" >&2 || die "'$python -m venv .venv' failed; its own words are above."
    fi
    if ! "$venv_python" -m pip --version >/dev/null 2>&1; then
        "$venv_python" -m ensurepip >/dev/null || die "cannot bring pip into .venv; remove .venv and run this again."
    fi
}

# What the installation depends on. A checkout that moved needs its editable install renewed, hence `top`.
fingerprint() {
    cat "$top/requirements/run.lock" "$top/requirements/dev.lock" "$top/pyproject.toml" | sha256sum
    "$venv_python" --version
    printf '%s\n' "$top"
}

# Settings of this machine's pip that would defeat a hash-checked install into .venv. Proxy, certificates and index stay.
pip_install() {
    env -u PIP_FIND_LINKS -u PIP_NO_INDEX -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT -u PIP_USER -u PIP_NO_BINARY \
        -u PIP_REQUIRE_HASHES -u PIP_NO_BUILD_ISOLATION -u PYTHONPATH -u PYTHONHOME PIP_CONSTRAINT=/dev/null \
        "$venv_python" -m pip install --quiet --no-input --disable-pip-version-check --no-deps "$@" >&2
}

python_packages() {
    now=$(fingerprint)
    for stamp in "$top/.venv/.setup-$want" "$top/.venv/.setup-dev"; do # dev holds all that run needs
        [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && return 0
    done
    [ -w "$top/.venv" ] || die "$top/.venv is not yours to write; run this as its owner ($(stat -c %U "$top/.venv"))."
    say "installing $(grep -c '==' "$top/requirements/$want.lock") locked Python packages into .venv (hashes checked; a few minutes on a slow link)"
    pip_install --require-hashes --only-binary :all: --requirement "$top/requirements/$want.lock" ||
        die "pip could not install requirements/$want.lock; its own words are above. Most often there is no network."
    pip_install --no-index --no-build-isolation --editable "$top" || die "pip could not install this checkout into .venv; its own words are above."
    printf '%s\n' "$now" >"$top/.venv/.setup-$want"
    say "done"
}

# One set-up at a time for a checkout: the lock is held on this very file and ends with the subshell.
ndefender_setup() {
    kind=$1
    want=$1 # which locked Python packages
    [ "$kind" != demo ] || want=run
    top=$2
    venv_python=$top/.venv/bin/python
    (
        command -v flock >/dev/null 2>&1 && flock 9
        system_packages
        virtual_environment
        python_packages
    ) 9<"$top/deploy/setup.sh" || exit 1
}
