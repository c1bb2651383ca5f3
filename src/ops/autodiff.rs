//! Reverse differentiation, from ops to ops.

use std::collections::HashMap;

use crate::error::{Direction, Result};
use crate::graph::{Builder, Place, Value};
use crate::ops::{add, same};

impl Builder {
    /// The gradients with respect to `wrt`, from pairs (value, its gradient). `None` says that there is none.
    ///
    /// A loss gives the pair of its prediction and its gradient, weighted; several losses add up.
    ///
    /// # Errors
    /// Those of the ops' gradients.
    pub fn gradients(&self, seeds: &[(Value, Value)], wrt: &[Value]) -> Result<Vec<Option<Value>>> {
        let (nodes, depends) = self.with_graph(|graph| {
            let mut depends = vec![false; graph.types.len()];
            wrt.iter().for_each(|v| depends[v.0] = true);
            for node in &graph.nodes {
                if node.inputs.iter().any(|v| depends[v.0]) {
                    node.outputs.iter().for_each(|v| depends[v.0] = true);
                }
            }
            (graph.nodes.clone(), depends)
        });
        let mut gradients = HashMap::new();
        for &(value, gradient) in seeds {
            accumulate(self, &mut gradients, value, gradient)?;
        }
        for node in nodes.iter().rev() {
            let dy: Vec<Option<Value>> = node.outputs.iter().map(|v| gradients.get(v).copied()).collect();
            let needed = node.inputs.iter().any(|v| depends[v.0]);
            if !needed || dy.iter().all(Option::is_none) {
                continue;
            }
            let place = Place { direction: Direction::Gradient, ..node.place.clone() };
            self.at(place, || {
                for (&input, dx) in node.inputs.iter().zip(node.op.gradient(self, node, &dy)?) {
                    if let (Some(dx), true) = (dx, depends[input.0]) {
                        accumulate(self, &mut gradients, input, dx)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(wrt.iter().map(|v| gradients.get(v).copied()).collect())
    }
}

fn accumulate(g: &Builder, gradients: &mut HashMap<Value, Value>, value: Value, gradient: Value) -> Result<()> {
    let total = match gradients.get(&value) {
        Some(&sum) => {
            // `add` would stretch them.
            same("gradients", "another one", &g.ty(gradient), &g.ty(sum))?;
            add(g, sum, gradient)?
        }
        None => gradient,
    };
    gradients.insert(value, total);
    Ok(())
}
