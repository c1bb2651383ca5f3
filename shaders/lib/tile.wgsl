// c[i, j] = sum over k of a[i, k] b[k, j] for the 32 x 32 tile of a workgroup of 64; 4 x 4 sums an invocation.
// The kernel defines where its operands stand: offset_a(k), offset_b(k), load_a(base, offset), load_b(base, offset).
// numerics: sums of at most 256 products, which are then summed.
const TILE: u32 = 32u;
const TERMS: u32 = 256u;

struct Tile {
    c: array<vec4<f32>, 4>,
}

// The rows (or columns) of a tile that an invocation sums: every eighth one from its own on.
fn tile_lines(first: u32, lane: u32) -> vec4<u32> {
    return vec4<u32>(first + lane) + vec4<u32>(0u, 8u, 16u, 24u);
}

// Adds the products of begin <= k < end to `start`.
fn tile_products(start: Tile, a_base: vec4<u32>, b_base: vec4<u32>, begin: u32, end: u32) -> Tile {
    var total = start;
    var chunk = begin;
    while (chunk < end) {
        let stop = min(chunk + TERMS, end);
        var part0 = vec4<f32>();
        var part1 = vec4<f32>();
        var part2 = vec4<f32>();
        var part3 = vec4<f32>();
        for (var k = chunk; k < stop; k++) {
            let a = offset_a(k);
            let b = offset_b(k);
            let row = vec4<f32>(load_b(b_base.x, b), load_b(b_base.y, b), load_b(b_base.z, b), load_b(b_base.w, b));
            part0 += load_a(a_base.x, a) * row;
            part1 += load_a(a_base.y, a) * row;
            part2 += load_a(a_base.z, a) * row;
            part3 += load_a(a_base.w, a) * row;
        }
        total.c[0] += part0;
        total.c[1] += part1;
        total.c[2] += part2;
        total.c[3] += part3;
        chunk = stop;
    }
    return total;
}
