// Sums for a mean and a variance, from the binding `x`, by the LANES lanes that share them.
// numerics: sums of at most 256 terms, which are then summed

// A lane's terms of the sum of x[base + i stride] - center for i from `first` on and below `end`, or of its squares.
fn lane_sum(base: u32, stride: u32, first: u32, end: u32, squares: bool, center: f32) -> f32 {
    var total = 0.0;
    var i = first;
    while (i < end) {
        let stop = min(i + 256u * LANES, end);
        var part = 0.0;
        while (i < stop) {
            let d = x[base + i * stride] - center;
            part += select(d, d * d, squares);
            i += LANES;
        }
        total += part;
    }
    return total;
}
