//! The ops of a program's own in a graph, checked before it runs.

use crate::check::verify::verify;
use crate::device::Device;
use crate::error::Result;
use crate::graph::{Graph, Node};
use crate::ops::{Case, Domain, Input};
use crate::shape::{Dtype, Type};

/// Holds every op of a program's own in a graph to what it says it gives: its kernels to its `cpu`, its gradient to
/// differences, for the types that it has here and numbers from -10 to 10.
///
/// # Errors
/// Those of [`verify`].
pub fn own_ops(device: &Device, graph: &Graph) -> Result<()> {
    let mut cases: Vec<Case> = vec![];
    for node in graph.nodes.iter().filter(|node| node.op.is_own()) {
        cases.push(case(graph, node));
    }
    verify(device, &cases).map(drop)
}

fn case(graph: &Graph, node: &Node) -> Case {
    let input = |ty: &Type| Input {
        ty: ty.clone(),
        // What indices point at is not known here: the first row is there.
        domain: if ty.dtype == Dtype::F32 { Domain::Moderate } else { Domain::Index(1) },
        variable: None,
    };
    let types: Vec<&Type> = node.inputs.iter().map(|&v| graph.ty(v)).collect();
    let batch = types.iter().filter(|ty| ty.batched).filter_map(|ty| ty.shape.dims().first().copied()).max();
    let batch = batch.unwrap_or(1);
    Case {
        op: std::sync::Arc::clone(&node.op),
        inputs: types.into_iter().map(input).collect(),
        rows: (batch - batch / 3, batch),
        columns: vec![0.5; graph.columns.len()],
        step: 0,
        brief: false,
    }
}
