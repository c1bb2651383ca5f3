// The workgroup's number in a grid that the host folded from one dimension to two.
fn linear_group(group: vec3<u32>, grid: vec3<u32>) -> u32 {
    return group.y * grid.x + group.x;
}
