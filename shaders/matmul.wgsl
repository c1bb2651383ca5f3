// uses: lib/grid.wgsl, lib/step.wgsl, lib/tile.wgsl
// formula: c = op(a) op(b), op the identity or the transpose; terms begin <= k < end, added to c unless begin is 0
// shapes: op(a) [m, terms], op(b) [terms, n], c [m, n]; where the terms are a batch, the rows that count
// dispatch: a tile of 32 x 32 a workgroup
// numerics: see lib/tile.wgsl
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> step_words: array<u32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

struct Params {
    m: u32,
    n: u32,
    terms: u32,
    begin: u32,
    end: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

fn offset_a(k: u32) -> u32 {
    return select(k, k * params.m, TRANSPOSE_A);
}

fn offset_b(k: u32) -> u32 {
    return select(k * params.n, k, TRANSPOSE_B);
}

fn load_a(base: u32, offset: u32) -> f32 {
    return a[base + offset];
}

fn load_b(base: u32, offset: u32) -> f32 {
    return b[base + offset];
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (params.n + TILE - 1u) / TILE;
    let tile = linear_group(group, grid);
    let rows = tile_lines(tile / tiles * TILE, lane / 8u);
    let cols = tile_lines(tile % tiles * TILE, lane % 8u);
    var end = params.end;
    if (BATCHED_TERMS) {
        end = min(end, step_rows(params.step_width));
    }
    var sums = Tile();
    if (params.begin > 0u) {
        for (var i = 0u; i < 16u; i++) {
            if (rows[i / 4u] < params.m && cols[i % 4u] < params.n) {
                sums.c[i / 4u][i % 4u] = c[rows[i / 4u] * params.n + cols[i % 4u]];
            }
        }
    }
    // A line past the last one is read as the last one, and not written.
    let a_base = min(rows, vec4<u32>(params.m - 1u)) * select(params.terms, 1u, TRANSPOSE_A);
    let b_base = min(cols, vec4<u32>(params.n - 1u)) * select(1u, params.terms, TRANSPOSE_B);
    sums = tile_products(sums, a_base, b_base, params.begin, end);
    for (var i = 0u; i < 16u; i++) {
        if (rows[i / 4u] < params.m && cols[i % 4u] < params.n) {
            c[rows[i / 4u] * params.n + cols[i % 4u]] = sums.c[i / 4u][i % 4u];
        }
    }
}
