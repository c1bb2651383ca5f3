// uses: lib/grid.wgsl, lib/step.wgsl, lib/tile.wgsl
// formula: z = x w + b, y = f(z); terms begin <= k < end, added to what stands there unless begin is 0
// shapes: x [m, terms], w [terms, n], b [n], y and z [m, n]; gathered: x is row permutation[step * m + i] of the data
// dispatch: a tile of 32 x 32 a workgroup
// numerics: see lib/tile.wgsl; a row that does not count loads as 0, and so does one out of range, which flags
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> z: array<f32>;
@group(0) @binding(6) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    m: u32,
    n: u32,
    terms: u32,
    begin: u32,
    end: u32,
    data: u32,
    data_rows: u32,
    permutation: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

const NO_ROW: u32 = 0xffffffffu;

fn row_base(i: u32) -> u32 {
    if (!GATHERED) {
        return min(i, params.m - 1u) * params.terms;
    }
    if (i >= step_rows(params.step_width)) {
        return NO_ROW;
    }
    let row = x[params.permutation + step_offset(params.m) + i];
    if (row >= params.data_rows) {
        atomicOr(&flag[0], FLAG_BAD_INDEX);
        return NO_ROW;
    }
    return params.data + row * params.terms;
}

fn offset_a(k: u32) -> u32 {
    return k;
}

fn offset_b(k: u32) -> u32 {
    return k * params.n;
}

fn load_a(base: u32, offset: u32) -> f32 {
    if (GATHERED && base == NO_ROW) {
        return 0.0;
    }
    return bitcast<f32>(x[base + offset]);
}

fn load_b(base: u32, offset: u32) -> f32 {
    return w[base + offset];
}

fn store(row: u32, col: u32, sum: f32) {
    let at = row * params.n + col;
    if (params.end < params.terms) {
        if (WRITE_Y) {
            y[at] = sum;
        } else {
            z[at] = sum;
        }
    } else {
        var total = sum;
        if (BIAS) {
            total += b[col];
        }
        if (WRITE_Y) {
            y[at] = f(total);
        }
        if (WRITE_Z) {
            z[at] = total;
        }
    }
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
    var sums = Tile();
    if (params.begin > 0u) {
        for (var i = 0u; i < 16u; i++) {
            let at = rows[i / 4u] * params.n + cols[i % 4u];
            if (rows[i / 4u] < params.m && cols[i % 4u] < params.n) {
                if (WRITE_Y) {
                    sums.c[i / 4u][i % 4u] = y[at];
                } else {
                    sums.c[i / 4u][i % 4u] = z[at];
                }
            }
        }
    }
    let a_base = vec4<u32>(row_base(rows.x), row_base(rows.y), row_base(rows.z), row_base(rows.w));
    let b_base = min(cols, vec4<u32>(params.n - 1u));
    sums = tile_products(sums, a_base, b_base, params.begin, params.end);
    for (var i = 0u; i < 16u; i++) {
        if (rows[i / 4u] < params.m && cols[i % 4u] < params.n) {
            store(rows[i / 4u], cols[i % 4u], sums.c[i / 4u][i % 4u]);
        }
    }
}
