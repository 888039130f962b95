#!/bin/sh
# Proves the README's two commands on an empty Debian (or Ubuntu): debootstrap, a clone of the last commit, ./run, ./test.
#
#   sudo deploy/clean_room.sh FOLDER [SUITE] [-- TEST ARGUMENTS]
#
#   FOLDER   where the root goes, about 2 GB; kept afterwards and used again if it is there.
#            Remove it for a truly empty start.
#   SUITE    bookworm unless said otherwise
#   AS=user  run the two commands as a user with password-less sudo instead of root
#   MIRROR   where debootstrap finds SUITE
#
# Root only. It takes proxy, certificate and name-server settings of this machine into the root, nothing else. Mount table
# and process table are its own and end with it; the network is this machine's, so ports 8001, 8002 and 8890 must be free.
set -eu
[ "$(id -u)" -eq 0 ] || { echo 'clean_room.sh needs root (chroot and mounts)' >&2; exit 2; }
[ $# -ge 1 ] && [ "$1" != -- ] || { echo "usage: $0 FOLDER [SUITE] [-- TEST ARGUMENTS]" >&2; exit 2; }
if [ "${CLEAN_ROOM:-}" != inside ]; then # a mount table of its own: what is mounted here is gone with this script
    CLEAN_ROOM=inside exec unshare --mount --propagation private "$0" "$@"
fi
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
root=$1
shift
suite=bookworm
if [ $# -gt 0 ] && [ "$1" != -- ]; then
    suite=$1
    shift
fi
[ "${1:-}" != -- ] || shift
test_arguments=$*

if [ ! -e "$root/etc/os-release" ]; then
    debootstrap --variant=minbase "$suite" "$root" ${MIRROR:+"$MIRROR"}
fi
root=$(CDPATH='' cd -- "$root" && pwd)

mkdir -p "$root/dev"
mount --rbind /dev "$root/dev"
mount -t devpts devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"

# This machine's way to the network: name servers, apt's transport settings, proxies, certificates.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
grep -lE '^Acquire::' /etc/apt/apt.conf.d/* 2>/dev/null | while read -r file; do cp "$file" "$root/etc/apt/apt.conf.d/"; done
set -- "CI=true" "LANG=C.UTF-8" "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
certificates=${PIP_CERT:-${SSL_CERT_FILE:-}}
if [ -n "$certificates" ]; then
    mkdir -p "$root/opt"
    cp -L "$certificates" "$root/opt/certificates.pem"
    set -- "$@" "PIP_CERT=/opt/certificates.pem"
fi
for name in http_proxy https_proxy no_proxy PIP_INDEX_URL; do
    value=$(printenv "$name" || true)
    [ -z "$value" ] || set -- "$@" "$name=$value"
done

if [ "${AS:-root}" = user ]; then
    chroot "$root" sh -c 'apt-get -q update && apt-get -q -y --no-install-recommends install sudo &&
        { id visitor >/dev/null 2>&1 || useradd --create-home visitor; } &&
        echo "visitor ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/visitor' >/dev/null
    home=/home/visitor owner=visitor
else
    home=/root owner=root
fi
rm -rf "${root:?}$home/ndefender"
git -c safe.directory='*' clone --quiet --no-hardlinks "$top" "$root$home/ndefender"
chroot "$root" chown -R "$owner:" "$home/ndefender"

cat >"$root/opt/prove.sh" <<'PROVE'
# In the root: both commands, as a stranger would type them.
cd "$HOME/ndefender" || exit 1
echo "== $(. /etc/os-release && echo "$PRETTY_NAME"), $(uname -m), $(id -un): ./run"
began=$(date +%s)
./run </dev/null &
service=$!
ask() { # PATH: what the API answers; nothing if it does not answer yet, or has nothing to tell
    [ -x .venv/bin/python ] && .venv/bin/python - "$1" <<'ASK'
import json, sys, urllib.request
try:
    with urllib.request.urlopen("http://127.0.0.1:8890/api/v1" + sys.argv[1], timeout=5) as response:
        answer = json.load(response)
except OSError:
    sys.exit(1)
if answer.get("events") == []:
    sys.exit(1)
print(json.dumps(answer))
ASK
}
await() { # PATH
    until answer=$(ask "$1"); do
        kill -0 $service 2>/dev/null || { echo '== ./run ended before its API answered'; exit 1; }
        [ $(($(date +%s) - began)) -lt 1800 ] || { echo "== no $1 within 30 minutes"; exit 1; }
        sleep 1
    done
    echo "== GET $1 after $(($(date +%s) - began)) s: $answer"
}
await /health
await '/events/last?limit=1'
kill -TERM $service
wait $service || { echo "== ./run ended with exit code $? after SIGTERM"; exit 1; }
echo "== ./run ended with exit code 0 after SIGTERM"
echo "== ./test $*"
./test "$@" </dev/null
PROVE

# prove.sh is the first process of its own process table, and as a shell it reaps what is orphaned there.
# shellcheck disable=SC2086 # the arguments for ./test are words
unshare --pid --fork --kill-child --mount-proc="$root/proc" \
    chroot --userspec="$owner" "$root" env -i HOME="$home" USER="$owner" "$@" sh /opt/prove.sh $test_arguments </dev/null &
inside=$!
trap 'kill -KILL $inside; exit 130' INT TERM
wait $inside
