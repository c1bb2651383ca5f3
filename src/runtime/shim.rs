//! Makes calls into wgpu fail as drivers do: for tests alone.

use std::sync::{Mutex, PoisonError};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It panics, as wgpu does where a driver fails.
    Panic,
    /// It is refused.
    Refuse,
    /// It is taken and nothing is done, as some drivers take a submission that failed for one that has finished.
    Swallow,
}

/// Which call fails, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The name of the calls that count; all of them for `None`.
    pub(crate) only: Option<&'static str>,
    /// How many of them go well before one fails.
    pub(crate) after: usize,
    /// How that one fails.
    pub(crate) way: Way,
}

/// Of the process: kernels are compiled on several threads. Tests that use a device have a process each.
static PLAN: Mutex<Option<Plan>> = Mutex::new(None);

/// Sets what fails from now on; says whether the call of the plan before is still to come.
pub(crate) fn set(plan: Option<Plan>) -> bool {
    std::mem::replace(&mut *PLAN.lock().unwrap_or_else(PoisonError::into_inner), plan).is_some()
}

/// How this call fails, if it is the one: it happens once.
pub(super) fn due(name: &str, ways: &[Way]) -> Option<Way> {
    let mut planned = PLAN.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = |plan: &Plan| match plan.only {
        Some(only) => only == name,
        None => plan.way == Way::Panic || name != "drop", // nobody refuses that
    };
    let plan = planned.as_mut().filter(|plan| ways.contains(&plan.way) && counts(plan))?;
    if plan.after > 0 {
        plan.after -= 1;
        return None;
    }
    planned.take().map(|plan| plan.way)
}
