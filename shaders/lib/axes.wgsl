// Where the operands of an element stand, from `params.rank` and `params.axes`, outermost axis first: of each axis the
// extent, then how far up to three operands move along it. A kernel that uses this has both in its Params.
// trips: an iteration an axis, at most 6
fn offsets(i: u32) -> vec3<u32> {
    var rest = i;
    var at = vec3<u32>();
    for (var k = params.rank; k > 0u; k--) {
        let axis = params.axes[k - 1u];
        at += axis.yzw * (rest % axis.x);
        rest /= axis.x;
    }
    return at;
}
