//! What holds every op against the oracle: cases, values, guard bands, bars. The tests and `wgrad doctor` run it, and so
//! can a program, for ops of its own.
//!
//! | check | what is compared with what |
//! |---|---|
//! | [`suite`] | every op of wgrad on a device, case by case: [`jobs`], [`run`] |
//! | [`parity`] | one op on a device with its f64 kernel on the same inputs, at the op's bar |
//! | [`nodes`] | the same for each node of a loaded program, on the program's own values |
//! | [`gradient`], [`loss_gradient`] | an op's gradient with differences of the op, both in f64 |
//! | [`verify`] | an op of a program's own on a device, and its gradient |
//! | [`own_ops`] | every such op of a graph, with the types that it has there: what `compile` calls |
//!
#![doc = include_str!("../../docs/guide/bars.md")]

mod bench;
mod compare;
mod gradient;
mod nodes;
mod number;
mod own;
mod parity;
mod reproduce;
mod suite;
mod values;
mod verify;

pub use bench::graph_of;
pub use compare::{Reference, Worst};
pub use gradient::{Slope, gradient, loss_gradient};
pub use nodes::{NodeOutcome, nodes};
pub use own::own_ops;
pub use parity::{Outcome, Place, parity, variants};
pub use reproduce::reproduce;
pub use suite::{Finding, Job, Row, Rows, WorstCase, jobs, run, suite};
pub use values::{Regime, Trial, TrialName, trials, values};
pub use verify::verify;
