#!/usr/bin/env bash
# wgrad beside other frameworks in one sitting, bench by bench; then whether they compute the same, and the table.
#   PEERS    folder of the other frameworks' drivers: run_all.sh, quiet.py, agree.py, table.py (needed)
#   DEVICES  NAME=DEVICE of wgrad, separated by commas (default: wgrad-cpu=cpu,wgrad-lavapipe=llvmpipe)
#   OUT      the file for the JSON lines (default: bench-results/DATE.jsonl); lines are added to it
#   PYTHON, BIN, ONLY, SLOW: those of run_all.sh
#   benches/peers.sh [bench ...]     only these benches
set -euo pipefail
cd "$(dirname "$0")/.."
: "${PEERS:?the folder of the drivers of other frameworks}"
PEERS=$(realpath "$PEERS")
PYTHON=${PYTHON:-$([ -x "$PEERS/venv/bin/python" ] && echo "$PEERS/venv/bin/python" || echo python3)}
OUT=$(realpath -m "${OUT:-bench-results/$(date +%Y%m%d-%H%M%S).jsonl}")
export PYTHON OUT PYTHONDONTWRITEBYTECODE=1
mkdir -p "$(dirname "$OUT")"
cargo build --release --quiet --bin wgrad
WGRAD=$(realpath "${CARGO_TARGET_DIR:-target}/release/wgrad")
IFS=, read -ra devices <<<"${DEVICES:-wgrad-cpu=cpu,wgrad-lavapipe=llvmpipe}"

wgrad() { # REGEX: the workloads that it matches, on every device
    for device in "${devices[@]}"; do
        "$PYTHON" "$PEERS/quiet.py" "$WGRAD" bench --json --device "${device#*=}" --filter "$1" 2>>"${OUT%.jsonl}.err" |
            sed "s/^{/{\"peer\": \"${device%%=*}\", /" | tee -a "$OUT"
    done
}

all="matmul_256 matmul_512 matmul_1024 matmul_2048 mlp_small_b32 multi_output_b64 mnist_mlp_b128 mnist_mlp_b32
    startup_to_first_step fit_epoch"
for bench in ${*:-$all}; do
    wgrad "^$bench\$"
    "$PEERS/run_all.sh" "$bench"
done
[ $# -gt 0 ] || wgrad '^mlp_small_(launches|bytes|step_time)$'

"$PYTHON" "$PEERS/agree.py" "$OUT" || true
"$PYTHON" "$PEERS/table.py" "$OUT"
"$PYTHON" - "$OUT" <<'P'
"""Of each bench and device of wgrad: the median over that of the fastest other framework, and over the limit."""
import json, sys

rows = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    rows.setdefault(r["bench"], {})[r["peer"]] = r
print("\n| bench | unit | wgrad | median | fastest other | its median | ratio | limit | of limit |")
print("|---|---|---|---|---|---|---|---|---|")
num = lambda v: "-" if v is None else f"{v:,.0f}" if v >= 1000 else f"{v:.3g}"
for bench, peers in rows.items():
    less = next(iter(peers.values()))["unit"] in ("s", "us/step", "launches/step", "bytes/step")
    others = [r for p, r in peers.items() if not p.startswith("wgrad")]
    best = (min if less else max)(others, key=lambda r: r["value"], default=None)
    for peer, r in peers.items():
        if not peer.startswith("wgrad"):
            continue
        ratio = None if best is None else best["value"] / r["value"] if less else r["value"] / best["value"]
        share = "-" if r.get("fraction") is None else f"{100 * r['fraction']:.1f} %"
        name, value = (best["peer"], best["value"]) if best else ("-", None)
        print(f"| {bench} | {r['unit']} | {peer} | {num(r['value'])} | {name} | {num(value)} | {num(ratio)} | "
              f"{num(r.get('limit'))} | {share} |")
P
