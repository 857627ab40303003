# shellcheck shell=bash disable=SC2154 # variables of lib.sh and of the script that sources this
# A Debian of another release, or with another architecture's libraries, beside this machine's own system: a folder below
# build/, made once from the archive that apt uses here. The project is in it at its own path, with a build folder of its
# own. Needs root. What a command mounts is seen by nobody else and is gone with it.
#
# Sourced after lib.sh; `release` (12, 13), `home` (the folder for all that is of it) and `system` (the one below with its
# root file system) are set by then.

case $release in
12) suite=bookworm ;;
13) suite=trixie ;;
*) fail "there is no build for Debian \"$release\", only for 12 and 13" ;;
esac
mkdir -p "$home"

# What a build for arm64 needs there.
cross_packages=(cmake ninja-build pkg-config uthash-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross node-acorn qemu-user duktape-dev:arm64
    libarchive-dev:arm64 libcmocka-dev:arm64 libcurl4-openssl-dev:arm64 libevent-dev:arm64 libglib2.0-dev:arm64 libjansson-dev:arm64
    libncurses-dev:arm64 libpython3-dev:arm64 libsodium-dev:arm64 libsqlite3-dev:arm64 libnftables-dev:arm64 libmnl-dev:arm64 liburing-dev:arm64 libyaml-dev:arm64
    nettle-dev:arm64)
case $release in
12) cross_packages+=(node-llhttp) ;;
*) cross_packages+=(libllhttp-dev:arm64) ;;
esac

# Where apt has this machine's Debian from; nothing when it does not say: mmdebstrap knows the usual place.
archive() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian Debian //p' | head -n 1
}

bootstrap() {
    local proxy='' options=() mirror
    [ "$system" = "$home/native" ] || options+=(--architectures="$(dpkg --print-architecture),arm64")
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || options+=(--aptopt="Acquire::http::Proxy \"$proxy\"")
    mapfile -t mirror < <(archive)
    rm -rf "$system.new"
    # It may be made anew at any time, so what is installed there need not be on the disk at once.
    mmdebstrap --quiet --variant=minbase --include=ca-certificates "${options[@]}" --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$system.new" "${mirror[@]}" || return
    mv "$system.new" "$system"
}

ensure_system() {
    [ -d "$system" ] || step "making a Debian $release" bootstrap
}

# enter [--show FOLDER]... COMMAND...: becomes the command, in a mount namespace whose root is that system.
enter() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec unshare --mount --propagation slave bash -c '
        set -eu
        system=$1 project=$2 home=$3
        shift 3
        # show FOLDER [--rbind]: without what is mounted below it, which may be that system itself.
        show() {
            mkdir -p "$system$1"
            mount "${2:---bind}" "$1" "$system$1"
        }
        mount --bind "$system" "$system"
        mount -t proc proc "$system/proc"
        mount -t tmpfs -o mode=755 tmpfs "$system/run"
        mount -t tmpfs -o mode=1777 tmpfs "$system/tmp"
        show /sys --rbind
        show /dev --rbind
        while [ "$1" = --show ]; do
            show "$2"
            shift 2
        done
        mkdir -p "$home/build"
        show "$project"
        mount --bind "$home/build" "$system$project/build"
        cp --dereference /etc/resolv.conf "$system/etc/resolv.conf"
        cd "$system"
        pivot_root . .
        umount --lazy .
        cd "$project"
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
    ' enter "$system" "$root" "$home" "$@"
}

# The same in a process of its own.
inside() {
    (enter "$@")
}

# Runs a function while no other process does anything to what is installed in the system.
alone() {
    (
        flock 9
        "$@" 9>&-
    ) 9>"$system.lock"
}

# Installs those packages that are not there.
ensure_packages() {
    alone install_missing "$@"
}

install_missing() {
    inside dpkg-query -W "$@" >/dev/null 2>&1 ||
        step "installing in Debian $release: $*" inside sh -c 'apt-get -q update &&
            DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@"' install "$@"
}
