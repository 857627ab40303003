# shellcheck shell=bash disable=SC2034 # variables are used by the scripts that source this
# Shared by the scripts beside it: where the project is, how a step is shown, how to become root.

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
engine_socket=/var/run/docker.sock
# The Debian that functions run on: this machine's own, so that what reads them before they run (the Python that plugins
# embed) is what runs them.
base_suite=$(. /etc/os-release && [ "$ID" = debian ] && printf %s "${VERSION_CODENAME:-}") || base_suite=
base_suite=${base_suite:-bookworm}
base_image=berth-base:$base_suite

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# The Python of the distribution: the one that plugins embed and that has the packages scripts/setup installs.
python() {
    /usr/bin/python3 "$@"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root and there is no sudo; run it as root: $*"
    fi
}

# Milliseconds as "0.8 s" or "74 s".
seconds_text() {
    if [ "$1" -lt 10000 ]; then
        printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
    else
        printf '%d s' $(($1 / 1000))
    fi
}

now_ms() {
    local now=${EPOCHREALTIME/[.,]/}
    printf '%d' $((now / 1000))
}

# Rewrites the line of a running step once a second, as long as this script lives.
step_ticker() {
    local text=$1 seconds=0
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 1))
        printf '\r==> %s ... %d s ' "$text" "$seconds" >&2
    done
}

# step TEXT COMMAND...: runs a long step. Shows what it does and how long it takes; what it prints is kept and shown
# only when it fails. Returns the command's status.
step() {
    local text=$1 start output status=0 ticker=
    shift
    output=$(mktemp)
    start=$(now_ms)
    if [ -t 2 ]; then
        step_ticker "$text" &
        ticker=$!
    else
        printf '==> %s ...\n' "$text" >&2
    fi
    "$@" >"$output" 2>&1 </dev/null || status=$?
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null
        wait "$ticker" 2>/dev/null || true
        printf '\r' >&2
    fi
    if [ "$status" -eq 0 ]; then
        printf '==> %s: done in %s\n' "$text" "$(seconds_text $(($(now_ms) - start)))" >&2
    else
        printf '==> %s: FAILED (status %d) after %s\n' "$text" "$status" "$(seconds_text $(($(now_ms) - start)))" >&2
        tail -n 60 "$output" >&2
    fi
    rm -f "$output"
    return "$status"
}

# wait_for SECONDS COMMAND...: polls until the command succeeds; 1 when it did not in time.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

engine_answers() {
    [ "$(curl --silent --max-time 5 --unix-socket "$engine_socket" http://localhost/_ping 2>/dev/null)" = OK ]
}
