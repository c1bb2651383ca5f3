// uses: lib/bits.wgsl, lib/grid.wgsl, lib/step.wgsl, lib/tile.wgsl
// formula: dz = dy f'(z); dx = dz w', dw = x' dz, db = column sums of dz; terms begin <= k < end, added unless begin is 0
// shapes: x, dx [m, k], `per_row` of m a row of the batch, w, dw [k, n], db [n], dy, seen [m, n] (z or y); gathered: x as in dense.wgsl
// dispatch: `dx_tiles` workgroups of 32 x 32 for dx, then those of [dw; db], whose last row multiplies with ones
// numerics: see lib/tile.wgsl; flags an index out of range and what is not finite, for dw and db also 2^63 and more
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> seen: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradients: array<f32>;
@group(0) @binding(7) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    begin: u32,
    end: u32,
    per_row: u32,
    dx_tiles: u32,
    dw: u32,
    db: u32,
    data: u32,
    data_rows: u32,
    permutation: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

const NO_ROW: u32 = 0xffffffffu;
const ONES: u32 = 0xfffffffeu;

// Whether the workgroup is one of those of dx: a = dz, b = w'. Otherwise a = x', b = dz.
var<private> of_dx: bool;
var<private> bad_index: bool;

fn offset_a(k: u32) -> u32 {
    if (of_dx) {
        return k;
    }
    if (!GATHERED) {
        return k * params.k;
    }
    let row = x[params.permutation + step_offset(params.m) + k];
    if (row >= params.data_rows) {
        bad_index = true;
        return NO_ROW;
    }
    return params.data + row * params.k;
}

fn offset_b(k: u32) -> u32 {
    return select(k * params.n, k, of_dx);
}

fn dz(at: u32) -> f32 {
    if (LINEAR) {
        return dy[at];
    }
    return dy[at] * df(seen[at], seen[at]);
}

fn load_a(base: u32, offset: u32) -> f32 {
    if (of_dx) {
        return dz(base + offset);
    }
    if (base == ONES) {
        return 1.0;
    }
    if (GATHERED && offset == NO_ROW) {
        return 0.0;
    }
    return bitcast<f32>(x[base + offset]);
}

fn load_b(base: u32, offset: u32) -> f32 {
    if (of_dx) {
        return w[base + offset];
    }
    return dz(base + offset);
}

// The sum at a place of the tile: of dx, dw or db.
fn sum_at(row: u32, col: u32) -> f32 {
    if (of_dx) {
        return dx[row * params.k + col];
    }
    return gradients[select(params.dw + row * params.n, params.db, row == params.k) + col];
}

fn put(row: u32, col: u32, sum: f32) {
    let last = params.end >= select(params.m, params.n, of_dx);
    if (of_dx) {
        dx[row * params.k + col] = sum;
        if (last && !finite(sum)) {
            atomicOr(&flag[0], FLAG_NOT_FINITE);
        }
    } else {
        gradients[select(params.dw + row * params.n, params.db, row == params.k) + col] = sum;
        if (last && too_large(sum)) {
            atomicOr(&flag[0], FLAG_NOT_FINITE);
        }
    }
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = linear_group(group, grid);
    of_dx = number < params.dx_tiles;
    bad_index = false;
    let tile = select(number - params.dx_tiles, number, of_dx);
    let height = select(params.k + select(0u, 1u, BIAS), params.m, of_dx);
    let width = select(params.n, params.k, of_dx);
    let tiles = (width + TILE - 1u) / TILE;
    let rows = tile_lines(tile / tiles * TILE, lane / 8u);
    let cols = tile_lines(tile % tiles * TILE, lane % 8u);
    let terms = select(step_rows_or(params.m), params.n, of_dx);
    var sums = Tile();
    if (params.begin > 0u) {
        for (var i = 0u; i < 16u; i++) {
            if (rows[i / 4u] < height && cols[i % 4u] < width) {
                sums.c[i / 4u][i % 4u] = sum_at(rows[i / 4u], cols[i % 4u]);
            }
        }
    }
    let last_row = min(rows, vec4<u32>(height - 1u));
    let last_col = min(cols, vec4<u32>(width - 1u));
    let x_base = select(last_row, vec4<u32>(ONES), last_row == vec4<u32>(params.k));
    let a_base = select(x_base, last_row * params.n, vec4<bool>(of_dx));
    let b_base = select(last_col, last_col * params.n, vec4<bool>(of_dx));
    sums = tile_products(sums, a_base, b_base, params.begin, min(params.end, terms));
    for (var i = 0u; i < 16u; i++) {
        if (rows[i / 4u] < height && cols[i % 4u] < width) {
            put(rows[i / 4u], cols[i % 4u], sums.c[i / 4u][i % 4u]);
        }
    }
    if (bad_index) {
        atomicOr(&flag[0], FLAG_BAD_INDEX);
    }
}

// The rows of x that count.
fn step_rows_or(rows: u32) -> u32 {
    if (BATCHED) {
        return min(rows, step_rows(params.step_width) * params.per_row);
    }
    return rows;
}
