// Philox 4x32-10: four random words from a counter and a key, the same bits as src/random.rs gives; integers alone.
// Source: Salmon, Moraes, Dror and Shaw 2011, doi 10.1145/2063384.2063405. Known answers: tests/dropout.rs.
// The upper half of a product of two words, from products of their halves, none of which passes 32 bits.
fn multiply_high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u); // at most (2^16 - 1)^2 + 2^16 - 1
    let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var k = key;
    for (var round = 0u; round < 10u; round++) {
        let high = vec2<u32>(multiply_high(0xd2511f53u, c.x), multiply_high(0xcd9e8d57u, c.z));
        c = vec4<u32>(high.y ^ c.y ^ k.x, 0xcd9e8d57u * c.z, high.x ^ c.w ^ k.y, 0xd2511f53u * c.x);
        k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return c;
}
