// uses: lib/grid.wgsl, lib/step.wgsl, lib/tile.wgsl
// formula: c = op(a) op(b), op the identity or the transpose; terms begin <= k < end, added to c unless begin is 0
// shapes: `products` of op(a) [m, terms], op(b) [terms, n], c [m, n], a step apart; of a batch, terms that count
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
    terms_per_row: u32,
    products: u32,
    a_step: u32,
    b_step: u32,
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
    let tiles_of_product = tiles * ((params.m + TILE - 1u) / TILE);
    let product = linear_group(group, grid) / tiles_of_product;
    let tile = linear_group(group, grid) % tiles_of_product;
    let rows = tile_lines(tile / tiles * TILE, lane / 8u);
    let cols = tile_lines(tile % tiles * TILE, lane % 8u);
    var m = params.m;
    var end = params.end;
    if (BATCHED_TERMS) {
        end = min(end, step_rows(params.step_width) * params.terms_per_row);
    }
    if (product >= params.products) { // a workgroup past the last one, in a folded grid
        m = 0u;
        end = 0u;
    }
    let c_base = vec4<u32>(product * params.m * params.n) + rows * params.n;
    var sums = Tile();
    if (params.begin > 0u) {
        for (var i = 0u; i < 16u; i++) {
            if (rows[i / 4u] < m && cols[i % 4u] < params.n) {
                sums.c[i / 4u][i % 4u] = c[c_base[i / 4u] + cols[i % 4u]];
            }
        }
    }
    // A line past the last one is read as the last one, and not written.
    let a_lines = min(rows, vec4<u32>(params.m - 1u)) * select(params.terms, 1u, TRANSPOSE_A);
    let b_lines = min(cols, vec4<u32>(params.n - 1u)) * select(1u, params.terms, TRANSPOSE_B);
    let a_base = vec4<u32>(product * params.a_step) + a_lines;
    let b_base = vec4<u32>(product * params.b_step) + b_lines;
    sums = tile_products(sums, a_base, b_base, params.begin, end);
    for (var i = 0u; i < 16u; i++) {
        if (rows[i / 4u] < m && cols[i % 4u] < params.n) {
            c[c_base[i / 4u] + cols[i % 4u]] = sums.c[i / 4u][i % 4u];
        }
    }
}
